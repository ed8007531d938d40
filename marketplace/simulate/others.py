"""Everybody but the adversary: workers, who contest now and then, and adjudicators, who err."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F, QuerySet

from accounts.models import User
from disputes.models import Dispute, Rejection, Report
from disputes.services import contests, judging, reports
from disputes.states import (
    BEFORE_DECISION,
    TO_DECIDE,
    DisputeKind,
    RejectionState,
    ReportKind,
    ReportState,
)
from marketplace.simulate.desk import Desk
from marketplace.simulate.stage import RIGHT, SECONDS, Stage
from tasks.models import Assignment, Batch
from tasks.services import claims, work

REASONS = "The answer and the criterion were compared; this is what follows from both."


@dataclass
class Workers:
    """They work in turn, each rejection is contested or not, and once decided appealed or not."""

    stage: Stage
    told: set[int] = field(default_factory=set)
    upheld: set[int] = field(default_factory=set)
    reported: set[tuple[int, int]] = field(default_factory=set)

    def work(self, desk: Desk, *, most: int, now: datetime) -> None:
        """Up to `most` answers, one after the other: nobody holds two claims."""
        idle = 0
        for turn in range(most * 2):
            if most == 0 or idle == len(self.stage.workers):
                return
            worker = self.stage.workers[turn % len(self.stage.workers)]
            at = now + timedelta(seconds=turn)
            one = claims.claim_next(worker=worker, batch_id=desk.batch.pk, now=at)
            if one is None:
                idle += 1
                continue
            idle, most = 0, most - 1
            work.submit(
                assignment_id=one.pk,
                worker=worker,
                content=RIGHT,
                key=f"{one.pk}",
                now=at + timedelta(seconds=SECONDS),
            )

    def react(self, *, now: datetime) -> None:
        """Contests what was rejected since yesterday and appeals what was upheld, by chance."""
        chance = self.stage.draw
        new = Rejection.objects.filter(state__in=(RejectionState.OPEN, RejectionState.DISPUTED))
        for one in new.exclude(pk__in=self.told).select_related("worker").order_by("pk"):
            self.told.add(one.pk)
            if chance.happens(chance.contest, "contest", one.pk):
                contests.contest(assignment_id=one.assignment_id, worker=one.worker, now=now)
        lost = Rejection.objects.filter(state=RejectionState.UPHELD).exclude(pk__in=self.upheld)
        for one in lost.select_related("worker", "dispute").order_by("pk"):
            self.upheld.add(one.pk)
            if one.may_be_appealed and chance.happens(chance.contest, "appeal", one.pk):
                contests.appeal(
                    assignment_id=one.assignment_id,
                    worker=one.worker,
                    statement="The answer is right: please look again.",
                    now=now,
                )

    def report(self, desk: Desk, *, now: datetime) -> None:
        """Who has worked on the batch says, by chance, that it sends people elsewhere."""
        draw, batch = self.stage.draw, desk.batch.pk
        hers = Assignment.objects.filter(batch=batch).values("worker")
        for worker in User.objects.filter(pk__in=hers).order_by("pk"):
            if (batch, worker.pk) in self.reported:
                continue
            self.reported.add((batch, worker.pk))
            if draw.happens(draw.contest, "report", batch, worker.pk):
                reports.report_batch(
                    batch_id=batch,
                    worker=worker,
                    kind=ReportKind.EXTERNAL,
                    text="Its tasks link to a site on which one has to answer.",
                    now=now,
                )


@dataclass
class Adjudicators:
    """Two: the second decides appeals. Each judgement is right with a given chance."""

    stage: Stage

    def decide(self, *, now: datetime) -> None:
        """Every case that waits for them, every report, and then the brakes."""
        waiting = Dispute.objects.filter(state__in=TO_DECIDE)
        for dispute in waiting.order_by("pk"):
            self._decide(dispute, now=now)
        for report in Report.objects.filter(state=ReportState.OPEN).order_by("pk"):
            report.refresh_from_db()
            if report.state == ReportState.OPEN:
                self._decide_report(report, now=now)
        for batch in Batch.objects.filter(frozen_at__isnull=False).order_by("pk"):
            self._lift(batch, now=now)

    def _decide(self, dispute: Dispute, *, now: datetime) -> None:
        draw, level = self.stage.draw, 2 if dispute.on_appeal else 1
        running = Rejection.objects.filter(dispute=dispute).exclude(state=RejectionState.CLOSED)
        unfounded = {
            one.assignment_id: draw.happens(draw.accuracy, "judge", level, one.pk)
            for one in running.filter(sampled=True)
        }
        if not all(unfounded.values()) and self._unheard(running, now):
            return
        judging.decide(
            dispute_id=dispute.pk,
            by=self.stage.judges[level - 1],
            unfounded=unfounded,
            reasons=REASONS,
            now=now,
        )

    def _unheard(self, running: QuerySet[Rejection], now: datetime) -> bool:
        """Whether one has to wait for a worker's word, or the seventh day (R9)."""
        silent = running.filter(contested_at__isnull=True, uphold_from__gt=now)
        return silent.exclude(statements__by=F("worker")).exists()

    def _decide_report(self, report: Report, *, now: datetime) -> None:
        draw = self.stage.draw
        reports.decide_report(
            report_id=report.pk,
            by=self.stage.judges[0],
            founded=draw.happens(draw.accuracy, "report decided", report.pk),
            reasons="The tasks of the batch were looked at one by one.",
            now=now,
        )

    def _lift(self, batch: Batch, *, now: datetime) -> None:
        undecided = Dispute.objects.filter(
            batch=batch,
            kind=DisputeKind.COLLECTIVE,
            state__in=BEFORE_DECISION,
        )
        if not undecided.exists():
            judging.lift_freeze(
                batch_id=batch.pk,
                by=self.stage.judges[0],
                reasons="The case of the group is decided.",
                now=now,
            )
