"""What a worker does against a rejection: contest, speak, appeal. Two clicks, free, in time."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import events, rules
from core.db import inside_operation, operation
from core.errors import Conflict, TooLate
from core.text import checked
from disputes.models import Dispute, Rejection, Statement
from disputes.services import filing
from disputes.services.locking import Refused, lock_rejection
from disputes.states import (
    DISPUTE,
    REJECTION,
    UNDECIDED,
    DisputeCause,
    DisputeKind,
    DisputeState,
    RejectionState,
    Side,
)


@operation
def contest(*, assignment_id: int, worker: User, statement: str = "", now: datetime) -> Dispute:
    """Turns a rejection into a dispute, or joins her voice to one that opened by itself.

    Words are welcome and not needed. Raises NotFound 404, TooLate 409 after 14 days, IllegalMove
    409 where it is in dispute by her will already, or final; Invalid for too long a text.
    """
    said = checked(statement, field="statement", least=0)
    refused = lock_rejection(Rejection.objects.filter(assignment=assignment_id, worker=worker))
    rejection = refused.rejection
    dispute = refused.dispute
    if rejection.state == RejectionState.OPEN:
        if now >= rejection.contest_by:
            raise TooLate(_("The 14 days to contest have passed."))
        dispute = filing.file_one(
            rejection, refused.batch, cause=DisputeCause.CONTEST, by=worker, now=now
        )
    elif rejection.contested_at is not None or dispute is None or dispute.state not in UNDECIDED:
        REJECTION.check("join", rejection.state)
    assert dispute is not None
    rejection.contested_at = now
    rejection.save(update_fields=["contested_at"])
    events.record("rejection.contested", by=worker, about=rejection, now=now)
    if said:
        _say(refused, dispute, worker=worker, text=said, now=now)
    return dispute


@inside_operation
def _say(refused: Refused, dispute: Dispute, *, worker: User, text: str, now: datetime) -> None:
    said = Statement.objects.filter(rejection=refused.rejection, by=worker).count()
    if said >= rules.MAX_STATEMENTS:
        raise Conflict(
            _("You have said this twenty times: it is read."), code="too_many_statements"
        )
    statement = Statement.objects.create(
        dispute=dispute,
        rejection=refused.rejection,
        by=worker,
        side=Side.WORKER,
        text=text,
        at=now,
    )
    events.record("statement.made", by=worker, about=statement, now=now)


@operation
def say(*, assignment_id: int, worker: User, text: str, now: datetime) -> Dispute:
    """Adds what the worker has to say while her case is undecided; both sides read it.

    Raises NotFound 404, Conflict `not_undecided` 409, Invalid.
    """
    said = checked(text, field="text")
    refused = lock_rejection(Rejection.objects.filter(assignment=assignment_id, worker=worker))
    dispute = check_undecided(refused.dispute)
    _say(refused, dispute, worker=worker, text=said, now=now)
    return dispute


def check_undecided(dispute: Dispute | None) -> Dispute:
    """The case, if both sides may still speak in it. Raises Conflict `not_undecided` 409."""
    if dispute is None or dispute.state not in UNDECIDED:
        raise Conflict(_("There is no case here that waits for a decision."), code="not_undecided")
    return dispute


@operation
def appeal(*, assignment_id: int, worker: User, statement: str, now: datetime) -> Dispute:
    """Takes an upheld rejection to another adjudicator, once, within 14 days of the decision.

    Raises NotFound 404, TooLate 409, IllegalMove 409, Invalid (say what the decision got wrong).
    """
    said = checked(statement, field="statement", least=20)
    refused = lock_rejection(Rejection.objects.filter(assignment=assignment_id, worker=worker))
    rejection, decided = refused.rejection, refused.dispute
    target = REJECTION.check("appeal", rejection.state)
    assert decided is not None
    if decided.due_at is None or now >= decided.due_at:
        raise TooLate(_("The 14 days to appeal have passed."))
    dispute = _appealed(decided, now=now)
    rejection.state, rejection.dispute, rejection.sampled = target, dispute, True
    rejection.unfounded = None
    rejection.save(update_fields=["state", "dispute", "sampled", "unfounded"])
    if dispute.pk != decided.pk:
        filing.close_if_done(decided, now=now)
    events.record("dispute.appealed", by=worker, about=dispute, now=now)
    _say(refused, dispute, worker=worker, text=said, now=now)
    return dispute


@inside_operation
def _appealed(decided: Dispute, *, now: datetime) -> Dispute:
    """The case of one becomes the appeal; out of a group's case, one of its own is made."""
    due = now + rules.APPEAL_DECIDE_WITHIN
    if not decided.is_collective:
        decided.state = DISPUTE.check("appeal", decided.state)
        decided.appealed_at, decided.due_at, decided.decide_by = now, due, due
        decided.alarmed_at = None
        decided.save(update_fields=["state", "appealed_at", "due_at", "decide_by", "alarmed_at"])
        return decided
    return Dispute.objects.create(
        kind=DisputeKind.INDIVIDUAL,
        cause=decided.cause,
        batch_id=decided.batch_id,
        client_id=decided.client_id,
        state=DisputeState.APPEALED,
        filed_at=now,
        due_at=due,
        decide_by=due,
        decided_at=decided.decided_at,
        decided_by_id=decided.decided_by_id,
        appealed_at=now,
        appeal_of=decided,
    )
