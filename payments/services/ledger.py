"""The only writer of the books. Everything that moves money says what; this says how."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.db import inside_operation, rows
from core.errors import Conflict
from payments.models import Balance, Journal
from payments.states import AccountKind, JournalKind

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True)
class Leg:
    """`amount` micros from account `debit` to account `credit`; of a hold's part, or of none."""

    debit: int
    credit: int
    amount: int
    hold: int | None = None
    part: str = ""

    def __post_init__(self) -> None:
        # PostgreSQL would round a fraction into the bigint without a word.
        if type(self.amount) is not int:
            raise TypeError(f"money is int micros, not {type(self.amount).__name__}")


@dataclass(frozen=True)
class About:
    """What a journal is about: numbers of things the books do not know."""

    client_id: int | None = None
    batch_id: int | None = None
    place_id: int | None = None
    assignment_id: int | None = None
    payout_id: int | None = None


@dataclass(frozen=True)
class Posted:
    """What one INSERT did: journals it wrote (of how many keys asked) and the micros it moved."""

    journals: int
    asked: int
    amount: int
    legs_hash: bytes


# `legs` is any SELECT with the columns of LEGS, a row for each transfer. One statement writes
# all journals and all transfers; keys are taken in sorted order, so that two bulk postings that
# meet wait for each other and never in a circle. A key that exists already writes nothing.
POST = """
WITH leg AS MATERIALIZED ({legs}),
head AS (
    SELECT idem, client_id, batch_id, place_id, assignment_id, payout_id,
        sha256(convert_to(string_agg(
            concat_ws(' ', debit_id, credit_id, amount, hold_id, part), ';'
            ORDER BY debit_id, credit_id, part COLLATE "C", hold_id, amount
        ), 'UTF8')) AS legs_hash
    FROM leg
    GROUP BY idem, client_id, batch_id, place_id, assignment_id, payout_id
),
entry AS (
    INSERT INTO payments_journal (kind, idem, legs_hash, actor, effective_at,
        client_id, batch_id, place_id, assignment_id, payout_id)
    SELECT %(kind)s, idem, legs_hash, %(actor)s, %(now)s,
        client_id, batch_id, place_id, assignment_id, payout_id
    FROM head ORDER BY idem COLLATE "C"
    ON CONFLICT (idem) DO NOTHING
    RETURNING id, idem
),
moved AS (
    INSERT INTO payments_transfer
        (journal_id, debit_id, credit_id, currency, amount, hold_id, part)
    SELECT entry.id, debit_id, credit_id, %(currency)s, amount, hold_id, part
    FROM leg JOIN entry USING (idem)
    RETURNING amount
)
SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM head),
    (SELECT coalesce(sum(amount), 0)::bigint FROM moved),
    (SELECT legs_hash FROM head ORDER BY idem LIMIT 1)
"""

LEGS = """
SELECT %(idem)s::text AS idem, %(client_id)s::bigint AS client_id,
    %(batch_id)s::bigint AS batch_id, %(place_id)s::bigint AS place_id,
    %(assignment_id)s::bigint AS assignment_id, %(payout_id)s::bigint AS payout_id,
    debit_id, credit_id, amount, hold_id, part
FROM unnest(%(debits)s::bigint[], %(credits)s::bigint[], %(amounts)s::bigint[],
    %(holds)s::bigint[], %(parts)s::text[]) AS leg (debit_id, credit_id, amount, hold_id, part)
"""


@inside_operation
def post(
    *,
    kind: JournalKind,
    idem: str,
    legs: Sequence[Leg],
    by: "User | None",
    now: datetime,
    about: About | None = None,
) -> Journal:
    """Writes one journal with its transfers, once: with a key used before, and the same legs,
    it changes nothing and returns the earlier journal.

    Raises Conflict (`idem_conflict`) if the key was used for other legs, and IntegrityError for
    what the books forbid (a balance below zero, an unknown edge, a hold spent twice).
    """
    if not legs:
        raise ValueError("a journal that moves nothing")
    posted = post_many(kind=kind, legs=LEGS, params=_params(idem, legs, about), by=by, now=now)
    journal = Journal.objects.get(idem=idem)
    if not posted.journals and bytes(journal.legs_hash) != posted.legs_hash:
        raise Conflict(
            _("“%(key)s” has been booked already, with other amounts.") % {"key": idem},
            code="idem_conflict",
        )
    return journal


