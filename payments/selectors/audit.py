"""The books checked against themselves: every sum is made anew, every rule asked again.

The invariants are those of docs/money.md. Each query returns the rows that break one.
"""

from dataclasses import dataclass

from core.db import rows
from payments.states import IN_CLEARING


@dataclass(frozen=True)
class Break:
    """One row that breaks an invariant."""

    invariant: str
    table: str
    row: str
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.table} {self.row}: {self.detail}"


@dataclass(frozen=True)
class TrialRow:
    """Micros that went through all accounts of one kind."""

    kind: str
    currency: str
    debits: int
    credits: int

    @property
    def balance(self) -> int:
        """Credits less debits: what the kind owes (positive) or owns (negative)."""
        return self.credits - self.debits


# The movements of each account, both sides.
MOVED = """
WITH moved AS (
    SELECT account_id, sum(debit)::bigint AS debits, sum(credit)::bigint AS credits
    FROM (
        SELECT debit_id AS account_id, amount AS debit, 0 AS credit FROM payments_transfer
        UNION ALL
        SELECT credit_id, 0, amount FROM payments_transfer
    ) side
    GROUP BY account_id
)
"""


def trial_balance() -> list[TrialRow]:
    """One row for each kind of account that ever moved; the balances add up to zero."""
    return [
        TrialRow(*row)
        for row in rows(
            MOVED + "SELECT account.kind, account.currency,"
            " sum(moved.debits)::bigint, sum(moved.credits)::bigint"
            " FROM moved JOIN payments_account account ON account.id = moved.account_id"
            " GROUP BY account.kind, account.currency ORDER BY account.kind, account.currency"
        )
    ]


