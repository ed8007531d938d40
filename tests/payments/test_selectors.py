"""What people are shown of their money: exact, in order, page by page, in few queries."""

from typing import Any

import pytest

from payments.models import (
    Balance,
    Checkpoint,
    Edge,
    Hold,
    Journal,
    Payout,
    PayoutAccount,
    PayoutAttempt,
    Transfer,
)
from payments.selectors import audit, balances, batches, statements
from payments.selectors.batches import BatchMoney
from tests.payments import books
from tests.payments.books import EACH, FEE, NOW, PAY

pytestmark = pytest.mark.django_db


def test_people_without_an_account_have_nothing() -> None:
    assert balances.client_balance(1) == 0
    assert balances.worker_balance(1) == 0
    assert batches.batch_money(1) == BatchMoney(1)
    assert batches.place_ledger(1) is None
    assert statements.client_transfers(1) == []
    assert statements.worker_entries(1) == []
    assert statements.worker_earnings(1).earned == 0


def test_batches_money_asks_once_for_any_number(django_assert_num_queries: Any) -> None:
    places = books.open_batch(batch_id=7, places=3)
    books.open_batch(batch_id=8, places=1)
    books.pay(7, places[:1], worker_id=5)
    books.refund(batch_id=7, place_ids=places[1:2], by=None, now=NOW)
    with django_assert_num_queries(1):
        found = batches.batches_money([7, 8, 9])
    assert found == {
        7: BatchMoney(7, 3 * EACH, 3 * EACH, paid=PAY, fees=FEE, refunded=EACH),
        8: BatchMoney(8, EACH, EACH),
        9: BatchMoney(9),
    }
    assert [money.left for money in found.values()] == [EACH, EACH, 0]


def test_the_ledger_of_a_place_ends_at_zero_when_it_is_paid(
    django_assert_num_queries: Any,
) -> None:
    paid, refunded, waiting = books.open_batch(places=3)
    books.pay(7, [paid], worker_id=5)
    books.refund(batch_id=7, place_ids=[refunded], by=None, now=NOW)
    with django_assert_num_queries(2):
        ledger = batches.place_ledger(paid)
    assert ledger is not None
    assert (ledger.batch_id, ledger.locked, ledger.left) == (7, EACH, 0)
    assert [(line.to, line.part, line.amount, line.left) for line in ledger.lines] == [
        ("worker", "pay", PAY, FEE),
        ("fees", "fee", FEE * 9 // 10, FEE // 10),
        ("guarantee", "fee", FEE // 10, 0),
    ]
    assert {line.assignment_id for line in ledger.lines} == {paid + 1}
    back = batches.place_ledger(refunded)
    assert back is not None
    assert [(line.kind, line.to, line.left) for line in back.lines] == [
        ("refund", "client", FEE),
        ("refund", "client", 0),
    ]
    still = batches.place_ledger(waiting)
    assert still is not None
    assert (still.lines, still.left) == ([], EACH)


def test_statements_come_newest_first_in_pages_without_gaps() -> None:
    places = books.open_batch(places=10)
    for place in places:
        books.pay(7, [place], worker_id=5)
    pages = [statements.worker_entries(5, limit=4)]
    while pages[-1]:
        pages.append(statements.worker_entries(5, limit=4, before=pages[-1][-1].id))
    assert [len(page) for page in pages] == [4, 4, 2, 0]
    assert [entry.place_id for page in pages for entry in page] == places[::-1]
    assert {entry.amount for page in pages for entry in page} == {PAY}


def test_a_clients_statement_has_both_sides_and_adds_up() -> None:
    [place, _other] = books.open_batch(client_id=1, batch_id=7, places=2)
    books.open_batch(client_id=1, batch_id=8, places=1)
    books.refund(batch_id=7, place_ids=[place], by=None, now=NOW)
    entries = statements.client_transfers(1)
    assert [entry.kind for entry in entries] == [
        "refund",
        "refund",
        "fund",
        "deposit",
        "fund",
        "deposit",
    ]
    assert sum(entry.amount for entry in entries) == balances.client_balance(1)
    of_batch = statements.client_transfers(1, batch_id=7, limit=2)
    assert [(entry.kind, entry.batch_id) for entry in of_batch] == [("refund", 7), ("refund", 7)]
    more = statements.client_transfers(1, batch_id=7, limit=2, before=of_batch[-1].id)
    assert [(entry.kind, entry.amount) for entry in more] == [("fund", -2 * EACH)]
    of_place = statements.client_transfers(1, place_id=place)
    assert sorted(entry.amount for entry in of_place) == [FEE, PAY]


def test_trial_balance_adds_up_to_zero() -> None:
    places = books.open_batch(places=3)
    books.pay(7, places[:1], worker_id=5)
    trial = audit.trial_balance()
    assert sum(row.balance for row in trial) == 0
    assert {row.kind: row.balance for row in trial} == {
        "client": 0,
        "escrow": 2 * EACH,
        "fees": FEE * 9 // 10,
        "guarantee": FEE // 10,
        "psp": -3 * EACH,
        "worker": PAY,
    }


def test_rows_say_what_they_are() -> None:
    [place] = books.open_batch(places=1)
    books.pay(7, [place], worker_id=5)
    hold = Hold.objects.select_related("fund__account").get()
    assert str(hold) == f"hold of place {place}"
    assert str(hold.fund) == f"fund {hold.fund_id}"
    assert str(hold.fund.account) == "escrow 7"
    assert str(Journal.objects.latest("pk")) == f"settle:{place}"
    assert str(Transfer.objects.latest("pk")).startswith("transfer ")
    assert str(Checkpoint(account_id=1, upto_xid=5)) == "account 1 before 5"
    assert str(Balance(account_id=1)) == "balance of account 1"
    assert str(PayoutAccount(label="sandbox-1")) == "sandbox-1"
    assert str(Payout(pk=3)) == "payout 3"
    assert str(PayoutAttempt(key="k")) == "k"
    assert "settle: escrow → worker pay" in [str(edge) for edge in Edge.objects.all()]
