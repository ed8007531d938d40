"""A client's look at answers: who, when and why is written before anything is shown (R5)."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import Member
from core import events
from core.db import operation
from core.errors import NotFound
from tasks.models import Assignment, Batch, Opening
from tasks.selectors import answers, sampling
from tasks.selectors.answers import Sealed
from tasks.states import AssignmentState


def open_answer(*, assignment_id: int, by: Member, now: datetime) -> Any:
    """The content of one answer, which the worker sees was opened, by whom and when.

    An approved one is paid for and opens always. Raises NotFound 404; Sealed 409 for one that is
    not in the sample, or no longer in review: rejected means gone (R6).
    """
    _record_opening(assignment_id=assignment_id, by=by, now=now)
    return answers.readable(assignment_id=assignment_id, client=by.client)


def read_paid(*, assignment_id: int, by: Member, now: datetime) -> Any:
    """The content of an approved answer. Raises NotFound 404, Sealed 409."""
    _record_read(assignment_id=assignment_id, by=by, now=now)
    return answers.readable(assignment_id=assignment_id, client=by.client)


@operation
def _record_read(*, assignment_id: int, by: Member, now: datetime) -> None:
    found = Assignment.objects.filter(pk=assignment_id, client=by.client_id).first()
    if found is None:
        raise NotFound(_("There is no such assignment, or it is not yours."))
    if found.state != AssignmentState.APPROVED:
        raise Sealed(_("This answer is sealed until it is paid for."))
    events.record("answer.read", by=by.user, about=found, now=now)


@operation
def _record_opening(*, assignment_id: int, by: Member, now: datetime) -> None:
    found = Assignment.objects.filter(pk=assignment_id, client=by.client_id)
    assignment = found.select_for_update(of=("self",), no_key=True).first()
    if assignment is None:
        raise NotFound(_("There is no such assignment, or it is not yours."))
    if assignment.state == AssignmentState.APPROVED:
        events.record("answer.read", by=by.user, about=assignment, now=now)
        return
    if assignment.state != AssignmentState.SUBMITTED:
        raise Sealed(_("This answer is sealed: it is not in review."))
    if not sampling.may_open(assignment):
        raise Sealed(_("This answer is sealed until it is paid for: it is not in the sample."))
    opening = Opening(
        assignment=assignment,
        batch_id=assignment.batch_id,
        client_id=assignment.client_id,
        worker_id=assignment.worker_id,
        by=by.user,
        at=now,
    )
    Opening.objects.bulk_create([opening], ignore_conflicts=True)
    events.record("answer.opened", by=by.user, about=assignment, now=now)


@operation
def record_results(*, batch: Batch, by: Member, now: datetime) -> None:
    """Notes that a member takes the paid answers of a batch."""
    events.record("results.read", by=by.user, about=batch, now=now)
