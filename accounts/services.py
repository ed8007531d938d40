"""All writes about people, organisations and keys."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey, Client, Member, Suspension, User
from accounts.states import SCOPES_OF, MemberRole, Role
from core import events
from core.db import inside_operation, operation
from core.errors import Conflict, Forbidden, Invalid, NotFound, RuleBroken
from core.text import checked

KEY_DAYS_DEFAULT, KEY_DAYS_MAX = 90, 365
KEYS_MAX = 50
NAME_TAKEN = _("An organisation of this name exists. Ask its owner to add you.")


class NameTaken(Conflict):
    code = "name_taken"


class AlreadyMember(Conflict):
    code = "already_member"


class LastOwner(Conflict):
    code = "last_owner"


class Suspended(Forbidden):
    code = "suspended"


SUSPENDED = _(
    "Your account is suspended: the reason stands under Settings, where you can reply. You can "
    "still read everything, contest, export and be paid out."
)


@operation
def sign_up(*, user: User, role: str, organisation: str, now: datetime) -> User:
    """Saves a new person: a worker, or somebody who has work done. Whole or not at all.

    With `organisation` she is the owner of a new one; without, somebody else's owner can add her.
    Raises Invalid for another role, NameTaken 409.
    """
    if role not in (Role.WORKER, Role.MEMBER):
        raise Invalid(_("Choose worker or client."), field="role")
    user.role = role
    user.save()
    if role == Role.MEMBER and organisation.strip():
        _create_client(owner=user, name=organisation, now=now)
    events.record("user.signed_up", by=user, about=user, now=now, role=role)
    return user


@operation
def create_client(*, user: User, name: str, now: datetime) -> Client:
    """A new organisation of a client member who has none; she is its owner.

    Raises Forbidden 403 for other kinds of account, AlreadyMember and NameTaken 409.
    """
    if not user.is_member:
        raise Forbidden(_("This account is not for having work done."))
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if Member.objects.filter(user=user).exists():
        raise AlreadyMember(_("You belong to an organisation already."))
    client = _create_client(owner=user, name=name, now=now)
    events.record("client.created", by=user, about=client, now=now)
    return client


def _create_client(*, owner: User, name: str, now: datetime) -> Client:
    if not name.strip():
        raise Invalid(_("A client needs the name of its organisation."), field="organisation")
    try:
        with transaction.atomic():
            client = Client.objects.create(name=name.strip(), created_at=now)
    except IntegrityError as error:
        raise NameTaken(NAME_TAKEN, field="organisation") from error
    Member.objects.create(client=client, user=owner, role=MemberRole.OWNER, joined_at=now)
    return client


@operation
def change_settings(*, user: User, name: str, language: str, now: datetime) -> User:
    """Her name and the language of her pages and mails. Raises Invalid for an unknown language."""
    if language not in dict(settings.LANGUAGES):
        raise Invalid(_("There is no such language here."), field="language")
    if (user.name, user.language) == (name.strip(), language):
        return user
    user.name, user.language = name.strip(), language
    user.save(update_fields=["name", "language"])
    events.record("user.changed", by=user, about=user, now=now)
    return user


@operation
def verify_client(*, client_id: int, by: User, now: datetime) -> Client:
    """Staff has checked who the client is; recorded with who and when. Again changes nothing."""
    if not by.is_staff:
        raise Forbidden(_("Only staff verifies clients."))
    client = Client.objects.select_for_update().filter(pk=client_id).first()
    if client is None:
        raise NotFound(_("There is no such client."))
    if client.verified_at is None:
        client.verified_at, client.verified_by = now, by
        client.save(update_fields=["verified_at", "verified_by"])
        events.record("client.verified", by=by, about=client, now=now)
    return client


@operation
def add_member(*, client_id: int, email: str, role: str, by: Member, now: datetime) -> Member:
    """Makes an account without a client, of the member kind, a member. Owners only.

    The person must have confirmed the address: else a stranger could sign up with it and wait.
    """
    _own(client_id=client_id, by=by)
    check_active(by.user)
    if role not in MemberRole.values:
        raise Invalid(_("Choose owner or reviewer."), field="role")
    user = User.objects.filter(email__iexact=email, role=Role.MEMBER, is_active=True).first()
    if user is None or Member.objects.filter(user=user).exists():
        raise Invalid(
            _(
                "Nobody without an organisation signed up as client member with this address. "
                "Ask the person to sign up first, or to leave the other organisation."
            ),
            field="email",
        )
    if not EmailAddress.objects.filter(user=user, email__iexact=email, verified=True).exists():
        raise Invalid(
            _("This address is not confirmed yet. Ask the person to follow the link in our mail."),
            code="address_unconfirmed",
            field="email",
        )
    member = Member.objects.create(client_id=client_id, user=user, role=role, joined_at=now)
    events.record("member.added", by=by.user, about=member, now=now, role=role)
    return member


@operation
def change_member(*, member_id: int, role: str, by: Member, now: datetime) -> Member:
    """Gives a member another role; the last owner stays one (409). Owners only."""
    if role not in MemberRole.values:
        raise Invalid(_("Choose owner or reviewer."), field="role")
    member = _lock_member(member_id=member_id, by=by, stays_owner=role == MemberRole.OWNER)
    if member.role != role:
        member.role = role
        member.save(update_fields=["role"])
        events.record("member.changed", by=by.user, about=member, now=now, role=role)
    return member


@inside_operation
def _lock_member(*, member_id: int, by: Member, stays_owner: bool) -> Member:
    """A member of the owner's client, all owners locked. Raises LastOwner where none would stay."""
    _own(client_id=by.client_id, by=by)
    owners = Member.objects.filter(client=by.client_id, role=MemberRole.OWNER)
    locked = list(owners.select_for_update().order_by("pk"))
    mine = Member.objects.select_related("user").filter(client=by.client_id)
    member = mine.filter(pk=member_id).first()
    if member is None:
        raise NotFound(_("There is no such member."))
    if [owner.pk for owner in locked] == [member.pk] and not stays_owner:
        raise LastOwner(_("The last owner cannot leave. Make another member an owner first."))
    return member