# invariant, table, SELECT row, detail of what breaks it
CHECKS = (
    (
        "I1 the sum over all accounts is zero",
        "account",
        MOVED
        + """
        SELECT coalesce(account.currency, 'unknown account'), sum(moved.credits - moved.debits)
        FROM moved LEFT JOIN payments_account account ON account.id = moved.account_id
        GROUP BY account.currency
        HAVING account.currency IS NULL OR sum(moved.credits - moved.debits) <> 0
        """,
    ),
    (
        "I2 balances are what the transfers add up to",
        "balance",
        MOVED
        + """
        SELECT balance.account_id, format('debits %%s, credits %%s; transfers say %%s, %%s',
            balance.debits, balance.credits, moved.debits, moved.credits)
        FROM payments_balance balance LEFT JOIN moved USING (account_id)
        WHERE balance.debits <> coalesce(moved.debits, 0)
           OR balance.credits <> coalesce(moved.credits, 0)
        """,
    ),
    (
        "I2 accounts with a floor have a balance row",
        "account",
        """
        SELECT account.id, account.kind
        FROM payments_account account
        LEFT JOIN payments_balance balance ON balance.account_id = account.id
        WHERE balance.account_id IS NULL
          AND account.kind IN ('client', 'worker', 'payout_clearing', 'receivable')
        """,
    ),
    (
        "I3 escrow is what its holds and the unallocated rest add up to",
        "fund",
        MOVED
        + """
        , held AS (
            SELECT fund_id, sum(pay + fee + top) AS reserve,
                sum(pay + fee + top - pay_out - fee_out - top_out) AS open
            FROM payments_hold GROUP BY fund_id
        )
        SELECT fund.account_id, format(
            'funded %%s, allocated %%s, returned %%s; escrow %%s, holds %%s of %%s',
            fund.funded, fund.allocated, fund.returned,
            moved.credits - moved.debits, held.open, held.reserve)
        FROM payments_fund fund
        LEFT JOIN moved USING (account_id)
        LEFT JOIN held ON held.fund_id = fund.account_id
        WHERE fund.allocated <> coalesce(held.reserve, 0)
           OR fund.funded <> coalesce(moved.credits, 0)
           OR fund.allocated + fund.returned > fund.funded
           OR coalesce(moved.credits - moved.debits, 0)
              <> coalesce(held.open, 0) + fund.funded - fund.allocated - fund.returned
        """,
    ),
    (
        "I3 an escrow that moved has a fund",
        "account",
        MOVED
        + """
        SELECT account.id, account.owner
        FROM moved JOIN payments_account account ON account.id = moved.account_id
        LEFT JOIN payments_fund fund ON fund.account_id = account.id
        WHERE account.kind = 'escrow' AND fund.account_id IS NULL
        """,
    ),
    (
        "I4 nobody is below zero",
        "account",
        MOVED
        + """
        SELECT account.id, format('%%s %%s', account.kind, moved.credits - moved.debits)
        FROM moved JOIN payments_account account ON account.id = moved.account_id
        WHERE account.kind IN ('client', 'worker', 'escrow', 'payout_clearing', 'guarantee')
          AND moved.credits < moved.debits
        """,
    ),
    (
        "I5 a hold has paid out what its transfers say, to the worker or to the client",
        "hold",
        """
        SELECT hold.place_id, format('out %%s/%%s/%%s; transfers say %%s/%%s/%%s',
            hold.pay_out, hold.fee_out, hold.top_out, sent.pay, sent.fee, sent.top)
        FROM payments_hold hold
        LEFT JOIN (
            SELECT move.hold_id,
                coalesce(sum(move.amount) FILTER (WHERE move.part = 'pay'), 0) AS pay,
                coalesce(sum(move.amount) FILTER (WHERE move.part = 'fee'), 0) AS fee,
                coalesce(sum(move.amount) FILTER (WHERE move.part = 'top'), 0) AS top,
                coalesce(bool_or(move.part = 'pay' AND credit.kind = 'client'), false) AS refunded,
                count(DISTINCT credit.kind) FILTER (WHERE move.part = 'pay') AS ways,
                count(DISTINCT move.journal_id) AS journals
            FROM payments_transfer move JOIN payments_account credit ON credit.id = move.credit_id
            WHERE move.hold_id IS NOT NULL
            GROUP BY move.hold_id
        ) sent ON sent.hold_id = hold.place_id
        WHERE hold.pay_out <> coalesce(sent.pay, 0)
           OR hold.fee_out <> coalesce(sent.fee, 0)
           OR hold.top_out <> coalesce(sent.top, 0)
           OR hold.refunded <> coalesce(sent.refunded, false)
           OR sent.ways > 1 OR sent.journals > 1
           OR (hold.pay_out > 0 AND (hold.pay_out, hold.fee_out, hold.top_out)
               <> (hold.pay, hold.fee, hold.top))
        """,
    ),
    (
        "I7 every transfer follows an edge",
        "transfer",
        """
        SELECT move.id, format('%%s: %%s to %%s %%s', journal.kind, debit.kind, credit.kind,
            move.part)
        FROM payments_transfer move
        LEFT JOIN payments_journal journal ON journal.id = move.journal_id
        LEFT JOIN payments_account debit ON debit.id = move.debit_id
        LEFT JOIN payments_account credit ON credit.id = move.credit_id
        LEFT JOIN payments_edge edge ON edge.kind = journal.kind
            AND edge.debit_kind = debit.kind AND edge.credit_kind = credit.kind
            AND edge.part = move.part
        WHERE edge.kind IS NULL OR move.currency <> debit.currency
           OR move.currency <> credit.currency
        """,
    ),
    (
        "I7 a journal has the transfers it was written with",
        "journal",
        """
        SELECT journal.id, journal.idem
        FROM payments_journal journal
        LEFT JOIN (
            SELECT journal_id, sha256(convert_to(string_agg(
                concat_ws(' ', debit_id, credit_id, amount, hold_id, part), ';'
                ORDER BY debit_id, credit_id, part COLLATE "C", hold_id, amount
            ), 'UTF8')) AS legs_hash
            FROM payments_transfer GROUP BY journal_id
        ) legs ON legs.journal_id = journal.id
        WHERE legs.legs_hash IS DISTINCT FROM journal.legs_hash
        """,
    ),
    (
        "I8 payouts on their way are what is in clearing",
        "payout",
        MOVED
        + """
        SELECT 'all', format('payouts %%s, clearing %%s', waiting.total, clearing.total)
        FROM (
            SELECT coalesce(sum(amount), 0) AS total FROM payments_payout
            WHERE state = ANY (%(in_clearing)s)
        ) waiting
        CROSS JOIN (
            SELECT coalesce(sum(moved.credits - moved.debits), 0) AS total
            FROM moved JOIN payments_account account ON account.id = moved.account_id
            WHERE account.kind = 'payout_clearing'
        ) clearing
        WHERE waiting.total <> clearing.total
        """,
    ),
)


def audit_books() -> list[Break]:
    """Every row that breaks an invariant of the books; empty when they balance.

    Reads all transfers several times: for tests, and now and then in production (a replica does).
    """
    params = {"in_clearing": [state.value for state in IN_CLEARING]}
    return [
        Break(invariant, table, str(row), str(detail))
        for invariant, table, sql in CHECKS
        for row, detail in rows(sql, params)
    ]
