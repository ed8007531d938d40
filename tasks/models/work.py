"""What workers do: claims on places, drafts and answers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Client
from accounts.selectors import client_of
from tasks.models.batches import Batch, Place, Task, loose
from tasks.states import ENDED_EMPTY, MAY_TRY_AGAIN, ArchiveCause, AssignmentState

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class Workbench(models.Model):
    """A worker's way of working. Its row is the lock under which she claims."""

    worker = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="workbench",
        db_constraint=False,
    )
    offline = models.BooleanField(default=False, db_default=False)

    def __str__(self) -> str:
        return f"workbench of {self.worker_id}"


class Cursor(models.Model):
    """How far a worker has walked in a batch: each task passes her once."""

    batch = loose(Batch, related_name="+", db_index=False)
    worker = loose(settings.AUTH_USER_MODEL, related_name="+", db_index=False)
    position = models.IntegerField(db_default=-1, help_text="Of the last task she was given.")
    skipped = models.IntegerField(
        null=True, help_text="The first position passed only because others held it just then."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "worker"], name="cursor_once")]

    def __str__(self) -> str:
        return f"{self.worker_id} in {self.batch_id} at {self.position}"


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def visible_to(self, user: User | AnonymousUser) -> AssignmentQuerySet:
        """A worker's own; a member's client's. Metadata: answers have a door of their own."""
        if user.is_authenticated and user.is_worker:
            return self.filter(worker=user)
        client = client_of(user) if user.is_authenticated else None
        return self.filter(client=client) if client else self.none()

    def live(self) -> AssignmentQuerySet:
        return self.filter(state=AssignmentState.CLAIMED)

    def claims_due(self, now: datetime) -> AssignmentQuerySet:
        return self.filter(state=AssignmentState.CLAIMED, due_at__lte=now)

    def reviews_due(self, now: datetime) -> AssignmentQuerySet:
        return self.filter(state=AssignmentState.SUBMITTED, review_due_at__lte=now)


class Assignment(models.Model):
    """One worker's claim on one place, from claim to its end."""

    place = loose(Place, related_name="assignments", db_index=False)
    task = loose(Task, related_name="assignments", db_index=False)
    batch = loose(Batch, related_name="assignments", db_index=False)
    client = loose(Client, related_name="assignments", db_index=False)
    worker = loose(settings.AUTH_USER_MODEL, related_name="assignments", db_index=False)
    state = models.CharField(max_length=9, choices=AssignmentState, default=AssignmentState.CLAIMED)
    claimed_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(help_text="Her last sign of life on it.")
    lease_ends_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="Lease and what is left of the pause.")
    extensions = models.PositiveSmallIntegerField(default=0, db_default=0)
    active_seconds = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Time with signs of life, pauses left out."
    )
    submit_key = models.CharField(max_length=64, null=True)  # noqa: DJ001 absent ≠ empty
    submitted_at = models.DateTimeField(null=True)
    unsubmitted_at = models.DateTimeField(null=True)
    review_due_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = loose(settings.AUTH_USER_MODEL, null=True, related_name="+", db_index=False)
    ended_at = models.DateTimeField(null=True, help_text="Released or expired.")
    moved_at = models.DateTimeField(help_text="Of the last move: what the figures follow.")
    # The transaction that approved it. Results are read in this order up to the oldest running
    # transaction, so that a reader who resumes never misses one that committed late.
    approved_xid = models.BigIntegerField(null=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=AssignmentState.values), name="assignment_state"
            ),
            models.UniqueConstraint(
                fields=["place"],
                condition=~Q(state__in=ENDED_EMPTY),
                name="assignment_one_live_per_place",
            ),
            models.UniqueConstraint(
                fields=["worker", "task"],
                condition=~Q(state__in=MAY_TRY_AGAIN),
                name="assignment_once_per_worker",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("claimed", "released", "expired"))
                | Q(submitted_at__isnull=False, review_due_at__isnull=False),
                name="assignment_submitted",
            ),
            models.CheckConstraint(
                condition=Q(state="approved", decided_at__isnull=False, approved_xid__isnull=False)
                | ~Q(state="approved") & Q(approved_xid__isnull=True),
                name="assignment_approved",
            ),
        ]
        indexes = [
            models.Index(fields=["worker", "-id"], name="assignment_worker"),
            models.Index(fields=["worker", "state", "-id"], name="assignment_worker_state"),
            models.Index(fields=["batch", "state", "-id"], name="assignment_batch_state"),
            models.Index(
                fields=["batch", "approved_xid", "id"],
                name="assignment_results",
                condition=Q(state="approved"),
            ),
            models.Index(fields=["due_at"], name="assignment_due", condition=Q(state="claimed")),
            models.Index(
                fields=["review_due_at"],
                name="assignment_review_due",
                condition=Q(state="submitted"),
            ),
            models.Index(
                fields=["worker", "client", "review_due_at"],
                name="assignment_exposure",
                condition=Q(state="submitted"),
                include=["batch"],
            ),
            models.Index(fields=["moved_at"], name="assignment_moved"),
        ]

    def __str__(self) -> str:
        return f"assignment {self.pk}"

    @property
    def is_claimed(self) -> bool:
        return self.state == AssignmentState.CLAIMED


class Draft(models.Model):
    """Unfinished content: one an assignment, numbered at each save."""

    assignment = models.OneToOneField(
        Assignment,
        primary_key=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="draft",
    )
    content = models.JSONField()
    revision = models.PositiveIntegerField()
    saved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"draft {self.assignment_id}.{self.revision}"


class Answer(models.Model):
    """Submitted content. Read through `tasks.selectors.answers` only: clients see paid ones."""

    assignment = models.OneToOneField(
        Assignment,
        primary_key=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="answer",
    )
    content = models.JSONField()
    submitted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"answer {self.assignment_id}"


class Archived(models.Model):
    """The worker's own copy of work nobody else has: it came late (R12), or was refused (R6)."""

    assignment = loose(Assignment, related_name="archived")
    worker = loose(settings.AUTH_USER_MODEL, related_name="archive", db_index=False)
    cause = models.CharField(
        max_length=7,
        choices=ArchiveCause,
        default=ArchiveCause.LATE,
        db_default=ArchiveCause.LATE,
    )
    content = models.JSONField()
    record = models.JSONField(
        default=dict, help_text="Of a refused one: what was said of it. Erased everywhere else."
    )
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["worker", "-id"], name="archived_worker")]
        constraints = [
            models.CheckConstraint(
                condition=Q(cause__in=ArchiveCause.values), name="archived_cause"
            ),
            models.UniqueConstraint(
                fields=["assignment"],
                condition=Q(cause=ArchiveCause.REFUSED),
                name="archived_refused_once",
            ),
        ]

    def __str__(self) -> str:
        return f"archived {self.assignment_id}"
