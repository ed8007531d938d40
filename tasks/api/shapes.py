"""What the endpoints of work answer with."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from accounts.models import Client
from accounts.selectors import pseudonym
from core.api.fields import Choice, Json, Money, Shape
from tasks.models import Assignment, Batch, Exclusion
from tasks.selectors import work as selectors
from tasks.states import ASSIGNMENT, BATCH, AssignmentState, BatchState, ExclusionCause


def time(**options: Any) -> serializers.DateTimeField:
    return serializers.DateTimeField(**options)


def when(**options: Any) -> serializers.DateTimeField:
    """A time that may not have come yet."""
    return serializers.DateTimeField(allow_null=True, **options)


class ExampleOut(Shape):
    task = serializers.CharField()
    answer = serializers.CharField()
    why = serializers.CharField()


class BatchBriefOut(Shape):
    id = serializers.IntegerField()
    title = serializers.CharField()
    state = Choice(BatchState)
    allowed = serializers.ListField(
        child=serializers.CharField(), help_text="What can be done now: POST …/{this}."
    )
    reward = Money(help_text="Of one place.")
    fee = Money(help_text="Of one place, beside the reward; zero until it is published.")
    overlap = serializers.IntegerField(help_text="How many workers do each task.")
    task_count = serializers.IntegerField()
    place_count = serializers.IntegerField()
    created_at = time()
    published_at = when()
    opened_at = when()
    closed_at = when()
    settled_at = when(help_text="Closed, and every place paid or refunded.")


class BatchOut(BatchBriefOut):
    instructions = serializers.CharField(help_text="Markdown.")
    criteria = serializers.ListField(child=serializers.CharField())
    examples = ExampleOut(many=True)
    interface = serializers.CharField(help_text="Label Studio XML.")
    declared_seconds = serializers.IntegerField()
    time_limit_s = serializers.IntegerField(source="lease_seconds")
    review_window_s = serializers.IntegerField(source="review_window_seconds")
    languages = serializers.ListField(child=serializers.CharField())
    content_warnings = serializers.ListField(child=serializers.CharField())
    external_work = serializers.BooleanField(
        help_text="Workers answer elsewhere: nothing of it can be rejected (R19)."
    )
    revision = serializers.IntegerField(help_text="Of the draft; its ETag.")
    frozen_at = when(help_text="By the brake, until an adjudicator lifts it (R10).")
    rejections_barred_at = when(help_text="It was found to send workers elsewhere (R19).")
    claims_stopped_at = when(help_text="Work takes far longer than declared: no new claims (R14).")


def batch_shown(batch: Batch) -> Batch:
    """`batch` with what its shape has beyond the row."""
    batch.allowed = [  # type: ignore[attr-defined]
        verb for verb in BATCH.allowed(batch.state) if verb != "open"
    ]
    return batch


class AssignmentOut(Shape):
    """Metadata for the client: never an answer, never who the worker is."""

    id = serializers.IntegerField()
    batch = serializers.IntegerField(source="batch_id")
    task = serializers.IntegerField(source="task_id")
    external_id = serializers.CharField(source="task.external_id")
    worker = serializers.CharField(help_text="Her name for your organisation only.")
    state = Choice(AssignmentState)
    allowed = serializers.ListField(
        child=serializers.CharField(), help_text="By its state; only what was opened is rejected."
    )
    claimed_at = time()
    submitted_at = when()
    review_due_at = when(help_text="Approved by the clock if nobody decides until then.")
    decided_at = when()
    by_clock = serializers.BooleanField(help_text="Approved because its review window ended.")
    ended_at = when(help_text="Given back, or expired.")


class AnswerOut(AssignmentOut):
    payload = Json()
    answer = Json(help_text="Label Studio result items.")


class OpenedOut(Shape):
    """The first time that an answer was opened before it was paid for."""

    by = serializers.CharField()
    at = time()


def opened_shown(assignment: Assignment) -> dict[str, Any] | None:
    """When it was opened by whom, if it was; both are loaded."""
    opening = getattr(assignment, "opening", None)
    return {"by": opening.by.known_as, "at": opening.at} if opening else None


# What of an assignment's moves is the client's to make.
CLIENT_VERBS = {"approve", "reject", "withdraw"}


def assignment_shown(assignment: Assignment, *, client: Client) -> dict[str, Any]:
    """What a client may know of an assignment; its task is loaded."""
    shown = {name: getattr(assignment, name) for name in SAME}
    return shown | {
        "worker": pseudonym(client=client, worker_id=assignment.worker_id),
        "allowed": [v for v in ASSIGNMENT.allowed(assignment.state) if v in CLIENT_VERBS],
        "by_clock": assignment.decided_at is not None and assignment.decided_by_id is None,
    }


SAME = (
    "id",
    "batch_id",
    "task_id",
    "task",
    "state",
    "claimed_at",
    "submitted_at",
    "review_due_at",
    "decided_at",
    "ended_at",
)


class ClockOut(Shape):
    """R12: the lease runs while there are signs of life; silence uses up the pause instead."""

    running = serializers.BooleanField()
    left_s = serializers.IntegerField(help_text="Of the lease.")
    pause_left_s = serializers.IntegerField()
    extensions_left = serializers.IntegerField()
    due_at = time(help_text="When the claim ends unless it is submitted, given back or extended.")


class DraftOut(Shape):
    revision = serializers.IntegerField()
    saved_at = time()
    content = Json()


class WorkBriefOut(Shape):
    """A worker's own assignment."""

    id = serializers.IntegerField()
    batch = serializers.IntegerField()
    title = serializers.CharField()
    state = Choice(AssignmentState)
    reward = Money()
    claimed_at = time()
    submitted_at = when()
    review_due_at = when(help_text="Approved by then at the latest.")
    decided_at = when()
    ended_at = when(help_text="Given back, or expired.")
    clock = ClockOut(allow_null=True, help_text="While it is in work.")


