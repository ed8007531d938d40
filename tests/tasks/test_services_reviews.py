"""Approved is paid, once and for good; silence pays (R2, R3)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Member, User
from core import events
from core.errors import IllegalMove, Invalid, NotFound
from payments.selectors import balances
from payments.services import escrow
from tasks.models import Assignment, Batch
from tasks.selectors import answers
from tasks.services import batches, claims, publishing, reviews
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def submitted(worker: User, batch: Batch) -> Assignment:
    return factories.make_assignment(worker=worker, batch=batch, state="submitted")


def test_approve_pays_the_whole_reward_and_delivers_the_answer(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner)
    one = submitted(bea, batch)
    with pytest.raises(answers.Sealed):
        answers.readable(assignment_id=one.pk, client=owner.client)
    reviews.approve_assignment(assignment_id=one.pk, by=owner, now=NOW)
    assert balances.worker_balance(bea.pk) == batch.reward
    assert answers.readable(assignment_id=one.pk, client=owner.client) == factories.answer()


def test_approve_twice_is_refused_and_pays_once(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner)
    one = factories.make_assignment(worker=bea, batch=batch, state="approved")
    with pytest.raises(IllegalMove):
        reviews.approve_assignment(assignment_id=one.pk, by=owner, now=NOW)
    assert balances.worker_balance(bea.pk) == batch.reward


def test_approve_of_another_clients_assignment_is_not_found(
    owner: Member, bea: User, dia: User
) -> None:
    one = submitted(bea, factories.make_open_batch(owner))
    other = factories.make_client("Other", owner="eve", verified_by=dia)
    with pytest.raises(NotFound):
        reviews.approve_assignment(assignment_id=one.pk, by=other.members.get(), now=NOW)


def test_silence_pays_when_the_window_ends_and_not_before(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner)
    one = submitted(bea, batch)
    assert one.review_due_at is not None
    assert reviews.approve_due(now=one.review_due_at - timedelta(seconds=1)) == 0
    assert reviews.approve_due(now=one.review_due_at) == 1
    one.refresh_from_db()
    assert one.state == "approved"
    assert one.decided_by_id is None
    assert balances.worker_balance(bea.pk) == batch.reward


def test_a_row_that_cannot_be_paid_holds_up_nobody_else(
    owner: Member, bea: User, cem: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = factories.make_open_batch(owner, tasks=3)
    stuck, other = submitted(bea, first), submitted(cem, first)
    elsewhere = submitted(bea, factories.make_open_batch(owner))
    settle = escrow.settle

    def fails_for_one(**given: Any) -> None:
        if any(item.assignment_id == stuck.pk for item in given["items"]):
            raise RuntimeError("no hold")
        settle(**given)

    monkeypatch.setattr(escrow, "settle", fails_for_one)
    assert reviews.approve_due(now=NOW + timedelta(days=4)) == 2
    states = {one.pk: Assignment.objects.get(pk=one.pk).state for one in (stuck, other, elsewhere)}
    assert states == {stuck.pk: "submitted", other.pk: "approved", elsewhere.pk: "approved"}


def test_no_path_leads_out_of_approved(owner: Member, bea: User) -> None:
    one = factories.make_assignment(
        worker=bea, batch=factories.make_open_batch(owner), state="approved"
    )
    with pytest.raises(IllegalMove):
        claims.release(assignment_id=one.pk, worker=bea, now=NOW)
    assert claims.expire_due(now=NOW + timedelta(days=99)) == 0
    with pytest.raises(IntegrityError), transaction.atomic():
        Assignment.objects.filter(pk=one.pk).update(state="released")


def test_approve_many_approves_all_that_was_waiting_then(
    owner: Member, bea: User, cem: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=4)
    early = [submitted(worker, batch) for worker in (bea, bea, cem)]
    begun = reviews.approve_many(
        batch_id=batch.pk, by=owner, assignment_ids=None, now=NOW + timedelta(minutes=1)
    )
    assert begun.total == 3
    reviews.run_operations(now=NOW)
    begun.refresh_from_db()
    assert (begun.done, begun.errors, begun.finished_at) == (3, [], NOW)
    assert Assignment.objects.filter(state="approved").count() == len(early)


def test_approve_many_names_the_ones_it_could_not_approve(
    owner: Member, bea: User, cem: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=4)
    ready, open_ = submitted(bea, batch), factories.make_assignment(worker=cem, batch=batch)
    begun = reviews.approve_many(
        batch_id=batch.pk, by=owner, assignment_ids=[ready.pk, open_.pk, 999_999], now=NOW
    )
    reviews.run_operations(now=NOW)
    begun.refresh_from_db()
    assert [error["assignment"] for error in begun.errors] == [open_.pk, 999_999]
    with pytest.raises(Invalid):
        reviews.approve_many(batch_id=batch.pk, by=owner, assignment_ids=[], now=NOW)


def test_nothing_is_saved_when_the_event_cannot_be_written(
    owner: Member, bea: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = factories.make_open_batch(owner)
    one = submitted(bea, batch)
    monkeypatch.setattr(events, "record_many", lambda *_a, **_k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        reviews.approve_assignment(assignment_id=one.pk, by=owner, now=NOW)
    one.refresh_from_db()
    assert one.state == "submitted"
    assert balances.worker_balance(bea.pk) == 0


def test_results_are_paid_answers_in_an_order_one_can_resume(
    owner: Member, bea: User, cem: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=3, overlap=2)
    for worker in (bea, cem, bea):
        factories.make_assignment(worker=worker, batch=batch, state="approved")
    submitted(cem, batch)
    # The fence shows what is older than every running transaction; a test is one of those.
    assert list(answers.results(batch=batch, client=owner.client)) == []


def test_results_by_task_put_the_answers_of_a_task_together(
    owner: Member, bea: User, cem: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "PAGE", 3)
    batch = factories.make_open_batch(owner, tasks=4, overlap=2)
    for worker in (bea, cem, cem, bea, bea, cem, bea):
        factories.make_assignment(worker=worker, batch=batch, state="approved")
    found = list(answers.results_by_task(batch=batch, client=owner.client))
    assert [one.external_id for one in found] == ["t0", "t0", "t1", "t1", "t2", "t2", "t3"]
    assert all(one.content == factories.answer() for one in found)


def test_a_closed_batch_refunds_what_was_never_done_and_pays_what_runs(
    owner: Member, bea: User
) -> None:
    before = balances.client_balance(owner.client_id)
    batch = factories.make_open_batch(owner, tasks=5)
    one = submitted(bea, batch)
    batches.close_batch(batch_id=batch.pk, by=owner, now=NOW)
    assert publishing.settle_closed(now=NOW) == 4
    reviews.approve_assignment(assignment_id=one.pk, by=owner, now=NOW)
    publishing.settle_closed(now=NOW)
    batch.refresh_from_db()
    assert batch.settled_at == NOW
    price = batch.reward + batch.fee
    assert balances.client_balance(owner.client_id) == before + 4 * price
