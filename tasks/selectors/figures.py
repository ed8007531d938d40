"""Counts: kept beside the batches by a job, so that no page counts rows."""

from datetime import datetime

from tasks.models import Assignment, Batch, Operation
from tasks.states import BatchState


def overdue(*, now: datetime) -> dict[str, int]:
    """How many rows wait although their time has come: each should be near zero."""
    return {
        "claims": Assignment.objects.claims_due(now).count(),
        "reviews": Assignment.objects.reviews_due(now).count(),
        "publishing": Batch.objects.filter(state=BatchState.PUBLISHING).count(),
        "operations": Operation.objects.filter(finished_at__isnull=True).count(),
    }