@operation
def remove_member(*, member_id: int, by: Member, now: datetime) -> None:
    """Ends a membership; the last owner cannot go (409)."""
    member = _lock_member(member_id=member_id, by=by, stays_owner=False)
    events.record("member.removed", by=by.user, about=member, now=now, user_id=member.user_id)
    member.delete()


def _own(*, client_id: int, by: Member) -> None:
    if by.client_id != client_id:
        raise NotFound(_("There is no such client."))
    if not by.is_owner:
        raise Forbidden(_("Only an owner of the organisation may do this."))


@operation
def create_api_key(
    *, user: User, name: str, scopes: Iterable[str], days: int, now: datetime
) -> tuple[ApiKey, str]:
    """A new key and its text, which is shown this once and never stored.

    Raises Invalid for a scope the person's role does not have, or a life of over 365 days.
    """
    wanted = sorted(set(scopes))
    allowed = SCOPES_OF[Role(user.role)]
    if not wanted or not set(wanted) <= allowed:
        raise Invalid(
            _("Choose among these scopes: %(scopes)s.")
            % {"scopes": ", ".join(sorted(allowed)) or "–"},
            field="scopes",
        )
    if not 1 <= days <= KEY_DAYS_MAX:
        raise Invalid(_("A key lives 1 to 365 days."), field="days")
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if ApiKey.objects.usable(now).filter(user=user).count() >= KEYS_MAX:
        raise Conflict(_("You have 50 keys. Revoke one first."), code="too_many_keys")
    prefix, secret = secrets.token_hex(6), secrets.token_hex(32)
    key = ApiKey.objects.create(
        user=user,
        name=name.strip() or prefix,
        prefix=prefix,
        secret_hash=hashlib.sha256(secret.encode()).hexdigest(),
        scopes=wanted,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    events.record("api_key.created", by=user, about=key, now=now, scopes=wanted)
    return key, f"fck_{prefix}_{secret}"


@operation
def change_password(*, user: User, password: str, now: datetime) -> None:
    """A new password; every API key is revoked: who changes it may have lost them to somebody."""
    user.set_password(password)
    user.save(update_fields=["password"])
    ApiKey.objects.usable(now).filter(user=user).update(revoked_at=now)
    events.record("user.password_changed", by=user, about=user, now=now)


@operation
def revoke_api_key(*, key_id: int, by: User, now: datetime) -> None:
    """The key opens nothing any more, at once. Again changes nothing."""
    key = ApiKey.objects.select_for_update().filter(pk=key_id, user=by).first()
    if key is None:
        raise NotFound(_("There is no such key."))
    if key.revoked_at is None:
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=now)
        events.record("api_key.revoked", by=by, about=key, now=now)


