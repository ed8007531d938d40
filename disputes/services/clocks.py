"""What happens when nobody does anything: every wait ends by itself.

Deadlines are columns; the job finds what is due and ends one at a time, each under its locks (R8).
"""

from datetime import datetime

from core import events, rules
from core.db import operation
from core.jobs import each
from disputes.models import Dispute, Rejection
from disputes.services import ending, filing
from disputes.services.locking import Case, lock_case, lock_rejection
from disputes.states import UNDECIDED, Category, DisputeState, Outcome, RejectionState
from tasks.selectors import answers


def run(*, now: datetime) -> int:
    """Ends every rejection and dispute whose time is up; returns how many."""
    lapsed = Rejection.objects.lapsed(now).order_by("contest_by", "pk")
    due = Dispute.objects.due(now).order_by("due_at", "pk")
    done = each(
        list(lapsed.values_list("pk", flat=True)), lambda pk: _lapse(pk, now=now), what="lapse"
    )
    done += each(
        list(due.values_list("pk", flat=True)), lambda pk: _end(pk, now=now), what="dispute"
    )
    _alarm(now=now)
    return done


@operation
def _lapse(rejection_id: int, *, now: datetime) -> int:
    """Fourteen days without a word: the refusal is final.

    But where the client has paid for an equal answer meanwhile it has what it refused (R4).
    """
    refused = lock_rejection(Rejection.objects.filter(pk=rejection_id))
    one = refused.rejection
    if one.state != RejectionState.OPEN or now < one.contest_by:
        return 0
    if one.category != Category.LANGUAGE and answers.equals_paid(assignment=refused.assignment):
        ending.pay([one], outcome=Outcome.EQUAL, by=None, now=now)
    else:
        ending.refuse([one], outcome=Outcome.LAPSED, by=None, now=now)
    return 1


@operation
def _end(dispute_id: int, *, now: datetime) -> int:
    case = lock_case(Dispute.objects.filter(pk=dispute_id))
    dispute = case.dispute
    if dispute.due_at is None or now < dispute.due_at:
        return 0
    _by_default(case, now=now)
    filing.close(dispute, now=now)
    return 1


def _by_default(case: Case, *, now: datetime) -> None:
    if case.dispute.state == DisputeState.FILED:
        # The client is silent: the worker wins.
        ending.pay(case.rejections, outcome=Outcome.UNANSWERED, by=None, now=now)
    elif case.dispute.state == DisputeState.DECIDED:
        # Nobody appealed.
        ending.refuse(case.rejections, outcome=Outcome.UPHELD, by=None, now=now)
    else:
        # We were silent: the worker is paid by the fund, the client has neither money nor data.
        ending.refuse(case.rejections, outcome=Outcome.UNJUDGED, by=None, now=now)


@operation
def _alarm(*, now: datetime) -> None:
    """Tells the operator of every case that we have two days left to decide."""
    late = Dispute.objects.filter(
        state__in=UNDECIDED,
        alarmed_at__isnull=True,
        decide_by__lte=now + (rules.DECIDE_WITHIN - rules.DECIDE_ALARM),
    )
    ids = list(late.select_for_update(skip_locked=True).values_list("pk", flat=True))
    if ids:
        Dispute.objects.filter(pk__in=ids).update(alarmed_at=now)
        events.record_many("dispute.alarm", by=None, about=Dispute, ids=ids, now=now)
