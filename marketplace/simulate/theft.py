"""Plays an adversary day by day, counts what it kept unpaid, and asks whether the bounds held.

A client can have read without paying what it opened and what was then finally refused: all else
was paid, or never opened. `today` is a model and no measurement: a platform on which the client
reads all it gets, rejects all of it, and decides alone on whatever is contested.
"""

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.db import rows
from core.jobs import FAILED
from disputes.models import Dispute, Rejection
from disputes.services import clocks
from disputes.states import REFUSED, DisputeState, RejectionState
from marketplace.simulate.desk import Desk
from marketplace.simulate.draw import Draw
from marketplace.simulate.others import Adjudicators, Workers
from marketplace.simulate.stage import START, Stage
from marketplace.simulate.strategies import BY_NAME, Strategy
from payments.selectors.audit import audit_books
from tasks.models import Assignment, Batch, Place
from tasks.selectors.audit import audit_work
from tasks.services import claims, figures, publishing, reviews

# What a client may have kept of a large batch, and of what it opened in all.
OF_BATCH, OF_OPENED, LARGE = 0.01, 0.10, 1_000
# Every wait of a case after the other: contest, decision, appeal and its decision.
LAST = 14 + 10 + 14 + 30 + 2


@dataclass(frozen=True)
class Count:
    """Of one batch."""

    tasks: int
    submitted: int
    delivered: int
    opened: int
    rejected: int
    kept: int

    @property
    def leak(self) -> float:
        return self.kept / self.submitted if self.submitted else 0.0

    @property
    def of_opened(self) -> float:
        return self.kept / self.opened if self.opened else 0.0


@dataclass(frozen=True)
class Result:
    """What came of a strategy. Money in micros; `compensation` and `fund` are parts of `paid`."""

    name: str
    batches: list[Count]
    paid: int
    compensation: int
    fund: int
    flaws: list[str]

    @property
    def strategy(self) -> Strategy:
        return BY_NAME[self.name]

    @property
    def total(self) -> Count:
        sums = [sum(one) for one in zip(*map(_numbers, self.batches), strict=True)]
        return Count(*sums)

    @property
    def worst(self) -> float:
        """The leak of the worst batch."""
        return max(one.leak for one in self.batches)

    def broken(self) -> list[str]:
        """Bounds that did not hold, in words."""
        if not self.strategy.bounded:
            return []
        found = [
            f"{self.name}: {one.leak:.2%} of a batch of {one.tasks} tasks were kept unpaid"
            for one in self.batches
            if one.tasks >= LARGE and one.leak > OF_BATCH
        ]
        if self.total.tasks >= LARGE and self.total.of_opened > OF_OPENED:
            found.append(f"{self.name}: {self.total.of_opened:.2%} of what was opened was kept")
        return found


def _numbers(one: Count) -> tuple[int, ...]:
    return (one.tasks, one.submitted, one.delivered, one.opened, one.rejected, one.kept)


def today(result: Result, draw: Draw) -> Count:
    """The same answers on the modelled platform: contesting changes nothing, the client decides.

    A contest is drawn for each rejection as in the bench; whoever rejected it decides on it.
    """
    sent = result.total.submitted
    kept = sum(_refuses(contested=draw.happens(draw.contest, "contest", n)) for n in range(sent))
    return Count(result.total.tasks, sent, sent, sent, sent, kept)


def _refuses(*, contested: bool) -> bool:
    """What the client of the model answers: it has nothing to lose in either case."""
    return True


def play(strategy: Strategy, draw: Draw) -> Result:
    """Plays `strategy` in the present, empty database until nothing waits any more."""
    run = Run(strategy, draw)
    failed = _failed()
    for day in itertools.count():
        run.live(day)
        if day >= strategy.days and run.is_over():
            break
        if day > strategy.days + LAST:
            raise RuntimeError(f"{strategy.name}: something still waits after {day} days")
    flaws = [str(one) for one in [*audit_books(), *audit_work()]]
    if _failed() != failed:
        flaws.append("a job could not do a row")
    return _counted(strategy, flaws)


