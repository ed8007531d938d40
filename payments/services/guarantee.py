"""What a worker is paid beside her reward: by a client that lost (R20), or by the fund (R8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings

from core.db import inside_operation, rows
from payments.models import Journal
from payments.services import ledger
from payments.services.ledger import About, Leg
from payments.states import AccountKind, JournalKind

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True)
class Award:
    """Micros for a worker, and the assignment they are about."""

    amount: int
    worker_id: int
    client_id: int
    batch_id: int
    place_id: int
    assignment_id: int

    @property
    def about(self) -> About:
        return About(
            client_id=self.client_id,
            batch_id=self.batch_id,
            place_id=self.place_id,
            assignment_id=self.assignment_id,
        )


@inside_operation
def compensate(award: Award, *, by: "User | None", now: datetime) -> None:
    """Pays a worker out of the client's balance, once an assignment.

    What the client is short of, the guarantee fund lends: the client owes it (`receivable`).
    """
    client, worker, guarantee, owed = ledger.accounts(
        (AccountKind.CLIENT, award.client_id),
        (AccountKind.WORKER, award.worker_id),
        (AccountKind.GUARANTEE, None),
        (AccountKind.RECEIVABLE, award.client_id),
    )
    own = min(award.amount, ledger.lock(balances=[client])[client])
    lent = award.amount - own
    legs = [Leg(client, worker, own)] if own else []
    if lent:
        legs += [Leg(owed, guarantee, lent), Leg(guarantee, worker, lent)]
    ledger.post(
        kind=JournalKind.COMPENSATION,
        idem=f"compensation:{award.assignment_id}",
        legs=legs,
        by=by,
        now=now,
        about=award.about,
    )


# The fund has no balance row, which every approval would make hot; only what leaves it waits here,
# for the transaction's end. What comes in meanwhile makes it more, never less.
ALONE = "SELECT pg_advisory_xact_lock(hashtext('payments_guarantee'))"
FILLED = """
SELECT coalesce((SELECT sum(amount) FROM payments_transfer WHERE credit_id = %(fund)s), 0)
     - coalesce((SELECT sum(amount) FROM payments_transfer WHERE debit_id = %(fund)s), 0)
"""


@inside_operation
def pay_from_fund(awards: "Sequence[Award]", *, now: datetime) -> None:
    """Pays workers whom we kept waiting too long, once an assignment (R8).

    What the fund is short of is the platform's own cost. Locks their balances in the house's order.
    """
    if not awards:
        return
    owned = [(AccountKind.WORKER, award.worker_id) for award in awards]
    fund, cost, *workers = ledger.accounts(
        (AccountKind.GUARANTEE, None), (AccountKind.GUARANTEE_COST, None), *owned
    )
    ledger.lock(balances=workers)
    rows(ALONE)
    [(filled,)] = rows(FILLED, {"fund": fund})
    left = int(filled)
    for award, worker in zip(awards, workers, strict=True):
        short = max(0, award.amount - left)
        left = max(0, left - award.amount)
        legs = [Leg(fund, worker, award.amount)]
        if short:
            legs.append(Leg(cost, fund, short))
        ledger.post(
            kind=JournalKind.GUARANTEE_PAY,
            idem=f"guarantee:{award.assignment_id}",
            legs=legs,
            by=None,
            now=now,
            about=award.about,
        )


OWING = """
SELECT id FROM payments_account
 WHERE kind = 'receivable' AND owner = %(client)s AND currency = %(currency)s
"""


@inside_operation
def collect(*, client_id: int, reason: str, by: "User | None", now: datetime) -> int:
    """Takes what a client owes (R20) from its balance, as far as it goes; returns micros.

    `reason` is the natural key of what brought the money, or is about to spend it: once each.
    """
    found = rows(OWING, {"client": client_id, "currency": settings.CURRENCY})
    idem = f"repaid:{reason}"
    if not found or Journal.objects.filter(idem=idem).exists():
        return 0
    [(owed,)] = found
    [client] = ledger.accounts((AccountKind.CLIENT, client_id))
    available = ledger.lock(balances=[client, owed])
    amount = min(available[client], available[owed])
    if amount:
        ledger.post(
            kind=JournalKind.DEBT_REPAID,
            idem=idem,
            legs=[Leg(client, owed, amount)],
            by=by,
            now=now,
            about=About(client_id=client_id),
        )
    return amount
