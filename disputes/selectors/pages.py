"""What the pages of clients and workers show beside `cases`: lists, parts of a case, a timeline.

A client sees no answer here; a worker sees her own, and of a group's case only her own part.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils.dateparse import parse_datetime

from accounts.models import Client, User
from accounts.selectors import pseudonym
from disputes.models import Dispute, Evidence, Rejection, RejectionQuerySet, Statement
from disputes.selectors import bounds, cases
from disputes.states import DisputeState, RejectionState, Side
from tasks.models import Archived, Assignment
from tasks.selectors import answers
from tasks.states import ArchiveCause, AssignmentState

# --- clients ---------------------------------------------------------------------------------


def rejections_left(client: Client, *, batch_id: int, now: datetime) -> int:
    """How many more rejections in the batch open no dispute by themselves (R9)."""
    return max(0, bounds.left(client_id=client.pk, batch_id=batch_id, now=now))


def reviewed(*, client: Client, batch_id: int) -> QuerySet[Assignment]:
    """The client's assignments of a batch, with their openings and rejections; never an answer."""
    found = Assignment.objects.filter(client=client, batch=batch_id)
    return found.select_related(
        "batch__client", "task", "opening__by", "rejection__by", "rejection__dispute"
    )


def of_client(client: Client, *, closed: bool) -> QuerySet[Dispute]:
    """A client's disputes: running ones by what is due first, closed ones newest first."""
    found = Dispute.objects.filter(client=client).select_related("batch")
    found = found.annotate(size=Count("rejections"))
    if closed:
        return found.filter(state=DisputeState.CLOSED).order_by("-closed_at", "-pk")
    return found.exclude(state=DisputeState.CLOSED).order_by("due_at", "pk")


def joined(dispute: Dispute) -> RejectionQuerySet:
    """The rejections of a dispute with what their rows show, in the order they were made."""
    found = Rejection.objects.filter(dispute=dispute).order_by("pk")
    return found.select_related("by", "batch", "assignment__task")


@dataclass(frozen=True)
class Part:
    """One rejection of a case as its client sees it: the worker by her name for this client."""

    rejection: Rejection
    worker: str
    statements: list[Statement]
    evidence: list[Evidence]

    @property
    def criterion(self) -> str:
        return cases.criterion(self.rejection)

    @property
    def is_final(self) -> bool:
        return bool(self.rejection.state == RejectionState.CLOSED)


def parts(dispute: Dispute, rejections: Sequence[Rejection], *, user: User) -> list[Part]:
    """These rejections of a case with what was said and shown of each: two queries."""
    ids = [one.pk for one in rejections]
    said, shown = defaultdict(list), defaultdict(list)
    for statement in Statement.objects.filter(rejection__in=ids).order_by("pk"):
        said[statement.rejection_id].append(statement)
    for file in cases.evidence(user).filter(rejection__in=ids).order_by("at", "pk"):
        shown[file.rejection_id].append(file)
    client = dispute.client
    return [
        Part(one, pseudonym(client=client, worker_id=one.worker_id), said[one.pk], shown[one.pk])
        for one in rejections
    ]


def common_evidence(dispute: Dispute) -> list[Evidence]:
    """What the client showed of the whole case."""
    found = Evidence.objects.filter(dispute=dispute, rejection=None, side=Side.CLIENT)
    return list(found.order_by("at", "pk"))


# --- workers ---------------------------------------------------------------------------------


def of_worker(worker: User, *, closed: bool) -> QuerySet[Rejection]:
    """Her rejections: what she can act on first, by deadline; final ones newest first."""
    found = Rejection.objects.filter(worker=worker).select_related(
        "batch__client", "assignment__task", "dispute"
    )
    if closed:
        return found.filter(state=RejectionState.CLOSED).order_by("-closed_at", "-pk")
    hers = When(
        Q(state__in=(RejectionState.OPEN, RejectionState.UPHELD))
        | Q(contested_at=None, dispute__appealed_at=None),
        then=Value(0),
    )
    turn = Case(hers, default=Value(1), output_field=IntegerField())
    due = Coalesce("dispute__due_at", "contest_by")
    return found.exclude(state=RejectionState.CLOSED).order_by(turn, due, "pk")


@dataclass(frozen=True)
class Said:
    """What one side said, or an adjudicator decided, and when."""

    side: str
    text: str
    at: datetime | None
    level: int = 0


@dataclass(frozen=True)
class Told:
    """A rejection as its worker's page tells it: her answer, what was said in order of time."""

    refusal: cases.Refusal
    answer: Any | None
    said: list[Said]
    group: int

    @property
    def due_at(self) -> datetime | None:
        """When the present state ends by itself."""
        rejection = self.refusal.rejection
        if rejection.state == RejectionState.OPEN:
            return rejection.contest_by
        running = self.refusal.dispute if rejection.state != RejectionState.CLOSED else None
        return running.due_at if running else None

    @property
    def is_paid(self) -> bool:
        return bool(self.refusal.rejection.assignment.state == AssignmentState.APPROVED)


def told(refusal: cases.Refusal, *, worker: User) -> Told:
    """The same with her answer: as it stands, or from her archive once it was refused."""
    rejection = refusal.rejection
    answer = answers.own(assignment=rejection.assignment, worker=worker)
    if answer is None:
        kept = Archived.objects.filter(
            assignment=rejection.assignment_id, worker=worker, cause=ArchiveCause.REFUSED
        )
        answer = kept.values_list("content", flat=True).first()
    dispute = refusal.dispute
    group = Rejection.objects.filter(dispute=dispute).count() if dispute else 0
    return Told(refusal=refusal, answer=answer, said=_said(refusal), group=group)


def _said(refusal: cases.Refusal) -> list[Said]:
    """Statements, the client's reply and decisions, oldest first."""
    said = [Said(one["side"], one["text"], parse_datetime(one["at"])) for one in refusal.statements]
    if refusal.reply:
        said.append(Said(Side.CLIENT, refusal.reply, _replied_at(refusal.dispute)))
    said += [
        Said(Side.ADJUDICATOR, one.reasons, one.at, level=one.level) for one in refusal.decisions
    ]
    return sorted(said, key=lambda one: one.at.timestamp() if one.at else 0.0)


def _replied_at(dispute: Dispute | None) -> datetime | None:
    if dispute is None or dispute.replied_at or dispute.appeal_of is None:
        return dispute.replied_at if dispute else None
    at: datetime | None = dispute.appeal_of.replied_at
    return at
