"""Money locked for work: locked before anybody sees the batch, settled once, never lost."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from core.db import operation
from core.errors import Conflict, InsufficientFunds, NotFound
from payments.models import Fund, Hold, Journal, Transfer
from payments.selectors import balances, batches
from payments.selectors.batches import BatchMoney
from payments.services import escrow
from payments.services.escrow import AlreadySettled, Settlement
from payments.states import JournalKind
from tests.payments import books
from tests.payments.books import EACH, FEE, NOW, PAY

pytestmark = pytest.mark.django_db


def test_fund_batch_moves_the_clients_money_to_escrow() -> None:
    books.deposit(1, 10 * EACH + 10_000)
    fund = books.fund(client_id=1, batch_id=7, amount=10 * EACH)
    assert (fund.funded, fund.allocated, fund.returned) == (10 * EACH, 0, 0)
    assert balances.client_balance(1) == 10_000
    assert batches.batch_money(7) == BatchMoney(7, funded=10 * EACH)


def test_fund_batch_says_what_is_missing_and_changes_nothing() -> None:
    books.deposit(1, 30_000)
    with pytest.raises(InsufficientFunds) as refusal:
        books.fund(client_id=1, batch_id=7, amount=50_500)
    assert refusal.value.status == 402
    assert refusal.value.extra == {"missing": {"amount": "0.0205", "currency": "USD"}}
    assert "0.0205" in str(refusal.value.detail)
    assert balances.client_balance(1) == 30_000
    assert not Fund.objects.exists()


def test_fund_batch_again_is_harmless_even_when_the_balance_is_spent() -> None:
    books.deposit(1, 10_000)
    first = books.fund(client_id=1, batch_id=7, amount=10_000)
    again = books.fund(client_id=1, batch_id=7, amount=10_000)
    assert first == again
    assert balances.client_balance(1) == 0
    books.deposit(1, 10_000)
    with pytest.raises(Conflict, match="booked already"):
        books.fund(client_id=1, batch_id=7, amount=5_000)


def test_fund_batch_a_second_time_adds_to_the_fund() -> None:
    books.deposit(1, 30_000)
    books.fund(client_id=1, batch_id=7, amount=10_000)
    assert books.fund(client_id=1, batch_id=7, amount=20_000, number=2).funded == 30_000


def test_allocate_makes_a_hold_for_each_place() -> None:
    places = books.open_batch(places=3)
    holds = Hold.objects.order_by("pk")
    assert [(h.pk, h.pay, h.fee, h.top) for h in holds] == [(p, PAY, FEE, 0) for p in places]
    assert batches.batch_money(7).allocated == 3 * EACH


def test_allocate_of_a_batch_without_money_is_refused() -> None:
    with pytest.raises(NotFound, match="never funded"):
        books.allocate(batch_id=7, place_ids=[1], pay=PAY, fee=FEE)


def test_allocate_a_place_twice_is_a_bug() -> None:
    [place] = books.open_batch(places=1)
    books.deposit(1, 2 * EACH)
    books.fund(client_id=1, batch_id=7, amount=EACH, number=2)
    with pytest.raises(IntegrityError):
        books.allocate(batch_id=7, place_ids=[place], pay=PAY, fee=FEE)


def test_settle_pays_the_worker_in_full_and_splits_the_fee() -> None:
    places = books.open_batch(places=3)
    books.pay(7, places[:2], worker_id=5)
    assert balances.worker_balance(5) == 2 * PAY
    assert batches.batch_money(7) == BatchMoney(
        7, funded=3 * EACH, allocated=3 * EACH, paid=2 * PAY, fees=2 * FEE
    )
    assert batches.batch_money(7).left == EACH
    moved = Transfer.objects.filter(hold_id=places[0]).order_by("-amount")
    assert [(t.credit.kind, t.part, t.amount) for t in moved] == [
        ("worker", "pay", PAY),
        ("fees", "fee", FEE * 9 // 10),
        ("guarantee", "fee", FEE // 10),
    ]


def test_settle_names_place_assignment_and_batch() -> None:
    [place] = books.open_batch(places=1)
    books.pay(7, [place], worker_id=5)
    journal = Journal.objects.get(kind=JournalKind.SETTLE)
    assert journal.idem == f"settle:{place}"
    assert (journal.batch_id, journal.place_id, journal.assignment_id) == (7, place, place + 1)


def test_settle_of_many_workers_at_once() -> None:
    places = books.open_batch(places=6)
    items = [Settlement(place, place % 3, place) for place in places]
    books.settle(batch_id=7, items=items, by=None, now=NOW)
    assert [balances.worker_balance(worker) for worker in range(3)] == [2 * PAY] * 3


def test_settle_of_nothing_is_nothing() -> None:
    books.settle(batch_id=7, items=[], by=None, now=NOW)
    assert not Journal.objects.exists()


@pytest.mark.parametrize("again", [[0], [0, 1], [1, 0, 2]])
def test_settle_twice_is_refused_as_a_whole(again: list[int]) -> None:
    places = books.open_batch(places=3)
    books.pay(7, places[:1], worker_id=5)
    with pytest.raises(AlreadySettled) as refusal:
        books.pay(7, [places[number] for number in again], worker_id=6)
    assert refusal.value.code == "already_settled"
    assert balances.worker_balance(5) == PAY
    assert balances.worker_balance(6) == 0


def test_a_caller_that_swallows_the_refusal_cannot_commit_half_of_it() -> None:
    places = books.open_batch(places=2)
    books.pay(7, places[:1], worker_id=5)

    @operation
    def careless() -> None:
        try:
            items = [Settlement(place, 6, 1) for place in places]
            escrow.settle(batch_id=7, items=items, by=None, now=NOW)
        except AlreadySettled:
            return

    careless()
    assert balances.worker_balance(6) == 0


def test_settle_of_a_place_without_a_hold_is_refused() -> None:
    places = books.open_batch(places=1)
    with pytest.raises(NotFound, match="999") as refusal:
        books.pay(7, [*places, 999], worker_id=5)
    assert refusal.value.code == "no_hold"
    assert balances.worker_balance(5) == 0


def test_settle_of_another_batchs_place_is_a_bug() -> None:
    books.open_batch(batch_id=7)
    others = books.open_batch(batch_id=8)
    for settle in (
        lambda: books.pay(7, others, worker_id=5),
        lambda: books.refund(batch_id=7, place_ids=others, by=None, now=NOW),
    ):
        with pytest.raises(IntegrityError, match="is not of fund"):
            settle()


def test_a_place_named_twice_in_one_call_is_a_bug() -> None:
    [place] = books.open_batch(places=1)
    with pytest.raises(ValueError, match="named twice"):
        books.pay(7, [place, place], worker_id=5)
    with pytest.raises(ValueError, match="named twice"):
        books.refund(batch_id=7, place_ids=[place, place], by=None, now=NOW)


def test_refund_gives_pay_and_fee_back_to_the_client() -> None:
    places = books.open_batch(places=3)
    books.pay(7, places[:1], worker_id=5)
    before = balances.client_balance(1)
    assert books.refund(batch_id=7, place_ids=places[1:], by=None, now=NOW) == 2 * EACH
    assert balances.client_balance(1) == before + 2 * EACH
    assert batches.batch_money(7) == BatchMoney(
        7, funded=3 * EACH, allocated=3 * EACH, paid=PAY, fees=FEE, refunded=2 * EACH
    )
    assert batches.batch_money(7).left == 0


def test_refund_of_nothing_is_nothing() -> None:
    assert books.refund(batch_id=7, place_ids=[], by=None, now=NOW) == 0


def test_what_was_paid_is_never_refunded_and_what_was_refunded_never_paid() -> None:
    paid, refunded = books.open_batch(places=2)
    books.pay(7, [paid], worker_id=5)
    books.refund(batch_id=7, place_ids=[refunded], by=None, now=NOW)
    for place in (paid, refunded):
        with pytest.raises(AlreadySettled):
            books.refund(batch_id=7, place_ids=[place], by=None, now=NOW)
    with pytest.raises(AlreadySettled):
        books.pay(7, [refunded], worker_id=5)
    with pytest.raises(NotFound):
        books.refund(batch_id=7, place_ids=[12345], by=None, now=NOW)


def test_refund_unallocated_gives_the_rest_back_once() -> None:
    books.open_batch(places=2)
    books.deposit(1, 100_000)
    books.fund(client_id=1, batch_id=7, amount=100_000, number=2)
    before = balances.client_balance(1)
    assert books.refund_unallocated(batch_id=7, by=None, now=NOW) == 100_000
    assert books.refund_unallocated(batch_id=7, by=None, now=NOW) == 0
    assert balances.client_balance(1) == before + 100_000
    assert batches.batch_money(7).refunded == 100_000
    with pytest.raises(IntegrityError):
        books.allocate(batch_id=7, place_ids=[1], pay=PAY, fee=FEE)


def test_refund_unallocated_after_another_funding() -> None:
    books.deposit(1, 30_000)
    books.fund(client_id=1, batch_id=7, amount=10_000)
    assert books.refund_unallocated(batch_id=7, by=None, now=NOW) == 10_000
    books.fund(client_id=1, batch_id=7, amount=20_000, number=2)
    assert books.refund_unallocated(batch_id=7, by=None, now=NOW) == 20_000
    assert balances.client_balance(1) == 30_000


def test_refund_unallocated_of_a_batch_without_money_is_refused() -> None:
    with pytest.raises(NotFound, match="never funded"):
        books.refund_unallocated(batch_id=7, by=None, now=NOW)


@pytest.mark.parametrize("places", [1, 200])
def test_the_number_of_statements_does_not_grow(
    django_assert_num_queries: Any, places: int
) -> None:
    place_ids = books.open_batch(places=2 * places + 1)
    books.pay(7, place_ids[:1], worker_id=5)
    items = [Settlement(place, 5, 1) for place in place_ids[1 : places + 1]]
    with transaction.atomic():
        with django_assert_num_queries(1):
            escrow.settle.__wrapped__(  # type: ignore[attr-defined]
                batch_id=7, items=items, by=None, now=NOW
            )
        with django_assert_num_queries(1):
            escrow.refund.__wrapped__(  # type: ignore[attr-defined]
                batch_id=7, place_ids=place_ids[places + 1 :], by=None, now=NOW
            )


def test_settle_and_refund_take_a_thousand_at_once() -> None:
    places = books.open_batch(places=2000)
    items = [Settlement(place, place % 7, place) for place in places[:1000]]
    books.settle(batch_id=7, items=items, by=None, now=NOW)
    assert books.refund(batch_id=7, place_ids=places[1000:], by=None, now=NOW) == 1000 * EACH
    assert batches.batch_money(7).left == 0
