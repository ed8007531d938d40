"""R10: the brake, what a frozen batch still does, and the case of a group."""

import pytest

from accounts.models import Member, User
from disputes.models import Dispute, LogEntry, Rejection
from disputes.services import clocks, judging, rejections
from payments.selectors import balances
from tasks.models import Assignment, Batch
from tasks.services import batches, claims, publishing, reviews, work
from tests import factories
from tests.disputes import cases
from tests.disputes.cases import at, refused
from tests.factories import NOW

pytestmark = pytest.mark.django_db
WHY = "The group is decided, and the client has explained itself."


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=40)


def lift(batch: Batch, by: User) -> Batch:
    return judging.lift_freeze(batch_id=batch.pk, by=by, reasons=WHY, now=NOW)


def group(batch: Batch) -> Dispute:
    return Dispute.objects.get(batch=batch, kind="collective")


@pytest.fixture
def braked(batch: Batch, owner: Member) -> Batch:
    """Ten rejections of ten workers: frozen at the tenth."""
    for worker in cases.people(10):
        assert Batch.objects.get(pk=batch.pk).frozen_at is None
        cases.rejected(worker, batch, by=owner)
    return Batch.objects.get(pk=batch.pk)


def test_at_the_tenth_rejection_the_batch_is_frozen_and_all_are_one_case(
    braked: Batch, owner: Member
) -> None:
    assert braked.frozen_at == NOW
    dispute = group(braked)
    assert (dispute.cause, dispute.state, dispute.due_at) == ("brake", "filed", at(hours=72))
    joined = Rejection.objects.filter(dispute=dispute)
    assert joined.count() == 10
    assert set(joined.values_list("state", "sampled")) == {("disputed", True)}
    # The cap had opened a case for each from the fourth on: they are one with the others now.
    others = Dispute.objects.exclude(pk=dispute.pk)
    assert set(others.values_list("kind", "cause", "state")) == {("individual", "cap", "closed")}
    assert others.count() == 6


def test_five_in_a_hundred_is_not_more_than_five(owner: Member) -> None:
    batch = factories.make_open_batch(owner, tasks=201)
    workers = cases.people(60)
    # The first twenty are the sample; nobody has five opened answers.
    ids = [cases.submit(workers[i % 60], batch) for i in range(201)]
    for one in ids[:11]:
        cases.open_answer(one, by=owner)
    for one in ids[11:]:
        reviews.approve_assignment(assignment_id=one, by=owner, now=NOW)
    for one in ids[:10]:
        cases.reject(one, by=owner)
    batch.refresh_from_db()
    assert batch.frozen_at is None

    cases.reject(ids[10], by=owner)

    batch.refresh_from_db()
    assert batch.frozen_at == NOW
    assert group(batch).rejections.count() == 11


def test_what_the_clock_approved_was_reviewed_by_nobody(owner: Member) -> None:
    batch = factories.make_open_batch(owner, tasks=200)
    ids = [cases.submit(worker, batch, now=at(hours=2)) for worker in cases.people(10)]
    silent = cases.people(60, "silent")
    for i in range(190):
        cases.submit(silent[i % 60], batch)
    assert reviews.approve_due(now=at(hours=72)) == 190
    for one in ids:
        cases.open_answer(one, by=owner, now=at(hours=73))
        cases.reject(one, by=owner, now=at(hours=73))
    batch.refresh_from_db()
    assert batch.frozen_at == at(hours=73)


def test_rejections_of_seven_days_ago_no_longer_count(batch: Batch, owner: Member) -> None:
    workers = cases.people(10)
    for worker in workers[:9]:
        cases.rejected(worker, batch, by=owner)
    cases.rejected(workers[9], batch, by=owner, now=at(days=7))
    batch.refresh_from_db()
    assert batch.frozen_at is None


# --- one worker's ----------------------------------------------------------------------------


def opened(worker: User, batch: Batch, owner: Member, count: int) -> list[int]:
    ids = [cases.submit(worker, batch) for _ in range(count)]
    for one in ids:
        cases.open_answer(one, by=owner)
    return ids


def test_half_of_one_workers_five_opened_answers_freeze_and_collect_hers_only(
    batch: Batch, owner: Member, bea: User, cem: User
) -> None:
    other = cases.rejected(cem, batch, by=owner)
    hers = opened(bea, batch, owner, 5)
    for one in hers[:2]:
        cases.reject(one, by=owner)
        batch.refresh_from_db()
        assert batch.frozen_at is None

    cases.reject(hers[2], by=owner)

    batch.refresh_from_db()
    assert batch.frozen_at == NOW
    dispute = group(batch)
    assert dispute.cause == "wbrake"
    assert set(dispute.rejections.values_list("assignment", flat=True)) == set(hers[:3])
    other.refresh_from_db()
    assert (other.state, other.dispute) == ("open", None)


