"""Reject and withdraw: with a reason, of what was opened, within the bounds (R4 to R6, R9, R19)."""

import hashlib
import hmac
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from accounts.models import Client, Member
from accounts.services import check_active, check_named
from core import events, rules, text
from core.db import inside_operation, operation
from core.errors import Conflict, Flaw, Forbidden, Invalid, NotFound, RuleBroken, TooLate
from disputes.models import Rejection
from disputes.selectors import bounds
from disputes.services import ending, filing
from disputes.services.locking import lock_rejection
from disputes.states import REJECTION, Category, DisputeCause, Outcome
from tasks.models import Assignment, Batch, GoldCheck, Opening
from tasks.selectors import answers
from tasks.services import decisions as work
from tasks.states import ASSIGNMENT


class NotVerified(Forbidden):
    code = "not_verified"


class Frozen(Conflict):
    code = "frozen"


class NoRightToReject(RuleBroken):
    code = "no_right_to_reject"


class Unopened(RuleBroken):
    code = "unopened"


class EqualsPaid(RuleBroken):
    code = "equals_paid"


@operation
def reject_assignment(
    *,
    assignment_id: int,
    by: Member,
    category: str,
    criterion: int,
    explanation: str,
    now: datetime,
) -> Rejection:
    """Refuses to pay for one opened answer, for a reason. The client can no longer read it (R6).

    The worker has 14 days to contest. Past the cap (R9), and from the fourth time the same text is
    given in the batch (R4), a dispute opens by itself; at the brake's trigger (R10) the batch is
    frozen and its rejections become one case.

    Raises NotFound 404, Invalid 400, NotVerified and Suspended 403, Frozen and IllegalMove 409
    (approved, by whomever, is final), and 422: NoRightToReject (R19), Unopened, EqualsPaid.
    """
    said = _checked(category, explanation)
    batch_id = _batch_of(assignment_id, by=by)
    _check_client(by)
    batch = work.lock_batch(batch_id=batch_id)
    _check_batch(batch, criterion)
    assignment = work.lock_assignments([assignment_id])[assignment_id]
    ASSIGNMENT.check("reject", assignment.state)
    _check_in_time(assignment, now=now)
    _check_answer(assignment, category)
    work.apply_reject(assignment, by=by.user, now=now)
    rejection = _write(
        assignment, batch, by=by, category=category, criterion=criterion, said=said, now=now
    )
    events.record("rejection.made", by=by.user, about=rejection, now=now)
    _open_by_itself(rejection, batch, now=now)
    return rejection


@inside_operation
def _write(
    assignment: Assignment,
    batch: Batch,
    *,
    by: Member,
    category: str,
    criterion: int,
    said: str,
    now: datetime,
) -> Rejection:
    return Rejection.objects.create(
        assignment=assignment,
        batch=batch,
        client_id=by.client_id,
        worker_id=assignment.worker_id,
        by=by.user,
        category=category,
        criterion=criterion,
        explanation=said,
        text_hash=text_hash(said, batch=batch),
        at=now,
        contest_by=now + rules.CONTEST_WITHIN,
    )


@inside_operation
def _open_by_itself(rejection: Rejection, batch: Batch, *, now: datetime) -> None:
    """The brake first, since it takes over what the others would open."""
    if filing.brake(rejection, batch, now=now) is None:
        cause = _cause(rejection, now=now)
        if cause is not None:
            filing.file_one(rejection, batch, cause=cause, by=None, now=now)
    rejection.refresh_from_db()


def _batch_of(assignment_id: int, *, by: Member) -> int:
    mine = Assignment.objects.filter(pk=assignment_id, client=by.client_id)
    batch_id = mine.values_list("batch", flat=True).first()
    if batch_id is None:
        raise NotFound(_("There is no such assignment, or it is not yours."))
    return int(batch_id)


