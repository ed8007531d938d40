"""Decisions of adjudicators, with reasons, by somebody else than the two sides (R8, R10, R20)."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import check_active
from core import events, rules, text
from core.db import inside_operation, operation
from core.errors import Conflict, Forbidden, Invalid, NotFound, TooLate
from disputes.models import Decision, Dispute, Rejection
from disputes.selectors import cases
from disputes.services import ending, filing, log
from disputes.services.locking import Case, lock_case
from disputes.states import (
    BEFORE_DECISION,
    DISPUTE,
    REJECTION,
    DisputeKind,
    DisputeState,
    Outcome,
    RejectionState,
)
from tasks.models import Batch
from tasks.selectors import answers
from tasks.services import decisions as work


class TooEarly(Conflict):
    code = "too_early"


class ConflictOfInterest(Forbidden):
    code = "conflict_of_interest"


@operation
def decide(
    *, dispute_id: int, by: User, unfounded: Mapping[int, bool], reasons: str, now: datetime
) -> Decision:
    """Decides a case: `unfounded` says of each judged assignment whether its rejection was wrong.

    Unfounded ones are paid at once, with a tenth on top (R20). Of a group judged by a sample, more
    than five unfounded annul all. Upheld ones wait 14 days for an appeal; on appeal they end.
    `reasons` are read by both sides, and may not quote an answer.

    Raises NotFound 404, Forbidden and ConflictOfInterest 403, IllegalMove and TooEarly 409 (the
    worker has not spoken yet), Invalid.
    """
    check_adjudicator(by)
    case = lock_case(Dispute.objects.filter(pk=dispute_id))
    appealed = case.dispute.state == DisputeState.APPEALED
    if not appealed:
        DISPUTE.check("decide", case.dispute.state)
    if case.dispute.due_at is None or now >= case.dispute.due_at:
        raise TooLate(_("The time to decide has passed: the guarantee fund pays the worker."))
    check_interest(case.dispute, by=by)
    if (decided := cases.decided_before(case.dispute, by=by)) is not None:
        raise ConflictOfInterest(decided)
    said = _reasons(reasons, case)
    unfounded = _named(case, unfounded)
    annulled = _annuls(case, unfounded)
    wrong = {one for one, is_unfounded in unfounded.items() if is_unfounded}
    lost = [one for one in case.rejections if annulled or one.assignment_id in wrong]
    upheld = [one for one in case.rejections if not annulled and one.assignment_id not in wrong]
    _check_heard(upheld, now=now)
    decision = _record(case.dispute, lost, upheld, by=by, reasons=said, now=now)
    _note(case, unfounded)
    outcome = Outcome.ANNULLED if annulled else Outcome.OVERTURNED
    ending.pay(lost, outcome=outcome, by=by, now=now)
    _uphold(case, upheld, by=by, appealed=appealed, now=now)
    return decision


@inside_operation
def _record(
    dispute: Dispute,
    lost: list[Rejection],
    upheld: list[Rejection],
    *,
    by: User,
    reasons: str,
    now: datetime,
) -> Decision:
    """The decision, its entry in the log, and its event."""
    decision = Decision.objects.create(
        dispute=dispute,
        level=2 if dispute.state == DisputeState.APPEALED else 1,
        by=by,
        reasons=reasons,
        overturned=len(lost),
        upheld=len(upheld),
        at=now,
    )
    log.write(
        "decision",
        by=by,
        about=dispute,
        now=now,
        level=decision.level,
        reasons_sha256=hashlib.sha256(reasons.encode()).hexdigest(),
        overturned=[one.assignment_id for one in lost],
        upheld=[one.assignment_id for one in upheld],
    )
    events.record("dispute.decided", by=by, about=dispute, now=now, level=decision.level)
    return decision


def check_adjudicator(by: User) -> None:
    """Raises Forbidden 403 for anybody else, Suspended 403."""
    if not by.is_adjudicator or not by.is_active:
        raise Forbidden(_("Only an adjudicator decides disputes."))
    check_active(by)


def check_interest(dispute: Dispute, *, by: User) -> None:
    """Raises ConflictOfInterest 403 for who belongs to a side: it may not read the answers."""
    said = cases.conflict(dispute, by=by)
    if said is not None:
        raise ConflictOfInterest(said)


def _reasons(reasons: str, case: Case) -> str:
    said = text.checked(reasons, field="reasons", least=rules.EXPLANATION_MIN_CHARS, most=2 * 4_000)
    ids = [one.assignment_id for one in case.rejections]
    if answers.quotes(assignment_ids=ids, text=said):
        raise Invalid(
            _("The client reads your reasons: say it without quoting the answer."),
            code="quotes_answer",
            field="reasons",
        )
    return said


def _named(case: Case, unfounded: Mapping[int, bool]) -> dict[int, bool]:
    """What is said of those to be judged; of what was withdrawn meanwhile nothing is asked."""
    judged = {one.assignment_id for one in case.rejections if one.sampled}
    over = Rejection.objects.filter(dispute=case.dispute, state=RejectionState.CLOSED)
    closed = set(over.values_list("assignment", flat=True))
    named = {pk: verdict for pk, verdict in unfounded.items() if pk not in closed}
    if set(named) != judged:
        raise Invalid(
            _("Say of each of these whether its rejection was unfounded: %(ids)s.")
            % {"ids": ", ".join(map(str, sorted(judged)[:100]))},
            code="not_all_judged",
            field="unfounded",
        )
    return named


def _annuls(case: Case, unfounded: Mapping[int, bool]) -> bool:
    """Whether the sample speaks against the whole group (R10).

    What its client withdrew of the sample, it gave up: nobody pays its way out of being judged.
    """
    by_sample = any(not one.sampled for one in case.rejections)
    withdrawn = Rejection.objects.filter(
        dispute=case.dispute, sampled=True, outcome=Outcome.WITHDRAWN
    ).count()
    return by_sample and sum(unfounded.values()) + withdrawn > rules.GROUP_UNFOUNDED


def _check_heard(upheld: list[Rejection], *, now: datetime) -> None:
    """What opened by itself is not upheld before the worker has spoken, or seven days (R9)."""
    for one in upheld:
        early = one.uphold_from is not None and now < one.uphold_from
        if early and one.contested_at is None and not one.statements.filter(by=one.worker).exists():
            raise TooEarly(
                _("A worker has not spoken yet: this can be upheld seven days after it was filed.")
            )


@inside_operation
def _note(case: Case, unfounded: Mapping[int, bool]) -> None:
    for one in case.rejections:
        one.unfounded = unfounded.get(one.assignment_id)
    Rejection.objects.bulk_update(case.rejections, ["unfounded"])


@inside_operation
def _uphold(
    case: Case, upheld: list[Rejection], *, by: User, appealed: bool, now: datetime
) -> None:
    """What stays refused waits for the appeal, or was it: then it is final."""
    dispute = case.dispute
    if appealed:
        ending.refuse(upheld, outcome=Outcome.UPHELD, by=by, now=now)
        filing.close(dispute, now=now)
        return
    dispute.state = DISPUTE.check("decide", dispute.state)
    dispute.decided_at, dispute.decided_by = now, by
    dispute.due_at = now + rules.APPEAL_WITHIN
    dispute.save(update_fields=["state", "decided_at", "decided_by", "due_at"])
    for one in upheld:
        one.state = REJECTION.check("uphold", one.state)
    Rejection.objects.bulk_update(upheld, ["state"])
    if not upheld:
        filing.close(dispute, now=now)


@operation
def lift_freeze(*, batch_id: int, by: User, reasons: str, now: datetime) -> Batch:
    """Ends the brake on a batch once its group's case is decided (R10). Logged with reasons.

    Raises Forbidden 403, NotFound 404, Conflict `not_frozen` or `case_undecided` 409, Invalid.
    """
    check_adjudicator(by)
    said = text.checked(reasons, field="reasons", least=20)
    if not Batch.objects.filter(pk=batch_id).exists():
        raise NotFound(_("There is no such batch."))
    batch = work.lock_batch(batch_id=batch_id)
    if batch.frozen_at is None:
        raise Conflict(_("This batch is not frozen."), code="not_frozen")
    undecided = Dispute.objects.filter(
        batch=batch,
        kind=DisputeKind.COLLECTIVE,
        state__in=BEFORE_DECISION,
    )
    if undecided.exists():
        raise Conflict(_("The case of its group is not decided yet."), code="case_undecided")
    work.apply_unfreeze(batch, by=by, now=now)
    log.write("freeze_lifted", by=by, about=batch, now=now, reasons=said)
    return batch