def test_of_six_opened_three_are_half(batch: Batch, owner: Member, bea: User) -> None:
    hers = opened(bea, batch, owner, 6)
    for one in hers[:3]:
        batch.refresh_from_db()
        assert batch.frozen_at is None
        cases.reject(one, by=owner)
    batch.refresh_from_db()
    assert batch.frozen_at == NOW


def test_four_opened_answers_are_too_few(batch: Batch, owner: Member, bea: User) -> None:
    for one in opened(bea, batch, owner, 4):
        cases.reject(one, by=owner)
    batch.refresh_from_db()
    assert batch.frozen_at is None


# --- frozen ----------------------------------------------------------------------------------


def test_a_frozen_batch_takes_no_claims_and_no_rejections(
    braked: Batch, owner: Member, bea: User
) -> None:
    with refused("batch_not_open"):
        claims.claim(worker=bea, batch_id=braked.pk, now=NOW)
    assert claims.claim_next(worker=bea, batch_id=braked.pk, now=NOW) is None


def test_what_runs_in_a_frozen_batch_goes_on(
    batch: Batch, owner: Member, bea: User, cem: User
) -> None:
    held = factories.make_assignment(worker=bea, batch=batch)
    waiting = factories.make_assignment(worker=bea, batch=batch, state="opened")
    by_clock = factories.make_assignment(worker=cem, batch=batch, state="opened")
    left = factories.make_assignment(worker=cem, batch=batch)
    for worker in cases.people(10):
        cases.rejected(worker, batch, by=owner)

    with refused("frozen"):
        cases.reject(waiting.pk, by=owner)
    work.submit(
        assignment_id=held.pk, worker=bea, content=factories.answer(), key="x", now=at(minutes=1)
    )
    cases.open_answer(held.pk, by=owner, now=at(minutes=2))
    reviews.approve_assignment(assignment_id=waiting.pk, by=owner, now=at(minutes=2))
    reviews.approve_due(now=at(hours=73))
    claims.expire_due(now=at(days=5))
    assert {cases.state(one.pk) for one in (held, waiting, by_clock)} == {"approved"}
    assert cases.state(left.pk) == "expired"


def test_a_frozen_batch_refunds_nothing_until_it_is_lifted(
    braked: Batch, owner: Member, dia: User
) -> None:
    before = balances.client_balance(owner.client_id)
    batches.close_batch(batch_id=braked.pk, by=owner, now=NOW)
    publishing.settle_closed(now=NOW)
    assert publishing.settle_chunk(batch_id=braked.pk, now=NOW) == 0
    assert balances.client_balance(owner.client_id) == before

    dispute = group(braked)
    cases.reply(dispute, by=owner)
    cases.decide(dispute, by=dia, unfounded=False, now=at(days=7))
    lift(braked, dia)
    publishing.settle_closed(now=NOW)
    place = braked.reward + braked.fee
    # The money of the ten waits for their workers' appeals.
    assert balances.client_balance(owner.client_id) == before + 30 * place

    clocks.run(now=at(days=21))
    publishing.settle_closed(now=at(days=21))
    assert balances.client_balance(owner.client_id) == before + 40 * place
    assert Batch.objects.get(pk=braked.pk).settled_at is not None


@pytest.mark.parametrize("role", ["worker", "member", "inactive"])
def test_only_an_adjudicator_lifts_the_freeze(
    role: str, braked: Batch, owner: Member, bea: User, dia: User
) -> None:
    who = {"worker": bea, "member": owner.user, "inactive": dia}[role]
    if role == "inactive":
        dia.is_active = False
    cases.reply(group(braked), by=owner)
    clocks.run(now=at(days=10))
    with refused("forbidden"):
        lift(braked, who)


def test_the_freeze_is_lifted_only_after_the_decision_with_reasons_and_logged(
    braked: Batch, owner: Member, dia: User, bea: User
) -> None:
    dispute = group(braked)
    with refused("case_undecided"):
        lift(braked, dia)
    cases.reply(dispute, by=owner)
    with refused("case_undecided"):
        lift(braked, dia)
    cases.decide(dispute, by=dia)
    with refused("text_length"):
        judging.lift_freeze(batch_id=braked.pk, by=dia, reasons="ok", now=NOW)
    assert Batch.objects.get(pk=braked.pk).frozen_at is not None

    lift(braked, dia)

    assert Batch.objects.get(pk=braked.pk).frozen_at is None
    entry = LogEntry.objects.get(kind="freeze_lifted")
    assert (entry.by_id, entry.about_id, entry.data) == (dia.pk, braked.pk, {"reasons": WHY})
    assert claims.claim(worker=bea, batch_id=braked.pk, now=NOW).batch_id == braked.pk
    with refused("not_frozen"):
        lift(braked, dia)
    with refused("not_found"):
        judging.lift_freeze(batch_id=10**9, by=dia, reasons=WHY, now=NOW)


# --- the group's case ------------------------------------------------------------------------


