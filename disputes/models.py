"""Rejections, the disputes they end up in, what both sides say, and the log of decisions."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Client
from accounts.selectors import client_of
from disputes.states import (
    Category,
    DisputeCause,
    DisputeKind,
    DisputeState,
    Outcome,
    RejectionState,
    ReportKind,
    ReportState,
    Side,
)
from tasks.models import Assignment, Batch

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


def kept(to: Any, **options: Any) -> Any:
    """A reference that outlives nothing: what it names cannot be deleted."""
    return models.ForeignKey(to, on_delete=models.PROTECT, **({"related_name": "+"} | options))


class DisputeQuerySet(models.QuerySet["Dispute"]):
    def visible_to(self, user: User | AnonymousUser) -> DisputeQuerySet:
        """A worker's own, a member's client's, and all for adjudicators."""
        if not user.is_authenticated:
            return self.none()
        if user.is_adjudicator:
            return self
        if user.is_worker:
            return self.filter(rejections__worker=user).distinct()
        client = client_of(user)
        return self.filter(client=client) if client else self.none()

    def running(self) -> DisputeQuerySet:
        return self.exclude(state=DisputeState.CLOSED)

    def due(self, now: datetime) -> DisputeQuerySet:
        return self.running().filter(due_at__lte=now)


class Dispute(models.Model):
    """A case: one rejection, or many of a batch together."""

    kind = models.CharField(max_length=10, choices=DisputeKind)
    cause = models.CharField(max_length=9, choices=DisputeCause)
    batch = kept(Batch, related_name="disputes")
    client = kept(Client, related_name="disputes")
    state = models.CharField(max_length=8, choices=DisputeState, default=DisputeState.FILED)
    filed_at = models.DateTimeField()
    due_at = models.DateTimeField(
        null=True, help_text="When its state ends by itself; empty once closed."
    )
    decide_by = models.DateTimeField(help_text="The platform's own deadline (R8).")
    alarmed_at = models.DateTimeField(null=True)
    reply = models.TextField(max_length=4_000, blank=True)
    replied_at = models.DateTimeField(null=True)
    replied_by = kept(settings.AUTH_USER_MODEL, null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = kept(settings.AUTH_USER_MODEL, null=True)
    appealed_at = models.DateTimeField(null=True)
    appeal_of = kept("self", null=True, related_name="appeals")
    closed_at = models.DateTimeField(null=True)

    objects = DisputeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=DisputeState.values), name="dispute_state"
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False, due_at__isnull=True)
                | ~Q(state="closed") & Q(closed_at__isnull=True, due_at__isnull=False),
                name="dispute_waits_or_is_closed",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("decided", "appealed"))
                | Q(decided_at__isnull=False, decided_by__isnull=False),
                name="dispute_decided_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="dispute_due", condition=Q(closed_at=None)),
            models.Index(fields=["client", "-id"], name="dispute_client"),
        ]

    def __str__(self) -> str:
        return f"dispute {self.pk}"

    @property
    def is_collective(self) -> bool:
        return self.kind == DisputeKind.COLLECTIVE

    @property
    def on_appeal(self) -> bool:
        return self.state == DisputeState.APPEALED


class RejectionQuerySet(models.QuerySet["Rejection"]):
    def visible_to(self, user: User | AnonymousUser) -> RejectionQuerySet:
        """A worker's own, a member's client's, and all for adjudicators."""
        if not user.is_authenticated:
            return self.none()
        if user.is_adjudicator:
            return self
        if user.is_worker:
            return self.filter(worker=user)
        client = client_of(user)
        return self.filter(client=client) if client else self.none()

    def lapsed(self, now: datetime) -> RejectionQuerySet:
        return self.filter(state=RejectionState.OPEN, contest_by__lte=now)


class Rejection(models.Model):
    """A client's refusal to pay for one opened answer, until it is final."""

    assignment = models.OneToOneField(
        Assignment, on_delete=models.PROTECT, db_constraint=False, related_name="rejection"
    )
    batch = kept(Batch, related_name="rejections")
    client = kept(Client, related_name="rejections")
    worker = kept(settings.AUTH_USER_MODEL, related_name="rejections")
    by = kept(settings.AUTH_USER_MODEL)
    category = models.CharField(max_length=12, choices=Category)
    criterion = models.PositiveSmallIntegerField(help_text="Its number, from 1.")
    explanation = models.TextField(
        max_length=4_000, blank=True, help_text="Erased with the answer: it may quote it (R6)."
    )
    text_hash = models.CharField(max_length=64, help_text="Of the explanation, as compared (R4).")
    state = models.CharField(max_length=8, choices=RejectionState, default=RejectionState.OPEN)
    at = models.DateTimeField()
    contest_by = models.DateTimeField()
    dispute = kept(Dispute, null=True, related_name="rejections")
    contested_at = models.DateTimeField(null=True, help_text="By the worker herself.")
    uphold_from = models.DateTimeField(
        null=True, help_text="Not upheld before, unless she has spoken: it opened by itself (R9)."
    )
    sampled = models.BooleanField(
        default=True, help_text="Judged itself; a large group is judged by a sample (R10)."
    )
    unfounded = models.BooleanField(null=True, help_text="What an adjudicator noted of it.")
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    closed_at = models.DateTimeField(null=True)
    compensation = models.BigIntegerField(default=0, help_text="Micros (R20).")

    objects = RejectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=RejectionState.values), name="rejection_state"
            ),
            models.CheckConstraint(
                condition=Q(category__in=Category.values), name="rejection_category"
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False, outcome__in=Outcome.values)
                | ~Q(state="closed") & Q(closed_at__isnull=True, outcome=""),
                name="rejection_ends_somehow",
            ),
            models.CheckConstraint(
                condition=Q(state="open", dispute__isnull=True)
                | Q(state__in=("disputed", "upheld"), dispute__isnull=False)
                | Q(state="closed"),
                name="rejection_in_dispute",
            ),
        ]
        indexes = [
            models.Index(fields=["client", "at"], name="rejection_client"),
            models.Index(fields=["batch", "at"], name="rejection_batch"),
            models.Index(fields=["batch", "text_hash"], name="rejection_text"),
            models.Index(fields=["worker", "-id"], name="rejection_worker"),
            models.Index(fields=["contest_by"], name="rejection_lapses", condition=Q(state="open")),
        ]

    def __str__(self) -> str:
        return f"rejection of {self.assignment_id}"

    @property
    def may_be_contested(self) -> bool:
        return self.state == RejectionState.OPEN

    @property
    def may_be_appealed(self) -> bool:
        return self.state == RejectionState.UPHELD and not (
            self.dispute and self.dispute.appealed_at
        )


