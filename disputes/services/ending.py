"""How a rejection ends: paid and delivered, or refused and erased. Money and data together."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q

from accounts.models import User
from core import rules
from core.db import inside_operation
from disputes.models import Decision, Dispute, Evidence, Rejection, Statement
from disputes.states import REJECTION, UNFOUNDED, DisputeCause, Outcome
from payments.services import guarantee
from payments.services.guarantee import Award
from tasks.models import Assignment
from tasks.services import decisions as work
from tasks.services import reviews


@inside_operation
def pay(
    rejections: Sequence[Rejection], *, outcome: Outcome, by: User | None, now: datetime
) -> None:
    """Closes locked rejections for their workers: the client pays and has the answers.

    With a tenth on top where an adjudicator overturned what the client chose to defend (R20).
    """
    if not rejections:
        return
    given_up = outcome in (Outcome.WITHDRAWN, Outcome.EQUAL)
    verb = "withdraw" if given_up else "overturn"
    ids = sorted(one.assignment_id for one in rejections)
    reviews.apply_approve(ids, by=by, now=now, verb=verb)
    if outcome in UNFOUNDED:
        _compensate(rejections, by=by, now=now)
    _close(rejections, outcome=outcome, now=now)


@inside_operation
def _compensate(rejections: Sequence[Rejection], *, by: User | None, now: datetime) -> None:
    """R20; not where the cap opened the case."""
    for one, award in _awards(rejections):
        if one.dispute is not None and one.dispute.cause == DisputeCause.CAP:
            continue
        one.compensation = award.amount * rules.COMPENSATION_BPS // 10_000
        share = Award(**(vars(award) | {"amount": one.compensation}))
        guarantee.compensate(share, by=by, now=now)


def _awards(rejections: Sequence[Rejection]) -> list[tuple[Rejection, Award]]:
    """The reward of each, in the order of their ids."""
    ids = [one.assignment_id for one in rejections]
    found = Assignment.objects.filter(pk__in=ids).select_related("batch")
    by_id = {one.pk: one for one in found}
    return [(one, _award(by_id[one.assignment_id])) for one in rejections]


def _award(assignment: Assignment) -> Award:
    return Award(
        amount=assignment.batch.reward,
        worker_id=assignment.worker_id,
        client_id=assignment.client_id,
        batch_id=assignment.batch_id,
        place_id=assignment.place_id,
        assignment_id=assignment.pk,
    )


@inside_operation
def refuse(
    rejections: Sequence[Rejection], *, outcome: Outcome, by: User | None, now: datetime
) -> None:
    """Closes locked rejections: unpaid by the client, which loses the answers for good (R6).

    Where nobody decided in time the guarantee fund pays the worker the same amount (R8).
    """
    if not rejections:
        return
    records = {one.assignment_id: _record(one, outcome) for one in rejections}
    work.apply_refuse(records, by=by, now=now)
    if outcome == Outcome.UNJUDGED:
        guarantee.pay_from_fund([award for _one, award in _awards(rejections)], now=now)
    _close(rejections, outcome=outcome, now=now)
    _forget(rejections)


@inside_operation
def _close(rejections: Sequence[Rejection], *, outcome: Outcome, now: datetime) -> None:
    for one in rejections:
        one.state = REJECTION.check("close", one.state)
        one.outcome, one.closed_at = outcome, now
    Rejection.objects.bulk_update(rejections, ["state", "outcome", "closed_at", "compensation"])


def _record(rejection: Rejection, outcome: Outcome) -> dict[str, Any]:
    """What the worker keeps of it beside her answer; everybody else forgets it."""
    statements = Statement.objects.filter(rejection=rejection).order_by("pk")
    case = rejection.dispute
    cases = [one for one in (case, case and case.appeal_of) if one is not None]
    decisions = Decision.objects.filter(dispute__in=cases).order_by("level")
    criteria = rejection.batch.criteria
    return {
        "category": rejection.category,
        "criterion": rejection.criterion,
        "criterion_text": criteria[rejection.criterion - 1],
        "explanation": rejection.explanation,
        "rejected_by": rejection.by.known_as,
        "rejected_at": rejection.at.isoformat(),
        "outcome": outcome.value,
        "reply": next((one.reply for one in cases if one.reply), ""),
        "statements": [
            {"side": one.side, "text": one.text, "at": one.at.isoformat()} for one in statements
        ],
        "decisions": [
            {"level": one.level, "reasons": one.reasons, "at": one.at.isoformat()}
            for one in decisions
        ],
    }


@inside_operation
def _forget(rejections: Sequence[Rejection]) -> None:
    """Erases what was written about refused answers: all of it may quote them.

    What was said of a whole group goes too, as soon as one of it is refused.
    """
    ids = [one.pk for one in rejections]
    cases = {one.dispute for one in rejections if one.dispute is not None}
    cases |= {one.appeal_of for one in cases if one.appeal_of is not None}
    about = Q(rejection__in=ids) | Q(rejection=None, dispute__in=cases)
    Rejection.objects.filter(pk__in=ids).update(explanation="")
    Statement.objects.filter(about).update(text="")
    Dispute.objects.filter(pk__in=[one.pk for one in cases]).update(reply="")
    evidence = Evidence.objects.filter(about)
    for name in evidence.values_list("file", flat=True):
        transaction.on_commit(partial(default_storage.delete, name))
    evidence.delete()
