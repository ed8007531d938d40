"""Money that comes in. So far from the sandbox only: play money, for trying things out."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import Member
from accounts.states import MemberRole
from core import events, money
from core.db import operation
from core.errors import Forbidden, Invalid, RuleBroken
from payments.models import Journal
from payments.services import guarantee, ledger
from payments.services.ledger import About, Leg
from payments.states import AccountKind, JournalKind

if TYPE_CHECKING:
    from accounts.models import User

MAXIMUM = 1_000_000 * money.UNIT
SANDBOX = "sandbox"


@operation
def deposit(
    *,
    client_id: int,
    amount: int,
    provider: str,
    reference: str,
    by: "User | None",
    now: datetime,
) -> Journal:
    """Credits `amount` micros, that `provider` says have arrived, to a client's balance.

    `reference` is the provider's name of the payment: the same again changes nothing and returns
    the earlier journal. Records the event `deposit.settled`. Raises Forbidden (`sandbox_only`
    where play money is off, `not_owner` for who is no owner of the client), Invalid
    (`unknown_provider`, `deposit_reference`), RuleBroken (`deposit_amount`: whole cents, more
    than 0, at most 1,000,000.00) and Conflict (`idem_conflict`).
    """
    _check_provider(provider, reference)
    _check_amount(amount)
    _check_owner(client_id, by)
    client, psp = ledger.accounts((AccountKind.CLIENT, client_id), (AccountKind.PSP, None))
    idem = f"deposit:{provider}:{reference}"
    # Whoever comes second waits here, so that the event is recorded once.
    ledger.lock(balances=[client])
    known = Journal.objects.filter(idem=idem).exists()
    journal = ledger.post(
        kind=JournalKind.DEPOSIT,
        idem=idem,
        legs=[Leg(psp, client, amount)],
        by=by,
        now=now,
        about=About(client_id=client_id),
    )
    if not known:
        told = {"client_id": client_id, "amount": money.plain(amount)}
        events.record("deposit.settled", by=by, about=journal, now=now, **told)
        guarantee.collect(client_id=client_id, reason=idem, by=by, now=now)
    return journal


def _check_provider(provider: str, reference: str) -> None:
    if provider != SANDBOX:
        raise Invalid(
            _("There is no payment provider of this name."),
            code="unknown_provider",
            field="provider",
        )
    if not settings.SANDBOX:
        raise Forbidden(_("Play money works in the sandbox only."), code="sandbox_only")
    if not 0 < len(reference) <= 150 or not reference.isprintable():
        raise Invalid(
            _("A reference has 1 to 150 printable characters."),
            code="deposit_reference",
            field="reference",
        )


def _check_amount(amount: int) -> None:
    if amount <= 0 or amount % money.CENT or amount > MAXIMUM:
        raise RuleBroken(
            _("A deposit is whole cents, more than 0 and at most %(maximum)s.")
            % {"maximum": money.localized(MAXIMUM)},
            code="deposit_amount",
            field="amount",
        )


def _check_owner(client_id: int, by: "User | None") -> None:
    owners = Member.objects.filter(client_id=client_id, role=MemberRole.OWNER)
    if by is not None and not owners.filter(user=by).exists():
        raise Forbidden(_("Only an owner of the client may deposit."), code="not_owner")