class Statement(models.Model):
    """What one side says in a case, or an adjudicator asks. Both sides read it."""

    dispute = kept(Dispute, related_name="statements")
    rejection = kept(Rejection, null=True, related_name="statements")
    by = kept(settings.AUTH_USER_MODEL)
    side = models.CharField(max_length=11, choices=Side)
    text = models.TextField(max_length=4_000, blank=True, help_text="Erased with the answer.")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(side__in=Side.values), name="statement_side")
        ]
        indexes = [models.Index(fields=["dispute", "id"], name="statement_dispute")]

    def __str__(self) -> str:
        return f"statement {self.pk} in {self.dispute_id}"


class Evidence(models.Model):
    """A file for the adjudicator; for the other side only if it is shared."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dispute = kept(Dispute, related_name="evidence")
    rejection = kept(Rejection, null=True, related_name="evidence")
    by = kept(settings.AUTH_USER_MODEL)
    side = models.CharField(max_length=11, choices=Side)
    file = models.FileField(upload_to="evidence/%Y/%m/")
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=60)
    size = models.PositiveIntegerField()
    shared = models.BooleanField(default=False)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Decision(models.Model):
    """An adjudicator's decision with its reasons, shown to both sides. One a level and case."""

    dispute = kept(Dispute, related_name="decisions")
    level = models.PositiveSmallIntegerField(help_text="1, or 2 on appeal.")
    by = kept(settings.AUTH_USER_MODEL)
    reasons = models.TextField(max_length=8_000)
    overturned = models.PositiveIntegerField()
    upheld = models.PositiveIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dispute", "level"], name="decision_once_a_level"),
            models.CheckConstraint(condition=Q(level__in=(1, 2)), name="decision_level"),
            models.CheckConstraint(condition=~Q(reasons=""), name="decision_has_reasons"),
        ]

    def __str__(self) -> str:
        return f"decision {self.level} on {self.dispute_id}"


class LogEntry(models.Model):
    """One thing that staff decided. Insert only; each holds the hash of the one before it.

    The database numbers and chains them (migration 0002); `manage.py verify_log` reads them again.
    """

    number = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=40)
    by = kept(settings.AUTH_USER_MODEL, db_constraint=False)
    about_kind = models.CharField(max_length=30)
    about_id = models.BigIntegerField()
    data = models.JSONField(default=dict)
    at = models.DateTimeField()
    previous = models.BinaryField()
    hash = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.number} {self.kind}"


class Report(models.Model):
    """A worker says that something is wrong with a batch; an adjudicator looks at it (R19)."""

    batch = kept(Batch, related_name="reports")
    worker = kept(settings.AUTH_USER_MODEL, related_name="reports")
    kind = models.CharField(max_length=8, choices=ReportKind)
    text = models.TextField(max_length=2_000)
    state = models.CharField(max_length=9, choices=ReportState, default=ReportState.OPEN)
    at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = kept(settings.AUTH_USER_MODEL, null=True)
    reasons = models.TextField(max_length=4_000, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "worker", "kind"],
                condition=Q(state="open"),
                name="report_once_while_open",
            ),
            models.CheckConstraint(
                condition=Q(state="open", decided_at__isnull=True)
                | ~Q(state="open") & Q(decided_at__isnull=False, decided_by__isnull=False),
                name="report_decided_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["id"], name="report_open", condition=Q(state="open"))]

    def __str__(self) -> str:
        return f"report of {self.batch_id}"


class Month(models.Model):
    """What happened in a month, for the public page; made again by a job."""

    month = models.DateField(primary_key=True, help_text="Its first day, UTC.")
    reviewed = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Decided for the first time: approved or rejected."
    )
    approved = models.PositiveIntegerField(default=0, help_text="Paid, also after a rejection.")
    by_clock = models.PositiveIntegerField(default=0, help_text="Of the reviewed.")
    opened = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    contested = models.PositiveIntegerField(default=0)
    disputes = models.PositiveIntegerField(default=0)
    decided = models.PositiveIntegerField(default=0, help_text="Rejections judged.")
    overturned = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    leaked = models.PositiveIntegerField(
        default=0, help_text="Refused without a judgement: seen, unpaid by the client."
    )
    median_review_seconds = models.PositiveIntegerField(null=True)
    median_decision_seconds = models.PositiveIntegerField(null=True)
    refreshed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
