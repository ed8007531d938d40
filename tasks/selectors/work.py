"""What a worker sees of her own work."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import rules
from core.errors import NotFound
from tasks.models import Assignment
from tasks.states import AssignmentState


def assignments(*, worker: User, state: str = "") -> QuerySet[Assignment]:
    """Her assignments, newest first, batch, client and task loaded."""
    found = Assignment.objects.visible_to(worker).select_related("batch__client", "task")
    if state:
        found = found.filter(state=state)
    return found.order_by("-pk")


def in_hand(*, worker: User) -> list[Assignment]:
    """What she holds now, what runs out first in front."""
    found = Assignment.objects.visible_to(worker).live().select_related("batch", "task")
    return list(found.order_by("due_at", "pk"))


def task_page(*, worker: User, assignment_id: int) -> Assignment:
    """One assignment with everything its page shows, in one query. Raises NotFound 404."""
    found = Assignment.objects.visible_to(worker).select_related(
        "batch__client", "task", "draft", "place", "opening__by", "decided_by"
    )
    assignment = found.filter(pk=assignment_id).first()
    if assignment is None:
        raise NotFound(_("There is no such task, or it is not yours."))
    return assignment


@dataclass(frozen=True)
class Pending:
    """Submitted and not yet decided: how many, micros of reward."""

    count: int
    amount: int


def pending(*, worker: User) -> Pending:
    """Her work that waits for review, and what it will pay."""
    waiting = Assignment.objects.filter(worker=worker, state=AssignmentState.SUBMITTED)
    sums = waiting.aggregate(count=Count("pk"), amount=Sum("batch__reward"))
    return Pending(sums["count"], sums["amount"] or 0)


@dataclass(frozen=True)
class Clock:
    """How much time a claim has: worked by the lease, saved by the pause (R12)."""

    left: timedelta
    running: bool
    pause_left: timedelta
    extensions_left: int


def clock(assignment: Assignment, *, now: datetime) -> Clock:
    """The state of a claim's clock at `now`; the pause runs once she was silent for a minute."""
    silence = now - assignment.last_seen_at
    paused = max(timedelta(0), silence - rules.PRESENCE)
    left = assignment.lease_ends_at + paused - now
    return Clock(
        left=max(timedelta(0), left),
        running=silence <= rules.PRESENCE,
        pause_left=max(timedelta(0), assignment.due_at - assignment.lease_ends_at - paused),
        extensions_left=max(0, rules.EXTENSIONS - assignment.extensions),
    )


def may_unsubmit(assignment: Assignment, *, now: datetime) -> bool:
    """Whether the worker can still take this answer back."""
    return (
        assignment.state == AssignmentState.SUBMITTED
        and assignment.unsubmitted_at is None
        and assignment.submitted_at is not None
        and now - assignment.submitted_at <= rules.UNSUBMIT_WITHIN
    )
