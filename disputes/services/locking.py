"""Locks of a case, in the order of the house: client, batch, dispute, rejections, assignments."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from core.db import inside_operation
from core.errors import NotFound
from disputes.models import Dispute, DisputeQuerySet, Rejection, RejectionQuerySet
from disputes.states import RejectionState
from tasks.models import Assignment, Batch
from tasks.services import decisions as work


@dataclass
class Case:
    """A dispute under lock, with those of its rejections that are not final."""

    dispute: Dispute
    rejections: list[Rejection]


@inside_operation
def lock_case(found: DisputeQuerySet) -> Case:
    """The one dispute of `found`. Raises NotFound 404."""
    named = found.values_list("pk", "batch").first()
    if named is None:
        raise NotFound(_("There is no such dispute, or it is not yours."))
    pk, batch_id = named
    work.lock_batch(batch_id=batch_id)
    dispute = Dispute.objects.select_for_update(of=("self",), no_key=True).get(pk=pk)
    rejections = lock_rejections(
        Rejection.objects.filter(dispute=dispute).exclude(state=RejectionState.CLOSED)
    )
    lock_work(rejections)
    return Case(dispute, rejections)


@inside_operation
def lock_rejections(found: RejectionQuerySet) -> list[Rejection]:
    """These rejections under lock, in the order of their ids."""
    locked = found.select_for_update(of=("self",), no_key=True).order_by("pk")
    return list(locked.select_related("dispute__appeal_of", "batch", "by"))


@inside_operation
def lock_work(rejections: Iterable[Rejection]) -> dict[int, Assignment]:
    """Their assignments under lock."""
    return work.lock_assignments([one.assignment_id for one in rejections])


@dataclass
class Refused:
    """One rejection under lock, with its batch, its dispute if there is one, its assignment."""

    rejection: Rejection
    batch: Batch
    assignment: Assignment

    @property
    def dispute(self) -> Dispute | None:
        dispute: Dispute | None = self.rejection.dispute
        return dispute


@inside_operation
def lock_rejection(found: RejectionQuerySet) -> Refused:
    """The one rejection of `found`. Raises NotFound 404."""
    batch_id = found.values_list("batch", flat=True).first()
    if batch_id is None:
        raise NotFound(_("This answer was not rejected, or it is not yours."))
    batch = work.lock_batch(batch_id=batch_id)
    # Under the batch's lock no other decision about it moves: what is read now stays.
    dispute_id = found.values_list("dispute", flat=True).get()
    if dispute_id is not None:
        Dispute.objects.select_for_update(of=("self",), no_key=True).get(pk=dispute_id)
    [rejection] = lock_rejections(found)
    [assignment] = lock_work([rejection]).values()
    return Refused(rejection, batch, assignment)
