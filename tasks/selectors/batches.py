"""Reads about batches: the price before paying, and what workers and clients see of them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import rules
from core.errors import Flaw
from core.money import CENT
from tasks.models import Assignment, Batch, ClientRecord, Gold, Operation, Task

HOUR = 3600
# Nothing pays that much; more would not fit a bigint when multiplied.
MOST_HOURLY = 10**13


@dataclass(frozen=True)
class Quote:
    """The price of a batch as it stands, and what is missing to publish it. Micros."""

    places: int
    reward: int
    fee: int
    total: int
    floor: int
    missing: list[Flaw] = field(default_factory=list)


def most_gold(tasks: int) -> int:
    """How many tasks may have a known answer: a tenth, five at least. All of them can be opened."""
    return max(rules.GOLD_MOST, tasks * rules.GOLD_MOST_BPS // 10_000)


def quote(batch: Batch) -> Quote:
    """Places × (reward + fee), the least reward allowed, and every reason not to publish."""
    fee = batch.fee if not batch.is_draft else rules.fee(batch.reward)
    floor = rules.floor_reward(batch.declared_seconds)
    golds = most_gold(batch.task_count)
    checks = (
        (batch.instructions.strip(), "no_instructions", "instructions", _("Write instructions.")),
        (batch.criteria, "no_criteria", "criteria", _("Give at least one criterion (R15).")),
        (batch.examples, "no_examples", "examples", _("Give at least one example (R15).")),
        (batch.interface, "no_interface", "interface", _("Give an interface.")),
        (batch.task_count, "no_tasks", "tasks", _("Upload at least one task.")),
        (
            batch.reward >= floor,
            "below_floor",
            "reward",
            _("The least reward for %(seconds)d seconds of declared work is %(floor)s (R14).")
            % {"seconds": batch.declared_seconds, "floor": f"{floor / 1_000_000:.2f}"},
        ),
        (
            not batch.is_draft or Gold.objects.filter(batch=batch).count() <= golds,
            "gold_too_many",
            "gold",
            _("At most %(most)d of these tasks may have a known answer (R5).") % {"most": golds},
        ),
    )
    return Quote(
        places=batch.place_count,
        reward=batch.reward,
        fee=fee,
        total=batch.place_count * (batch.reward + fee),
        floor=floor,
        missing=[Flaw(text, code, pointer=f"/{name}") for ok, code, name, text in checks if not ok],
    )


@dataclass(frozen=True)
class Offer:
    """A batch as a worker sees it in the list: what it truly pays, and how its client behaves."""

    batch: Batch
    left: int
    seconds: int
    measured: bool
    hourly: int
    record: ClientRecord | None


SORTS = {
    "new": ("-opened_at", "-pk"),
    "reward": ("-reward", "-pk"),
    "hourly": ("-per_second", "-pk"),
}


def offers(
    *,
    query: str = "",
    min_hourly: int | None = None,
    language: str = "",
    sort: str = "new",
) -> QuerySet[Batch]:
    """Batches with open places, for the list of work. Order is total; no person's trait is in it.

    `min_hourly` is in micros an hour, after the measured time where there is one (R13, R14).
    """
    found = Batch.objects.on_offer().filter(figures__open__gt=0)
    found = found.select_related("client", "client__record", "figures")
    found = found.alias(seconds=_seconds()).annotate(
        per_second=F("reward") / F("seconds"),
    )
    if query:
        vector = SearchVector("title", "instructions", config="simple")
        found = found.annotate(text=vector).filter(
            text=SearchQuery(query, config="simple", search_type="websearch")
        )
    if min_hourly is not None:
        wanted = min(min_hourly, MOST_HOURLY)
        found = found.filter(reward__gte=F("seconds") * wanted / HOUR)
    if language:
        found = found.filter(Q(languages__contains=[language]) | Q(languages=[]))
    return found.order_by(*SORTS.get(sort, SORTS["new"]))


def _seconds() -> Any:
    """Measured seconds where five or more workers were measured, else the declared ones."""
    return Greatest(Coalesce("figures__median_seconds", "declared_seconds"), 1)


def offer(batch: Batch) -> Offer:
    """`batch` (with client, record and figures loaded) as an offer; no query."""
    figures = getattr(batch, "figures", None)
    measured = (figures.median_seconds if figures else None) or None
    seconds = measured or batch.declared_seconds
    return Offer(
        batch=batch,
        left=figures.open if figures else 0,
        seconds=seconds,
        measured=measured is not None,
        # In whole cents: nobody reads millionths.
        hourly=batch.reward * HOUR // seconds // CENT * CENT,
        record=getattr(batch.client, "record", None),
    )


def sample_task(batch: Batch) -> Task | None:
    """The task shown before a claim: the first."""
    return Task.objects.filter(batch=batch).order_by("position").first()


def of_client(client_id: int) -> QuerySet[Batch]:
    return (
        Batch.objects.filter(client=client_id)
        .select_related("figures")
        .order_by("-created_at", "-pk")
    )


def assignments(batch: Batch, *, state: str = "") -> QuerySet[Assignment]:
    """Metadata of a batch's assignments for its client; never an answer."""
    found = Assignment.objects.filter(batch=batch).select_related("task").order_by("-pk")
    return found.filter(state=state) if state else found


def operations(client_id: int) -> QuerySet[Operation]:
    """The long requests of a client."""
    return Operation.objects.filter(client=client_id)


def readable_by(worker: User) -> QuerySet[Batch]:
    """What a worker may read in full: batches on offer, and those in which she has worked."""
    hers = Assignment.objects.filter(worker=worker, batch=OuterRef("pk"))
    found = Batch.objects.published().select_related("client", "client__record", "figures")
    return found.filter(Q(pk__in=Batch.objects.on_offer().values("pk")) | Exists(hers))


def to_refresh(*, since: datetime) -> list[int]:
    """Ids of batches in which something moved since then, or that were never counted."""
    moved = Assignment.objects.filter(moved_at__gte=since).values_list("batch_id", flat=True)
    opened = Batch.objects.published().filter(
        Q(figures__isnull=True)
        | Q(opened_at__gte=since)
        | Q(closed_at__gte=since)
        | Q(settled_at__gte=since)
    )
    return sorted({*moved.distinct(), *opened.values_list("pk", flat=True)})
