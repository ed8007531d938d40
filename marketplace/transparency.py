"""Public figures of review, rejections and disputes, for people and for programs."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from disputes.selectors import transparency as selectors
from disputes.selectors.transparency import Row

# The job counts every ten minutes.
FRESH = 600
# The plot, in units of its viewBox.
WIDTH, HEIGHT, GAP = 480, 120, 6


@require_GET
def transparency(request: HttpRequest) -> HttpResponse:
    """The figures of two years in a table, newest first, each explained."""
    rows = selectors.months()
    context = {"rows": rows, "as_of": selectors.counted_at(rows), "plot": plot(rows)}
    return render(request, "marketplace/transparency.html", context)


@cache_control(public=True, max_age=FRESH)
@require_GET
def transparency_json(request: HttpRequest) -> JsonResponse:
    """The same, for programs. Seconds are whole, shares are of one, null is a share of nothing."""
    rows = selectors.months()
    shown = {"as_of": selectors.counted_at(rows), "months": [_shown(row) for row in rows]}
    return JsonResponse(shown)


def _shown(row: Row) -> dict[str, Any]:
    counts = row.counts
    return {
        "month": f"{row.month:%Y-%m}",
        "reviewed": counts.reviewed,
        "approved": counts.approved,
        "by_clock": counts.by_clock,
        "median_review_s": counts.median_review_seconds,
        "opened": counts.opened,
        "rejected": counts.rejected,
        "rejection_share": row.rejection_share,
        "contested": counts.contested,
        "disputes": counts.disputes,
        "judged": counts.decided,
        "overturned": counts.overturned,
        "overturn_rate": row.overturn_rate,
        "median_decision_s": counts.median_decision_seconds,
        "refused": counts.refused,
        "leaked": counts.leaked,
        "leak": row.leak,
    }


@dataclass(frozen=True)
class Bar:
    """A month's column of the plot."""

    row: Row
    x: float
    y: float
    width: float
    height: float


def plot(rows: list[Row]) -> dict[str, Any] | None:
    """The share of rejections by month, oldest first; None as long as nothing was reviewed."""
    shares = [row.rejection_share or 0.0 for row in reversed(rows)]
    if not any(row.counts.reviewed for row in rows):
        return None
    # The scale is never finer than a whole percent: small is to look small.
    top = max(0.01, *shares)
    step = min(60.0, WIDTH / len(shares))
    bars = [
        Bar(
            row,
            x=round(number * step + GAP / 2, 1),
            y=round(HEIGHT - share / top * HEIGHT, 1),
            width=round(step - GAP, 1),
            height=round(share / top * HEIGHT, 1),
        )
        for number, (row, share) in enumerate(zip(reversed(rows), shares, strict=True))
    ]
    return {"bars": bars, "top": 100 * top, "width": WIDTH, "height": HEIGHT}
