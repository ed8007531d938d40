"""Approvals: by a member, many at once, or by the clock. Approved is paid, in one transaction."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import Member, User
from core import events
from core.db import inside_operation, operation, rows
from core.errors import IllegalMove, Invalid, NotFound
from core.jobs import each
from core.loading import load
from payments.services import escrow
from tasks.models import Assignment, Batch, Operation, Task
from tasks.states import ASSIGNMENT, PLACE, AssignmentState

log = logging.getLogger(__name__)
CHUNK = 5_000
MAX_IDS = 10_000


@operation
def approve_assignment(*, assignment_id: int, by: Member, now: datetime) -> Assignment:
    """Pays the worker and delivers the answer. Final.

    Raises NotFound 404, IllegalMove 409 (approved already: the error says by whom and when).
    """
    params = _move(by=by.user, now=now) | {"assignment": assignment_id, "client": by.client_id}
    [(moved, assignment, task)] = load(
        APPROVE_ONE, params, moved=None, assignment=Assignment, task=Task
    )
    if assignment is None:
        raise NotFound(_("There is no such assignment, or it is not yours."))
    if not moved:
        ASSIGNMENT.check("approve", assignment.state)
    approved: Assignment = assignment
    approved.task, approved.decided_by = task, by.user
    _pay([(approved.pk, approved.batch_id, approved.place_id, approved.worker_id)], by.user, now)
    return approved


APPROVE_ONE = """
tasks_approve_one(%(assignment)s, %(client)s, %(from)s, %(to)s, %(place)s, %(by)s, %(now)s)
"""
APPROVE = """
SELECT id, batch_id, place_id, worker_id
  FROM tasks_approve(%(ids)s, %(from)s, %(to)s, %(place)s, %(by)s, %(now)s)
