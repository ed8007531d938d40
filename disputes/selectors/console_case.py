"""One case with everything that an adjudicator needs to judge it, in a fixed number of queries."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.selectors import pseudonym
from core.errors import Text
from core.models import Event
from disputes.models import Decision, Dispute, Evidence, Rejection, Statement
from disputes.selectors import cases
from disputes.states import TO_DECIDE, UNFOUNDED, RejectionState
from tasks.interfaces import parse as interfaces
from tasks.models import Assignment, Opening
from tasks.selectors import answers
from tasks.states import AssignmentState

RECORD_OVER = timedelta(days=90)
MOST_EVENTS = 100
# What others said of one task is listed up to so many different answers.
MOST_ANSWERS = 20


@dataclass(frozen=True)
class ClientRecord:
    """What a client's rejections of 90 days came to."""

    opened: int
    rejections: int
    overturned: int
    upheld: int
    unanswered: int
    withdrawn: int


@dataclass(frozen=True)
class WorkerRecord:
    """What became of the rejections of a worker's answers in 90 days, whoever the client was."""

    rejections: int = 0
    overturned: int = 0
    upheld: int = 0


@dataclass(frozen=True)
class Given:
    """One answer as text, how many others gave it, and how many of these are paid."""

    text: str
    count: int
    paid: int
    same: bool


@dataclass
class Judged:
    """A rejection that is judged itself. `content` is None once the answer is erased."""

    rejection: Rejection
    worker: str
    criterion: str
    content: Any | None
    record: WorkerRecord
    others: list[Given] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)

    @property
    def others_count(self) -> int:
        return sum(one.count for one in self.others)

    @property
    def is_final(self) -> bool:
        return bool(self.rejection.state == RejectionState.CLOSED)


@dataclass
class Case:
    """A dispute as the console shows it. What is said of all its answers stands in `statements`."""

    dispute: Dispute
    judged: list[Judged]
    total: int
    statements: list[Statement]
    evidence: list[Evidence]
    decisions: list[Decision]
    client_record: ClientRecord
    history: list["Happened"]
    conflict: Text | None
    upheld_from: datetime | None

    @property
    def waits(self) -> bool:
        """Whether it is an adjudicator's turn."""
        return self.dispute.state in TO_DECIDE

    @property
    def undecided(self) -> list[Judged]:
        """Those that the decision has to name."""
        return [one for one in self.judged if not one.is_final]

    @property
    def may_decide(self) -> bool:
        return self.waits and self.conflict is None

    @property
    def level(self) -> int:
        return 2 if self.dispute.appealed_at else 1

    @property
    def criteria(self) -> list[tuple[str, int]]:
        """The batch's criteria as they were published, and how many rejections cite each."""
        cited = Counter(one.rejection.criterion for one in self.judged)
        return [(text, cited[n]) for n, text in enumerate(self.dispute.batch.criteria, start=1)]


def load(dispute: Dispute, *, by: User, now: datetime) -> Case:
    """Everything about a case loaded with batch and client; the look at it is recorded already."""
    found = Rejection.objects.filter(dispute=dispute)
    chosen = found.filter(sampled=True).order_by("pk")
    rejections = list(
        chosen.select_related("assignment__task", "assignment__opening__by", "batch", "by")
    )
    said = _by_rejection(_about(Statement.objects.select_related("by"), dispute, rejections))
    files = _by_rejection(_about(Evidence.objects.select_related("by"), dispute, rejections))
    judged = _judged(dispute, rejections, said, files, now=now)
    decisions = cases.decisions(dispute)
    return Case(
        dispute=dispute,
        judged=judged,
        total=found.count(),
        statements=said[None],
        evidence=files[None],
        decisions=list(decisions),
        client_record=client_record(dispute.client_id, now=now),
        history=_history(dispute, rejections),
        conflict=cases.decided_before(dispute, by=by),
        upheld_from=_upheld_from(judged, now=now),
    )


def _upheld_from(judged: list[Judged], *, now: datetime) -> datetime | None:
    """From when all that opened by itself can be upheld, while that is not yet (R9)."""
    early = [
        one.rejection.uphold_from
        for one in judged
        if one.rejection.uphold_from is not None
        and one.rejection.contested_at is None
        and not any(said.by_id == one.rejection.worker_id for said in one.statements)
        and now < one.rejection.uphold_from
    ]
    return max(early, default=None)


def _about(found: QuerySet[Any], dispute: Dispute, rejections: list[Rejection]) -> list[Any]:
    """What was said or sent in this case, or of its rejections in the one before it."""
    ids = [one.pk for one in rejections]
    return list(found.filter(Q(dispute=dispute) | Q(rejection__in=ids)).order_by("at", "pk"))


def _by_rejection(found: Iterable[Any]) -> dict[int | None, list[Any]]:
    grouped: dict[int | None, list[Any]] = defaultdict(list)
    for one in found:
        grouped[one.rejection_id].append(one)
    return grouped


def _judged(
    dispute: Dispute,
    rejections: list[Rejection],
    said: Mapping[int | None, list[Statement]],
    files: Mapping[int | None, list[Evidence]],
    *,
    now: datetime,
) -> list[Judged]:
    contents = answers.in_case(assignment_ids=[one.assignment_id for one in rejections])
    others = _others(dispute, rejections, contents)
    records = worker_records([one.worker_id for one in rejections], now=now)
    return [
        Judged(
            rejection=one,
            worker=pseudonym(client=dispute.client, worker_id=one.worker_id),
            criterion=cases.criterion(one),
            content=contents.get(one.assignment_id),
            record=records.get(one.worker_id, WorkerRecord()),
            others=others.get(one.assignment_id, []),
            statements=said.get(one.pk, []),
            evidence=files.get(one.pk, []),
        )
        for one in rejections
    ]


