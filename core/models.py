"""The journal of events, their delivery, and the memory of idempotent requests."""

from django.conf import settings
from django.db import models


class Event(models.Model):
    """What happened, by whom, about what, when. Insert only; never carries an answer.

    No foreign key constraints: a hot insert must not lock the rows it names.
    """

    kind = models.CharField(max_length=60)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    about_kind = models.CharField(max_length=30)
    about_id = models.BigIntegerField()
    data = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["about_kind", "about_id", "id"], name="event_about")]

    def __str__(self) -> str:
        return f"{self.kind} #{self.about_id}"


class Outbox(models.Model):
    """An event that somebody listens to, until every listener has heard it."""

    event = models.OneToOneField(
        Event, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False
    )
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(help_text="When to try, again if the one who took it is gone.")
    done_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"], name="outbox_due", condition=models.Q(done_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"outbox #{self.event_id}"


class IdempotencyKey(models.Model):
    """The first answer to a request, for 24 hours (IETF draft-07, The Idempotency-Key Header)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, help_text="Empty while still running.")
    body = models.JSONField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_key")]
        indexes = [models.Index(fields=["started_at"], name="idempotency_started")]

    def __str__(self) -> str:
        return self.key
