"""Two requests at once: real threads on real rows. One test for each lock."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import Member, User
from core.errors import DomainError
from payments.selectors import balances as money_of
from tasks.models import Assignment, Batch, Place
from tasks.services import batches, claims, publishing, reviews, work
from tests import factories
from tests.factories import NOW

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Runs the calls in a thread each, all started together; a refusal is its code."""
    ready = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        ready.wait()
        try:
            return call()
        except DomainError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_32_workers_claim_20_places_and_20_get_one_each(owner: Member) -> None:
    batch = factories.make_open_batch(owner, tasks=10, overlap=2)
    workers = [factories.make_user(f"worker{i}") for i in range(32)]

    got = at_once(
        *(lambda w=w: claims.claim(worker=w, batch_id=batch.pk, now=NOW).place_id for w in workers)
    )

    places = [one for one in got if isinstance(one, int)]
    assert len(places) == 20
    assert len(set(places)) == 20
    assert Counter(one for one in got if isinstance(one, str)) == {"nothing_left": 12}


def test_one_worker_claiming_eight_times_at_once_holds_two(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=20)

    got = at_once(
        *[lambda: claims.claim(worker=bea, batch_id=batch.pk, now=NOW).pk for _ in range(8)]
    )

    assert Counter(one for one in got if isinstance(one, str)) == {"claim_limit": 6}
    assert Assignment.objects.live().filter(worker=bea).count() == 2


def test_approval_by_hand_and_by_clock_at_once_pay_once(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=1)
    one = factories.make_assignment(worker=bea, batch=batch, state="submitted")
    later = NOW + timedelta(days=4)

    at_once(
        *[lambda: reviews.approve_assignment(assignment_id=one.pk, by=owner, now=later)] * 4,
        *[lambda: reviews.approve_due(now=later)] * 4,
    )

    one.refresh_from_db()
    assert one.state == "approved"
    assert money_of.worker_balance(bea.pk) == batch.reward


def test_publishing_eight_times_at_once_locks_the_price_once(owner: Member) -> None:
    batch = factories.make_batch(owner, tasks=3)
    factories.fund(owner.client, "100.00")

    got = at_once(*[lambda: batches.publish_batch(batch_id=batch.pk, by=owner, now=NOW).pk] * 8)

    assert Counter(map(str, got)) == {str(batch.pk): 1, "illegal_move": 7}
    left = 100_000_000 - 3 * (batch.reward + batch.reward // 10)
    assert money_of.client_balance(owner.client_id) == left


def test_places_made_by_two_jobs_at_once_are_made_once(owner: Member) -> None:
    batch = factories.make_batch(owner, tasks=30, overlap=3)
    factories.fund(owner.client, "100.00")
    batches.publish_batch(batch_id=batch.pk, by=owner, now=NOW)

    at_once(*[lambda: publishing.publish_batches(now=NOW)] * 4)

    assert Place.objects.filter(batch=batch).count() == 90
    assert Batch.objects.get(pk=batch.pk).state == "open"


def test_the_same_answer_submitted_eight_times_at_once_counts_once(
    owner: Member, bea: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=1)
    one = factories.make_assignment(worker=bea, batch=batch)

    def submit() -> Any:
        return work.submit(
            assignment_id=one.pk, worker=bea, content=factories.answer(), key="same", now=NOW
        )

    got = at_once(*[submit] * 8)

    assert sorted(result.repeated for result in got) == [False] + [True] * 7


def test_submitting_against_expiry_ends_in_one_of_the_two(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=8)
    late = NOW + timedelta(days=5)
    for _ in range(2):
        one = factories.make_assignment(worker=bea, batch=batch)
        at_once(
            lambda one=one: work.submit(
                assignment_id=one.pk, worker=bea, content=factories.answer(), key="k", now=late
            ),
            lambda: claims.expire_due(now=late),
        )

    # Either way the answer counts: in time, or late on a place that was still free.
    assert Assignment.objects.filter(worker=bea, state="submitted").count() == 2


def test_closing_against_claiming_leaves_every_place_settled_or_in_work(owner: Member) -> None:
    batch = factories.make_open_batch(owner, tasks=10)
    workers = [factories.make_user(f"worker{i}") for i in range(6)]

    at_once(
        *(lambda w=w: claims.claim(worker=w, batch_id=batch.pk, now=NOW).pk for w in workers),
        lambda: batches.close_batch(batch_id=batch.pk, by=owner, now=NOW),
        lambda: publishing.settle_closed(now=NOW),
    )
    publishing.settle_closed(now=NOW)

    taken = Assignment.objects.live().filter(batch=batch).count()
    states = Counter(Place.objects.filter(batch=batch).values_list("state", flat=True))
    assert states == Counter({"settled": 10 - taken, "taken": taken})


def test_giving_back_against_settling_leaves_no_money_behind(owner: Member, bea: User) -> None:
    for _ in range(6):
        batch = factories.make_open_batch(owner, tasks=1)
        one = factories.make_assignment(worker=bea, batch=batch)
        batches.close_batch(batch_id=batch.pk, by=owner, now=NOW)
        at_once(
            *[lambda: publishing.settle_closed(now=NOW)] * 3,
            lambda one=one: claims.release(assignment_id=one.pk, worker=bea, now=NOW).pk,
        )
        publishing.settle_closed(now=NOW)

        batch.refresh_from_db()
        assert batch.settled_at == NOW
        assert not Place.objects.filter(batch=batch).exclude(state="settled").exists()


def test_bulk_approvals_in_opposite_orders_do_not_deadlock(owner: Member) -> None:
    batch = factories.make_open_batch(owner, tasks=30)
    workers = [factories.make_user(f"worker{i}") for i in range(15)]
    ids = [
        factories.make_assignment(worker=w, batch=batch, state="submitted").pk
        for w in workers
        for _ in range(2)
    ]
    for order in (ids, ids[::-1]):
        reviews.approve_many(batch_id=batch.pk, by=owner, assignment_ids=order, now=NOW)

    at_once(*[lambda: reviews.run_operations(now=NOW)] * 4)
    reviews.run_operations(now=NOW)

    assert Assignment.objects.filter(batch=batch, state="approved").count() == 30
