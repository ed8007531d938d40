"""What the database refuses, whoever asks and whatever our code does: each by raw SQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, transaction

from core.db import rows
from core.money import MicrosField
from payments.models import Balance, Hold
from payments.services import escrow
from payments.services.ledger import Leg
from payments.states import AccountKind, JournalKind
from tests.payments import books
from tests.payments.books import EACH, FEE, PAY

pytestmark = pytest.mark.django_db

BOOKS = ("journal", "transfer", "account", "balance", "fund", "hold", "edge", "checkpoint")
A_COLUMN = {
    "journal": "kind",
    "transfer": "amount",
    "account": "owner",
    "balance": "credits",
    "fund": "funded",
    "hold": "pay_out",
    "edge": "kind",
    "checkpoint": "credits",
}


@contextmanager
def role(name: str) -> Iterator[None]:
    """Takes on another role for a while; NONE is the sign-in, a superuser here."""
    # Rows with a check still to come cannot be truncated, guard or no guard.
    rows("SET CONSTRAINTS ALL IMMEDIATE")
    rows(f"SET LOCAL ROLE {name}")
    yield
    rows("SET LOCAL ROLE fairclick_runtime")


@contextmanager
def refused(
    error: type[DatabaseError] = IntegrityError, match: str | None = None
) -> Iterator[None]:
    with pytest.raises(error, match=match), transaction.atomic():
        yield


@pytest.fixture
def places() -> list[int]:
    """Three places; the first is paid to worker 5. One row at least in every book."""
    places = books.open_batch()
    books.pay(7, places[:1], worker_id=5)
    rows(
        "INSERT INTO payments_checkpoint (account_id, upto_xid, debits, credits, created_at)"
        " VALUES (%(id)s, '3', 0, 0, now())",
        {"id": books.account("fees")},
    )
    return places


@pytest.mark.parametrize("table", BOOKS)
@pytest.mark.parametrize(
    "attempt",
    [
        "UPDATE payments_{table} SET {column} = {column}",
        "DELETE FROM payments_{table}",
        "TRUNCATE payments_{table} CASCADE",
        "SELECT * FROM payments_{table} FOR UPDATE",
    ],
)
def test_the_product_cannot_change_the_books(places: list[int], table: str, attempt: str) -> None:
    with refused(ProgrammingError, "permission denied"):
        rows(attempt.format(table=table, column=A_COLUMN[table]))


@pytest.mark.parametrize(
    "attempt",
    [
        "INSERT INTO payments_balance VALUES (999, 1, false, 0, 5)",
        "INSERT INTO payments_edge VALUES ('settle', 'worker', 'fees', '')",
        "ALTER TABLE payments_transfer DISABLE TRIGGER payments_transfer_added",
        "DROP TABLE payments_checkpoint",
        "SELECT pg_catalog.set_config('session_replication_role', 'replica', true)",
    ],
)
def test_the_product_cannot_make_balances_or_edges_or_remove_guards(attempt: str) -> None:
    with refused(ProgrammingError):
        rows(attempt)


@pytest.mark.parametrize("who", ["fairclick_owner", "NONE"])
@pytest.mark.parametrize("table", BOOKS)
@pytest.mark.parametrize(
    "attempt",
    ["UPDATE payments_{table} SET {column} = {column}", "DELETE FROM payments_{table}"]
    + ["TRUNCATE payments_{table} CASCADE"],
)
def test_not_even_their_owner_changes_the_books(
    places: list[int], who: str, table: str, attempt: str
) -> None:
    with role(who), refused(match="the books are kept"):
        rows(attempt.format(table=table, column=A_COLUMN[table]))


@pytest.mark.parametrize("table", BOOKS)
@pytest.mark.parametrize(
    "attempt",
    ["UPDATE payments_{table} SET {column} = {column}", "DELETE FROM payments_{table}"],
)
def test_replica_mode_skips_no_guard(places: list[int], table: str, attempt: str) -> None:
    with role("NONE"), refused(match="the books are kept"):
        rows("SET LOCAL session_replication_role = replica")
        rows(attempt.format(table=table, column=A_COLUMN[table]))


def test_replica_mode_checks_transfers_all_the_same(places: list[int]) -> None:
    with role("NONE"), refused(match="may not move"):
        rows("SET LOCAL session_replication_role = replica")
        books.raw_transfer(
            books.raw_journal("settle"), books.account("worker", 5), books.account("fees"), 1
        )


def test_a_balance_cannot_go_below_zero(places: list[int]) -> None:
    client, fund = books.account("client", 1), books.account("escrow", 7)
    available = Balance.objects.get(pk=client)
    with refused(match="balance_floor"):
        books.raw_transfer(
            books.raw_journal("fund"),
            client,
            fund,
            available.credits - available.debits + 1,
        )


def test_a_worker_never_pays_the_platform(places: list[int]) -> None:
    worker = books.account("worker", 5)
    for kind in JournalKind:
        for to in ("fees", "guarantee", "psp"):
            with refused(match="may not move"):
                books.raw_transfer(books.raw_journal(kind), worker, books.account(to), 1)


def test_pay_cannot_go_to_the_platform_nor_a_fee_to_a_worker(places: list[int]) -> None:
    fund = books.account("escrow", 7)
    for part, amount, to in (
        ("pay", PAY, books.account("fees")),
        ("fee", FEE, books.account("worker", 5)),
    ):
        with refused(match="may not move"):
            books.raw_transfer(
                books.raw_journal("settle"), fund, to, amount, hold=places[1], part=part
            )


def test_a_hold_cannot_be_spent_twice_under_a_fresh_key(places: list[int]) -> None:
    fund = books.account("escrow", 7)
    for to, kind in (("worker", "settle"), ("client", "refund")):
        with refused(match="hold_pay_once"):
            books.raw_transfer(
                books.raw_journal(kind),
                fund,
                books.account(to, 5 if to == "worker" else 1),
                PAY,
                hold=places[0],
                part="pay",
            )


@pytest.mark.parametrize("amount", [PAY - 1, PAY + 1])
def test_a_hold_pays_neither_less_nor_more_than_it_holds(places: list[int], amount: int) -> None:
    with refused(match="hold_pay_once"):
        books.raw_transfer(
            books.raw_journal("settle"),
            books.account("escrow", 7),
            books.account("worker", 5),
            amount,
            hold=places[1],
            part="pay",
        )


def test_escrow_cannot_leave_without_a_hold(places: list[int]) -> None:
    with refused(match="may not move"):
        books.raw_transfer(
            books.raw_journal("settle"), books.account("escrow", 7), books.account("worker", 5), PAY
        )
    # What nobody was promised may go back to the client; here every micro was promised.
    with refused(match="fund_covers"):
        books.raw_transfer(
            books.raw_journal("refund_rest"),
            books.account("escrow", 7),
            books.account("client", 1),
            1,
        )


def test_the_hold_of_another_batch_does_not_open(places: list[int]) -> None:
    books.open_batch(client_id=2, batch_id=8)
    with refused(match="is not of fund"):
        books.raw_transfer(
            books.raw_journal("settle"),
            books.account("escrow", 8),
            books.account("worker", 5),
            PAY,
            hold=places[1],
            part="pay",
        )


def test_a_refund_goes_to_who_paid(places: list[int]) -> None:
    books.deposit(2, EACH)
    with refused(match="did not pay for fund"):
        books.raw_transfer(
            books.raw_journal("refund"),
            books.account("escrow", 7),
            books.account("client", 2),
            PAY,
            hold=places[1],
            part="pay",
        )


def test_a_batch_is_paid_by_its_own_client(places: list[int]) -> None:
    books.deposit(2, EACH)
    with refused(match="does not pay for fund"):
        books.raw_transfer(
            books.raw_journal("fund"), books.account("client", 2), books.account("escrow", 7), EACH
        )


def test_a_key_is_used_once(places: list[int]) -> None:
    with refused(match="idem"):
        books.raw_journal("settle", idem=f"settle:{places[0]}")


def test_the_currency_is_that_of_both_accounts(places: list[int]) -> None:
    euros = books.raw_account("client", 3, currency="EUR")
    for debit, credit, currency in (
        (books.account("psp"), euros, "EUR"),
        (books.account("psp"), euros, "USD"),
        (books.account("psp"), books.account("client", 1), "EUR"),
    ):
        with refused(match="is not that of both accounts"):
            books.raw_transfer(books.raw_journal("deposit"), debit, credit, 1, currency=currency)


def test_an_account_must_exist(places: list[int]) -> None:
    with refused(match="does not exist"):
        books.raw_transfer(books.raw_journal("deposit"), books.account("psp"), 10**12, 1)
    with refused(match="does not exist"):
        books.raw_transfer(books.raw_journal("deposit"), 10**12, books.account("client", 1), 1)


@pytest.mark.parametrize("amount", [0, -1])
def test_an_amount_is_more_than_nothing(places: list[int], amount: int) -> None:
    with refused(match="transfer_amount"):
        books.raw_transfer(
            books.raw_journal("deposit"), books.account("psp"), books.account("client", 1), amount
        )


def test_a_transfer_has_two_accounts(places: list[int]) -> None:
    with refused(match="transfer_two_accounts"):
        books.raw_transfer(
            books.raw_journal("deposit"), books.account("psp"), books.account("psp"), 1
        )


def test_a_transfer_belongs_to_a_journal_of_its_own_transaction(places: list[int]) -> None:
    with refused(match="is not of this transaction"):
        books.raw_transfer(10**12, books.account("psp"), books.account("client", 1), 1)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_added_to_an_earlier_journal() -> None:
    journal = books.deposit(1, EACH)
    psp, client = books.account("psp"), books.account("client", 1)
    with refused(match="is not of this transaction"):
        books.raw_transfer(journal.pk, psp, client, EACH)


@pytest.mark.parametrize(
    ("columns", "values"),
    [("pay_out", PAY), ("fee_out", FEE), ("refunded", True)],
)
def test_a_hold_starts_whole(places: list[int], columns: str, values: int) -> None:
    start = {"pay_out": 0, "fee_out": 0, "refunded": False} | {columns: values}
    with refused(match="a hold starts whole"):
        rows(
            "INSERT INTO payments_hold VALUES (1, %(fund)s, %(pay)s, %(fee)s, 0, %(pay_out)s,"
            " %(fee_out)s, 0, %(refunded)s)".replace(
                "payments_hold",
                "payments_hold (place_id, fund_id, pay, fee, top, pay_out, fee_out, top_out,"
                " refunded)",
            ),
            start | {"fund": books.account("escrow", 7), "pay": PAY, "fee": FEE},
        )


def test_holds_do_not_exceed_their_fund(places: list[int]) -> None:
    with refused(match="fund_covers"):
        escrow.allocate(batch_id=7, place_ids=[1], pay=PAY, fee=FEE)
    assert Hold.objects.count() == len(places)


def test_a_hold_names_a_fund_that_exists(places: list[int]) -> None:
    with refused(match="a fund that does not exist"):
        rows(
            "INSERT INTO payments_hold"
            " (place_id, fund_id, pay, fee, top, pay_out, fee_out, top_out, refunded)"
            " VALUES (1, 999, 1, 0, 0, 0, 0, 0, false)"
        )


def test_a_fund_starts_empty_and_joins_an_escrow_and_a_client(places: list[int]) -> None:
    fund, worker = books.raw_account("escrow", 8), books.account("worker", 5)
    client = books.account("client", 1)
    insert = (
        "INSERT INTO payments_fund (account_id, payer_id, funded, allocated, returned)"
        " VALUES (%(account)s, %(payer)s, %(funded)s, 0, 0)"
    )
    with refused(match="a fund starts empty"):
        rows(insert, {"account": fund, "payer": client, "funded": 5})
    with refused(match="a fund joins"):
        rows(insert, {"account": fund, "payer": worker, "funded": 0})
    with refused(match="a fund joins"):
        rows(insert, {"account": worker, "payer": client, "funded": 0})


@pytest.mark.parametrize(
    ("kind", "owner"), [("client", None), ("worker", None), ("escrow", None), ("fees", 3)]
)
def test_people_own_their_accounts_and_nobody_owns_the_platforms(
    kind: str, owner: int | None
) -> None:
    with refused(match="account_owner"):
        books.raw_account(kind, owner)


def test_an_account_is_made_once_and_of_a_known_kind() -> None:
    books.raw_account("fees")
    with refused(match="account_once"):
        books.raw_account("fees")
    with refused(match="account_kind"):
        books.raw_account("pocket")


def test_a_checkpoint_waits_for_running_transactions(places: list[int]) -> None:
    with refused(match="are still running"):
        rows(
            "INSERT INTO payments_checkpoint (account_id, upto_xid, debits, credits, created_at)"
            " SELECT 1, (pg_current_xact_id()::text::bigint + 1)::text::xid8, 0, 0, now()"
        )


@pytest.mark.parametrize("amount", [1.0, 0.5, Decimal("1"), "1", True])
def test_money_is_int_and_nothing_else(amount: object) -> None:
    with pytest.raises(TypeError, match="money is int micros"):
        Leg(1, 2, amount)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="money is int micros"):
        MicrosField().get_prep_value(amount)
    with pytest.raises(TypeError, match="money is int micros"):
        books.allocate(batch_id=7, place_ids=[1], pay=amount, fee=0)  # type: ignore[arg-type]


def test_reports_may_read_and_only_read(places: list[int]) -> None:
    with role("fairclick_reader"):
        assert rows("SELECT count(*) FROM payments_transfer") == [(5,)]
        with refused(ProgrammingError, "permission denied"):
            books.raw_journal("deposit")


def test_the_lock_is_for_the_product_only() -> None:
    with role("fairclick_reader"), refused(ProgrammingError, "permission denied"):
        rows("SELECT payments_lock(ARRAY[1]::bigint[], ARRAY[1]::bigint[])")


def test_accounts_of_the_kinds_that_need_a_floor_have_a_balance_row() -> None:
    for kind in AccountKind:
        owner = 1 if kind in ("client", "worker", "escrow", "receivable") else None
        books.raw_account(kind, owner)
    kept = Balance.objects.values_list("account__kind", "side", "floor").order_by("account__kind")
    assert list(kept) == [
        ("client", 1, True),
        ("payout_clearing", 1, True),
        ("receivable", -1, True),
        ("worker", 1, True),
    ]