# --- how others answered the same tasks ---------------------------------------------------------


def _others(
    dispute: Dispute, rejections: Sequence[Rejection], contents: Mapping[int, Any]
) -> dict[int, list[Given]]:
    """For each assignment what others said of its task, the commonest first."""
    tasks = [one.assignment.task_id for one in rejections]
    found = Assignment.objects.filter(task__in=tasks, submitted_at__isnull=False)
    near = list(found.order_by("pk").values_list("pk", "task", "state"))
    theirs = answers.in_case(assignment_ids=[pk for pk, _task, _state in near])
    by_task: dict[int, list[tuple[int, bool, Any]]] = defaultdict(list)
    for pk, task, state in near:
        if pk in theirs:
            by_task[task].append((pk, state == AssignmentState.APPROVED, theirs[pk]))
    canonical = interfaces.parse_cached(dispute.batch.interface).canonical
    return {
        one.assignment_id: _grouped(
            [other for other in by_task[one.assignment.task_id] if other[0] != one.assignment_id],
            mine=contents.get(one.assignment_id),
            canonical=canonical,
        )
        for one in rejections
    }


def _grouped(others: Iterable[tuple[int, bool, Any]], *, mine: Any, canonical: Any) -> list[Given]:
    """Equal answers together."""
    texts: dict[str, str] = {}
    count: Counter[str] = Counter()
    paid: Counter[str] = Counter()
    for _pk, is_paid, content in others:
        key = canonical(content)
        texts.setdefault(key, compact(content))
        count[key] += 1
        paid[key] += is_paid
    own = None if mine is None else canonical(mine)
    return [
        Given(texts[key], number, paid[key], key == own)
        for key, number in count.most_common(MOST_ANSWERS)
    ]


def compact(content: Any) -> str:
    """An answer in one text: its values, by the names of the controls if there are several."""
    values: dict[str, list[str]] = defaultdict(list)
    for part in content:
        for value in part["value"].values():
            found = value if isinstance(value, list) else [value]
            values[part["from_name"]] += map(str, found)
    if len(values) == 1:
        return ", ".join(next(iter(values.values())))
    return " · ".join(f"{name}: {', '.join(found)}" for name, found in values.items()) or "–"


# --- the record of both sides ------------------------------------------------------------------


def client_record(client_id: int, *, now: datetime) -> ClientRecord:
    """Two queries."""
    since = now - RECORD_OVER
    lately = Rejection.objects.filter(client=client_id, at__gt=since)
    ended = lately.aggregate(
        **_ended(),
        unanswered=Count("pk", filter=Q(outcome="unanswered")),
        withdrawn=Count("pk", filter=Q(outcome="withdrawn")),
    )
    opened = Opening.objects.filter(client=client_id, at__gt=since).count()
    return ClientRecord(opened=opened, **ended)


def worker_records(ids: Iterable[int], *, now: datetime) -> dict[int, WorkerRecord]:
    """One query for all of these workers."""
    lately = Rejection.objects.filter(worker__in=set(ids), at__gt=now - RECORD_OVER)
    grouped = lately.order_by().values_list("worker").annotate(**_ended())
    return {worker: WorkerRecord(*ended) for worker, *ended in grouped}


def _ended() -> dict[str, Count]:
    return {
        "rejections": Count("pk"),
        "overturned": Count("pk", filter=Q(outcome__in=UNFOUNDED)),
        "upheld": Count("pk", filter=Q(outcome="upheld") | Q(state=RejectionState.UPHELD)),
    }


# --- what happened ----------------------------------------------------------------------------

LOOKED = "answer.judged"
HAPPENED: dict[str, Text] = {
    "assignment.submitted": _("Answer submitted"),
    "answer.opened": _("Answer opened by the client"),
    "rejection.made": _("Rejected"),
    "rejection.contested": _("Contested by the worker"),
    "rejection.withdrawn": _("Rejection withdrawn"),
    "dispute.filed": _("Case opened"),
    "dispute.answered": _("The client replied"),
    "dispute.alarm": _("The decision is nearly due"),
    "dispute.decided": _("Decided"),
    "dispute.appealed": _("Appealed by the worker"),
    "dispute.closed": _("Case closed"),
    LOOKED: _("Looked at by an adjudicator"),
    "evidence.added": _("File added"),
    "assignment.approved": _("Paid"),
    "assignment.refused": _("Refused, and the answer erased"),
}


@dataclass(frozen=True)
class Happened:
    """One step of a case. `who` is empty where the clock did it."""

    what: Text
    who: str
    at: datetime


def _history(dispute: Dispute, rejections: Sequence[Rejection]) -> list[Happened]:
    """What happened, oldest first; of a group its own steps only."""
    ids = [one.assignment_id for one in rejections]
    about = Q(about_kind="dispute", about_id__in=cases.levels(dispute))
    if dispute.is_collective:
        # A look at a group is one at each of its answers.
        about |= Q(kind=LOOKED, about_kind="assignment", about_id__in=ids[:1])
    else:
        about |= Q(about_kind="rejection", about_id__in=[one.pk for one in rejections])
        about |= Q(about_kind="assignment", about_id__in=ids)
    found = Event.objects.filter(about, kind__in=HAPPENED).select_related("by").order_by("-id")
    happened = [
        Happened(HAPPENED[one.kind], _who(one.by, dispute), one.at)
        for one in reversed(list(found[:MOST_EVENTS]))
    ]
    return [next(same) for _step, same in groupby(happened, key=attrgetter("what", "who"))]


def _who(by: User | None, dispute: Dispute) -> str:
    """A worker by her pseudonym, everybody else by name."""
    if by is None:
        return ""
    return pseudonym(client=dispute.client, worker_id=by.pk) if by.is_worker else by.known_as
