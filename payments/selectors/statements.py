"""Statements of people's accounts, newest first, in pages by transfer number."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet, Sum

from core.db import rows
from payments.models import Payout
from payments.selectors import balances
from payments.states import IN_CLEARING, AccountKind, PayoutState


@dataclass(frozen=True)
class Entry:
    """One movement of an account, in micros: positive what came, negative what went."""

    id: int
    at: datetime
    kind: str
    amount: int
    batch_id: int | None
    place_id: int | None
    assignment_id: int | None
    payout_id: int | None


# Each side of the account has an index that ends in the transfer's number, and gives the page's
# rows in order; the two are merged. An OR would read the whole account, or the whole table.
ENTRIES = """
SELECT move.id, journal.effective_at, journal.kind, move.amount,
    journal.batch_id, journal.place_id, journal.assignment_id, journal.payout_id
FROM (
    (SELECT t.id, t.journal_id, t.amount FROM payments_transfer t
     WHERE t.credit_id = (SELECT id FROM account) AND t.id < %(before)s
     ORDER BY t.id DESC {limit})
    UNION ALL
    (SELECT t.id, t.journal_id, -t.amount FROM payments_transfer t
     WHERE t.debit_id = (SELECT id FROM account) AND t.id < %(before)s
     ORDER BY t.id DESC {limit})
) move (id, journal_id, amount)
JOIN payments_journal journal ON journal.id = move.journal_id
{where}
ORDER BY move.id DESC LIMIT %(limit)s
"""
ACCOUNT = """
WITH account AS (SELECT id FROM payments_account
    WHERE kind = %(kind)s AND owner = %(owner)s AND currency = %(currency)s)
"""
FIRST_PAGE = 2**63 - 1


def client_transfers(
    client_id: int,
    *,
    batch_id: int | None = None,
    place_id: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Entry]:
    """A page of a client's statement; `before` is the id of the last entry of the page before.

    With a batch or a place only what is about it.
    """
    return _entries(
        AccountKind.CLIENT, client_id, before, limit, batch_id=batch_id, place_id=place_id
    )


def worker_entries(worker_id: int, *, before: int | None = None, limit: int = 50) -> list[Entry]:
    """A page of a worker's statement; `before` is the id of the last entry of the page before."""
    return _entries(AccountKind.WORKER, worker_id, before, limit)


def _entries(
    kind: AccountKind, owner: int, before: int | None, limit: int, **about: int | None
) -> list[Entry]:
    wanted = {column: number for column, number in about.items() if number is not None}
    where = " AND ".join(f"journal.{column} = %({column})s" for column in wanted)
    sql = ACCOUNT + ENTRIES.format(
        # A filter may drop rows of either side, so that only the merged page can be cut.
        limit="" if wanted else "LIMIT %(limit)s",
        where=f"WHERE {where}" if where else "",
    )
    params: dict[str, Any] = {
        "kind": kind.value,
        "owner": owner,
        "currency": settings.CURRENCY,
        "before": FIRST_PAGE if before is None else before,
        "limit": limit,
    }
    return [Entry(*row) for row in rows(sql, params | wanted)]


@dataclass(frozen=True)
class Earnings:
    """A worker's money, in micros: earned = balance + in clearing + paid out."""

    balance: int
    earned: int
    in_clearing: int
    paid_out: int
    entries: list[Entry]


def worker_earnings(worker_id: int) -> Earnings:
    """Three queries, whatever was earned."""
    by_state = dict(
        Payout.objects.filter(worker_id=worker_id)
        .values_list("state")
        .annotate(total=Sum("amount"))
        .order_by("state")
    )
    balance = balances.worker_balance(worker_id)
    in_clearing = sum(by_state.get(state, 0) for state in IN_CLEARING)
    paid_out = by_state.get(PayoutState.SETTLED, 0)
    return Earnings(
        balance=balance,
        earned=balance + in_clearing + paid_out,
        in_clearing=in_clearing,
        paid_out=paid_out,
        entries=worker_entries(worker_id),
    )


def worker_payouts(worker_id: int) -> QuerySet[Payout]:
    """Her payouts, newest first."""
    return Payout.objects.filter(worker_id=worker_id).select_related("account").order_by("-pk")
