"""What a client orders: batches with their tasks, places and images."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts.models import Client
from accounts.selectors import client_of
from core import rules
from core.money import CENT, MicrosField
from tasks.states import BatchState, PlaceState

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
    external_work = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Its tasks send workers elsewhere to answer: then there is no right to reject.",
    )

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
    frozen_at = models.DateTimeField(null=True, help_text="By the brake (R10).")
    rejections_barred_at = models.DateTimeField(
        null=True, help_text="An adjudicator found that it sends workers elsewhere (R19)."
    )
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
    def may_be_rejected(self) -> bool:
        """Whether its client has the right to reject at all (R19)."""
        return not self.external_work and self.rejections_barred_at is None

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
