"""Rejections and disputes, two at once: real threads on real rows. One test for each lock."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Member, User
from core.db import rows
from disputes.models import Decision, Dispute, LogEntry, Rejection, Report
from disputes.selectors import bounds
from disputes.services import clocks, rejections, reports
from payments.selectors import balances
from payments.services import ledger
from payments.states import AccountKind
from tasks.models import Batch, Opening
from tasks.services import claims, reviews, work
from tests import factories
from tests.disputes import cases
from tests.disputes.cases import at
from tests.factories import NOW
from tests.races.test_work_races import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
Calls = list[Callable[[], Any]]


def approve(one: int, owner: Member) -> Any:
    return reviews.approve_assignment(assignment_id=one, by=owner, now=NOW).state


def opened(worker: User, batch: Batch, owner: Member) -> int:
    one = cases.submit(worker, batch)
    cases.open_answer(one, by=owner)
    return one


def test_fifty_threads_open_one_place_once(owner: Member, bea: User) -> None:
    one = cases.submit(bea, factories.make_open_batch(owner))
    got = at_once(*[lambda: cases.open_answer(one, by=owner)] * 50)
    assert got == [factories.answer()] * 50
    assert Opening.objects.count() == 1


def test_opening_against_taking_back_lets_one_of_them(owner: Member) -> None:
    batch = factories.make_open_batch(owner, tasks=12)
    for worker in cases.people(12):
        one = cases.submit(worker, batch)
        seen, taken = at_once(
            partial(cases.open_answer, one, by=owner),
            partial(work.unsubmit, assignment_id=one, worker=worker, now=NOW),
        )
        if seen == "sealed":
            assert taken.state == "claimed"
            assert not Opening.objects.filter(assignment=one).exists()
        else:
            assert (seen, taken) == (factories.answer(), "too_late")


def test_approving_and_rejecting_at_once_do_exactly_one(owner: Member) -> None:
    batch = factories.make_open_batch(owner, tasks=12)
    ids = [opened(worker, batch, owner) for worker in cases.people(6)]
    for one in ids:
        got = at_once(
            *[partial(approve, one, owner)] * 3, *[partial(cases.reject, one, by=owner)] * 3
        )
        assert Counter(map(str, got))["illegal_move"] == 5
        approved = cases.state(one) == "approved"
        assert cases.is_paid(one) == approved
        assert Rejection.objects.filter(assignment=one).exists() != approved


def test_rejecting_against_the_review_clock_does_exactly_one(owner: Member) -> None:
    batch = factories.make_open_batch(owner, tasks=12)
    for worker in cases.people(8):
        one = opened(worker, batch, owner)
        at_once(
            partial(cases.reject, one, by=owner, now=at(hours=71, minutes=59)),
            partial(reviews.approve_due, now=at(hours=72)),
        )
        made = Rejection.objects.filter(assignment=one).exists()
        assert cases.is_paid(one) != made
        # Nothing of one triggers the brake of the next.
        if made:
            rejections.withdraw_rejection(assignment_id=one, by=owner, now=NOW)
            break


def test_contesting_against_the_lapse_lets_one_of_them(owner: Member) -> None:
    for worker in cases.people(6):
        one = cases.rejected(worker, factories.make_open_batch(owner, tasks=1), by=owner)
        if one.state != "open":
            break
        moment = one.contest_by
        contested, _lapsed = at_once(
            partial(cases.contest, one, now=at(days=13, hours=23)),
            partial(clocks.run, now=moment),
        )
        one.refresh_from_db()
        if contested in ("illegal_move", "too_late"):
            assert (one.state, one.outcome) == ("closed", "lapsed")
            assert cases.is_erased(one.assignment_id)
        else:
            assert (one.state, cases.state(one.assignment_id)) == ("disputed", "disputed")


def answered(worker: User, owner: Member, batch: Batch | None = None) -> Dispute:
    # For what it loses (R20): the same reference is booked once.
    factories.fund(owner.client, "1.00")
    one = cases.rejected(worker, batch or factories.make_open_batch(owner, tasks=1), by=owner)
    return cases.reply(cases.contest(one), by=owner)


def test_withdrawing_against_deciding_pays_once_or_upholds(owner: Member, dia: User) -> None:
    for number, worker in enumerate(cases.people(6)):
        dispute = answered(worker, owner)
        one = dispute.rejections.get()
        withdrawn, decided = at_once(
            partial(
                rejections.withdraw_rejection, assignment_id=one.assignment_id, by=owner, now=NOW
            ),
            partial(cases.decide, dispute, by=dia, unfounded=number % 2 == 0),
        )
        assert cases.is_paid(one.assignment_id)
        assert Dispute.objects.get(pk=dispute.pk).state == "closed"
        first = isinstance(decided, Decision)
        # An upheld one may still be withdrawn, one that was paid for may not.
        assert isinstance(withdrawn, Rejection) or (first and number % 2 == 0)


def test_replying_against_the_72_hours_lets_one_of_them(owner: Member) -> None:
    for worker in cases.people(6):
        one = cases.rejected(worker, factories.make_open_batch(owner, tasks=1), by=owner)
        dispute = cases.contest(one)
        replied, _ended = at_once(
            partial(cases.reply, dispute, by=owner, now=at(hours=71, minutes=59)),
            partial(clocks.run, now=at(hours=72)),
        )
        dispute.refresh_from_db()
        if replied == "illegal_move":
            assert dispute.state == "closed"
            assert cases.is_paid(one.assignment_id)
        else:
            assert (dispute.state, cases.is_paid(one.assignment_id)) == ("answered", False)


def test_two_adjudicators_deciding_decide_once(owner: Member, dia: User) -> None:
    eli = factories.make_user("eli", role="adjudicator")
    for worker in cases.people(4):
        dispute = answered(worker, owner)
        got = at_once(
            *[partial(cases.decide, dispute, by=dia, unfounded=True)] * 2,
            *[partial(cases.decide, dispute, by=eli, unfounded=False)] * 2,
        )
        made = [one for one in got if isinstance(one, Decision)]
        assert len(made) == 1
        assert Decision.objects.filter(dispute=dispute).count() == 1
        assert cases.is_paid(dispute.rejections.get().assignment_id) == (made[0].overturned == 1)


def test_deciding_against_the_platforms_clock_does_one_of_them(owner: Member, dia: User) -> None:
    for worker in cases.people(5):
        dispute = answered(worker, owner)
        one = dispute.rejections.get()
        decided, _ended = at_once(
            partial(cases.decide, dispute, by=dia, unfounded=False, now=at(days=9, hours=23)),
            partial(clocks.run, now=at(days=10)),
        )
        one.refresh_from_db()
        if isinstance(decided, Decision):
            assert one.state == "upheld"
            assert cases.earned(worker) == 0
        else:
            assert (one.outcome, cases.earned(worker)) == ("unjudged", one.batch.reward)


def test_two_clocks_end_everything_once(owner: Member) -> None:
    for worker in cases.people(3):
        answered(worker, owner)
        one = cases.rejected(worker, factories.make_open_batch(owner, tasks=1), by=owner)
        if one.state == "open":
            cases.contest(one)
    at_once(*[partial(clocks.run, now=at(days=15))] * 4)
    clocks.run(now=at(days=15))
    assert not Rejection.objects.exclude(state="closed").exists()


def test_rejections_racing_for_the_tenth_place_freeze_once(owner: Member) -> None:
    batch = factories.make_open_batch(owner, tasks=30)
    ids = [opened(worker, batch, owner) for worker in cases.people(16)]
    for one in ids[:9]:
        cases.reject(one, by=owner)

    got = at_once(*(partial(cases.reject, one, by=owner) for one in ids[9:]))

    assert Counter(one for one in got if isinstance(one, str)) == {"frozen": 6}
    dispute = Dispute.objects.get(kind="collective")
    assert dispute.rejections.count() == 10
    assert set(Dispute.objects.exclude(pk=dispute.pk).values_list("state", flat=True)) <= {"closed"}


def test_rejections_in_twenty_batches_never_pass_the_cap_without_a_case(owner: Member) -> None:
    ids = [
        opened(worker, factories.make_open_batch(owner, tasks=1), owner)
        for worker in cases.people(20)
    ]
    got = at_once(*(partial(cases.reject, one, by=owner) for one in ids))
    assert all(isinstance(one, Rejection) for one in got), got
    assert bounds.cap(client_id=owner.client_id, now=NOW) == 3
    assert Rejection.objects.filter(dispute=None).count() == 3
    assert Dispute.objects.filter(cause="cap").count() == 17


def test_after_the_freeze_nothing_is_claimed(owner: Member) -> None:
    batch = factories.make_open_batch(owner, tasks=60)
    ids = [opened(worker, batch, owner) for worker in cases.people(10)]
    for one in ids[:9]:
        cases.reject(one, by=owner)
    others = cases.people(12, "other")

    def claim(worker: User) -> Any:
        return claims.claim(worker=worker, batch_id=batch.pk, now=NOW).pk

    got = at_once(partial(cases.reject, ids[9], by=owner), *(partial(claim, w) for w in others))

    assert isinstance(got[0], Rejection)
    assert {one for one in got[1:] if isinstance(one, str)} <= {"batch_not_open"}
    for worker in others:
        with cases.refused("batch_not_open"):
            claim(worker)


def test_two_equal_reports_at_once_are_one(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner)
    got = at_once(
        *[
            lambda: (
                reports.report_batch(
                    batch_id=batch.pk,
                    worker=bea,
                    kind="broken",
                    text="Nothing can be clicked.",
                    now=NOW,
                ).pk
            )
        ]
        * 8
    )
    assert Counter(one for one in got if isinstance(one, str)) == {"reported": 7}
    assert Report.objects.count() == 1


def test_a_decision_against_the_end_of_the_batchs_right_to_reject(
    owner: Member, bea: User, dia: User
) -> None:
    eli = factories.make_user("eli", role="adjudicator")
    batch = factories.make_open_batch(owner, tasks=20)
    found = [answered(worker, owner, batch) for worker in cases.people(3)]
    report = reports.report_batch(
        batch_id=batch.pk, worker=bea, kind="external", text="It sends me elsewhere.", now=NOW
    )
    at_once(
        *(partial(cases.decide, one, by=dia, unfounded=False) for one in found),
        partial(
            reports.decide_report,
            report_id=report.pk,
            by=eli,
            founded=True,
            reasons=cases.REASONS,
            now=NOW,
        ),
    )
    assert set(Rejection.objects.values_list("outcome", flat=True)) == {"annulled"}
    assert not Dispute.objects.running().exists()


# --- locks in one order ----------------------------------------------------------------------


WAITING = """
SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
 WHERE NOT l.granted AND a.datname = current_database()
