"""The audit finds what should be impossible. Each break is made with the guards switched off."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.checks import Error
from django.core.management import CommandError, call_command
from django.db import transaction

from accounts.models import User
from core.db import rows
from payments.checks import GUARDS, check_database
from payments.selectors import audit
from payments.services import payouts
from tests.payments import books

pytestmark = pytest.mark.django_db
BOOKS = ("journal", "transfer", "account", "balance", "fund", "hold", "edge")


@contextmanager
def undone() -> Iterator[None]:
    """As a superuser for a while; nothing of it stays."""
    rows("SET CONSTRAINTS ALL IMMEDIATE")
    with transaction.atomic():
        rows("SET LOCAL ROLE NONE")
        yield
        transaction.set_rollback(True)


@pytest.fixture
def broken(bea: User, settings: object) -> Iterator[None]:
    """Books with a row of everything, all guards off, and as they were when the test is over."""
    paid, refunded, _waiting = books.open_batch(places=3)
    books.pay(7, [paid], worker_id=bea.pk)
    books.refund(batch_id=7, place_ids=[refunded], by=None, now=books.NOW)
    books.earn(bea, 10_000_000)
    payouts.request_payout(worker=bea, amount=5_000_000, by=bea, now=books.NOW)
    with undone():
        for table in BOOKS:
            rows(f"ALTER TABLE payments_{table} DISABLE TRIGGER USER")
        for table, constraint in rows(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE contype = 'c' AND conrelid::regclass::text LIKE 'payments\\_%'"
        ):
            rows(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
        yield


BREAKS = {
    "a transfer of which one account is gone": (
        "I1",
        "UPDATE payments_transfer SET credit_id = 10^12"
        " WHERE id = (SELECT min(id) FROM payments_transfer)",
    ),
    "a balance that was raised": (
        "I2",
        "UPDATE payments_balance SET credits = credits + 1 WHERE debits > 0",
    ),
    "a balance that is gone": ("I2", "DELETE FROM payments_balance"),
    "a fund that claims more": ("I3", "UPDATE payments_fund SET funded = funded + 1"),
    "a fund that forgot its holds": ("I3", "UPDATE payments_fund SET allocated = 0"),
    "a fund that is gone": ("I3", "DELETE FROM payments_fund"),
    "a hold that is gone": ("I3", "DELETE FROM payments_hold WHERE pay_out = 0"),
    "a worker below zero": (
        "I4",
        "UPDATE payments_transfer SET amount = 10^9 WHERE hold_id IS NULL AND debit_id IN"
        " (SELECT id FROM payments_account WHERE kind = 'worker')",
    ),
    "a hold opened again": ("I5", "UPDATE payments_hold SET pay_out = 0, fee_out = 0"),
    "a hold half paid": ("I5", "UPDATE payments_hold SET pay_out = 1 WHERE pay_out > 0"),
    "a hold that hides its refund": ("I5", "UPDATE payments_hold SET refunded = false"),
    "a hold paid twice": (
        "I5",
        "INSERT INTO payments_transfer (journal_id, debit_id, credit_id, currency, amount,"
        " hold_id, part) SELECT journal_id + 1, debit_id, credit_id, currency, amount, hold_id,"
        " part FROM payments_transfer WHERE part = 'pay'",
    ),
    "an edge nobody allowed": ("I7", "DELETE FROM payments_edge WHERE kind = 'settle'"),
    "another currency": ("I7", "UPDATE payments_transfer SET currency = 'EUR'"),
    "a journal without its transfers": ("I7", "DELETE FROM payments_transfer WHERE part = 'fee'"),
    "a transfer without its journal": ("I7", "DELETE FROM payments_journal WHERE kind = 'fund'"),
    "an amount rewritten": (
        "I7",
        "UPDATE payments_transfer SET amount = amount + 1 WHERE part = 'pay'",
    ),
    "a payout forgotten": ("I8", "UPDATE payments_payout SET state = 'failed'"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_the_audit_finds(broken: None, name: str) -> None:
    invariant, deed = BREAKS[name]
    assert audit.audit_books() == []
    rows(deed)
    found = audit.audit_books()
    assert invariant in {one.invariant[:2] for one in found}
    assert all(str(one).startswith(one.invariant) for one in found)


def test_check_books_says_that_they_balance(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_books")
    assert capsys.readouterr().out.splitlines()[-1] == "books balance"


def test_check_books_prints_every_row_and_fails(
    broken: None, capsys: pytest.CaptureFixture[str]
) -> None:
    rows("UPDATE payments_balance SET credits = credits + 1 WHERE debits > 0")
    with pytest.raises(CommandError, match="break an invariant"):
        call_command("check_books")
    assert "I2 balances are what the transfers add up to balance" in capsys.readouterr().out


def problems() -> list[str]:
    found = check_database(app_configs=None, databases=["default"])
    assert all(isinstance(one, Error) for one in found)
    # A server for tests may run without fsync, which the check names rightly: see below.
    return [str(one.id) for one in found if "fsync" not in one.msg]


def test_the_check_is_content_with_a_migrated_database() -> None:
    assert problems() == []
    assert check_database(app_configs=None, databases=None) == []


def test_the_check_misses_every_guard(broken: None) -> None:
    on_edge_and_checkpoint = {name for name in GUARDS if "checkpoint" in name}
    assert problems() == ["payments.E002"] * (len(GUARDS) - len(on_edge_and_checkpoint))


def test_the_check_misses_a_guard_that_replica_mode_would_skip(broken: None) -> None:
    for table in BOOKS:
        rows(f"ALTER TABLE payments_{table} ENABLE TRIGGER USER")
    assert "payments.E002" in problems()


def test_the_check_refuses_a_database_that_forgets() -> None:
    rows("SET LOCAL synchronous_commit = off")
    assert problems() == ["payments.E001"]


def test_the_check_names_a_server_without_fsync() -> None:
    [(fsync,)] = rows("SHOW fsync")
    found = check_database(app_configs=None, databases=["default"])
    assert any("fsync" in one.msg for one in found) == (fsync == "off")


def test_the_check_says_nothing_before_the_guards_are_made() -> None:
    with undone():
        rows("ALTER TABLE payments_edge RENAME TO payments_edge_gone")
        assert problems() == []
