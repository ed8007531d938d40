"""Money locked for work: a fund for each batch, a hold for each place, settled once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import money, rules
from core.db import inside_operation, rows
from core.errors import Conflict, InsufficientFunds, NotFound
from payments.models import Fund, Hold, Journal
from payments.services import guarantee, ledger
from payments.services.ledger import About, Leg
from payments.states import AccountKind, JournalKind

if TYPE_CHECKING:
    from accounts.models import User


class AlreadySettled(Conflict):
    code = "already_settled"


@dataclass(frozen=True)
class Settlement:
    """Whom the hold of a place pays, and for which assignment."""

    place_id: int
    worker_id: int
    assignment_id: int


@inside_operation
def fund_batch(
    *, batch_id: int, client_id: int, amount: int, number: int, by: "User | None", now: datetime
) -> Fund:
    """Locks `amount` micros of the client for a batch; `number` counts its fundings (1 first).

    The same number again changes nothing. Raises InsufficientFunds (402) saying what is missing,
    Conflict (`idem_conflict`) if the number was used for another amount. Holds the lock of the
    fund and of the client's balance until the operation ends.
    """
    client, escrow = ledger.accounts(
        (AccountKind.CLIENT, client_id), (AccountKind.ESCROW, batch_id)
    )
    rows(
        "INSERT INTO payments_fund (account_id, payer_id, funded, allocated, returned)"
        " VALUES (%(escrow)s, %(client)s, 0, 0, 0) ON CONFLICT DO NOTHING",
        {"escrow": escrow, "client": client},
    )
    idem = f"fund:{batch_id}:{number}"
    ledger.lock(funds=[escrow])
    # What it owes comes first: a lost dispute costs (R20).
    guarantee.collect(client_id=client_id, reason=f"fund:{batch_id}:{number}", by=by, now=now)
    available = ledger.lock(balances=[client])[client]
    if available < amount and not Journal.objects.filter(idem=idem).exists():
        raise _insufficient(missing=amount - available)
    ledger.post(
        kind=JournalKind.FUND,
        idem=idem,
        legs=[Leg(client, escrow, amount)],
        by=by,
        now=now,
        about=About(client_id=client_id, batch_id=batch_id),
    )
    return Fund.objects.get(pk=escrow)


def _insufficient(*, missing: int) -> InsufficientFunds:
    return InsufficientFunds(
        _("%(missing)s is missing on the balance. Deposit it, then try again.")
        % {"missing": money.localized(missing)},
        extra={"missing": money.as_json(missing)},
    )


@inside_operation
def allocate(*, batch_id: int, place_ids: list[int], pay: int, fee: int) -> None:
    """Makes the holds of these places out of the batch's fund, in one statement.

    Raises NotFound if the batch was never funded, and IntegrityError (a bug of the caller) if a
    place has a hold already or the fund does not cover them all.
    """
    if type(pay) is not int or type(fee) is not int:
        raise TypeError("money is int micros")
    made = rows(
        "INSERT INTO payments_hold"
        " (place_id, fund_id, pay, fee, top, pay_out, fee_out, top_out, refunded)"
        " SELECT place_id, account.id, %(pay)s, %(fee)s, 0, 0, 0, 0, false"
        " FROM unnest(%(places)s::bigint[]) AS place_id, payments_account account"
        " JOIN payments_fund fund ON fund.account_id = account.id"
        " WHERE account.kind = 'escrow' AND account.owner = %(batch)s"
        " AND account.currency = %(currency)s"
        " RETURNING 1",
        {"places": place_ids, "pay": pay, "fee": fee} | _batch(batch_id),
    )
    if len(made) != len(place_ids):
        raise _not_funded(batch_id)


def _batch(batch_id: int) -> dict[str, Any]:
    return {"batch": batch_id, "currency": settings.CURRENCY}


def _not_funded(batch_id: int) -> NotFound:
    return NotFound(_("Batch %(batch)d was never funded.") % {"batch": batch_id}, code="no_fund")


@inside_operation
def settle(*, batch_id: int, items: Sequence[Settlement], by: "User | None", now: datetime) -> None:
    """Pays the workers, the fees and the guarantee fund's share out of the holds of these places.

    One statement for one place and for 10,000 (more: call again), three when a worker earns for
    the first time. Raises AlreadySettled (409) if any place was paid or refunded before, NotFound
    (`no_hold`) if one has no hold; nothing of the operation is then kept. A hold of another batch
    is an IntegrityError (a bug of the caller). Locks holds, then balances.
    """
    if not items:
        return
    place_ids = [item.place_id for item in items]
    _check_distinct(place_ids)
    paid = _settle(batch_id, items, by, now)
    if paid < len(items):
        ledger.ensure_accounts(
            [(AccountKind.FEES, None), (AccountKind.GUARANTEE, None)]
            + [(AccountKind.WORKER, item.worker_id) for item in items]
        )
        # What was paid a moment ago has its key already: this pays the others only.
        paid += _settle(batch_id, items, by, now)
    if paid < len(items):
        raise _refusal(place_ids)


def _settle(batch_id: int, items: Sequence[Settlement], by: "User | None", now: datetime) -> int:
    """How many of the places were paid just now (migration 0003)."""
    params = _batch(batch_id) | {
        "places": [item.place_id for item in items],
        "workers": [item.worker_id for item in items],
        "assignments": [item.assignment_id for item in items],
        "share": rules.GUARANTEE_SHARE_BPS,
        "actor": by.pk if by else None,
        "now": now,
    }
    [(paid,)] = rows(
        "SELECT payments_settle(%(batch)s, %(places)s::bigint[], %(workers)s::bigint[],"
        " %(assignments)s::bigint[], %(share)s, %(currency)s, %(actor)s, %(now)s)",
        params,
    )
    return int(paid)


# No filter on the fund of a hold: it would mislead the planner about how many rows follow, and
# the guard of transfers refuses the hold of another fund anyway.
REFUND = """
SELECT 'settle:' || hold.place_id AS idem, payer.owner AS client_id,
    %(batch)s::bigint AS batch_id, hold.place_id, NULL::bigint AS assignment_id,
    NULL::bigint AS payout_id, escrow.id AS debit_id, payer.id AS credit_id, leg.amount,
    hold.place_id AS hold_id, leg.part
