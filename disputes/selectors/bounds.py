"""How much a client may reject before somebody else looks at it (R9)."""

from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from core import rules
from disputes.models import Rejection
from disputes.states import JUDGED
from tasks.models import Gold, Opening


def cap(*, client_id: int, now: datetime) -> int:
    """How many rejections nobody has judged a client may have, over 30 days and all batches."""
    return _cap(Opening.objects.filter(client=client_id, at__gt=now - rules.CAP_OVER))


def unjudged(*, client_id: int, now: datetime) -> int:
    """The client's rejections of 30 days that no adjudicator judged, lapsed and withdrawn too."""
    return _unjudged(Rejection.objects.filter(client=client_id, at__gt=now - rules.CAP_OVER))


def batch_cap(*, batch_id: int) -> int:
    """The same of one batch, over its whole life: who waits a month gains nothing (ADR 8)."""
    return _cap(Opening.objects.filter(batch=batch_id))


def batch_unjudged(*, batch_id: int) -> int:
    """The batch's rejections that no adjudicator judged."""
    return _unjudged(Rejection.objects.filter(batch=batch_id))


def _cap(openings: QuerySet[Opening]) -> int:
    """Known answers are the client's own: opening them earns it no rejections."""
    known = Gold.objects.filter(task=OuterRef("assignment__task"))
    opened = openings.exclude(Exists(known)).count()
    return max(rules.CAP_MIN, opened * rules.CAP_BPS // 10_000)


def _unjudged(rejections: QuerySet[Rejection]) -> int:
    # Also what was withdrawn, or never decided again, after a first decision; not what before.
    decided = Q(closed_at=None) | Q(closed_at__gte=F("dispute__decided_at"))
    judged = Q(outcome__in=JUDGED) | Q(dispute__decided_at__isnull=False) & decided
    return rejections.exclude(judged).count()


def left(*, client_id: int, batch_id: int, now: datetime) -> int:
    """How many more rejections in this batch open no dispute by themselves; below 0: too many."""
    of_client = cap(client_id=client_id, now=now) - unjudged(client_id=client_id, now=now)
    return min(of_client, batch_cap(batch_id=batch_id) - batch_unjudged(batch_id=batch_id))
