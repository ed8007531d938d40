"""Approvals: by a member, many at once, or by the clock. Approved is paid, in one transaction."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from accounts.models import Member, User
from core import events
from core.db import inside_operation, operation
from core.errors import IllegalMove, Invalid, NotFound
from payments.services import escrow
from tasks.models import Assignment, Batch, Operation, Place
from tasks.services import claims
from tasks.states import ASSIGNMENT, AssignmentState, PlaceState

CHUNK = 5_000
MAX_IDS = 10_000


@operation
def approve_assignment(*, assignment_id: int, by: Member, now: datetime) -> Assignment:
    """Pays the worker and delivers the answer. Final.

    Raises NotFound 404, IllegalMove 409 (approved already: the error says by whom and when).
    """
    found = Assignment.objects.filter(pk=assignment_id, client=by.client_id)
    assignment = found.select_for_update(of=("self",), no_key=True).first()
    if assignment is None:
        raise NotFound(_("There is no such assignment, or it is not yours."))
    ASSIGNMENT.check("approve", assignment.state)
    apply_approve([assignment], by=by.user, now=now)
    return assignment


@inside_operation
def apply_approve(assignments: Sequence[Assignment], *, by: User | None, now: datetime) -> None:
    """Approves locked, submitted assignments: state, place, money and event together.

    `by` is None when the window ended (R2). Constant in statements per batch, whatever the number.
    """
    ids = [assignment.pk for assignment in assignments]
    claims.guarded(
        ASSIGNMENT,
        "approve",
        ids,
        state=ASSIGNMENT.target("approve"),
        decided_at=now,
        decided_by=by,
        moved_at=now,
        approved_xid=RawSQL("pg_current_xact_id()::text::bigint", ()),
    )
    Place.objects.filter(pk__in=[assignment.place_id for assignment in assignments]).update(
        state=PlaceState.SETTLED
    )
    by_batch: dict[int, list[escrow.Settlement]] = {}
    for assignment in assignments:
        assignment.state = AssignmentState.APPROVED
        assignment.decided_at, assignment.decided_by = now, by
        by_batch.setdefault(assignment.batch_id, []).append(
            escrow.Settlement(assignment.place_id, assignment.worker_id, assignment.pk)
        )
    for batch_id, items in sorted(by_batch.items()):
        escrow.settle(batch_id=batch_id, items=items, by=by, now=now)
    events.record_many(
        "assignment.approved", by=by, about=[(one, {}) for one in assignments], now=now
    )


def approve_due(*, now: datetime, most: int = CHUNK) -> int:
    """Approves what nobody decided within its window (R2); returns how many."""
    approved = 0
    while chunk := _approve_due_chunk(now=now, most=most):
        approved += chunk
    return approved


@operation
def _approve_due_chunk(*, now: datetime, most: int) -> int:
    due = Assignment.objects.reviews_due(now).order_by("review_due_at", "pk")[:most]
    ids = sorted(due.values_list("pk", flat=True))
    locked = _lock_submitted(ids, now=now)
    if locked:
        apply_approve(locked, by=None, now=now)
    return len(locked)


@inside_operation
def _lock_submitted(ids: list[int], *, now: datetime | None = None) -> list[Assignment]:
    """Locks by id what is (still) submitted, and due if `now` is given; skips what others hold."""
    found = Assignment.objects.filter(pk__in=ids, state=AssignmentState.SUBMITTED)
    if now is not None:
        found = found.filter(review_due_at__lte=now)
    return list(found.select_for_update(of=("self",), no_key=True, skip_locked=True).order_by("pk"))


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
    approved = 0
    waiting = Operation.objects.filter(finished_at__isnull=True).order_by("pk")
    for operation_id in list(waiting.values_list("pk", flat=True)):
        while chunk := _run_chunk(operation_id=operation_id, now=now):
            approved += chunk
    return approved


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
