"""What a client sees of its batches: how far they are, and where their money is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import Client
from accounts.selectors import pseudonym
from core.errors import Text
from tasks.models import Assignment, Batch, BatchFigures
from tasks.selectors.batches import HOUR, Quote
from tasks.states import BATCH

BAR = 1_000


@dataclass(frozen=True)
class Part:
    """One stretch of a batch's bar, in thousandths of its length."""

    name: str
    label: Text
    count: int
    start: int
    width: int


PARTS = {
    "approved": _("Approved and paid"),
    "submitted": _("Waiting for review"),
    "contested": _("Rejected, not final"),
    "claimed": _("In work"),
    "open": _("Not begun"),
    "refunded": _("Refunded"),
}


@dataclass(frozen=True)
class Overview:
    """A batch (its figures loaded) in numbers, without a query: somebody counted before.

    Money follows from the counts, since approved is paid; the books have it exactly.
    """

    batch: Batch

    @property
    def figures(self) -> BatchFigures | None:
        return getattr(self.batch, "figures", None)

    @property
    def as_of(self) -> datetime | None:
        return self.figures.refreshed_at if self.figures else None

    @property
    def counts(self) -> dict[str, int]:
        """Places by what became of them. Until they are counted, all are open."""
        if self.figures is None:
            return dict.fromkeys(PARTS, 0) | {"open": self.batch.place_count}
        return {name: getattr(self.figures, name) for name in PARTS}

    @property
    def parts(self) -> list[Part]:
        """The bar. Whatever there is of a thing can be seen, be it one in a million."""
        whole = max(1, sum(self.counts.values()))
        found, start = [], 0
        for name, count in self.counts.items():
            width = min(max(count * BAR // whole, 4 if count else 0), BAR - start)
            found.append(Part(name, PARTS[name], count, start, width))
            start += width
        return found

    @property
    def legend(self) -> list[Part]:
        """The parts that say something: refunds and rejections only where there are any."""
        return [
            part for part in self.parts if part.count or part.name not in ("refunded", "contested")
        ]

    @property
    def wanted(self) -> int:
        """How many answers there will be: the places that were not refunded."""
        return max(0, self.batch.place_count - self.counts["refunded"])

    @property
    def share(self) -> float:
        return self.counts["approved"] / self.wanted if self.wanted else 0.0

    @property
    def in_hand(self) -> int:
        return self.counts["claimed"] + self.counts["submitted"]

    @property
    def version(self) -> str:
        """Another one when anything that a page shows of the batch has changed."""
        counted = self.as_of.timestamp() if self.as_of else 0
        stopped = bool(self.batch.frozen_at) + 2 * bool(self.batch.claims_stopped_at)
        settled = bool(self.batch.settled_at)
        return f"{self.batch.state}-{self.batch.placed}-{counted}-{stopped}-{settled:d}"

    @property
    def moving(self) -> bool:
        """Whether the numbers may still change."""
        return not self.batch.is_draft and self.batch.settled_at is None

    @property
    def price(self) -> int:
        return self.batch.reward + self.batch.fee

    @property
    def funded(self) -> int:
        """What publishing locked: the price of every place, at once."""
        return 0 if self.batch.is_draft else self.batch.place_count * self.price

    @property
    def paid(self) -> int:
        return self.counts["approved"] * self.batch.reward

    @property
    def fees(self) -> int:
        return self.counts["approved"] * self.batch.fee

    @property
    def spent(self) -> int:
        return self.paid + self.fees

    @property
    def held(self) -> int:
        if self.batch.is_draft or self.batch.settled_at is not None:
            return 0
        return (self.wanted - self.counts["approved"]) * self.price

    @property
    def refunded(self) -> int:
        """What came back, places that a batch closed too early never got included."""
        return self.funded - self.spent - self.held

    @property
    def refundable(self) -> int:
        """What closing the batch gives back of places nobody has begun."""
        return self.counts["open"] * self.price

    @property
    def measured(self) -> int | None:
        """Median seconds of an answer; None until enough workers were measured."""
        return self.figures.median_seconds if self.figures else None

    @property
    def hourly(self) -> int | None:
        """What the measured time pays an hour, in micros."""
        return None if self.measured is None else self.batch.reward * HOUR // max(1, self.measured)

    @property
    def allowed(self) -> list[str]:
        return BATCH.allowed(self.batch.state)


@dataclass(frozen=True)
class Totals:
    """Micros of all batches of a client together: still locked, and spent on paid work."""

    held: int
    spent: int


def totals(*, client_id: int) -> Totals:
    """One query over the counts, as `Overview` reads them."""
    price = F("reward") + F("fee")
    approved = Coalesce("figures__approved", 0)
    unsettled = F("task_count") * F("overlap") - approved - Coalesce("figures__refunded", 0)
    sums = (
        Batch.objects.published()
        .filter(client=client_id)
        .aggregate(
            spent=Sum(approved * price),
            held=Sum(unsettled * price, filter=Q(settled_at__isnull=True)),
        )
    )
    return Totals(held=int(sums["held"] or 0), spent=int(sums["spent"] or 0))


@dataclass(frozen=True)
class Item:
    """One line of what a draft needs: `name` is its field in the editor."""

    name: str
    label: Text
    done: bool
    said: Text = ""


LABELS = {
    "instructions": _("Instructions"),
    "criteria": _("Criteria"),
    "examples": _("Examples"),
    "interface": _("Interface"),
    "reward": _("A fair reward"),
    "tasks": _("Tasks"),
}


def checklist(quote: Quote) -> list[Item]:
    """Everything that publishing asks for, done or not."""
    missing = {(flaw.pointer or "")[1:]: flaw.detail for flaw in quote.missing}
    return [
        Item(name, label, name not in missing, missing.get(name, ""))
        for name, label in LABELS.items()
    ]


@dataclass(frozen=True)
class Row:
    """Metadata of an assignment, its worker by the name that this client knows."""

    assignment: Assignment
    worker: str


def assignment_rows(assignments: Iterable[Assignment], *, client: Client) -> list[Row]:
    return [Row(one, pseudonym(client=client, worker_id=one.worker_id)) for one in assignments]