"""


@inside_operation
def apply_approve(
    ids: Sequence[int], *, by: User | None, now: datetime, verb: str = "approve"
) -> None:
    """Approves locked assignments: state, place, money and event together.

    `by` is None when a clock decided (R2, R8). `verb` is the move, from whichever state it leads
    out of (withdraw, overturn). Constant in statements per batch, whatever the number.
    """
    approved = rows(APPROVE, _move(by=by, now=now, verb=verb) | {"ids": list(ids)})
    if len(approved) != len(ids):
        raise RuntimeError(f"{verb}: {len(approved)} of {len(ids)} moved")
    _pay(approved, by, now)


def _move(*, by: User | None, now: datetime, verb: str = "approve") -> dict[str, Any]:
    return {
        "from": ASSIGNMENT.sources(verb),
        "to": ASSIGNMENT.target(verb),
        "place": PLACE.target("settle"),
        "by": by.pk if by else None,
        "now": now,
    }


@inside_operation
def _pay(approved: Sequence[tuple[int, ...]], by: User | None, now: datetime) -> None:
    """Pays what was approved (assignment, batch, place, worker), and tells of it."""
    by_batch: dict[int, list[escrow.Settlement]] = {}
    for assignment_id, batch_id, place_id, worker_id in approved:
        paid = escrow.Settlement(place_id, worker_id, assignment_id)
        by_batch.setdefault(batch_id, []).append(paid)
    for batch_id, items in sorted(by_batch.items()):
        escrow.settle(batch_id=batch_id, items=items, by=by, now=now)
    ids = [row[0] for row in approved]
    events.record_many("assignment.approved", by=by, about=Assignment, ids=ids, now=now)


def approve_due(*, now: datetime, most: int = CHUNK) -> int:
    """Approves what nobody decided within its window (R2); returns how many.

    A row that cannot be paid stops no other: its chunk is then tried row by row.
    """
    due = Assignment.objects.reviews_due(now)
    batches = sorted(due.order_by().values_list("batch_id", flat=True).distinct())

    def of_batch(batch_id: int) -> int:
        approved = 0
        while ids := list(_due_of(batch_id, now)[:most]):
            try:
                chunk = _approve_due(ids, now=now)
            except Exception:
                log.exception("a chunk of batch %s is approved one by one", batch_id)
                return approved + each(
                    list(_due_of(batch_id, now)),
                    lambda one: _approve_due([one], now=now),
                    what="approve",
                )
            approved += chunk
            if not chunk:
                break
        return approved

    return each(batches, of_batch, what="approve batch")


def _due_of(batch_id: int, now: datetime) -> QuerySet[Assignment, int]:
    due = Assignment.objects.reviews_due(now).filter(batch=batch_id)
    return due.order_by("review_due_at", "pk").values_list("pk", flat=True)


@operation
def _approve_due(ids: list[int], *, now: datetime) -> int:
    locked = _lock_submitted(ids, now=now)
    if locked:
        apply_approve(locked, by=None, now=now)
    return len(locked)


@inside_operation
def _lock_submitted(ids: list[int], *, now: datetime | None = None) -> list[int]:
    """Locks, in order, the ids of what is (still) submitted, and due if `now` is given.

    Skips what others hold.
    """
    found = Assignment.objects.filter(pk__in=ids, state=AssignmentState.SUBMITTED)
    if now is not None:
        found = found.filter(review_due_at__lte=now)
    locked = found.select_for_update(no_key=True, skip_locked=True).order_by("pk")
    return list(locked.values_list("pk", flat=True))


@operation
def approve_many(
    *, batch_id: int, by: Member, assignment_ids: list[int] | None, now: datetime
) -> Operation:
    """Starts approving the named assignments, or all submitted until now, in chunks by a job.

    Raises NotFound 404, Invalid for more than 10,000 ids.
    """
    batch = Batch.objects.published().filter(pk=batch_id, client=by.client_id).first()
    if batch is None:
        raise NotFound(_("There is no such batch, or it is not yours."))
    if assignment_ids is not None and not 1 <= len(assignment_ids) <= MAX_IDS:
        raise Invalid(_("Name 1 to 10,000 assignments, or all."), field="assignment_ids")
    waiting = Assignment.objects.filter(
        batch=batch, state=AssignmentState.SUBMITTED, submitted_at__lte=now
    )
    operation_ = Operation.objects.create(
        client=by.client,
        batch=batch,
        by=by.user,
        assignment_ids=sorted(set(assignment_ids)) if assignment_ids is not None else None,
        up_to=now,
        total=waiting.count() if assignment_ids is None else len(set(assignment_ids)),
        created_at=now,
    )
    events.record("operation.started", by=by.user, about=operation_, now=now)
    return operation_


def run_operations(*, now: datetime) -> int:
    """Goes on with every waiting operation; returns how many assignments were approved."""
    waiting = Operation.objects.filter(finished_at__isnull=True).order_by("pk")

    def whole(operation_id: int) -> int:
        return sum(iter(lambda: _run_chunk(operation_id=operation_id, now=now), 0))

    return each(list(waiting.values_list("pk", flat=True)), whole, what="operation")


@operation
def _run_chunk(*, operation_id: int, now: datetime) -> int:
    """Approves the next chunk of an operation; finishes it when nothing is left. Resumable."""
    row = (
        Operation.objects.select_for_update(of=("self",)).select_related("by").get(pk=operation_id)
    )
    if row.finished_at is not None:
        return 0
    waiting = Assignment.objects.filter(
        batch=row.batch_id, state=AssignmentState.SUBMITTED, submitted_at__lte=row.up_to
    )
    if row.assignment_ids is not None:
        waiting = waiting.filter(pk__in=row.assignment_ids)
    locked = _lock_submitted(sorted(waiting.order_by("pk").values_list("pk", flat=True)[:CHUNK]))
    if locked:
        apply_approve(locked, by=row.by, now=now)
        Operation.objects.filter(pk=row.pk).update(done=F("done") + len(locked))
        return len(locked)
    if waiting.exists():
        # Somebody else decides them just now: the next round sees what became of them.
        return 0
    Operation.objects.filter(pk=row.pk).update(finished_at=now, errors=_unapproved(row))
    events.record("operation.finished", by=None, about=row, now=now)
    return 0


def _unapproved(row: Operation) -> list[dict[str, object]]:
    """One error for each named assignment that could not be approved."""
    if row.assignment_ids is None:
        return []
    states = dict(
        Assignment.objects.filter(batch=row.batch_id, pk__in=row.assignment_ids).values_list(
            "pk", "state"
        )
    )
    return [
        {
            "assignment": one,
            "code": IllegalMove.code if one in states else NotFound.code,
            "state": states.get(one),
        }
        for one in row.assignment_ids
        if states.get(one) != AssignmentState.APPROVED
    ]