"""


def until_waiting(count: int) -> None:
    """Returns when so many transactions of this database wait for a lock."""
    for _ in range(150):
        [(found,)] = rows(WAITING)
        if found >= count:
            return
        time.sleep(0.01)
    raise AssertionError(f"{found} wait, not {count}")


def balance_row(kind: AccountKind, owner: int) -> None:
    """Holds the row of a balance until the transaction ends."""
    ledger.lock(balances=ledger.accounts((kind, owner)))


def in_turn(hold: Callable[[], Any], first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """`first` waits for what `hold` holds, then `second` for one of them; then `hold` lets go."""
    held = threading.Event()

    def holding() -> None:
        with transaction.atomic():
            hold()
            held.set()
            until_waiting(2)

    def begin() -> Any:
        held.wait()
        return first()

    def follow() -> Any:
        held.wait()
        until_waiting(1)
        return second()

    return at_once(holding, begin, follow)[1:]


def test_a_report_and_a_decision_about_one_worker_and_client_do_not_deadlock(
    owner: Member, bea: User, cem: User, dia: User
) -> None:
    # Each pays Bea, then takes the tenth from the client, and writes to the log.
    eli = factories.make_user("eli", role="adjudicator")
    batch = factories.make_open_batch(owner, tasks=2)
    cases.contest(cases.rejected(bea, batch, by=owner))
    report = reports.report_batch(
        batch_id=batch.pk, worker=cem, kind="external", text="It sends me elsewhere.", now=NOW
    )
    factories.make_assignment(
        worker=bea, batch=factories.make_open_batch(owner, tasks=1), state="approved"
    )
    other = answered(bea, owner)
    factories.fund(owner.client, "5.00", reference="for the tenth")

    got = in_turn(
        lambda: balance_row(AccountKind.CLIENT, owner.client_id),
        lambda: reports.decide_report(
            report_id=report.pk, by=eli, founded=True, reasons=cases.REASONS, now=NOW
        ),
        lambda: cases.decide(other, by=dia, unfounded=True),
    )

    assert isinstance(got[0], Report)
    assert isinstance(got[1], Decision)
    assert LogEntry.objects.count() == 2
    assert set(Rejection.objects.values_list("outcome", flat=True)) == {"annulled", "overturned"}


def test_the_funds_pay_and_an_approval_of_the_same_workers_do_not_deadlock(
    owner: Member, bea: User, cem: User, caplog: pytest.LogCaptureFixture
) -> None:
    # The fund pays Cem, Dan, Bea; the approval pays Bea and Cem, in the order of their balances.
    dan = factories.make_user("dan")
    paid = factories.make_open_batch(owner, tasks=3)
    for worker in (bea, cem, dan):
        factories.make_assignment(worker=worker, batch=paid, state="approved")
    batch = factories.make_open_batch(owner, tasks=20)
    for worker in (cem, dan, bea, *cases.people(7)):
        last = cases.rejected(worker, batch, by=owner)
    assert last.dispute is not None
    cases.reply(last.dispute, by=owner)
    both = factories.make_open_batch(owner, tasks=2)
    for worker in (bea, cem):
        factories.make_assignment(worker=worker, batch=both, state="submitted")

    got = in_turn(
        lambda: balance_row(AccountKind.WORKER, dan.pk),
        partial(clocks.run, now=at(days=10)),
        partial(reviews.approve_due, now=at(days=10)),
    )

    # The jobs would try again; there is to be nothing to log in the first place.
    assert (got, caplog.text) == ([1, 2], "")
    assert Rejection.objects.filter(outcome="unjudged").count() == 10
    for worker in (bea, cem):
        assert balances.worker_balance(worker.pk) == 3 * batch.reward


def test_everything_at_once_ends_without_a_deadlock(owner: Member, dia: User) -> None:
    # Collective and single cases of one client, all at once, until nothing runs.
    batch = factories.make_open_batch(owner, tasks=30)
    workers = cases.people(10)
    for worker in workers:
        last = cases.rejected(worker, batch, by=owner)
    assert last.dispute is not None
    group = cases.reply(last.dispute, by=owner)
    single = [answered(worker, owner) for worker in workers[:5]]
    calls: Calls = [partial(cases.decide, group, by=dia, unfounded=True)]
    calls += [partial(cases.decide, one, by=dia, unfounded=True) for one in single]
    calls += [
        partial(rejections.withdraw_rejection, assignment_id=one, by=owner, now=NOW)
        for one in Rejection.objects.order_by("pk").values_list("assignment", flat=True)[:5]
    ]
    calls += [partial(clocks.run, now=NOW), partial(reviews.approve_due, now=at(days=4))]

    at_once(*calls)

    for dispute in Dispute.objects.running():
        cases.decide(dispute, by=dia, unfounded=True)
    assert not Rejection.objects.exclude(state="closed").exists()
