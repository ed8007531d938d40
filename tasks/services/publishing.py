"""Places: made in resumable chunks once the money is locked, settled when their batch closes."""

from datetime import datetime

from core import events
from core.db import operation, rows
from core.jobs import each
from payments.services import escrow
from tasks.models import Batch, Place
from tasks.states import BATCH, BatchState, PlaceState

# Places a transaction. Large enough to be quick, small enough to be short.
CHUNK = 5_000


def publish_batches(*, now: datetime) -> int:
    """Makes places of every batch being published, chunk by chunk; returns how many places."""
    waiting = Batch.objects.filter(state=BatchState.PUBLISHING).order_by("pk")

    def whole(batch_id: int) -> int:
        return sum(iter(lambda: publish_chunk(batch_id=batch_id, now=now), 0))

    return each(list(waiting.values_list("pk", flat=True)), whole, what="publish batch")


@operation
def publish_chunk(*, batch_id: int, now: datetime) -> int:
    """The places, and their holds, of the next tasks; opens the batch after the last.

    Returns how many places were made; 0 when there is nothing (left) to do. A crash loses one
    chunk at most, which the next call makes again.
    """
    batch = Batch.objects.select_for_update(of=("self",), no_key=True).get(pk=batch_id)
    if batch.state != BatchState.PUBLISHING:
        return 0
    last = min(batch.placed + max(1, CHUNK // batch.overlap), batch.task_count)
    place_ids = [row[0] for row in rows(MAKE_PLACES, _bounds(batch, last))]
    escrow.allocate(batch_id=batch.pk, place_ids=place_ids, pay=batch.reward, fee=batch.fee)
    batch.placed = last
    if last == batch.task_count:
        batch.state, batch.opened_at = BATCH.check("open", batch.state), now
        events.record("batch.opened", by=None, about=batch, now=now)
    batch.save(update_fields=["placed", "state", "opened_at"])
    return len(place_ids)


MAKE_PLACES = """
INSERT INTO tasks_place (batch_id, task_id, round, position, state)
SELECT t.batch_id, t.id, r, t.position, 'open'
  FROM generate_series(0, %(overlap)s - 1) AS r, tasks_task t
 WHERE t.batch_id = %(batch)s AND t.position >= %(first)s AND t.position < %(last)s
 ORDER BY t.position, r
RETURNING id
"""


def _bounds(batch: Batch, last: int) -> dict[str, int]:
    return {"batch": batch.pk, "overlap": batch.overlap, "first": batch.placed, "last": last}


def settle_closed(*, now: datetime) -> int:
    """Refunds open places of closed batches, chunk by chunk; returns how many.

    None of a frozen batch: its rejections are judged first (R10).
    """
    closed = Batch.objects.filter(
        state=BatchState.CLOSED, settled_at__isnull=True, frozen_at__isnull=True
    )

    def whole(batch_id: int) -> int:
        return sum(iter(lambda: settle_chunk(batch_id=batch_id, now=now), 0))

    return each(
        list(closed.order_by("pk").values_list("pk", flat=True)), whole, what="settle batch"
    )


@operation
def settle_chunk(*, batch_id: int, now: datetime) -> int:
    """Refunds the next open places of a closed batch; marks it settled when none is unsettled.

    Returns how many places were refunded. Work that still runs keeps its place until it ends.
    """
    batch = Batch.objects.select_for_update(of=("self",), no_key=True).get(pk=batch_id)
    if batch.state != BatchState.CLOSED or batch.settled_at or batch.frozen_at:
        return 0
    places = Place.objects.filter(batch=batch, state=PlaceState.OPEN).order_by("pk")
    ids = [place.pk for place in places.select_for_update(no_key=True).only("pk")[:CHUNK]]
    if ids:
        Place.objects.filter(pk__in=ids).update(state=PlaceState.SETTLED)
        escrow.refund(batch_id=batch.pk, place_ids=ids, by=None, now=now)
        return len(ids)
    if batch.placed < batch.task_count:
        escrow.refund_unallocated(batch_id=batch.pk, by=None, now=now)
    # One question: a place given back between two would be neither open nor taken to them.
    if not Place.objects.filter(batch=batch).exclude(state=PlaceState.SETTLED).exists():
        Batch.objects.filter(pk=batch.pk).update(settled_at=now)
        events.record("batch.settled", by=None, about=batch, now=now)
    return 0


RAISE_HEAD = """
UPDATE tasks_batch b SET head = coalesce(
        (SELECT p.position FROM tasks_place p
          WHERE p.batch_id = b.id AND p.state = 'open' AND p.returned_at IS NULL
          ORDER BY p.position, p.round LIMIT 1),
        b.task_count)
 WHERE b.id = ANY(%(batches)s) AND b.state = 'open'
"""


@operation
def raise_heads(*, batch_ids: list[int]) -> None:
    """Moves the lower bound past the places that are gone, so that claims skip dead index entries.

    Stale is harmless: an untouched place never comes back before the bound (a returned one goes to
    the free list).
    """
    rows(RAISE_HEAD, {"batches": batch_ids})
