"""Money under real threads: one outcome each, no deadlock, nobody below zero."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from core import money
from core.errors import DomainError
from core.models import Event
from payments.models import Account, Fund, Journal, Payout
from payments.selectors import balances, batches
from payments.services import deposits, payouts
from payments.services.escrow import Settlement
from tests.payments import books
from tests.payments.books import EACH, NOW, PAY

# Holds without places: the books alone are audited here.
from tests.payments.conftest import books_balance as books_balance
from tests.payments.providers import FaultyBank

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Runs the calls in a thread each, all started together; a refusal is its code."""
    ready = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        # The connection first, or the fastest to connect would win every race.
        connection.ensure_connection()
        ready.wait()
        try:
            return call()
        except DomainError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def settle(batch_id: int, place_ids: list[int], worker_id: int) -> str:
    books.pay(batch_id, place_ids, worker_id=worker_id)
    return "paid"


def refund(batch_id: int, place_ids: list[int]) -> str:
    books.refund(batch_id=batch_id, place_ids=place_ids, by=None, now=NOW)
    return "refunded"


def test_16_approvals_of_one_place_pay_it_once() -> None:
    places = books.open_batch(places=10)
    for place in places:
        got = at_once(*(partial(settle, 7, [place], worker) for worker in range(16)))
        assert Counter(got) == {"paid": 1, "already_settled": 15}
    assert sum(balances.worker_balance(worker) for worker in range(16)) == 10 * PAY


def test_a_place_is_paid_or_refunded_and_never_both() -> None:
    places = books.open_batch(places=20)
    for place in places:
        got = at_once(
            partial(settle, 7, [place], 5),
            partial(refund, 7, [place]),
            partial(settle, 7, [place], 6),
            partial(refund, 7, [place]),
        )
        assert len([one for one in got if one in ("paid", "refunded")]) == 1
    sums = batches.batch_money(7)
    assert (sums.left, sums.paid + sums.fees + sums.refunded) == (0, 20 * EACH)


def test_bulk_approvals_of_the_same_places_in_opposite_orders_do_not_deadlock() -> None:
    for batch_id in range(7, 12):
        places = books.open_batch(batch_id=batch_id, places=300)
        got = at_once(
            *[partial(settle, batch_id, places, 5)] * 4,
            *[partial(settle, batch_id, places[::-1], 6)] * 4,
        )
        assert Counter(got) == {"paid": 1, "already_settled": 7}


def test_approvals_for_workers_nobody_paid_before_make_each_account_once() -> None:
    places = books.open_batch(places=16)
    items = [Settlement(place, 100 + number % 4, 1) for number, place in enumerate(places)]

    def pay(mine: list[Settlement]) -> str:
        books.settle(batch_id=7, items=mine, by=None, now=NOW)
        return "paid"

    halves = [items[:8], items[8:][::-1]]
    got = at_once(*(partial(pay, mine) for mine in halves))
    assert got == ["paid", "paid"]
    assert [balances.worker_balance(100 + number) for number in range(4)] == [4 * PAY] * 4
    assert Account.objects.filter(kind="worker").count() == 4


def test_50_batches_on_a_balance_that_covers_10() -> None:
    books.deposit(1, 10 * EACH)

    def publish(batch_id: int) -> str:
        books.fund(client_id=1, batch_id=batch_id, amount=EACH)
        return "funded"

    got = at_once(*(partial(publish, batch_id) for batch_id in range(50)))
    assert Counter(got) == {"funded": 10, "insufficient_funds": 40}
    assert balances.client_balance(1) == 0
    assert Fund.objects.count() == 10


def test_one_funding_asked_for_eight_times_is_made_once() -> None:
    books.deposit(1, 2 * EACH)
    got = at_once(
        *[lambda: books.fund(client_id=1, batch_id=7, amount=EACH).funded for _ in range(8)]
    )
    assert got == [EACH] * 8
    assert balances.client_balance(1) == EACH