def test_a_small_group_is_judged_one_by_one(braked: Batch, owner: Member, dia: User) -> None:
    dispute = group(braked)
    cases.reply(dispute, by=owner)
    ids = list(dispute.rejections.order_by("pk").values_list("assignment", flat=True))
    for wrong in ({}, dict.fromkeys(ids[:9], True), dict.fromkeys([*ids, 10**9], True)):
        with refused("not_all_judged"):
            cases.decide(dispute, by=dia, unfounded=wrong)

    wrong = {one: one in ids[:6] for one in ids}
    decision = cases.decide(dispute, by=dia, unfounded=wrong, now=at(days=7))

    assert (decision.overturned, decision.upheld) == (6, 4)
    outcomes = dict(Rejection.objects.values_list("assignment", "outcome"))
    assert outcomes == {one: "overturned" if one in ids[:6] else "" for one in ids}
    for one in Rejection.objects.filter(outcome="overturned").select_related("worker"):
        assert cases.earned(one.worker) == braked.reward * 11 // 10
    clocks.run(now=at(days=21))
    assert Assignment.objects.filter(state="refused").count() == 4


def test_a_silent_client_loses_the_whole_group_at_its_plain_price(
    braked: Batch, owner: Member
) -> None:
    clocks.run(now=at(hours=72))
    assert set(Rejection.objects.values_list("outcome", "compensation")) == {("unanswered", 0)}
    assert Assignment.objects.filter(state="approved").count() == 10
    assert cases.moved("compensation", "client", "worker") == 0
    assert Batch.objects.get(pk=braked.pk).frozen_at is not None


def test_out_of_a_group_each_worker_appeals_alone(braked: Batch, owner: Member, dia: User) -> None:
    dispute = group(braked)
    cases.reply(dispute, by=owner)
    cases.decide(dispute, by=dia, unfounded=False, now=at(days=7))
    first, second, *rest = Rejection.objects.order_by("pk").select_related("worker")
    hers, theirs = (cases.appeal(one, now=at(days=8)) for one in (first, second))
    assert hers.pk != theirs.pk
    assert {hers.appeal_of, theirs.appeal_of} == {dispute}
    with refused("conflict_of_interest"):
        cases.decide(hers, by=dia)
    other = factories.make_user("eli", role="adjudicator")
    cases.decide(hers, by=other, unfounded=True)
    cases.decide(theirs, by=other, unfounded=False)
    clocks.run(now=at(days=21))
    outcomes = list(Rejection.objects.order_by("pk").values_list("outcome", flat=True))
    assert outcomes == ["overturned", "upheld"] + ["upheld"] * len(rest)
    assert not Dispute.objects.running().exists()


def test_what_was_said_in_a_single_case_is_kept_in_the_groups(
    batch: Batch, owner: Member, dia: User
) -> None:
    workers = cases.people(10)
    made = [cases.rejected(worker, batch, by=owner) for worker in workers[:9]]
    alone = cases.contest(made[0])
    cases.reply(alone, by=owner)
    cases.rejected(workers[9], batch, by=owner)
    # The client has replied to this one: what it said is before whoever decides, and goes with
    # the answer (it may quote it).
    said = set(made[0].statements.values_list("side", "text"))
    assert ("client", cases.REPLY) in said
    cases.reply(group(batch), by=owner)
    cases.decide(group(batch), by=dia, unfounded=False, now=at(days=7))
    clocks.run(now=at(days=21))
    assert cases.is_erased(made[0].assignment_id)
    assert set(Dispute.objects.values_list("reply", flat=True)) == {""}


def test_the_last_appeal_out_of_a_group_leaves_no_empty_case_waiting(
    batch: Batch, owner: Member, dia: User, bea: User
) -> None:
    made = [cases.reject(one, by=owner) for one in opened(bea, batch, owner, 5)[:3]]
    dispute = group(batch)
    cases.reply(dispute, by=owner)
    ids = [one.assignment_id for one in made]
    wrong = {one: one != ids[0] for one in ids}
    cases.decide(dispute, by=dia, unfounded=wrong, now=at(days=7))
    cases.appeal(Rejection.objects.get(assignment=ids[0]))
    dispute.refresh_from_db()
    assert dispute.state == "closed"


def test_withdrawing_goes_on_in_a_frozen_batch(braked: Batch, owner: Member) -> None:
    one = Rejection.objects.order_by("pk")[0]
    rejections.withdraw_rejection(assignment_id=one.assignment_id, by=owner, now=NOW)
    assert cases.is_paid(one.assignment_id)
    assert group(braked).state == "filed"


def test_a_worker_the_cap_spoke_for_is_heard_before_the_group_is_upheld(
    braked: Batch, owner: Member, dia: User
) -> None:
    # R9 promised her that before the brake joined her case with the others.
    dispute = group(braked)
    cases.reply(dispute, by=owner)
    with refused("too_early"):
        cases.decide(dispute, by=dia, unfounded=False)
    cases.decide(dispute, by=dia, unfounded=False, now=at(days=7))
