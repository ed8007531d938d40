"""Money for tests, made by the services: batches and places here are mere numbers."""

import itertools
from datetime import UTC, datetime
from typing import Any

from accounts.models import User
from core import money, rules
from core.db import operation, rows
from payments.models import Fund, Journal
from payments.services import deposits, escrow
from payments.services.escrow import Settlement

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PAY = 50 * money.CENT
FEE = rules.fee(PAY)
EACH = PAY + FEE

references = itertools.count(1)

fund_batch = operation(escrow.fund_batch)
allocate = operation(escrow.allocate)
settle = operation(escrow.settle)
refund = operation(escrow.refund)
refund_unallocated = operation(escrow.refund_unallocated)


def deposit(client_id: int, amount: int, *, by: User | None = None) -> Journal:
    """A new deposit each time."""
    return deposits.deposit(
        client_id=client_id,
        amount=amount,
        provider="sandbox",
        reference=f"test-{next(references)}",
        by=by,
        now=NOW,
    )


def fund(*, client_id: int, batch_id: int, amount: int, number: int = 1) -> Fund:
    return fund_batch(
        batch_id=batch_id, client_id=client_id, amount=amount, number=number, by=None, now=NOW
    )


def open_batch(*, client_id: int = 1, batch_id: int = 7, places: int = 3) -> list[int]:
    """A batch whose places hold PAY and FEE each, and for which all money was deposited."""
    reserve = places * EACH
    deposit(client_id, -(-reserve // money.CENT) * money.CENT)
    fund(client_id=client_id, batch_id=batch_id, amount=reserve)
    place_ids = [batch_id * 100_000 + number for number in range(places)]
    allocate(batch_id=batch_id, place_ids=place_ids, pay=PAY, fee=FEE)
    return place_ids


def pay(batch_id: int, place_ids: list[int], *, worker_id: int) -> None:
    """Settles places for a worker."""
    items = [Settlement(place, worker_id, place + 1) for place in place_ids]
    settle(batch_id=batch_id, items=items, by=None, now=NOW)


def earn(worker: User, amount: int, *, batch_id: int = 9) -> None:
    """Lets a worker earn `amount` (whole cents) with one place of a batch of its own."""
    fee = rules.fee(amount)
    deposit(1, amount + -(-fee // money.CENT) * money.CENT)
    fund(client_id=1, batch_id=batch_id, amount=amount + fee)
    allocate(batch_id=batch_id, place_ids=[batch_id * 100_000], pay=amount, fee=fee)
    pay(batch_id, [batch_id * 100_000], worker_id=worker.pk)


def account(kind: str, owner: int | None = None) -> int:
    [(found,)] = rows(
        "SELECT id FROM payments_account WHERE kind = %(kind)s"
        " AND owner IS NOT DISTINCT FROM %(owner)s",
        {"kind": kind, "owner": owner},
    )
    return int(found)


def raw_account(kind: str, owner: int | None = None, currency: str = "USD") -> int:
    """An account made by hand, as the runtime role may."""
    [(made,)] = rows(
        "INSERT INTO payments_account (kind, owner, currency)"
        " VALUES (%(kind)s, %(owner)s, %(currency)s) RETURNING id",
        {"kind": kind, "owner": owner, "currency": currency},
    )
    return int(made)


def raw_journal(kind: str, idem: str = "by hand") -> int:
    [(made,)] = rows(
        "INSERT INTO payments_journal (kind, idem, legs_hash, effective_at)"
        " VALUES (%(kind)s, %(idem)s, '', now()) RETURNING id",
        {"kind": kind, "idem": idem},
    )
    return int(made)


def raw_transfer(journal: int, debit: int, credit: int, amount: Any, **more: Any) -> None:
    """A transfer past all services: only the database's guards are asked."""
    values = {"currency": "USD", "hold": None, "part": ""} | more
    rows(
        "INSERT INTO payments_transfer"
        " (journal_id, debit_id, credit_id, currency, amount, hold_id, part)"
        " VALUES (%(journal)s, %(debit)s, %(credit)s, %(currency)s, %(amount)s, %(hold)s,"
        " %(part)s)",
        values | {"journal": journal, "debit": debit, "credit": credit, "amount": amount},
    )