def _checked(category: str, explanation: str) -> str:
    """The explanation without blanks around it. Raises Invalid with every flaw."""
    flaws = []
    said = explanation.strip() if isinstance(explanation, str) else ""
    if category not in Category.values:
        flaws.append(
            Flaw(
                _(
                    "Choose one of: %(known)s. How long it took, the device and the connection "
                    "are no grounds."
                )
                % {"known": ", ".join(Category.values)},
                "unknown_category",
                pointer="/category",
            )
        )
    # Blanks explain nothing.
    told = text.length(said)
    if told < rules.EXPLANATION_MIN_CHARS or len(said) > rules.MAX_STATEMENT_CHARS:
        flaws.append(
            Flaw(
                _("Explain in 40 to 4,000 characters what is wrong with this very answer."),
                "explanation_length",
                pointer="/explanation",
            )
        )
    elif text.unstorable(said):
        flaws.append(
            Flaw(
                _("NUL characters and broken Unicode are not allowed."),
                "nul",
                pointer="/explanation",
            )
        )
    if flaws:
        raise Invalid(_("This is not a reason for a rejection."), flaws=flaws)
    return said


def text_hash(said: str, *, batch: Batch) -> str:
    """Equal for texts of a batch that differ in case, blanks, punctuation or look only
    (R4). Keyed: the text may quote an answer, and is erased one day."""
    return hmac.new(bytes(batch.secret), text.letters(said).encode(), hashlib.sha256).hexdigest()


@inside_operation
def _check_client(by: Member) -> None:
    """Locks the client, so that its rejections are counted one after the other (R9)."""
    check_active(by.user)
    check_named(by.user)
    client = Client.objects.select_for_update(of=("self",), no_key=True).get(pk=by.client_id)
    if client.verified_at is None:
        raise NotVerified(
            _("Only clients whose identity we have verified may reject. Ask us to verify yours.")
        )


def _check_batch(batch: Batch, criterion: int) -> None:
    if not batch.may_be_rejected:
        raise NoRightToReject(
            _("This batch sends workers elsewhere to answer: nothing of it can be rejected.")
        )
    if batch.frozen_at is not None:
        raise Frozen(
            _("So much was rejected that the batch is frozen until an adjudicator has looked.")
        )
    if type(criterion) is not int or not 1 <= criterion <= len(batch.criteria):
        raise Invalid(
            _("Name one of the batch's criteria by its number, 1 to %(last)d.")
            % {"last": len(batch.criteria)},
            field="criterion",
        )


def _check_in_time(assignment: Assignment, *, now: datetime) -> None:
    if assignment.review_due_at is not None and now >= assignment.review_due_at:
        raise TooLate(_("The review window has ended: this answer is approved."))


def _check_answer(assignment: Assignment, category: str) -> None:
    if not Opening.objects.filter(assignment=assignment).exists():
        raise Unopened(_("Only an answer that was opened can be rejected."))
    # What it says is the same, whatever the ground; a language is no part of what is compared.
    if category != Category.LANGUAGE and answers.equals_paid(assignment=assignment):
        raise EqualsPaid(
            _("An equal answer to the same task was paid for: this one cannot be wrong.")
        )
    if GoldCheck.objects.filter(assignment=assignment, passed=True).exists():
        raise EqualsPaid(_("This is the answer that you know yourself: it cannot be wrong."))


def _cause(rejection: Rejection, *, now: datetime) -> DisputeCause | None:
    """Why a dispute opens by itself, if one does."""
    same = Rejection.objects.filter(batch=rejection.batch_id, text_hash=rejection.text_hash)
    if same.count() > rules.SAME_TEXT_LIMIT:
        return DisputeCause.SAME_TEXT
    client_id, batch_id = rejection.client_id, rejection.batch_id
    if bounds.left(client_id=client_id, batch_id=batch_id, now=now) < 0:
        return DisputeCause.CAP
    return None


@operation
def withdraw_rejection(*, assignment_id: int, by: Member, now: datetime) -> Rejection:
    """The client changes its mind and pays in full, until the refusal is final (R6).

    Raises NotFound 404, IllegalMove 409 once it is final.
    """
    mine = Rejection.objects.filter(assignment=assignment_id, client=by.client_id)
    refused = lock_rejection(mine)
    REJECTION.check("close", refused.rejection.state)
    ending.pay([refused.rejection], outcome=Outcome.WITHDRAWN, by=by.user, now=now)
    events.record("rejection.withdrawn", by=by.user, about=refused.rejection, now=now)
    dispute = refused.dispute
    if dispute is not None:
        filing.redraw(dispute, refused.batch)
        filing.close_if_done(dispute, now=now)
    return refused.rejection
