"""R9: past the cap each further rejection is a case, whether or not anybody contests it."""

from datetime import datetime, timedelta

import pytest

from accounts.models import Member, User
from core import rules
from disputes.models import Dispute, Rejection
from disputes.selectors import bounds
from disputes.services import clocks, contests, rejections
from tasks.models import Batch
from tests import factories
from tests.disputes import cases
from tests.disputes.cases import at, refused
from tests.factories import NOW

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def unjudged(owner: Member, now: datetime = NOW) -> int:
    return bounds.unjudged(client_id=owner.client_id, now=now)


def new(owner: Member, name: str, *, now: datetime = NOW, batch: Batch | None = None) -> Rejection:
    """One more rejection, of somebody else in a batch of her own."""
    batch = batch or factories.make_open_batch(owner, tasks=1, now=now)
    return cases.rejected(factories.make_user(name), batch, by=owner, now=now)


def cause(one: Rejection) -> str | None:
    one.refresh_from_db()
    return one.dispute.cause if one.dispute else None


def test_the_fourth_unjudged_rejection_of_a_client_is_a_case(owner: Member) -> None:
    made = [new(owner, f"w{i}") for i in range(5)]
    assert [cause(one) for one in made] == [None, None, None, "cap", "cap"]
    assert [one.contested_at for one in made] == [None] * 5


def test_the_cap_grows_with_what_was_opened(owner: Member) -> None:
    # 5 % of 99 is still 4, of 100 it is 5: the number is rounded down, never up.
    workers = cases.people(34)
    batches = [factories.make_open_batch(owner, tasks=20) for _ in range(6)]
    ids = [
        cases.submit(workers[(20 * number + i) % 34], batch)
        for number, batch in enumerate(batches)
        for i in range(20)
    ]
    for one in ids[:99]:
        cases.open_answer(one, by=owner)
    assert bounds.cap(client_id=owner.client_id, now=NOW) == 4
    cases.open_answer(ids[99], by=owner)
    assert bounds.cap(client_id=owner.client_id, now=NOW) == 5
    # Openings of more than 30 days ago allow nothing any more.
    assert bounds.cap(client_id=owner.client_id, now=at(days=30)) == 3

    made = [cases.reject(one, by=owner) for one in (ids[0], ids[20], ids[41], ids[62], ids[83])]
    assert [cause(one) for one in made] == [None] * 5
    cases.open_answer(ids[101], by=owner)
    assert cause(cases.reject(ids[101], by=owner)) == "cap"


def test_thirty_days_later_they_no_longer_count(owner: Member) -> None:
    for i in range(3):
        new(owner, f"w{i}")
    assert cause(new(owner, "late", now=at(days=30))) is None
    assert unjudged(owner, at(days=30)) == 1


@pytest.mark.parametrize("how", ["lapsed", "withdrawn", "unanswered", "unjudged"])
def test_what_nobody_judged_counts(how: str, owner: Member) -> None:
    made = [new(owner, f"w{i}") for i in range(3)]
    for one in made:
        if how == "withdrawn":
            rejections.withdraw_rejection(
                assignment_id=one.assignment_id, by=owner, now=at(days=13)
            )
        elif how != "lapsed":
            dispute = cases.contest(one)
            if how == "unjudged":
                cases.reply(dispute, by=owner)
    clocks.run(now=at(days=14))
    assert set(Rejection.objects.values_list("outcome", flat=True)) == {how}
    assert unjudged(owner, at(days=14)) == 3
    assert cause(new(owner, "late", now=at(days=14))) == "cap"


@pytest.mark.parametrize("unfounded", [True, False])
def test_what_an_adjudicator_judged_does_not(unfounded: bool, owner: Member, dia: User) -> None:
    # What it loses it pays (R20), and has something left.
    factories.fund(owner.client, "1.00")
    for i in range(3):
        dispute = cases.contest(new(owner, f"w{i}"))
        cases.reply(dispute, by=owner)
        cases.decide(dispute, by=dia, unfounded=unfounded)
    assert unjudged(owner) == 0
    assert cause(new(owner, "late")) is None


@pytest.mark.parametrize("then", ["appealed", "withdrawn", "unjudged on appeal"])
def test_what_was_judged_once_stays_judged(then: str, owner: Member, dia: User) -> None:
    one = new(owner, "w")
    cases.upheld(one, by=owner, judge=dia)
    assert unjudged(owner) == 0
    if then == "withdrawn":
        rejections.withdraw_rejection(assignment_id=one.assignment_id, by=owner, now=NOW)
    else:
        cases.appeal(one)
    if then == "unjudged on appeal":
        clocks.run(now=at(days=30) - SECOND)
        clocks.run(now=at(days=30))
        one.refresh_from_db()
        assert one.outcome == "unjudged"
    # Of thirty days, whatever the day.
    assert unjudged(owner, at(days=30) - SECOND) == 0


def by_cap(owner: Member) -> Dispute:
    """The fourth rejection's case, replied to."""
    for i in range(3):
        new(owner, f"w{i}")
    dispute = new(owner, "fourth").dispute
    assert dispute is not None
    return cases.reply(dispute, by=owner)


def test_it_is_not_upheld_before_the_worker_has_spoken_or_seven_days(
    owner: Member, dia: User
) -> None:
    dispute = by_cap(owner)
    for early in (NOW, at(days=6, hours=23, minutes=59)):
        with refused("too_early"):
            cases.decide(dispute, by=dia, unfounded=False, now=early)
    cases.decide(dispute, by=dia, unfounded=False, now=NOW + rules.UPHOLD_AFTER)
    assert Rejection.objects.get(dispute=dispute).state == "upheld"


@pytest.mark.parametrize("how", ["contest", "contest without a word", "say"])
def test_once_the_worker_has_spoken_it_may_be_upheld(how: str, owner: Member, dia: User) -> None:
    dispute = by_cap(owner)
    one = dispute.rejections.get()
    if how == "say":
        contests.say(
            assignment_id=one.assignment_id, worker=one.worker, text="It is right.", now=NOW
        )
    else:
        cases.contest(one, statement="It is right." if how == "contest" else "")
    cases.decide(dispute, by=dia, unfounded=False)
    assert Rejection.objects.get(dispute=dispute).state == "upheld"


def test_it_may_be_overturned_at_once_and_costs_no_tenth(owner: Member, dia: User) -> None:
    dispute = by_cap(owner)
    one = dispute.rejections.get()
    cases.decide(dispute, by=dia, unfounded=True)
    one.refresh_from_db()
    assert (one.outcome, one.compensation) == ("overturned", 0)
    assert cases.earned(one.worker) == one.batch.reward


def test_a_case_opened_by_the_same_text_waits_for_the_worker_and_costs(
    owner: Member, dia: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=30)
    workers = cases.people(5)
    ids = [cases.submit(worker, batch) for worker in workers]
    for one in ids:
        cases.open_answer(one, by=owner)
    made = [cases.reject(one, by=owner, explanation=factories.EXPLANATION) for one in ids[:4]]
    dispute = made[3].dispute
    assert dispute is not None
    assert dispute.cause == "same_text"
    cases.reply(dispute, by=owner)
    with refused("too_early"):
        cases.decide(dispute, by=dia, unfounded=False)
    cases.decide(dispute, by=dia, unfounded=True)
    assert Rejection.objects.get(pk=made[3].pk).compensation == batch.reward // 10
