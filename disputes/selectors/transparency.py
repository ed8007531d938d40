"""What everybody may know of how work is refused here: one row a month, counted by a job."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from disputes.models import Month

MONTHS = 24
DAY = 86_400


@dataclass(frozen=True)
class Row:
    """A month and what follows from its counts. A share of nothing is None."""

    month: date
    counts: Month

    @property
    def clock_share(self) -> float | None:
        return _share(self.counts.by_clock, self.counts.reviewed)

    @property
    def rejection_share(self) -> float | None:
        return _share(self.counts.rejected, self.counts.reviewed)

    @property
    def overturn_rate(self) -> float | None:
        return _share(self.counts.overturned, self.counts.decided)

    @property
    def leak(self) -> float | None:
        """Refused without a judgement, of what was reviewed."""
        return _share(self.counts.leaked, self.counts.reviewed)

    @property
    def days_to_decision(self) -> float | None:
        seconds = self.counts.median_decision_seconds
        return None if seconds is None else seconds / DAY

    @property
    def percent(self) -> dict[str, float | None]:
        """The shares, of a hundred, by name."""
        shares = {
            "clock": self.clock_share,
            "rejected": self.rejection_share,
            "overturned": self.overturn_rate,
            "leak": self.leak,
        }
        return {name: None if one is None else 100 * one for name, one in shares.items()}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def months(*, most: int = MONTHS) -> list[Row]:
    """The last months, newest first. One query."""
    return [Row(one.month, one) for one in Month.objects.order_by("-month")[:most]]


def counted_at(found: Sequence[Row]) -> datetime | None:
    """When the newest was counted."""
    return found[0].counts.refreshed_at if found else None