class Run:
    """The days of one strategy."""

    def __init__(self, strategy: Strategy, draw: Draw) -> None:
        self.strategy = strategy
        self.stage = Stage(draw)
        self.workers, self.judges = Workers(self.stage), Adjudicators(self.stage)
        self.postings = strategy.post(draw.tasks)
        self.desks: list[Desk] = []

    def live(self, day: int) -> None:
        """One day: the clocks, work, the client, the workers' answer, the adjudicators."""
        now = START + timedelta(days=day)
        self._run_jobs(now)
        if day < self.strategy.days:
            self._post(day, now)
            self._work(now + timedelta(hours=8))
        elif day == self.strategy.days:
            for desk in self.desks:
                desk.now = now
                desk.close()
        # What was due this morning is paid before anybody decides at noon.
        reviews.approve_due(now=now + timedelta(hours=12))
        self._decide(now + timedelta(hours=12), reviews_too=day < self.strategy.days)
        self.workers.react(now=now + timedelta(hours=16))
        self.judges.decide(now=now + timedelta(hours=20))

    def _run_jobs(self, now: datetime) -> None:
        clocks.run(now=now)
        claims.expire_due(now=now)
        reviews.approve_due(now=now)
        publishing.settle_closed(now=now)
        figures.refresh_figures(now=now)

    def _post(self, day: int, now: datetime) -> None:
        for one in self.postings:
            if one.day == day:
                batch = self.stage.post(
                    client=one.client, tasks=one.tasks, overlap=self.strategy.overlap, now=now
                )
                per_day = -(-batch.place_count // self.strategy.work_days)
                member = self.stage.client(one.client, now=now)
                self.desks.append(Desk(batch, member, per_day, now))

    def _work(self, now: datetime) -> None:
        left = Place.objects.filter(
            state="open", batch__state="open", batch__frozen_at__isnull=True
        )
        with_places = set(left.values_list("batch", flat=True).distinct())
        for desk in self.desks:
            if desk.batch.pk in with_places:
                self.workers.work(desk, most=desk.per_day, now=now)
                if self.strategy.reported:
                    self.workers.report(desk, now=now + timedelta(hours=2))

    def _decide(self, now: datetime, *, reviews_too: bool) -> None:
        waiting = Assignment.objects.filter(state__in=("submitted", "rejected"))
        busy = set(waiting.values_list("batch", flat=True).distinct())
        for desk in self.desks:
            desk.now = now
        if self.strategy.replies:
            self._reply()
        for desk in self.desks:
            if reviews_too and desk.batch.pk in busy:
                self.strategy.review(desk)

    def _reply(self) -> None:
        desks = {desk.batch.pk: desk for desk in self.desks}
        filed = Dispute.objects.filter(state=DisputeState.FILED).order_by("pk")
        for pk, batch in list(filed.values_list("pk", "batch")):
            desks[batch].reply(pk)

    def is_over(self) -> bool:
        """Every batch is settled, and no rejection waits for anything."""
        return not (
            Batch.objects.filter(settled_at__isnull=True).exists()
            or Rejection.objects.exclude(state=RejectionState.CLOSED).exists()
        )


def _failed() -> float:
    """How many rows jobs could not do: they log it and go on."""
    return sum(sample.value for metric in FAILED.collect() for sample in metric.samples)


COUNTS = """
SELECT b.task_count, a.submitted, a.delivered,
       (SELECT count(*) FROM tasks_opening WHERE batch_id = b.id),
       (SELECT count(*) FROM disputes_rejection WHERE batch_id = b.id),
       (SELECT count(*) FROM disputes_rejection WHERE batch_id = b.id
           AND outcome = ANY(%(kept)s))
  FROM tasks_batch b,
       LATERAL (SELECT count(submitted_at) AS submitted,
                       count(*) FILTER (WHERE state = 'approved') AS delivered
                  FROM tasks_assignment WHERE batch_id = b.id) a
 ORDER BY b.id
"""
KEPT = [one.value for one in REFUSED]
PAID = """
SELECT coalesce(sum(t.amount), 0)::bigint,
       coalesce(sum(t.amount) FILTER (WHERE j.kind = 'compensation'), 0)::bigint,
       coalesce(sum(t.amount) FILTER (WHERE d.kind = 'guarantee'), 0)::bigint
  FROM payments_transfer t
  JOIN payments_journal j ON j.id = t.journal_id
  JOIN payments_account d ON d.id = t.debit_id
  JOIN payments_account c ON c.id = t.credit_id
 WHERE c.kind = 'worker'
"""


def _counted(strategy: Strategy, flaws: list[str]) -> Result:
    batches = [Count(*row) for row in rows(COUNTS, {"kept": KEPT})]
    [(paid, compensation, fund)] = rows(PAID)
    return Result(strategy.name, batches, paid, compensation, fund, flaws)
