"""What a client sees of its batches: how far they are, and where their money is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from accounts.models import Client
from accounts.selectors import pseudonym
from core.errors import Text
from payments.selectors import batches as payments
from payments.selectors.batches import BatchMoney
from tasks.models import Assignment, Batch, BatchFigures
from tasks.selectors.batches import HOUR, Quote
from tasks.states import BATCH, BatchState

if TYPE_CHECKING:
    from django.db.models import QuerySet


@dataclass(frozen=True)
class Overview:
    """A batch with its counts (as of `as_of`) and its money; counting happened elsewhere."""

    batch: Batch
    figures: BatchFigures | None
    money: BatchMoney | None

    @property
    def as_of(self) -> datetime | None:
        return self.figures.refreshed_at if self.figures else None

    @property
    def places(self) -> int:
        return self.batch.place_count

    @property
    def approved(self) -> int:
        return self.figures.approved if self.figures else 0

    @property
    def submitted(self) -> int:
        return self.figures.submitted if self.figures else 0

    @property
    def share(self) -> float:
        """The approved share of the places that were not refunded."""
        wanted = self.places - (self.figures.refunded if self.figures else 0)
        return self.approved / wanted if wanted else 0.0

    @property
    def hourly(self) -> int | None:
        """What the measured time pays an hour, in micros; None until enough was measured."""
        seconds = self.figures.median_seconds if self.figures else None
        return self.batch.reward * HOUR // max(seconds, 1) if seconds is not None else None

    @property
    def allowed(self) -> list[str]:
        return BATCH.allowed(self.batch.state)


def overviews(batches: Sequence[Batch]) -> list[Overview]:
    """Batches (figures loaded) with their money, in one query."""
    money = payments.batches_money([batch.pk for batch in batches if not batch.is_draft])
    return [
        Overview(batch, getattr(batch, "figures", None), money.get(batch.pk)) for batch in batches
    ]


@dataclass(frozen=True)
class Item:
    """One line of the list of what a draft needs: `anchor` is its field in the editor."""

    name: str
    label: Text
    done: bool
    said: Text = ""


LABELS = {
    "instructions": _("Instructions"),
    "criteria": _("Criteria"),
    "examples": _("Examples"),
    "interface": _("Interface"),
    "reward": _("Fair reward"),
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
    """Metadata of an assignment, its worker by the name this client knows."""

    assignment: Assignment
    worker: str


def assignment_rows(assignments: "QuerySet[Assignment]", *, client: Client) -> list[Row]:
    return [
        Row(one, pseudonym(client=client, worker_id=one.worker_id)) for one in assignments
    ]


def can_close(batch: Batch) -> bool:
    return "close" in BATCH.allowed(batch.state)


def is_being_published(batch: Batch) -> bool:
    return batch.state == BatchState.PUBLISHING