class WorkOut(WorkBriefOut):
    payload = Json(help_text="Of the task, as the interface names its parts.")
    interface = serializers.CharField(help_text="Label Studio XML.")


class WorkPageOut(WorkOut):
    draft = DraftOut(allow_null=True)
    answer = Json(allow_null=True, help_text="What you submitted.")
    opened = OpenedOut(allow_null=True, help_text="By the client, before it is paid for (R5).")
    may_unsubmit = serializers.BooleanField()


def work_shown(assignment: Assignment, *, now: datetime) -> dict[str, Any]:
    """A worker's assignment; its batch and task are loaded."""
    return {
        "id": assignment.pk,
        "batch": assignment.batch_id,
        "title": assignment.batch.title,
        "state": assignment.state,
        "reward": assignment.batch.reward,
        "claimed_at": assignment.claimed_at,
        "submitted_at": assignment.submitted_at,
        "review_due_at": assignment.review_due_at,
        "decided_at": assignment.decided_at,
        "ended_at": assignment.ended_at,
        "clock": clock_shown(assignment, now=now) if assignment.is_claimed else None,
        "payload": assignment.task.payload,
        "interface": assignment.batch.interface,
    }


def clock_shown(assignment: Assignment, *, now: datetime) -> dict[str, Any]:
    clock = selectors.clock(assignment, now=now)
    return {
        "running": clock.running,
        "left_s": int(clock.left.total_seconds()),
        "pause_left_s": int(clock.pause_left.total_seconds()),
        "extensions_left": clock.extensions_left,
        "due_at": assignment.due_at,
    }


class ExclusionOut(Shape):
    """Why a worker makes no further claims in a batch (R16)."""

    id = serializers.IntegerField()
    cause = Choice(ExclusionCause)
    by = serializers.CharField(help_text="Who answers for it.")
    reason = serializers.CharField()
    at = time()
    reply = serializers.CharField(help_text="What you say to it: POST …/reply.")
    replied_at = when()


def exclusion_shown(one: Exclusion) -> dict[str, Any]:
    """An exclusion as its worker sees it; whoever excluded her is loaded."""
    same = ("id", "cause", "reason", "at", "reply", "replied_at")
    return {name: getattr(one, name) for name in same} | {"by": one.by.known_as}
