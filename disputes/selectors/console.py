"""What adjudicators find in their console: what waits for them, what runs out first in front."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from accounts import selectors as accounts
from accounts.models import Suspension, User
from core.paging import Page, page
from disputes.models import Dispute, DisputeQuerySet, Rejection, Report
from disputes.states import (
    BEFORE_DECISION,
    TO_DECIDE,
    DisputeKind,
    DisputeState,
    RejectionState,
    ReportState,
)
from tasks.models import Batch, Media

PAGE = 30
WAITING = (*TO_DECIDE, DisputeState.FILED)
DONE = (DisputeState.DECIDED, DisputeState.CLOSED)
# What is due sooner than this is marked.
SOON = timedelta(days=2)
MOST_FROZEN = 50


@dataclass(frozen=True)
class Row:
    """A case in the queue: `stake` is what its undecided answers pay, in micros."""

    dispute: Dispute
    answers: int
    stake: int
    left: timedelta | None

    @property
    def urgent(self) -> bool:
        return self.left is not None and self.left < SOON

    @property
    def level(self) -> int:
        return 2 if self.dispute.appealed_at else 1


def queue(*, state: str, cursor: str, now: datetime) -> tuple[list[Row], Page[Dispute]]:
    """A page of the cases in `state`, or of all that wait: to be decided first, due first.

    Raises BadCursor 400.
    """
    found = Dispute.objects.select_related("client", "batch")
    if state == DisputeState.CLOSED:
        shown = page(found.filter(state=state), order=("-id",), cursor=cursor, size=PAGE)
    else:
        wanted = found.filter(state__in=[state] if state else WAITING)
        shown = page(_ranked(wanted), order=("rank", "due_at", "id"), cursor=cursor, size=PAGE)
    counts = _counts([one.pk for one in shown.rows])
    return [_row(one, *counts.get(one.pk, (0, 0)), now) for one in shown.rows], shown


def next_case(*, by: User) -> Dispute | None:
    """The case that this adjudicator decides next; None when nothing waits for her."""
    mine = Dispute.objects.filter(state__in=TO_DECIDE).exclude(client__members__user=by)
    mine = mine.exclude(state=DisputeState.APPEALED, decided_by=by)
    return mine.order_by("due_at", "pk").first()


def _ranked(found: DisputeQuerySet) -> DisputeQuerySet:
    """Who waits for us comes before who waits for the client."""
    waits_for_us = When(state__in=TO_DECIDE, then=Value(0))
    return found.annotate(rank=Case(waits_for_us, default=Value(1), output_field=IntegerField()))


def _counts(ids: list[int]) -> dict[int, tuple[int, int]]:
    """Of each case, how many answers are in it, and how many of them are not final."""
    undecided = Count("pk", filter=~Q(state=RejectionState.CLOSED))
    found = Rejection.objects.filter(dispute__in=ids).order_by().values_list("dispute")
    return {case: (all_, left) for case, all_, left in found.annotate(Count("pk"), left=undecided)}


def _row(one: Dispute, answers: int, undecided: int, now: datetime) -> Row:
    left = None if one.due_at is None else max(one.due_at - now, timedelta())
    return Row(one, answers, undecided * one.batch.reward, left)


@dataclass(frozen=True)
class Waiting:
    """How much waits: cases by state, reports."""

    by_state: dict[str, int]
    reports: int

    @property
    def to_decide(self) -> int:
        return sum(self.by_state.get(state, 0) for state in TO_DECIDE)

    @property
    def all(self) -> int:
        return sum(self.by_state.get(state, 0) for state in WAITING)


def waiting() -> Waiting:
    """The figures in the head of the console, in two queries."""
    counted = Dispute.objects.running().order_by().values_list("state").annotate(Count("pk"))
    return Waiting(dict(counted), Report.objects.filter(state=ReportState.OPEN).count())


@dataclass(frozen=True)
class Frozen:
    """A batch under the brake, the cases of its groups, and whether they are decided."""

    batch: Batch
    cases: list[Dispute]

    @property
    def may_be_lifted(self) -> bool:
        return not any(one.state in BEFORE_DECISION for one in self.cases)


def frozen() -> list[Frozen]:
    """Frozen batches, the longest first."""
    found = Batch.objects.filter(frozen_at__isnull=False).select_related("client")
    return _frozen(found.order_by("frozen_at", "pk")[:MOST_FROZEN])


def frozen_batch(batch_id: int) -> Frozen | None:
    """That batch if it is frozen."""
    found = Batch.objects.filter(frozen_at__isnull=False, pk=batch_id).select_related("client")
    return next(iter(_frozen(found)), None)


def _frozen(found: QuerySet[Batch]) -> list[Frozen]:
    batches = list(found)
    cases: dict[int, list[Dispute]] = {one.pk: [] for one in batches}
    groups = Dispute.objects.filter(kind=DisputeKind.COLLECTIVE, batch__in=batches)
    for group in groups.order_by("-pk"):
        cases[group.batch_id].append(group)
    return [Frozen(one, cases[one.pk]) for one in batches]


def media(batch_id: int) -> QuerySet[Media]:
    """The images of a batch that an adjudicator has a case or a report about."""
    has_case = Q(batch__disputes__isnull=False) | Q(batch__reports__isnull=False)
    return Media.objects.filter(has_case, batch=batch_id).distinct()


# --- reports ---------------------------------------------------------------------------------


def reports(*, state: str, cursor: str) -> Page[Report]:
    """Open ones, the oldest first; decided ones, the newest first. Raises BadCursor 400."""
    found = Report.objects.filter(state=state).select_related("batch__client", "decided_by")
    order = ("id",) if state == ReportState.OPEN else ("-id",)
    return page(found, order=order, cursor=cursor, size=PAGE)


@dataclass(frozen=True)
class Said:
    """A report, and who made it as the client of the batch would know her."""

    report: Report
    worker: str


def same_reports(report: Report) -> list[Said]:
    """What is decided with it: the open ones of its kind about its batch, or what went with it."""
    found = Report.objects.filter(batch=report.batch_id, kind=report.kind, state=report.state)
    if report.decided_at is not None:
        found = found.filter(decided_at=report.decided_at)
    client = report.batch.client
    return [
        Said(one, accounts.pseudonym(client=client, worker_id=one.worker_id))
        for one in found.order_by("pk")[:100]
    ]


# --- suspensions -----------------------------------------------------------------------------


def suspensions(*, cursor: str) -> Page[Suspension]:
    """Running ones first, then the newest. Raises BadCursor 400."""
    running = Case(
        When(ended_at__isnull=True, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    found = accounts.suspensions().annotate(over=running)
    return page(found, order=("over", "-id"), cursor=cursor, size=PAGE)


def user_by_email(email: str) -> User | None:
    """The person with this address, whatever its case."""
    return User.objects.filter(email__iexact=email.strip()).first()
