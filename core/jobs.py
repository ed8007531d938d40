"""Background work of the bottom layer."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from django.db.models import F
from django.utils import timezone
from prometheus_client import Counter

from core import events, idempotency
from core.db import operation
from core.models import Outbox

log = logging.getLogger(__name__)
LEASE = timedelta(minutes=2)
BATCH = 200
GIVE_UP_AFTER = 20


@shared_task(name="core.deliver_events")
def deliver_events(**_: Any) -> None:
    deliver_due(now=timezone.now())


@shared_task(name="core.forget_idempotency_keys")
def forget_idempotency_keys(**_: Any) -> None:
    idempotency.forget(now=timezone.now())


FAILED = Counter("fairclick_failed", "Rows that a job could not do", ["what"])


def each(ids: Iterable[int], step: Callable[[int], int], *, what: str) -> int:
    """Runs `step` for every id and returns the sum of its results; one that fails stops no other.

    A failure is logged and counted (metric `fairclick_failed`); its row is due again next time.
    """
    done = 0
    for one in ids:
        try:
            done += step(one)
        except Exception:
            failed(what, one)
    return done


def failed(what: str, one: int) -> None:
    """Logs the exception being handled, and counts it for the operator."""
    log.exception("%s %s could not be done", what, one)
    FAILED.labels(what).inc()


def deliver_due(*, now: datetime) -> int:
    """Runs the handlers of all due events; returns how many events were delivered.

    A row is leased first, in a transaction of its own; handlers run with no lock held. If the
    process dies, the lease runs out and another takes the row: at least once, in no order.
    """
    delivered = 0
    for row in _lease(now=now):
        delivered += _deliver(row, now=now)
    return delivered


@operation
def _lease(*, now: datetime) -> list[Outbox]:
    due = Outbox.objects.filter(
        done_at__isnull=True, due_at__lte=now, attempts__lt=GIVE_UP_AFTER
    ).order_by("due_at", "pk")
    ids = [row.pk for row in due.select_for_update(skip_locked=True)[:BATCH]]
    Outbox.objects.filter(pk__in=ids).update(due_at=now + LEASE, attempts=F("attempts") + 1)
    return list(Outbox.objects.filter(pk__in=ids).select_related("event").order_by("pk"))


def _deliver(row: Outbox, *, now: datetime) -> bool:
    """True if every handler has run. A failing one is logged, noted in the row and tried again."""
    try:
        for handler in events.handlers[row.event.kind]:
            handler(row.event)
    except Exception as error:
        log.exception("event %s was not delivered", row.pk)
        later = now + timedelta(seconds=min(10 * 2**row.attempts, 3600))
        Outbox.objects.filter(pk=row.pk).update(due_at=later, error=repr(error)[:300])
        return False
    Outbox.objects.filter(pk=row.pk).update(done_at=now, error="")
    return True
