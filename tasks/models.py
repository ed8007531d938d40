"""Work: batches, their tasks and places, and what workers do with them.

Places and assignments are written on the hot path: they carry no foreign key constraint to rows
that are updated too (each insert would lock them). The claim function makes what they name, and
`tasks.selectors.audit` proves it.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts.models import Client
from accounts.selectors import client_of
from core import rules
from core.money import CENT, MicrosField
from tasks.states import (
    ENDED_EMPTY,
    MAY_TRY_AGAIN,
    AssignmentState,
    BatchState,
    PlaceState,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


def loose(to: Any, **options: Any) -> Any:
    """A foreign key without constraint, for the hot path."""
    return models.ForeignKey(to, on_delete=models.DO_NOTHING, db_constraint=False, **options)


def new_secret() -> bytes:
    return secrets.token_bytes(32)


class BatchQuerySet(models.QuerySet["Batch"]):
    def visible_to(self, user: User | AnonymousUser) -> BatchQuerySet:
        """Members see their client's batches. (Workers see offers: `on_offer`.)"""
        client = client_of(user) if user.is_authenticated else None
        return self.filter(client=client) if client else self.none()

    def on_offer(self) -> BatchQuerySet:
        """What any worker may read: published, not closed, not stopped."""
        return self.filter(
            state=BatchState.OPEN, frozen_at__isnull=True, claims_stopped_at__isnull=True
        )

    def published(self) -> BatchQuerySet:
        return self.exclude(state=BatchState.DRAFT)


class Batch(models.Model):
    """A client's order. Nothing of a published batch changes; a change is a new batch."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="batches")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    title = models.CharField(max_length=120)
    instructions = models.TextField(max_length=20_000, blank=True, help_text="Markdown.")
    criteria = models.JSONField(default=list, help_text="Numbered from 1: strings.")
    examples = models.JSONField(default=list, help_text="Objects of task, answer and why.")
    interface = models.TextField(max_length=65_536, blank=True, help_text="Label Studio XML.")
    reward = MicrosField(default=0, help_text="Of one place, in micros of whole cents.")
    fee = MicrosField(default=0, help_text="Of one place, in micros; frozen at publication.")
    overlap = models.PositiveSmallIntegerField(default=1)
    declared_seconds = models.PositiveIntegerField(default=60)
    lease_seconds = models.PositiveIntegerField(default=600)
    review_window_seconds = models.PositiveIntegerField(
        default=int(rules.REVIEW_WINDOW.total_seconds())
    )
    languages = ArrayField(models.CharField(max_length=8), default=list, blank=True)
    content_warnings = ArrayField(models.CharField(max_length=60), default=list, blank=True)

    state = models.CharField(max_length=10, choices=BatchState, default=BatchState.DRAFT)
    revision = models.PositiveIntegerField(default=1, help_text="Of the draft: its ETag.")
    task_count = models.PositiveIntegerField(default=0)
    placed = models.PositiveIntegerField(default=0, help_text="Tasks whose places are made.")
    head = models.PositiveIntegerField(
        default=0, help_text="No untouched open place stands before this position (a lower bound)."
    )
    secret = models.BinaryField(default=new_secret, editable=False)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True, help_text="Closed, and every place settled.")
    frozen_at = models.DateTimeField(null=True)
    claims_stopped_at = models.DateTimeField(
        null=True, help_text="Takes far longer than declared (R14): no new claims."
    )

    objects = BatchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=BatchState.values), name="batch_state"),
            models.CheckConstraint(condition=Q(reward__gte=0, fee__gte=0), name="batch_money"),
            models.CheckConstraint(
                condition=Q(overlap__range=(1, rules.MAX_OVERLAP)), name="batch_overlap"
            ),
            models.CheckConstraint(
                condition=Q(state=BatchState.DRAFT)
                | Q(published_at__isnull=False, published_by__isnull=False, reward__gte=CENT),
                name="batch_published",
            ),
            models.CheckConstraint(
                condition=Q(state=BatchState.CLOSED, closed_at__isnull=False)
                | ~Q(state=BatchState.CLOSED) & Q(closed_at__isnull=True),
                name="batch_closed",
            ),
            models.CheckConstraint(
                condition=Q(placed__lte=F("task_count")), name="batch_placed_tasks"
            ),
        ]
        indexes = [
            models.Index(fields=["client", "-created_at", "-id"], name="batch_client"),
            models.Index(
                fields=["-opened_at", "-id"],
                name="batch_on_offer",
                condition=Q(
                    state=BatchState.OPEN, frozen_at__isnull=True, claims_stopped_at__isnull=True
                ),
            ),
            models.Index(
                fields=["id"], name="batch_publishing", condition=Q(state=BatchState.PUBLISHING)
            ),
            models.Index(
                fields=["id"],
                name="batch_to_settle",
                condition=Q(state=BatchState.CLOSED, settled_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_draft(self) -> bool:
        return self.state == BatchState.DRAFT

    @property
    def place_count(self) -> int:
        return self.task_count * self.overlap

    @property
    def hourly(self) -> int:
        """What the declared time pays an hour, in micros (rounded down)."""
        return self.reward * 3600 // self.declared_seconds


class Task(models.Model):
    """One item of a batch, wanted `overlap` times."""

    batch = loose(Batch, related_name="tasks", db_index=False)
    position = models.PositiveIntegerField(help_text="From 0, in the order of upload.")
    external_id = models.CharField(max_length=200)
    payload = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "position"], name="task_position"),
            models.UniqueConstraint(fields=["batch", "external_id"], name="task_external_id"),
        ]

    def __str__(self) -> str:
        return self.external_id


class Place(models.Model):
    """One of the `overlap` paid places of a task; its id is also the id of its hold."""

    batch = loose(Batch, related_name="places", db_index=False)
    task = loose(Task, related_name="places")
    round = models.PositiveSmallIntegerField()
    position = models.PositiveIntegerField(help_text="The task's.")
    state = models.CharField(max_length=8, choices=PlaceState, default=PlaceState.OPEN)
    returned_at = models.DateTimeField(null=True, help_text="Given back: on the free list since.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "round", "position"], name="place_number"),
            models.CheckConstraint(condition=Q(state__in=PlaceState.values), name="place_state"),
        ]
        indexes = [
            models.Index(
                fields=["batch", "position", "round"],
                name="place_untouched",
                condition=Q(state=PlaceState.OPEN, returned_at__isnull=True),
            ),
            models.Index(
                fields=["batch", "returned_at", "id"],
                name="place_free_list",
                condition=Q(state=PlaceState.OPEN, returned_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}/{self.round}/{self.position}"


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
    state = models.CharField(
        max_length=9, choices=AssignmentState, default=AssignmentState.CLAIMED
    )
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
    decided_by = loose(
        settings.AUTH_USER_MODEL, null=True, related_name="+", db_index=False
    )
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
                fields=["review_due_at"], name="assignment_review_due", condition=Q(state="submitted")
            ),
            models.Index(
                fields=["worker", "client"],
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
    """The worker's own copy of work that came after its place was taken (R12). Hers alone."""

    assignment = loose(Assignment, related_name="archived")
    worker = loose(settings.AUTH_USER_MODEL, related_name="archive", db_index=False)
    content = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["worker", "-id"], name="archived_worker")]

    def __str__(self) -> str:
        return f"archived {self.assignment_id}"


class Media(models.Model):
    """An image of a batch, stored and served by us: payloads say `media:<uuid>` (R18)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="media")
    file = models.FileField(upload_to="batches/%Y/%m/")
    content_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField()
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


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
    refreshed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"record of {self.client_id}"