def test_one_deposit_reported_eight_times_counts_once() -> None:
    def deposit() -> int:
        return deposits.deposit(
            client_id=1,
            amount=money.UNIT,
            provider="sandbox",
            reference="the same",
            by=None,
            now=NOW,
        ).pk

    assert len(set(at_once(*[deposit] * 8))) == 1
    assert balances.client_balance(1) == money.UNIT
    assert Event.objects.filter(kind="deposit.settled").count() == 1


@pytest.fixture
def bea(transactional_db: None) -> User:
    """A worker with 60.00."""
    worker = User.objects.create_user("bea@example.org")
    books.earn(worker, 60 * money.UNIT)
    return worker


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> FaultyBank:
    bank = FaultyBank()
    monkeypatch.setattr(payouts, "providers", lambda: {bank.name: bank})
    return bank


def request(worker: User, amount: int, key: str = "") -> int:
    return payouts.request_payout(worker=worker, amount=amount, by=worker, now=NOW, key=key).amount


def test_20_payouts_at_once_take_what_is_there(bea: User) -> None:
    got = at_once(*[lambda: request(bea, 7 * money.UNIT) for _ in range(20)])
    assert Counter(got) == {7 * money.UNIT: 8, "payout_above_balance": 12}
    assert balances.worker_balance(bea.pk) == 4 * money.UNIT


def test_a_payout_asked_for_eight_times_with_one_key_is_made_once(bea: User) -> None:
    at_once(*[lambda: request(bea, 7 * money.UNIT, key="k") for _ in range(8)])
    assert Payout.objects.count() == 1


def test_four_senders_send_each_payout_once(bea: User, bank: FaultyBank) -> None:
    for _ in range(8):
        request(bea, 7 * money.UNIT)
    got = at_once(*[lambda: payouts.send_due(now=NOW) for _ in range(4)])
    assert sum(got) == 8
    assert len(bank.keys) == len(bank.made) == 8


def test_a_payout_is_cancelled_or_sent(bea: User, bank: FaultyBank) -> None:
    for number in range(8):
        request(bea, 7 * money.UNIT, key=str(number))
        payout = Payout.objects.latest("pk")

        def cancel(number: int = payout.pk) -> str:
            return payouts.cancel_payout(payout_id=number, by=bea, now=NOW).state

        got = at_once(cancel, lambda: payouts.send_due(now=NOW))
        assert got in (["cancelled", 0], ["illegal_move", 1])
    sent = Payout.objects.filter(state="sent").count()
    assert len(bank.made) == sent
    assert balances.worker_balance(bea.pk) == (60 - 7 * sent) * money.UNIT


def test_four_resolvers_bring_a_payout_back_once(bea: User, bank: FaultyBank) -> None:
    bank.script = ["unheard"]
    request(bea, 7 * money.UNIT)
    payouts.send_due(now=NOW)
    later = NOW + timedelta(seconds=1)
    at_once(*[lambda: payouts.resolve_unknown(now=later) for _ in range(4)])
    assert Payout.objects.get().state == "sent"
    assert len(bank.made) == 1
    assert Event.objects.filter(kind="payout.sent").count() == 1


def test_earning_requesting_and_giving_back_at_once_do_not_deadlock(
    bea: User, bank: FaultyBank
) -> None:
    places = books.open_batch(places=40)
    bank.script = ["refused"] * 1000

    def earn(mine: list[int]) -> None:
        for place in mine:
            settle(7, [place], bea.pk)

    def take() -> None:
        for _ in range(6):
            request(bea, 5 * money.UNIT)

    def send() -> None:
        for _ in range(12):
            payouts.send_due(now=NOW)

    at_once(lambda: earn(places[::2]), lambda: earn(places[1::2]), take, take, send, send)
    payouts.send_due(now=NOW)
    assert balances.worker_balance(bea.pk) == 60 * money.UNIT + 40 * PAY
    assert set(Payout.objects.values_list("state", flat=True)) == {"failed"}
    assert Journal.objects.filter(kind="payout_failed").count() == Payout.objects.count()
