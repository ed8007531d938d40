"""What a rejection does to the work itself, inside the operations of `disputes`.

The rules of rejecting are there; here are the moves of assignments and places, and erasure.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from accounts.models import User
from core import events
from core.db import inside_operation
from tasks.models import Answer, Archived, Assignment, Batch, Draft, Erasure, GoldCheck, Place
from tasks.services.claims import guarded
from tasks.states import ASSIGNMENT, ArchiveCause, AssignmentState, PlaceState


@inside_operation
def lock_batch(*, batch_id: int) -> Batch:
    """The batch under lock: the first lock of every decision about its rejections."""
    return Batch.objects.select_for_update(of=("self",), no_key=True).get(pk=batch_id)


@inside_operation
def lock_assignments(ids: Sequence[int]) -> dict[int, Assignment]:
    """These assignments under lock, in the order of their ids."""
    found = Assignment.objects.filter(pk__in=ids).order_by("pk")
    return {one.pk: one for one in found.select_for_update(of=("self",), no_key=True)}


@inside_operation
def apply_reject(assignment: Assignment, *, by: User, now: datetime) -> None:
    """Moves a locked, submitted assignment to rejected: from now on its client cannot read it."""
    target = ASSIGNMENT.check("reject", assignment.state)
    changes = {"state": target, "decided_at": now, "decided_by": by, "moved_at": now}
    guarded(ASSIGNMENT, "reject", [assignment.pk], **changes)
    for name, value in changes.items():
        setattr(assignment, name, value)
    events.record("assignment.rejected", by=by, about=assignment, now=now)


@inside_operation
def apply_contest(ids: Sequence[int], *, by: User | None, now: datetime) -> None:
    """Moves locked, rejected assignments into dispute; `by` is None when it opened by itself."""
    target = ASSIGNMENT.target("contest")
    guarded(ASSIGNMENT, "contest", list(ids), state=target, moved_at=now)
    events.record_many("assignment.contested", by=by, about=Assignment, ids=ids, now=now)


@inside_operation
def apply_refuse(
    records: Mapping[int, Mapping[str, Any]], *, by: User | None, now: datetime
) -> None:
    """Ends locked assignments unpaid by their client, and erases their answers for good (R6).

    `records` has, by assignment, what the worker keeps beside her copy: the reason and what was
    said. The places open again with their holds; of a closed batch they are refunded by its job.
    """
    ids = sorted(records)
    guarded(ASSIGNMENT, "refuse", ids, state=ASSIGNMENT.target("refuse"), moved_at=now)
    erase(records, now=now)
    places = Assignment.objects.filter(pk__in=ids).values("place")
    Place.objects.filter(pk__in=places, state=PlaceState.TAKEN).update(
        state=PlaceState.OPEN, returned_at=now
    )
    events.record_many("assignment.refused", by=by, about=Assignment, ids=ids, now=now)


@inside_operation
def erase(records: Mapping[int, Mapping[str, Any]], *, now: datetime) -> None:
    """Moves answers to their workers' archives and deletes them and their drafts elsewhere.

    A keyed hash stays (`Erasure`), by which a restored backup knows what to erase again.
    """
    found = Answer.objects.filter(assignment__in=list(records)).select_related("assignment__batch")
    answers = list(found.order_by("pk"))
    Archived.objects.bulk_create(
        Archived(
            assignment=one.assignment,
            worker_id=one.assignment.worker_id,
            cause=ArchiveCause.REFUSED,
            content=one.content,
            record=dict(records[one.assignment_id]),
            at=now,
        )
        for one in answers
    )
    Erasure.objects.bulk_create(
        Erasure(
            assignment=one.assignment,
            batch_id=one.assignment.batch_id,
            digest=digest(one.assignment.batch, one.content),
            at=now,
        )
        for one in answers
    )
    Answer.objects.filter(pk__in=[one.pk for one in answers]).delete()
    # Whether it was the known answer would tell what it said.
    GoldCheck.objects.filter(assignment__in=list(records)).delete()
    _delete_drafts([one.assignment for one in answers])


def digest(batch: Batch, content: Any) -> bytes:
    """HMAC-SHA256 of an answer under its batch's secret: it proves, and tells nothing."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hmac.digest(bytes(batch.secret), text.encode(), hashlib.sha256)


@inside_operation
def _delete_drafts(assignments: Sequence[Assignment]) -> None:
    """Also those of earlier claims of the same worker on the same task."""
    for one in assignments:
        hers = Assignment.objects.filter(worker=one.worker_id, task=one.task_id).exclude(
            state=AssignmentState.CLAIMED
        )
        Draft.objects.filter(assignment__in=hers.values("pk")).delete()


@inside_operation
def apply_freeze(batch: Batch, *, now: datetime) -> None:
    """The brake (R10): no claims, rejections or refunds in a locked batch."""
    if batch.frozen_at is None:
        batch.frozen_at = now
        batch.save(update_fields=["frozen_at"])
        events.record("batch.frozen", by=None, about=batch, now=now)


@inside_operation
def apply_unfreeze(batch: Batch, *, by: User, now: datetime) -> None:
    """Lifts the brake of a locked batch."""
    if batch.frozen_at is not None:
        batch.frozen_at = None
        batch.save(update_fields=["frozen_at"])
        events.record("batch.unfrozen", by=by, about=batch, now=now)


@inside_operation
def apply_bar_rejections(batch: Batch, *, by: User, now: datetime) -> None:
    """Takes the right to reject from a locked batch: it sends workers elsewhere (R19)."""
    if batch.rejections_barred_at is None:
        batch.rejections_barred_at = now
        batch.save(update_fields=["rejections_barred_at"])
        events.record("batch.rejections_barred", by=by, about=batch, now=now)


@inside_operation
def apply_stop_claims(batch: Batch, *, by: User, now: datetime) -> None:
    """No new claims of a locked batch; what is claimed goes on and is paid."""
    if batch.claims_stopped_at is None:
        batch.claims_stopped_at = now
        batch.save(update_fields=["claims_stopped_at"])
        events.record("batch.claims_stopped", by=by, about=batch, now=now)