# --- R16: nobody is shut out in silence -------------------------------------------------------


def check_active(user: User) -> None:
    """Raises Suspended 403 for somebody whose suspension runs."""
    if Suspension.objects.filter(user=user, ended_at__isnull=True).exists():
        raise Suspended(SUSPENDED)


class Nameless(RuleBroken):
    code = "name_missing"


def check_named(user: User) -> None:
    """Raises Nameless 422 for who has no name: no decision is nobody's (R4, R16)."""
    if not user.name.strip():
        raise Nameless(_("Give your name under Settings first: people read who decided."))


@inside_operation
def apply_suspend(*, user_id: int, by: User, reason: str, now: datetime) -> Suspension:
    """Ends what a person may begin: claims, publishing, rejecting. All else stays hers (R16).

    Named, with a written reason, by staff (`disputes` logs it). Raises Forbidden, NotFound,
    Invalid; Conflict if she is suspended already.
    """
    if not by.is_staff:
        raise Forbidden(_("Only staff suspends people."))
    check_named(by)
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise NotFound(_("There is no such person."))
    if user.pk == by.pk or user.is_staff:
        raise Forbidden(_("Staff is not suspended here."))
    if Suspension.objects.filter(user=user, ended_at__isnull=True).exists():
        raise Conflict(_("This person is suspended already."), code="already_suspended")
    suspension = Suspension.objects.create(
        user=user, by=by, reason=checked(reason, field="reason", least=20, most=2_000), at=now
    )
    events.record("user.suspended", by=by, about=user, now=now, suspension=suspension.pk)
    return suspension


@inside_operation
def apply_end_suspension(*, suspension_id: int, by: User, reason: str, now: datetime) -> Suspension:
    """Gives a suspended person everything back. Raises Forbidden, NotFound, Conflict."""
    if not by.is_staff:
        raise Forbidden(_("Only staff ends a suspension."))
    found = Suspension.objects.select_for_update(of=("self",)).select_related("user")
    suspension = found.filter(pk=suspension_id).first()
    if suspension is None:
        raise NotFound(_("There is no such suspension."))
    if suspension.ended_at is not None:
        raise Conflict(_("This suspension has ended already."), code="not_suspended")
    suspension.ended_at, suspension.ended_by = now, by
    suspension.end_reason = checked(reason, field="reason", least=20, most=2_000)
    suspension.save(update_fields=["ended_at", "ended_by", "end_reason"])
    events.record(
        "user.unsuspended", by=by, about=suspension.user, now=now, suspension=suspension.pk
    )
    return suspension


@operation
def reply_to_suspension(*, user: User, text: str, now: datetime) -> Suspension:
    """What a suspended person says to it; again replaces it while the suspension runs."""
    running = Suspension.objects.select_for_update().filter(user=user, ended_at__isnull=True)
    suspension = running.first()
    if suspension is None:
        raise NotFound(_("You are not suspended."))
    suspension.reply, suspension.replied_at = checked(text, field="text", least=20, most=2_000), now
    suspension.save(update_fields=["reply", "replied_at"])
    events.record("suspension.replied", by=user, about=suspension, now=now)
    return suspension
