"""Assignments and disputes beside a small model in Python: any order of what people may do."""

from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import Member, User
from accounts.selectors import pseudonym
from disputes.models import Dispute, Rejection
from disputes.services import clocks, contests, judging, rejections, suspensions
from payments.models import Journal
from payments.selectors.audit import trial_balance
from tasks.models import Answer, Archived, Assignment, Batch, Erasure, Place
from tasks.services import batches, claims, exclusions, publishing, reviews, work
from tests import factories
from tests.disputes import cases
from tests.disputes.cases import failures, refusal
from tests.disputes.model import UNJUDGED, Case, Market, One
from tests.factories import NOW

pytestmark = pytest.mark.django_db
JUMPS = [
    timedelta(minutes=1),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(hours=4),
    timedelta(hours=20),
    timedelta(minutes=11),
    timedelta(hours=73),
    timedelta(days=7),
    timedelta(days=11),
    timedelta(days=15),
]
pick = st.integers(0, 40)
WAITS = ("claimed", "submitted", "rejected", "disputed")


class Life(RuleBasedStateMachine):
    owner: Member
    workers: list[User]
    judges: list[User]
    batches: list[int]
    deposited: int

    @initialize(
        rejected=st.integers(0, 12),
        of_one=st.integers(0, 3),
        replied=st.integers(0, 4),
        upheld=st.booleans(),
    )
    def begin(self, rejected: int, of_one: int, replied: int, upheld: bool) -> None:
        self.block = transaction.atomic()
        # As pytest's own: operations may begin inside, and all of it is undone at the end.
        self.block._from_testcase = True  # type: ignore[attr-defined]
        self.block.__enter__()
        self.now, self.market, self.approved = NOW, Market(), set[int]()
        self.failed = failures()
        # Somewhere in the middle of things, or most examples would end before anything happens.
        for number in range(19):
            self.claim(worker=number % 7 if number < 14 else 0, batch=int(number >= 14))
            self.submit(number=0)
        ones = list(self.market.ones.values())
        for one in ones:
            self.open_one(one)
        for one in ones[:rejected] + ones[14 : 14 + of_one]:
            self.reject_one(one)
        self.contest(numbers=list(range(replied)))
        for number in range(replied):
            self.reply(number)
        if upheld:
            self.decide(number=0, judge=0, verdict=0)

    def teardown(self) -> None:
        if hasattr(self, "block"):
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    # --- choosing ---------------------------------------------------------------------------

    def one(self, number: int, *states: str) -> One | None:
        """One of those in these states (of the rejection, too); any where there is none."""
        known = list(self.market.ones.values())
        fit = [o for o in known if {o.state, o.rejection} & set(states)] or known
        return fit[number % len(fit)] if fit else None

    def case(self, number: int, *states: str) -> tuple[Case, Dispute] | None:
        running = self.market.running()
        fit = [case for case in running if case.state in states] or running
        if not fit:
            return None
        case = fit[number % len(fit)]
        member = self.market.of(case)[0]
        return case, Rejection.objects.get(assignment=member.pk).dispute  # type: ignore[return-value]

    def hers(self, one: One) -> dict[str, Any]:
        worker = self.workers[one.worker]
        return {"assignment_id": one.pk, "worker": worker, "now": self.now}

    def theirs(self, one: One) -> dict[str, Any]:
        return {"assignment_id": one.pk, "by": self.owner, "now": self.now}

    # --- work -------------------------------------------------------------------------------

    @rule(worker=st.integers(0, 6), batch=st.integers(0, 1))
    def claim(self, worker: int, batch: int) -> None:
        batch_id, who = self.batches[batch], self.workers[worker]
        made: list[Assignment] = []
        code = refusal(
            lambda: made.append(claims.claim(worker=who, batch_id=batch_id, now=self.now))
        )
        held = [o for o in self.market.ones.values() if (o.worker, o.state) == (worker, "claimed")]
        if batch in self.market.frozen | self.market.closed:
            assert code == "batch_not_open"
        elif worker in self.market.suspended:
            assert code == "suspended"
        elif (worker, batch) in self.market.excluded:
            assert code == "excluded"
        elif len(held) >= 2:
            assert code == "claim_limit"
        else:
            assert code in (None, "nothing_left")
        for one in made:
            self.market.ones[one.pk] = One(one.pk, worker, batch, due=one.due_at)

    @rule(number=pick)
    def submit(self, number: int) -> None:
        one = self.one(number, "claimed")
        if one is not None:
            self.submit_one(one)

    def submit_one(self, one: One) -> None:
        done: list[work.Submission] = []
        code = refusal(
            lambda: done.append(
                work.submit(
                    assignment_id=one.pk,
                    worker=self.workers[one.worker],
                    content=factories.answer(),
                    key=f"{one.pk}-{self.now.timestamp()}-{len(self.market.ones)}",
                    now=self.now,
                )
            )
        )
        if one.state not in ("claimed", "expired"):
            # The same key again is the same once more.
            assert code == "illegal_move" or (code is None and done[0].repeated)
            return
        assert code is None
        if done[0].archived or done[0].repeated:
            assert one.state == "expired"
            return
        made = done[0].assignment
        if one.state == "expired":
            one = self.market.ones.setdefault(made.pk, One(made.pk, one.worker, one.batch))
        one.state, one.submitted_at, one.due = "submitted", self.now, made.review_due_at

    @rule(number=pick)
    def take_back(self, number: int) -> None:
        one = self.one(number, "submitted")
        if one is None:
            return
        made: list[Assignment] = []
        code = refusal(
            lambda: made.append(
                work.unsubmit(assignment_id=one.pk, worker=self.workers[one.worker], now=self.now)
            )
        )
        if one.state != "submitted":
            assert code == "illegal_move"
            return
        assert one.submitted_at is not None
        late = self.now - one.submitted_at > timedelta(minutes=10)
        legal = not (one.taken_back or late or one.opened_at)
        assert code == (None if legal else "too_late")
        if legal:
            one.state, one.taken_back, one.due = "claimed", True, made[0].due_at

    # --- the client -------------------------------------------------------------------------

    @rule(number=pick)
    def open(self, number: int) -> None:
        one = self.one(number, "submitted")
        if one is not None:
            self.open_one(one)

    def open_one(self, one: One) -> None:
        code = refusal(lambda: cases.open_answer(one.pk, by=self.owner, now=self.now))
        assert code == (None if one.state in ("submitted", "approved") else "sealed")
        if one.state == "submitted":
            one.opened_at = one.opened_at or self.now

    @rule(number=pick)
    def approve(self, number: int) -> None:
        one = self.one(number, "submitted")
        if one is None:
            return
        code = refusal(partial(reviews.approve_assignment, **self.theirs(one)))
        assert code == (None if one.state == "submitted" else "illegal_move")
        if code is None:
            one.state, one.reviewed_at = "approved", self.now

    @rule(numbers=st.lists(pick, min_size=1, max_size=4))
    def reject(self, numbers: list[int]) -> None:
        for number in numbers:
            one = self.one(number, "submitted")
            if one is not None:
                self.reject_one(one)

    def reject_one(self, one: One) -> None:
        code = refusal(lambda: cases.reject(one.pk, by=self.owner, now=self.now))
        if one.batch in self.market.frozen:
            assert code == "frozen"
        elif one.state != "submitted":
            assert code == "illegal_move"
        elif one.opened_at is None:
            assert code == "unopened"
        else:
            assert code is None
            self.market.reject(one, self.now)

    @rule(number=pick)
    def withdraw(self, number: int) -> None:
        one = self.one(number, "open", "disputed", "upheld")
        if one is None:
            return
        code = refusal(
            lambda: rejections.withdraw_rejection(assignment_id=one.pk, by=self.owner, now=self.now)
        )
        wanted = {"": "not_found", "closed": "illegal_move"}.get(one.rejection)
        assert code == wanted
        if code is None:
            self.market.pay(one, "withdrawn", at=self.now)
            self.market.close_if_done(one.case)

    @rule(number=pick)
    def reply_to_many(self, number: int) -> None:
        for other in range(number, number + 3):
            self.reply(other)

    @rule(number=pick)
    def reply(self, number: int) -> None:
        found = self.case(number, "filed")
        if found is None:
            return
        case, dispute = found
        code = refusal(lambda: cases.reply(dispute, by=self.owner, now=self.now))
        assert code == (None if case.state == "filed" else "illegal_move")
        if code is None:
            case.state, case.due = "answered", case.filed_at + timedelta(days=10)

    @precondition(lambda self: len(self.market.closed) < 2)
    @rule(batch=st.integers(0, 1), really=st.integers(0, 3))
    def close_batch(self, batch: int, really: int) -> None:
        if really:
            return
        code = refusal(
            lambda: batches.close_batch(batch_id=self.batches[batch], by=self.owner, now=self.now)
        )
        assert code == ("illegal_move" if batch in self.market.closed else None)
        self.market.closed.add(batch)
        publishing.settle_closed(now=self.now)

    @rule(number=pick, really=st.integers(0, 3))
    def exclude(self, number: int, really: int) -> None:
        one = self.one(number)
        if one is None or really:
            return
        pair = (one.worker, one.batch)
        code = refusal(
            lambda: exclusions.exclude(
                batch_id=self.batches[one.batch],
                worker=pseudonym(client=self.owner.client, worker_id=self.workers[one.worker].pk),
                by=self.owner,
                reason="Her answers do not follow the examples.",
                now=self.now,
            )
        )
        assert code == ("already_excluded" if pair in self.market.excluded else None)
        self.market.excluded.add(pair)

    # --- the worker -------------------------------------------------------------------------

    @rule(numbers=st.lists(pick, min_size=1, max_size=3))
    def contest(self, numbers: list[int]) -> None:
        for number in numbers:
            one = self.one(number, "open", "disputed")
            if one is not None:
                self.contest_one(one)

    def contest_one(self, one: One) -> None:
        code = refusal(partial(contests.contest, **self.hers(one)))
        if not one.rejection:
            assert code == "not_found"
            return
        joins = one.case is not None and one.case.state in UNJUDGED and not one.contested
        legal = one.rejection == "open" or joins
        assert code == (None if legal else "illegal_move")
        if one.rejection == "open":
            self.market.file(one, "contest", self.now)
        if legal:
            one.contested = True

    @rule(number=pick)
    def say(self, number: int) -> None:
        one = self.one(number, "disputed")
        if one is None:
            return
        code = refusal(partial(contests.say, text="It is right.", **self.hers(one)))
        legal = one.rejection == "disputed"
        assert code == (None if legal else "not_undecided" if one.rejection else "not_found")
        one.spoke = one.spoke or legal

    @rule(number=pick)
    def appeal(self, number: int) -> None:
        one = self.one(number, "upheld")
        if one is None:
            return
        code = refusal(
            partial(contests.appeal, statement="The decision overlooks the text.", **self.hers(one))
        )
        legal = one.rejection == "upheld"
        assert code == (None if legal else "illegal_move" if one.rejection else "not_found")
        if legal:
            self.market.appeal(one, self.now)

    # --- the platform -----------------------------------------------------------------------

    @rule(number=pick, judge=st.integers(0, 1), verdict=st.integers(0, 7))
    def decide(self, number: int, judge: int, verdict: int) -> None:
        found = self.case(number, "answered", "appealed")
        if found is None:
            return
        case, dispute = found
        members = self.market.of(case)
        unfounded = {one.pk: bool(verdict >> (at % 3) & 1) for at, one in enumerate(members)}
        code = refusal(
            lambda: cases.decide(dispute, by=self.judges[judge], unfounded=unfounded, now=self.now)
        )
        if case.state not in ("answered", "appealed"):
            assert code == "illegal_move"
        elif case.state == "appealed" and case.judge == judge:
            assert code == "conflict_of_interest"
        elif any(
            one.unheard_at and one.unheard_at > self.now and not unfounded[one.pk]
            for one in members
        ):
            assert code == "too_early"
        else:
            assert code is None
            self.market.decide(case, unfounded, judge, self.now)

    @rule(number=pick, judge=st.integers(0, 1), verdict=st.integers(0, 7))
    def a_case_goes_on(self, number: int, judge: int, verdict: int) -> None:
        self.reply(number)
        self.decide(number, judge, verdict)
        self.appeal(number)

    @rule(batch=st.integers(0, 1))
    def lift(self, batch: int) -> None:
        code = refusal(
            lambda: judging.lift_freeze(
                batch_id=self.batches[batch],
                by=self.judges[0],
                reasons="The group's case is decided.",
                now=self.now,
            )
        )
        undecided = any(
            case.kind == "collective" and case.state in ("filed", "answered")
            for case in self.market.running()
            if self.market.of(case)[0].batch == batch
        )
        if batch not in self.market.frozen:
            assert code == "not_frozen"
        else:
            assert code == ("case_undecided" if undecided else None)
            if not undecided:
                self.market.frozen.discard(batch)

    @rule(worker=st.integers(0, 20))
    def suspend(self, worker: int) -> None:
        if worker >= len(self.workers):
            return
        code = refusal(
            lambda: suspensions.suspend(
                user_id=self.workers[worker].pk,
                by=self.judges[0],
                reason="Two people work under this name.",
                now=self.now,
            )
        )
        assert code == ("already_suspended" if worker in self.market.suspended else None)
        self.market.suspended.add(worker)

    @rule(jump=st.sampled_from(JUMPS))
    def time_passes(self, jump: timedelta) -> None:
        self.now += jump
        claims.expire_due(now=self.now)
        reviews.approve_due(now=self.now)
        clocks.run(now=self.now)
        publishing.settle_closed(now=self.now)
        self.market.clocks(self.now)

    # --- what holds after each step ---------------------------------------------------------

    @invariant()
    def the_model_agrees(self) -> None:
        states = dict(Assignment.objects.values_list("pk", "state"))
        assert states == {one.pk: one.state for one in self.market.ones.values()}
        found = Rejection.objects.values_list(
            "assignment", "state", "outcome", "dispute__state", "dispute__cause", "dispute__due_at"
        )
        assert set(found) == {self.row(o) for o in self.market.ones.values() if o.rejection}
        frozen = Batch.objects.filter(frozen_at__isnull=False).values_list("pk", flat=True)
        assert set(frozen) == {self.batches[batch] for batch in self.market.frozen}

    def row(self, one: One) -> tuple[Any, ...]:
        case = one.case
        told = (case.state, case.cause, case.due) if case else (None, None, None)
        return (one.pk, one.rejection, one.outcome, *told)

    @invariant()
    def approved_is_paid_is_readable_and_final(self) -> None:
        ones = self.market.ones.values()
        approved = {one.pk for one in ones if one.state == "approved"}
        assert self.approved <= approved
        self.approved = approved
        paid = Journal.objects.filter(kind="settle").values_list("assignment_id", flat=True)
        assert Counter(paid) == Counter(approved)
        read = cases.readable_ids(self.owner.client_id)
        assert read == {one.pk for one in ones if one.may_be_read}

    @invariant()
    def refused_is_erased(self) -> None:
        gone = {one.pk for one in self.market.ones.values() if one.state == "refused"}
        archived = Archived.objects.filter(cause="refused").values_list("assignment", flat=True)
        assert set(Erasure.objects.values_list("pk", flat=True)) == gone == set(archived)
        assert not Answer.objects.filter(assignment__in=gone).exists()
        places = Place.objects.filter(assignments__in=gone).exclude(state="open")
        for place in places:
            again = Assignment.objects.filter(place=place, state__in=[*WAITS, "approved"])
            assert again.exists() or (place.state == "settled" and place.batch.state == "closed")

    @invariant()
    def nothing_waits_without_an_end(self) -> None:
        for one in self.market.ones.values():
            assert one.state not in WAITS or self.ends_at(one) > self.now

    def ends_at(self, one: One) -> datetime:
        if one.rejection == "open":
            assert one.rejected_at is not None
            return one.rejected_at + timedelta(days=14)
        due = one.case.due if one.case else one.due
        assert due is not None
        return due

    @invariant()
    def the_books_balance(self) -> None:
        assert failures() == self.failed
        assert cases.breaks() == []
        [psp] = [-row.balance for row in trial_balance() if row.kind == "psp"]
        assert psp == self.deposited


def test_every_order_of_events_keeps_the_promise(
    owner: Member, bea: User, cem: User, dia: User
) -> None:
    Life.owner = owner
    Life.workers = [bea, cem, *cases.people(5)]
    Life.judges = [dia, factories.make_user("eli", role="adjudicator")]
    Life.batches = [
        factories.make_open_batch(owner, tasks=14).pk,
        factories.make_open_batch(owner, tasks=6, overlap=2).pk,
    ]
    [Life.deposited] = [-row.balance for row in trial_balance() if row.kind == "psp"]
    run_state_machine_as_test(
        partial(Life),
        settings=settings(
            max_examples=25,
            phases=[Phase.generate],
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
