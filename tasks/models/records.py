"""What is kept beside the work: long requests, and figures made by jobs."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.models import Client
from tasks.models.batches import Batch


class Operation(models.Model):
    """A client's long request, done in chunks by a job: approving many."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="operations")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    assignment_ids = ArrayField(models.BigIntegerField(), null=True, help_text="Empty: all.")
    up_to = models.DateTimeField(help_text="What was submitted later is not meant.")
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    errors = models.JSONField(default=list)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], name="operation_waiting", condition=Q(finished_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"approve {self.total} of batch {self.batch_id}"


class BatchFigures(models.Model):
    """Counts of a batch, kept beside it by a job and proven by `tasks.selectors.audit`.

    Never on the batch's own row: that would make it hot.
    """

    batch = models.OneToOneField(
        Batch, primary_key=True, on_delete=models.CASCADE, related_name="figures"
    )
    places = models.PositiveIntegerField(default=0)
    open = models.PositiveIntegerField(default=0)
    claimed = models.PositiveIntegerField(default=0)
    submitted = models.PositiveIntegerField(default=0)
    approved = models.PositiveIntegerField(default=0)
    contested = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Rejected or in dispute: not final."
    )
    refused = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Assignments; their places opened again."
    )
    refunded = models.PositiveIntegerField(default=0)
    workers = models.PositiveIntegerField(default=0)
    median_seconds = models.PositiveIntegerField(null=True, help_text="Of submitted work.")
    refreshed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"figures of {self.batch_id}"


class ClientRecord(models.Model):
    """How a client has treated workers: what every batch card shows."""

    client = models.OneToOneField(
        Client, primary_key=True, on_delete=models.CASCADE, related_name="record"
    )
    decided = models.PositiveIntegerField(default=0)
    by_clock = models.PositiveIntegerField(default=0)
    median_review_seconds = models.PositiveIntegerField(null=True)
    # Told by `disputes`, which judges them: of all its batches.
    rejected = models.PositiveIntegerField(default=0, db_default=0)
    judged = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Rejections that an adjudicator has decided, finally."
    )
    overturned = models.PositiveIntegerField(default=0, db_default=0, help_text="Of the judged.")
    refreshed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"record of {self.client_id}"

    @property
    def clock_share(self) -> float | None:
        return self.by_clock / self.decided if self.decided else None

    @property
    def overturned_share(self) -> float | None:
        return self.overturned / self.judged if self.judged else None
