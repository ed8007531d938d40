"""The one writer: once for each key, whole or not at all."""

from typing import Any

import pytest
from django.db import IntegrityError

from core.db import operation
from core.errors import Conflict
from payments.models import Account, Journal, Transfer
from payments.selectors import balances
from payments.services import ledger
from payments.services.ledger import About, Leg
from payments.states import AccountKind, JournalKind
from tests.payments.books import NOW

pytestmark = pytest.mark.django_db


@operation
def deposit(amount: int, *, idem: str = "deposit:test:1", client: int = 1, **more: Any) -> Journal:
    to, psp = ledger.accounts((AccountKind.CLIENT, client), (AccountKind.PSP, None))
    legs = [Leg(psp, to, amount)]
    return ledger.post(kind=JournalKind.DEPOSIT, idem=idem, legs=legs, by=None, now=NOW, **more)


def test_post_writes_journal_transfers_and_balances() -> None:
    journal = deposit(7, about=About(client_id=1, batch_id=2, place_id=3))
    assert (journal.kind, journal.idem, journal.effective_at) == ("deposit", "deposit:test:1", NOW)
    assert (journal.client_id, journal.batch_id, journal.place_id) == (1, 2, 3)
    assert [(t.debit.kind, t.credit.kind, t.amount) for t in journal.transfers.all()] == [
        ("psp", "client", 7)
    ]
    assert balances.client_balance(1) == 7


def test_post_again_with_the_same_key_changes_nothing() -> None:
    first = deposit(7)
    again = deposit(7)
    assert first.pk == again.pk
    assert Transfer.objects.count() == 1
    assert balances.client_balance(1) == 7


@pytest.mark.parametrize("other", [{"amount": 8}, {"amount": 7, "client": 2}])
def test_post_with_a_used_key_and_other_legs_is_refused(other: dict[str, Any]) -> None:
    deposit(7)
    with pytest.raises(Conflict) as refusal:
        deposit(**other)
    assert refusal.value.code == "idem_conflict"
    assert Journal.objects.count() == 1
    assert balances.client_balance(1) == 7


def test_post_outside_of_an_operation_is_a_bug() -> None:
    with pytest.raises(RuntimeError, match="needs an open operation"):
        ledger.post(kind=JournalKind.DEPOSIT, idem="x", legs=[], by=None, now=NOW)


def test_post_of_no_legs_is_a_bug() -> None:
    with pytest.raises(ValueError, match="moves nothing"):
        operation(ledger.post)(kind=JournalKind.DEPOSIT, idem="x", legs=[], by=None, now=NOW)


def test_what_the_books_refuse_leaves_no_trace() -> None:
    @operation
    def pay_a_worker() -> None:
        worker, psp = ledger.accounts((AccountKind.WORKER, 1), (AccountKind.PSP, None))
        legs = [Leg(psp, worker, 7)]
        ledger.post(kind=JournalKind.DEPOSIT, idem="x", legs=legs, by=None, now=NOW)

    with pytest.raises(IntegrityError, match="may not move"):
        pay_a_worker()
    assert not Journal.objects.exists()
    assert not Account.objects.exists()


def test_accounts_come_in_the_order_asked_and_are_made_once() -> None:
    wanted = [(AccountKind.WORKER, 5), (AccountKind.FEES, None), (AccountKind.WORKER, 4)]
    first = operation(ledger.accounts)(*wanted)
    again = operation(ledger.accounts)(*reversed(wanted))
    assert first == again[::-1]
    kinds = [(account.kind, account.owner) for account in Account.objects.order_by("pk")]
    assert sorted(kinds, key=str) == sorted([("worker", 5), ("fees", None), ("worker", 4)], key=str)


def test_lock_says_what_is_available() -> None:
    deposit(7)
    [client] = operation(ledger.accounts)((AccountKind.CLIENT, 1))
    assert operation(ledger.lock)(balances=[client]) == {client: 7}
