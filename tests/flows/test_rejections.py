"""The numbers of the promise: mass rejection is braked, judged by a sample, and paid."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction

from accounts.models import Member, User
from core.errors import DomainError
from disputes.models import Dispute, Rejection
from disputes.services import clocks, rejections
from payments.selectors import balances
from tasks.models import Assignment, Batch
from tasks.selectors import sampling
from tasks.services import gold, reviews
from tests import factories
from tests.disputes import cases
from tests.disputes.cases import at
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is undone at its end; operations may begin inside."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        transaction.set_rollback(True)


def big_batch(owner: Member, tasks: int, *, known: int) -> Batch:
    """Published; the answers to its first `known` tasks are the client's own: it may open all."""
    batch = factories.make_batch(owner, tasks=tasks)
    other = factories.answer("negative")
    items = [{"external_id": f"t{i}", "answer": other} for i in range(known)]
    gold.set_gold(batch_id=batch.pk, by=owner, known=items, now=NOW)
    factories.fund(owner.client, "5000.00")
    return factories.publish(batch, by=owner)


def do_all(batch: Batch, workers: list[User]) -> list[int]:
    """Every place, each worker in her turn."""
    return [cases.submit(workers[i % len(workers)], batch) for i in range(batch.task_count)]


def approve_all(batch: Batch, owner: Member, ids: list[int]) -> None:
    reviews.approve_many(batch_id=batch.pk, by=owner, assignment_ids=ids, now=NOW)
    assert reviews.run_operations(now=NOW) == len(ids)


@pytest.fixture
def braked(owner: Member) -> Dispute:
    """1,220 reviewed, 61 of them rejected over days: that is 5 %. The 62nd is more."""
    batch = big_batch(owner, 1_221, known=62)
    # The known items come first: one each, so that nobody's own answers trigger anything.
    ids = do_all(batch, cases.people(245))
    approve_all(batch, owner, ids[62:])
    for one in ids[:62]:
        cases.open_answer(one, by=owner)
    for number, one in enumerate(ids[:61]):
        cases.reject(one, by=owner, now=at(hours=number))
    batch.refresh_from_db()
    assert batch.frozen_at is None
    cases.reject(ids[61], by=owner, now=at(hours=61))
    batch.refresh_from_db()
    assert batch.frozen_at == at(hours=61)
    dispute = Dispute.objects.get(kind="collective")
    assert dispute.rejections.count() == 62
    assert dispute.rejections.filter(sampled=True).count() == 60
    return cases.reply(dispute, by=owner, now=at(hours=62))


def judged(dispute: Dispute) -> list[int]:
    found = dispute.rejections.filter(sampled=True).exclude(state="closed").order_by("pk")
    return list(found.values_list("assignment", flat=True))


def settle(dispute: Dispute, by: User, *, unfounded: int) -> None:
    ids = judged(dispute)
    wrong = {one: number < unfounded for number, one in enumerate(ids)}
    cases.decide(dispute, by=by, unfounded=wrong, now=at(days=10))


def test_62_rejections_are_judged_by_a_sample_of_60_and_settled_at_once(
    braked: Dispute, owner: Member, dia: User
) -> None:
    batch = braked.batch
    before = balances.client_balance(owner.client_id)

    # Six are more than five: all are annulled, those outside the sample too, at once.
    with undone():
        settle(braked, dia, unfounded=6)
        outcomes = Rejection.objects.values_list("outcome", "compensation")
        assert set(outcomes) == {("annulled", batch.reward // 10)}
        assert Assignment.objects.filter(batch=batch, state="approved").count() == 1_221
        assert Dispute.objects.get(pk=braked.pk).state == "closed"
        lost = 62 * batch.reward // 10
        assert balances.client_balance(owner.client_id) == before - lost
        assert cases.breaks() == []

    # Five are not: they are paid, the others wait for an appeal and are refused.
    with undone():
        settle(braked, dia, unfounded=5)
        assert Rejection.objects.filter(outcome="overturned").count() == 5
        assert Rejection.objects.filter(state="upheld").count() == 57
        clocks.run(now=at(days=24))
        assert Rejection.objects.filter(outcome="upheld").count() == 57
        assert cases.breaks() == []

    # Of what the client pays for meanwhile, another takes the place: 60 are judged.
    with undone():
        for one in judged(braked)[:1]:
            rejections.withdraw_rejection(assignment_id=one, by=owner, now=at(days=3))
        assert len(judged(braked)) == 60
        settle(braked, dia, unfounded=6)
        assert Rejection.objects.filter(outcome="annulled").count() == 61


def test_rejecting_all_in_one_go_is_braked_at_the_tenth_and_the_rest_is_paid(
    owner: Member,
) -> None:
    batch = big_batch(owner, 1_000, known=0)
    ids = do_all(batch, cases.people(250))
    sample = set(sampling.sample(batch).values_list("pk", flat=True))
    assert 60 < len(sample) < 200
    for one in sample:
        cases.open_answer(one, by=owner)

    refusals = {one: refusal(one, owner) for one in ids}

    # Most of them it has never seen, and it is stopped at the tenth of those it has.
    made = [one for one in ids if refusals[one] is None]
    assert len(made) == 10
    assert set(made) <= sample
    rest = [refusals[one] for one in ids if one > made[-1]]
    assert rest == ["frozen"] * len(rest)
    assert {refusals[one] for one in ids if one < made[-1]} <= {None, "unopened"}
    batch.refresh_from_db()
    assert batch.frozen_at == NOW
    assert Dispute.objects.running().get().rejections.count() == 10
    # Nobody does anything more: the 990 are paid by the clock, the ten by the client's silence.
    assert reviews.approve_due(now=at(hours=72)) == 990
    clocks.run(now=at(hours=72))
    assert Assignment.objects.filter(batch=batch, state="approved").count() == 1_000
    assert cases.moved("settle", "escrow", "worker") == 1_000 * batch.reward


def refusal(one: int, owner: Member) -> str | None:
    try:
        cases.reject(one, by=owner)
    except DomainError as error:
        return error.code
    return None


def test_the_records_of_a_refused_answer_are_hers_alone(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner)
    one = factories.make_assignment(worker=bea, batch=batch, state="refused")
    kept = one.archived.get()
    assert json.loads(json.dumps(kept.record))["explanation"] == factories.EXPLANATION
    assert not Rejection.objects.exclude(explanation="").exists()
