"""What a worker may read of a client's: batches on offer, and those she has worked in."""

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import User
from accounts.selectors import client_of
from tasks.models import Batch, BatchQuerySet, Cursor, Media
from tasks.states import BatchState


def batches(worker: User) -> BatchQuerySet:
    """On offer to anybody, or with a task that this worker was given once.

    Her cursor in a batch is asked, not her assignments: one look-up, whatever she has done.
    """
    cursor = Cursor.objects.filter(batch=OuterRef("pk"), worker=worker)
    return Batch.objects.on_offer() | Batch.objects.filter(Exists(cursor))


def media(user: User) -> QuerySet[Media]:
    """The images of those batches; for a member, of the client's."""
    if user.is_worker:
        return Media.objects.filter(batch__in=batches(user))
    client = client_of(user)
    return Media.objects.filter(batch__client=client) if client else Media.objects.none()


def takes_claims(batch: Batch) -> bool:
    """Whether it is on offer, told from the batch as it was loaded."""
    stopped = batch.frozen_at or batch.claims_stopped_at
    return batch.state == BatchState.OPEN and stopped is None
