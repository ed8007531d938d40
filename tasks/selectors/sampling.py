"""Which answers a client may open before it pays for them (R5). It never depends on an answer."""

import hashlib
import hmac

from django.db.models import Exists, OuterRef, Q, QuerySet

from core import rules
from tasks.models import Assignment, Batch, Gold, Sampled
from tasks.states import AssignmentState

# The lowest of 2^64 values of the HMAC that are drawn.
DRAWN_BELOW = (1 << 64) * rules.SAMPLE_SHARE_BPS // 10_000


def is_drawn(batch: Batch, place_id: int) -> bool:
    """Whether the place's HMAC-SHA256 under the batch's secret falls in the lowest tenth."""
    digest = hmac.digest(bytes(batch.secret), str(place_id).encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") < DRAWN_BELOW


def may_open(assignment: Assignment) -> bool:
    """Whether the assignment's place is in the sample, or its task is one of known answer."""
    return (
        Sampled.objects.filter(place=assignment.place_id).exists()
        or Gold.objects.filter(task=assignment.task_id).exists()
    )


def sample(batch: Batch) -> QuerySet[Assignment]:
    """The undecided assignments that may be opened, newest first; `is_gold` says of what kind.

    `opening` is loaded: whether, by whom and when it was opened.
    """
    drawn = Sampled.objects.filter(place=OuterRef("place_id"))
    gold = Gold.objects.filter(task=OuterRef("task_id"))
    found = Assignment.objects.filter(batch=batch, state=AssignmentState.SUBMITTED)
    return (
        found.annotate(is_sampled=Exists(drawn), is_gold=Exists(gold))
        .filter(Q(is_sampled=True) | Q(is_gold=True))
        .select_related("opening")
        .order_by("-pk")
    )
