"""R8: every state that waits ends by itself, when and how the rules say."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from accounts.models import Member, User
from core.models import Event
from disputes.models import Dispute, Rejection
from disputes.services import clocks
from payments.selectors import balances
from payments.selectors.audit import trial_balance
from tasks.models import Archived, Assignment, Batch, Place
from tasks.services import claims, publishing, reviews
from tests import factories
from tests.disputes import cases
from tests.disputes.cases import at
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class People:
    owner: Member
    bea: User
    dia: User
    eli: User


@dataclass(frozen=True)
class Wait:
    """A state reached by `reach`, which ends after `lasts` in `end`, with what she has by then."""

    reach: Callable[[Batch, People], int]
    lasts: timedelta
    end: str
    outcome: str = ""
    # Of the reward.
    paid: int = 0


def claimed(batch: Batch, who: People) -> int:
    return factories.make_assignment(worker=who.bea, batch=batch).pk


def submitted(batch: Batch, who: People) -> int:
    return cases.submit(who.bea, batch)


def opened(batch: Batch, who: People) -> int:
    one = submitted(batch, who)
    cases.open_answer(one, by=who.owner)
    return one


def rejected(batch: Batch, who: People) -> int:
    return cases.rejected(who.bea, batch, by=who.owner).assignment_id


def rejection(one: int) -> Rejection:
    return Rejection.objects.select_related("worker", "dispute").get(assignment=one)


def filed(batch: Batch, who: People) -> int:
    one = rejected(batch, who)
    cases.contest(rejection(one))
    return one


def answered(batch: Batch, who: People) -> int:
    one = filed(batch, who)
    dispute = rejection(one).dispute
    assert dispute is not None
    cases.reply(dispute, by=who.owner)
    return one


def upheld(batch: Batch, who: People) -> int:
    one = rejected(batch, who)
    cases.upheld(rejection(one), by=who.owner, judge=who.dia)
    return one


def appealed(batch: Batch, who: People) -> int:
    one = upheld(batch, who)
    cases.appeal(rejection(one))
    return one


def over_the_cap(batch: Batch, who: People) -> int:
    for worker in cases.people(3, "earlier"):
        cases.rejected(worker, factories.make_open_batch(who.owner, tasks=1), by=who.owner)
    return rejected(batch, who)


def by_the_brake(batch: Batch, who: People) -> int:
    ids = [opened(batch, who) for _ in range(5)]
    for one in ids[:3]:
        cases.reject(one, by=who.owner)
    return ids[0]


def by_the_brake_answered(batch: Batch, who: People) -> int:
    one = by_the_brake(batch, who)
    dispute = rejection(one).dispute
    assert dispute is not None
    cases.reply(dispute, by=who.owner)
    return one


def hours(count: int) -> timedelta:
    return timedelta(hours=count)


def days(count: int) -> timedelta:
    return timedelta(days=count)


WAITS = {
    "claimed": Wait(claimed, hours(72) + timedelta(minutes=10), "expired"),
    "submitted": Wait(submitted, hours(72), "approved", paid=1),
    "opened": Wait(opened, hours(72), "approved", paid=1),
    "rejected": Wait(rejected, days(14), "refused", "lapsed"),
    "filed": Wait(filed, hours(72), "approved", "unanswered", paid=1),
    "answered": Wait(answered, days(10), "refused", "unjudged", paid=1),
    "upheld": Wait(upheld, days(14), "refused", "upheld"),
    "appealed": Wait(appealed, days(30), "refused", "unjudged", paid=1),
    "over the cap": Wait(over_the_cap, hours(72), "approved", "unanswered", paid=1),
    "braked": Wait(by_the_brake, hours(72), "approved", "unanswered", paid=1),
    "braked, answered": Wait(by_the_brake_answered, days(10), "refused", "unjudged", paid=1),
}


def run(now: datetime) -> None:
    """Every job that has a clock."""
    claims.expire_due(now=now)
    reviews.approve_due(now=now)
    clocks.run(now=now)
    publishing.settle_closed(now=now)


@pytest.fixture
def who(owner: Member, bea: User, dia: User) -> People:
    return People(owner, bea, dia, factories.make_user("eli", role="adjudicator"))


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=12)


@pytest.mark.parametrize("name", WAITS)
def test_every_wait_ends_by_itself_at_its_time_and_not_before(
    name: str, batch: Batch, who: People
) -> None:
    wait = WAITS[name]
    one = wait.reach(batch, who)
    before = cases.state(one)

    run(NOW + wait.lasts - timedelta(seconds=1))
    assert cases.state(one) == before
    assert cases.breaks() == []

    run(NOW + wait.lasts)

    assert cases.state(one) == wait.end
    assert cases.breaks() == []
    if wait.outcome:
        found = rejection(one)
        assert (found.state, found.outcome) == ("closed", wait.outcome)
        assert found.closed_at == NOW + wait.lasts
        assert found.dispute is None or found.dispute.state == "closed"
    hers = cases.moved("settle", "escrow", "worker") + cases.moved(
        "guarantee_pay", "guarantee", "worker"
    )
    if "braked" not in name and name != "over the cap":
        assert hers == wait.paid * batch.reward
    assert cases.earned(who.bea) >= wait.paid * batch.reward
    if wait.end == "refused":
        assert cases.is_erased(one)
        assert Place.objects.get(assignments=one).state == "open"
    assert (one in cases.readable_ids(who.owner.client_id)) == (wait.end == "approved")


@pytest.mark.parametrize("name", WAITS)
def test_running_the_clocks_again_changes_nothing(name: str, batch: Batch, who: People) -> None:
    one = WAITS[name].reach(batch, who)
    run(at(days=60))
    ended = Assignment.objects.values().get(pk=one)
    books = trial_balance()
    run(at(days=60))
    run(at(days=90))
    assert Assignment.objects.values().get(pk=one) == ended
    assert trial_balance() == books


@pytest.mark.parametrize("name", WAITS)
def test_what_waits_has_its_time_in_a_column(name: str, batch: Batch, who: People) -> None:
    WAITS[name].reach(batch, who)
    assert no_wait_without_a_time()


def no_wait_without_a_time() -> bool:
    """Whether each assignment, rejection and dispute that waits says until when."""
    ends = ("approved", "refused", "released", "expired")
    for one in Assignment.objects.exclude(state__in=ends):
        if one.state == "claimed":
            assert one.due_at is not None
        elif one.state == "submitted":
            assert one.review_due_at
        else:
            assert one.rejection.state != "closed"
    for rejected_one in Rejection.objects.exclude(state="closed").select_related("dispute"):
        if rejected_one.state == "open":
            assert rejected_one.contest_by is not None
        else:
            assert rejected_one.dispute is not None
            assert rejected_one.dispute.due_at is not None
    return True


@pytest.mark.parametrize("name", ["rejected", "upheld", "answered", "appealed"])
def test_in_a_closed_batch_the_money_of_a_refused_place_goes_back(
    name: str, batch: Batch, who: People
) -> None:
    wait = WAITS[name]
    one = wait.reach(batch, who)
    batch.state, batch.closed_at = "closed", NOW
    batch.save()
    publishing.settle_closed(now=NOW)
    before = balances.client_balance(who.owner.client_id)
    run(NOW + wait.lasts)
    place = Place.objects.get(assignments=one)
    assert place.state == "settled"
    assert balances.client_balance(who.owner.client_id) == before + batch.reward + batch.fee
    batch.refresh_from_db()
    assert batch.settled_at == NOW + wait.lasts


@pytest.mark.parametrize(("name", "day"), [("answered", 8), ("appealed", 28)])
def test_two_days_before_our_deadline_the_operator_is_alarmed_once(
    name: str, day: int, batch: Batch, who: People
) -> None:
    one = WAITS[name].reach(batch, who)
    dispute = rejection(one).dispute
    assert dispute is not None
    alarms = Event.objects.filter(kind="dispute.alarm", about_id=dispute.pk)
    clocks.run(now=at(days=day) - timedelta(seconds=1))
    assert not alarms.exists()
    for _ in range(2):
        clocks.run(now=at(days=day))
    assert alarms.count() == 1
    dispute.refresh_from_db()
    assert (dispute.alarmed_at, dispute.state) == (at(days=day), name)


def test_what_ended_in_time_alarms_nobody(batch: Batch, who: People) -> None:
    filed(batch, who)
    clocks.run(now=at(days=9))
    assert Dispute.objects.get().state == "closed"
    assert not Event.objects.filter(kind="dispute.alarm").exists()


def test_one_that_cannot_be_ended_stops_no_other(
    batch: Batch, who: People, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, free = rejected(batch, who), rejected(batch, who)
    # Its copy for the worker is there already: it cannot be made.
    wrong = Archived.objects.create(
        assignment_id=stuck, worker=who.bea, cause="refused", content=[], at=NOW
    )
    assert clocks.run(now=at(days=14)) == 1
    assert (cases.state(stuck), cases.state(free)) == ("rejected", "refused")
    assert "lapse" in caplog.text
    wrong.delete()
    assert clocks.run(now=at(days=14)) == 1
    assert cases.is_erased(stuck)
