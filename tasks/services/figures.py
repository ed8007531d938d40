"""Keeps the counts beside the batches, and measures what the work truly takes (R14)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Max

from core import rules
from core.db import inside_operation, operation, rows
from tasks.models import Batch, BatchFigures, ClientRecord
from tasks.selectors import batches as selectors
from tasks.services import batches, publishing
from tasks.states import BatchState

# Before the last round, whenever it was: a move committed late is seen by the next one.
LOOK_BACK = timedelta(seconds=60)

REFRESH = """
INSERT INTO tasks_batchfigures AS f (batch_id, places, open, claimed, submitted, approved,
        contested, refused, refunded, workers, median_seconds, refreshed_at)
SELECT b.id, p.places, p.open, a.claimed, a.submitted, a.approved,
       a.contested, a.refused, p.settled - a.approved, a.workers,
       CASE WHEN a.measured >= %(least)s THEN a.median END, %(now)s
  FROM tasks_batch b,
       LATERAL (SELECT count(*) AS places, count(*) FILTER (WHERE state = 'open') AS open,
                       count(*) FILTER (WHERE state = 'settled') AS settled
                  FROM tasks_place WHERE batch_id = b.id) p,
       LATERAL (SELECT count(*) FILTER (WHERE state = 'claimed') AS claimed,
                       count(*) FILTER (WHERE state = 'submitted') AS submitted,
                       count(*) FILTER (WHERE state = 'approved') AS approved,
                       count(*) FILTER (WHERE state IN ('rejected', 'disputed')) AS contested,
                       count(*) FILTER (WHERE state = 'refused') AS refused,
                       count(DISTINCT worker_id) AS workers,
                       count(DISTINCT worker_id) FILTER (WHERE submitted_at IS NOT NULL)
                           AS measured,
                       percentile_disc(0.5) WITHIN GROUP (ORDER BY active_seconds)
                           FILTER (WHERE submitted_at IS NOT NULL) AS median
                  FROM tasks_assignment WHERE batch_id = b.id) a
 WHERE b.id = ANY(%(batches)s)
 ORDER BY b.id
ON CONFLICT (batch_id) DO UPDATE SET places = excluded.places, open = excluded.open,
    claimed = excluded.claimed, submitted = excluded.submitted, approved = excluded.approved,
    contested = excluded.contested, refused = excluded.refused,
    refunded = excluded.refunded, workers = excluded.workers,
    median_seconds = excluded.median_seconds, refreshed_at = excluded.refreshed_at
RETURNING batch_id, median_seconds
"""

RECORDS = """
INSERT INTO tasks_clientrecord (client_id, decided, by_clock, median_review_seconds, refreshed_at)
SELECT client_id, count(*), count(*) FILTER (WHERE decided_by_id IS NULL),
       percentile_disc(0.5) WITHIN GROUP (
           ORDER BY extract(epoch FROM decided_at - submitted_at)::int),
       %(now)s
  FROM tasks_assignment
 WHERE state = 'approved' AND batch_id IN (
        SELECT id FROM tasks_batch WHERE client_id IN (
            SELECT client_id FROM tasks_batch WHERE id = ANY(%(batches)s)))
 GROUP BY client_id ORDER BY client_id
ON CONFLICT (client_id) DO UPDATE SET decided = excluded.decided, by_clock = excluded.by_clock,
    median_review_seconds = excluded.median_review_seconds, refreshed_at = excluded.refreshed_at
"""


def refresh_figures(*, now: datetime) -> int:
    """Recounts every batch in which something moved lately; returns how many.

    Stops new claims where five workers' median passes 1.5 times the declared time (R14).
    """
    last = BatchFigures.objects.aggregate(at=Max("refreshed_at"))["at"] or now
    moved = selectors.to_refresh(since=min(now, last) - LOOK_BACK)
    if not moved:
        return 0
    medians = _refresh(batch_ids=moved, now=now)
    publishing.raise_heads(batch_ids=moved)
    for batch in Batch.objects.filter(pk__in=medians, state=BatchState.OPEN).order_by("pk"):
        median = medians[batch.pk]
        if median * 10_000 > batch.declared_seconds * rules.MEASURE_TOLERANCE_BPS:
            batches.stop_underpaid(batch_id=batch.pk, median_seconds=median, now=now)
    return len(moved)


@operation
def _refresh(*, batch_ids: list[int], now: datetime) -> dict[int, int]:
    params = {"batches": batch_ids, "now": now, "least": rules.MEASURE_MIN_WORKERS}
    found = rows(REFRESH, params)
    rows(RECORDS, params)
    return {batch_id: median for batch_id, median in found if median is not None}


@inside_operation
def apply_rejections(counts: Mapping[int, Sequence[int]], *, now: datetime) -> None:
    """Writes into the records of clients how many of their rejections there are, were judged, and
    were overturned: `disputes` counts them."""
    ClientRecord.objects.bulk_create(
        [
            ClientRecord(
                client_id=client,
                rejected=rejected,
                judged=judged,
                overturned=lost,
                refreshed_at=now,
            )
            for client, (rejected, judged, lost) in sorted(counts.items())
        ],
        update_conflicts=True,
        unique_fields=["client"],
        update_fields=["rejected", "judged", "overturned"],
    )
