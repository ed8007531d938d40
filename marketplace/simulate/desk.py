"""What a client can do with one of its batches, by the services that its pages and API call."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Member
from core import rules
from disputes.models import Rejection
from disputes.selectors import bounds
from disputes.services import rejections, replies
from disputes.states import RejectionState
from tasks.models import Assignment, Batch, Opening
from tasks.selectors import sampling
from tasks.services import batches, openings, reviews
from tasks.states import AssignmentState

SAME = "This answer was not given with the care that the instructions ask for."


@dataclass
class Desk:
    """A client's view of a batch; `now` is moved on by who runs the days."""

    batch: Batch
    member: Member
    per_day: int
    now: datetime

    @property
    def frozen(self) -> bool:
        self.batch.refresh_from_db(fields=["frozen_at"])
        return self.batch.frozen_at is not None

    def look(self) -> None:
        """Opens every answer of the sample that it has not opened yet."""
        new = sampling.sample(self.batch).filter(opening__isnull=True).order_by("pk")
        for pk in list(new.values_list("pk", flat=True)):
            openings.open_answer(assignment_id=pk, by=self.member, now=self.now)

    def opened(self) -> list[Assignment]:
        """What it has opened and not decided, oldest first."""
        found = sampling.sample(self.batch).filter(opening__isnull=False)
        return list(found.select_related("task").order_by("pk"))

    def reject(self, one: Assignment, *, text: str = "") -> None:
        rejections.reject_assignment(
            assignment_id=one.pk,
            by=self.member,
            category="instructions",
            criterion=1,
            explanation=text
            or f"The answer to {one.task.external_id} in {self.batch.pk} ignores the instructions.",
            now=self.now,
        )

    def withdraw(self, *, older_than: datetime) -> None:
        """Withdraws every rejection made until then that nobody has contested."""
        old = Rejection.objects.filter(
            batch=self.batch, state=RejectionState.OPEN, at__lte=older_than
        )
        for assignment in list(old.order_by("pk").values_list("assignment", flat=True)):
            rejections.withdraw_rejection(assignment_id=assignment, by=self.member, now=self.now)

    def approve(self, *, but: list[Assignment]) -> None:
        """Approves all that waits, other than these: the clock would pay it anyway."""
        waiting = Assignment.objects.filter(batch=self.batch, state=AssignmentState.SUBMITTED)
        ids = list(waiting.exclude(pk__in=[one.pk for one in but]).values_list("pk", flat=True))
        if ids:
            reviews.approve_many(
                batch_id=self.batch.pk, by=self.member, assignment_ids=ids, now=self.now
            )
            reviews.run_operations(now=self.now)

    def reply(self, dispute_id: int) -> None:
        replies.reply(
            dispute_id=dispute_id, by=self.member, text="We stand by what we wrote.", now=self.now
        )

    def close(self) -> None:
        batches.close_batch(batch_id=self.batch.pk, by=self.member, now=self.now)

    # --- what it knows of the bounds: all of it counts its own doings ---------------------------

    def room(self) -> bool:
        """Whether one more rejection stays within the cap (R9)."""
        client = self.member.client_id
        return bounds.left(client_id=client, batch_id=self.batch.pk, now=self.now) > 0

    def room_if_withdrawn_were_none(self) -> bool:
        """The same, by one who hopes that what it withdrew is forgotten."""
        client = self.member.client_id
        waiting = Rejection.objects.filter(client=client, state=RejectionState.OPEN).count()
        return waiting < bounds.cap(client_id=client, now=self.now)


class Brake:
    """What a client knows of R10 in one of its batches: it counts along, and stays below."""

    def __init__(self, desk: Desk) -> None:
        since = desk.now - rules.BRAKE_OVER
        rejected = Rejection.objects.filter(batch=desk.batch, at__gt=since)
        opened = Opening.objects.filter(batch=desk.batch, at__gt=since)
        self.rejected = Counter(rejected.values_list("worker", flat=True))
        self.opened = Counter(opened.values_list("worker", flat=True))
        decided = Assignment.objects.filter(
            batch=desk.batch, decided_at__gt=since, decided_by__isnull=False
        )
        self.reviewed = decided.count()

    @property
    def is_near(self) -> bool:
        """Whether one more rejection, of whomever, freezes the batch."""
        more = self.rejected.total() + 1
        return more >= rules.BRAKE_MIN and more * 10_000 > (self.reviewed + 1) * rules.BRAKE_BPS

    def allows(self, one: Assignment) -> bool:
        """Whether rejecting this one freezes nothing, also not as the worker's."""
        hers, seen = self.rejected[one.worker_id] + 1, self.opened[one.worker_id]
        of_worker = seen >= rules.WORKER_BRAKE_MIN and hers * 10_000 >= (
            seen * rules.WORKER_BRAKE_BPS
        )
        return not self.is_near and not of_worker

    def note(self, one: Assignment) -> None:
        self.rejected[one.worker_id] += 1
        self.reviewed += 1