@inside_operation
def post_many(
    *, kind: JournalKind, legs: str, params: dict[str, Any], by: "User | None", now: datetime
) -> Posted:
    """Writes the journals and transfers of a SELECT, one row a leg (its columns: LEGS), in one
    statement. Keys that exist already are left out: compare `journals` with `asked`.
    """
    told = {
        "kind": kind.value,
        "actor": by.pk if by else None,
        "now": now,
        "currency": settings.CURRENCY,
    }
    [(journals, asked, amount, legs_hash)] = rows(POST.format(legs=legs), params | told)
    return Posted(journals, asked, amount, bytes(legs_hash or b""))


def _params(idem: str, legs: Sequence[Leg], about: About | None) -> dict[str, Any]:
    about = about or About()
    return vars(about) | {
        "idem": idem,
        "debits": [leg.debit for leg in legs],
        "credits": [leg.credit for leg in legs],
        "amounts": [leg.amount for leg in legs],
        "holds": [leg.hold for leg in legs],
        "parts": [leg.part for leg in legs],
    }


# The sub-select keeps numbers from being drawn, and an index entry from being tried, in the
# usual case: the account is there.
ENSURE = """
INSERT INTO payments_account (kind, owner, currency)
SELECT kind, owner, %(currency)s
FROM unnest(%(kinds)s::text[], %(owners)s::bigint[]) AS wanted (kind, owner)
WHERE NOT EXISTS (
    SELECT FROM payments_account known WHERE known.kind = wanted.kind
      AND known.owner IS NOT DISTINCT FROM wanted.owner AND known.currency = %(currency)s
)
GROUP BY kind, owner ORDER BY kind, owner
ON CONFLICT DO NOTHING
"""


@inside_operation
def ensure_accounts(wanted: Iterable[tuple[AccountKind, int | None]]) -> None:
    """Makes those of the (kind, owner) accounts that do not exist yet, in one statement."""
    pairs = list(wanted)
    params = {
        "kinds": [kind.value for kind, _owner in pairs],
        "owners": [owner for _kind, owner in pairs],
        "currency": settings.CURRENCY,
    }
    rows(ENSURE, params)


@inside_operation
def accounts(*wanted: tuple[AccountKind, int | None]) -> list[int]:
    """The ids of the (kind, owner) accounts, in the order asked; makes those that are missing."""
    ensure_accounts(wanted)
    found = rows(
        "SELECT known.id FROM unnest(%(kinds)s::text[], %(owners)s::bigint[]) WITH ORDINALITY"
        " AS wanted (kind, owner, nr) JOIN payments_account known ON known.kind = wanted.kind"
        " AND known.owner IS NOT DISTINCT FROM wanted.owner AND known.currency = %(currency)s"
        " ORDER BY nr",
        {
            "kinds": [kind.value for kind, _owner in wanted],
            "owners": [owner for _kind, owner in wanted],
            "currency": settings.CURRENCY,
        },
    )
    return [account for (account,) in found]


@inside_operation
def lock(*, funds: Sequence[int] = (), balances: Sequence[int] = ()) -> dict[int, int]:
    """Locks funds, then balance rows, by account id; returns what is available on the balances.

    The lock lasts until the operation ends; wait at most `lock_timeout`.
    """
    locked = Balance.objects.raw(
        "SELECT * FROM payments_lock(%s::bigint[], %s::bigint[])", [list(funds), list(balances)]
    )
    return {row.account_id: row.side * (row.credits - row.debits) for row in locked}
