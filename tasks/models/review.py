"""What sealed review rests on: sample, openings, known answers, exclusions, erasures."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Client
from tasks.models.batches import Batch, Place, Task, loose
from tasks.models.work import Assignment
from tasks.states import ExclusionCause


class SampleCount(models.Model):
    """How many of the first places of a batch are in its sample. Locked by its first 20 answers."""

    batch = models.OneToOneField(
        Batch,
        primary_key=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="sample_count",
    )
    first = models.PositiveSmallIntegerField(default=0, db_default=0)

    def __str__(self) -> str:
        return f"{self.first} first places of {self.batch_id}"


class Sampled(models.Model):
    """A place whose answers may be opened before they are paid for; it stays in the sample."""

    place = models.OneToOneField(
        Place,
        primary_key=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="sampled",
    )
    batch = loose(Batch, related_name="+")
    drawn = models.BooleanField(help_text="By its HMAC; otherwise one of the first 20.")

    def __str__(self) -> str:
        return f"place {self.place_id} is in the sample"


class Opening(models.Model):
    """The first time a client opened an answer it has not paid for. Each later one is an event."""

    assignment = models.OneToOneField(
        Assignment,
        primary_key=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="opening",
    )
    batch = loose(Batch, related_name="+", db_index=False)
    client = loose(Client, related_name="+", db_index=False)
    worker = loose(settings.AUTH_USER_MODEL, related_name="+", db_index=False)
    by = loose(settings.AUTH_USER_MODEL, related_name="+", db_index=False)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["client", "at"], name="opening_client"),
            models.Index(fields=["batch", "worker", "at"], name="opening_worker"),
        ]

    def __str__(self) -> str:
        return f"opening of {self.assignment_id}"


class Gold(models.Model):
    """A task whose answer the client knows. It is mixed in and paid like any other."""

    task = models.OneToOneField(
        Task,
        primary_key=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="gold",
    )
    batch = loose(Batch, related_name="gold")
    answer = models.JSONField(help_text="Label Studio results, like an answer.")
    added_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"known answer of task {self.task_id}"


class GoldCheck(models.Model):
    """Whether a worker's answer to a task of known answer was the known one."""

    assignment = models.OneToOneField(
        Assignment,
        primary_key=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="gold_check",
    )
    batch = loose(Batch, related_name="+", db_index=False)
    worker = loose(settings.AUTH_USER_MODEL, related_name="+", db_index=False)
    passed = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["batch", "worker"], name="gold_check_worker")]

    def __str__(self) -> str:
        return f"check of {self.assignment_id}"


class Exclusion(models.Model):
    """A worker makes no further claims in a batch (R16). What she has done is paid."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="exclusions")
    worker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="exclusions"
    )
    cause = models.CharField(max_length=6, choices=ExclusionCause)
    # Known answers come from a person too: the one who answers for the batch.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(max_length=2_000)
    at = models.DateTimeField()
    reply = models.TextField(max_length=2_000, blank=True)
    replied_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "worker"], name="exclusion_once"),
            models.CheckConstraint(
                condition=Q(cause__in=ExclusionCause.values), name="exclusion_cause"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="exclusion_has_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.worker_id} is excluded from {self.batch_id}"


class Erasure(models.Model):
    """An answer that is gone for its client, for good. A restored backup must erase it again."""

    assignment = models.OneToOneField(
        Assignment,
        primary_key=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="erasure",
    )
    batch = loose(Batch, related_name="+", db_index=False)
    digest = models.BinaryField(help_text="HMAC-SHA256 of the content under the batch's secret.")
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["at"], name="erasure_at")]

    def __str__(self) -> str:
        return f"erasure of {self.assignment_id}"