FROM payments_account escrow
JOIN payments_fund fund ON fund.account_id = escrow.id
JOIN payments_account payer ON payer.id = fund.payer_id
CROSS JOIN unnest(%(places)s::bigint[]) AS item (place_id)
JOIN payments_hold hold ON hold.place_id = item.place_id
CROSS JOIN LATERAL (VALUES
    ('pay', hold.pay - hold.pay_out),
    ('fee', hold.fee - hold.fee_out),
    ('top', hold.top - hold.top_out)
) AS leg (part, amount)
WHERE escrow.kind = 'escrow' AND escrow.owner = %(batch)s AND escrow.currency = %(currency)s
    AND leg.amount > 0
"""


@inside_operation
def refund(*, batch_id: int, place_ids: list[int], by: "User | None", now: datetime) -> int:
    """Gives what these places hold back to the client who paid; returns how many micros.

    One statement. Raises AlreadySettled (409) if any place was paid or refunded before, NotFound
    (`no_hold`) if one has no hold; nothing of the operation is then kept. A hold of another batch
    is an IntegrityError (a bug of the caller). Locks holds, then the client's balance.
    """
    if not place_ids:
        return 0
    _check_distinct(place_ids)
    params = {"places": place_ids} | _batch(batch_id)
    posted = ledger.post_many(kind=JournalKind.REFUND, legs=REFUND, params=params, by=by, now=now)
    if posted.journals != len(place_ids):
        raise _refusal(place_ids)
    return posted.amount


@inside_operation
def refund_unallocated(*, batch_id: int, by: "User | None", now: datetime) -> int:
    """Gives the part of a fund that no place ever held back to the client; returns how many
    micros (0 if nothing was left, so that repeating it is harmless). Locks the fund.

    Raises NotFound (`no_fund`) if the batch was never funded.
    """
    fund = Fund.objects.filter(account__kind=AccountKind.ESCROW, account__owner=batch_id).first()
    if fund is None:
        raise _not_funded(batch_id)
    ledger.lock(funds=[fund.pk])
    fund.refresh_from_db()
    rest = fund.funded - fund.allocated - fund.returned
    if rest:
        ledger.post(
            kind=JournalKind.REFUND_REST,
            # Each funding can leave one rest.
            idem=f"rest:{batch_id}:{fund.funded}",
            legs=[Leg(fund.pk, fund.payer_id, rest)],
            by=by,
            now=now,
            about=About(client_id=fund.payer.owner, batch_id=batch_id),
        )
    return rest


def _check_distinct(place_ids: Sequence[int]) -> None:
    if len(set(place_ids)) != len(place_ids):
        raise ValueError("a place is named twice")


def _refusal(place_ids: list[int]) -> Conflict | NotFound:
    """Why not every place was settled. The others were: no caller may commit that."""
    with_hold = Hold.objects.filter(pk__in=place_ids).values_list("pk", flat=True)
    strangers = sorted(set(place_ids) - set(with_hold))
    transaction.set_rollback(True)
    if strangers:
        return NotFound(
            _("These places hold no money: %(places)s.")
            % {"places": ", ".join(map(str, strangers[:100]))},
            code="no_hold",
        )
    return AlreadySettled(_("Paid or refunded already. Nothing was changed."))
