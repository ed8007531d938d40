"""Money that leaves. A worker pays nothing for it, and nothing is ever paid out twice.

What happened to a request of which no answer came is unknown, never failed: the provider is
asked for it by our reference. Only its definite refusal puts the money back. docs/money.md.
"""

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, F, Min, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import money, rules
from core.db import operation
from core.errors import Forbidden, NotFound, RuleBroken
from core.jobs import failed
from payments.models import Balance, Payout, PayoutAccount, PayoutAttempt
from payments.providers.base import Provider, ProviderSilent, Unknown
from payments.providers.registry import providers
from payments.providers.sandbox import SandboxBank
from payments.services import ledger, payout_steps
from payments.states import PAYOUT_MOVES, AccountKind, Answer, JournalKind, PayoutState

log = logging.getLogger(__name__)

# One run of a job, in seconds of this process: far less than STALE, so that nobody takes a
# payout that is being sent for one whose sender died.
RUN_SECONDS = 20.0
STALE = timedelta(seconds=60)
AUTOMATIC_FOR = timedelta(hours=24)
AT_MOST = 500


class PayoutRefused(RuleBroken):
    code = "payout_refused"


@operation
def request_payout(
    *, worker: User, amount: int | None, by: User | None, now: datetime, key: str = ""
) -> Payout:
    """Reserves `amount` micros (None: everything), whole cents down, to be sent to her bank.

    The same `key` of the same worker again returns the earlier payout. Takes the money off the
    balance at once; records `payout.requested`. Raises Forbidden (`not_yours`) and RuleBroken
    (`payout_below_minimum`, `payout_above_balance`, `no_payout_account`). Locks her balance.
    """
    if not worker.is_worker or (by is not None and by.pk != worker.pk):
        raise Forbidden(_("Only a worker can ask for a payout, of her own."), code="not_yours")
    source, clearing = ledger.accounts(
        (AccountKind.WORKER, worker.pk), (AccountKind.PAYOUT_CLEARING, None)
    )
    # Both at once, in their order: what gives a payout back locks them too.
    available = ledger.lock(balances=[source, clearing])[source]
    earlier = Payout.objects.filter(worker=worker, key=key).first() if key else None
    if earlier is not None and amount not in (None, earlier.amount):
        raise RuleBroken(
            _("This key was used for another payout. Use a new one."), code="idempotency_key_reused"
        )
    if earlier is not None:
        return earlier
    wanted = _checked_amount(amount, available)
    account = _payout_account(worker, now=now)
    payout = Payout.objects.create(
        worker=worker,
        amount=wanted,
        account=account,
        provider=account.provider,
        key=key,
        requested_by=by,
        requested_at=now,
        moved_at=now,
    )
    payout_steps.reserve(payout, by=by, now=now)
    payout_steps.record("payout.requested", payout, by=by, now=now)
    payout.refresh_from_db()
    return payout


def _checked_amount(amount: int | None, available: int) -> int:
    wanted = available if amount is None else amount
    wanted -= wanted % money.CENT
    if wanted > available:
        raise PayoutRefused(
            _("There is less than that on your balance: %(available)s.")
            % {"available": money.localized(available)},
            code="payout_above_balance",
            field="amount",
        )
    if wanted < rules.PAYOUT_MIN:
        raise PayoutRefused(
            _("A payout is at least %(minimum)s.") % {"minimum": money.localized(rules.PAYOUT_MIN)},
            code="payout_below_minimum",
            field="amount",
        )
    return wanted


def _payout_account(worker: User, *, now: datetime) -> PayoutAccount:
    """Where her money goes: the account she added last. The sandbox has one for everybody."""
    account = PayoutAccount.objects.filter(worker=worker).order_by("-pk").first()
    if account is None and settings.SANDBOX:
        destination = f"sandbox-{worker.pk}"
        account = PayoutAccount.objects.create(
            worker=worker,
            provider=SandboxBank.name,
            destination=destination,
            label=destination,
            created_at=now,
        )
    if account is None:
        raise PayoutRefused(_("Say first where the money should go."), code="no_payout_account")
    return account


@operation
def cancel_payout(*, payout_id: int, by: User, now: datetime) -> Payout:
    """Puts the money back on the worker's balance, as long as it has not been sent.

    Raises NotFound unless it is hers, IllegalMove (409) once it is on its way. Records
    `payout.cancelled`.
    """
    payout = Payout.objects.filter(pk=payout_id, worker=by).first()
    if payout is None:
        raise NotFound(_("There is no such payout."))
    if not payout_steps.move(payout.pk, "cancel", now=now, due_at=None):
        payout.refresh_from_db()
        PAYOUT_MOVES.check("cancel", payout.state)
    payout_steps.give_back(payout, JournalKind.PAYOUT_CANCELLED, by=by, now=now)
    payout_steps.record("payout.cancelled", payout, by=by, now=now)
    payout.refresh_from_db()
    return payout


def request_weekly(*, now: datetime) -> int:
    """Requests everything for each worker who has the minimum, and for a week no payout (nor an
    account): R17. Returns how many. One transaction each.
    """
    if not providers():
        return 0
    requested = 0
    for worker in _due_weekly(now=now):
        try:
            request_payout(worker=worker, amount=None, by=None, now=now, key=f"weekly:{now.date()}")
        except PayoutRefused as refusal:
            # She was faster, and took it herself.
            log.info("no weekly payout for %s: %s", worker.pk, refusal.code)
        else:
            requested += 1
    return requested


def _due_weekly(*, now: datetime) -> QuerySet[User]:
    since = now - rules.PAYOUT_EVERY
    rich = Balance.objects.filter(
        account__kind=AccountKind.WORKER,
        account__currency=settings.CURRENCY,
        credits__gte=F("debits") + rules.PAYOUT_MIN,
    )
    workers = User.objects.filter(
        ~Exists(Payout.objects.filter(worker=OuterRef("pk"), requested_at__gt=since)),
        pk__in=rich.values("account__owner"),
        date_joined__lte=since,
    )
    if not settings.SANDBOX:
        workers = workers.filter(payout_accounts__isnull=False).distinct()
    return workers.order_by("pk")[:AT_MOST]


def send_due(*, now: datetime) -> int:
    """Sends what is reserved and due; returns how many the provider answered for good.

    No transaction may be open: that a payout is about to be sent is committed before the call.
    Stops at the first silence, so that one dead provider makes one payout unknown and not all;
    a payout that fails by a fault of ours stops no other.
    """
    answered = 0
    for payout, provider in _due(PayoutState.RESERVED, now=now):
        try:
            attempt = payout_steps.begin(payout.pk, now=now)
            heard = attempt is None or _send(attempt, provider, now=now)
        except Exception:
            # Whether it was sent is unknown: it stays "submitting" and is looked up as such.
            failed("payout", payout.pk)
            continue
        if not heard:
            break
        answered += attempt is not None
    return answered


def _send(attempt: PayoutAttempt, provider: Provider, *, now: datetime) -> bool:
    """False if nobody knows what became of it."""
    outcome = provider.send(key=attempt.key, **attempt.parameters)
    payout_steps.conclude(attempt, outcome, now=now)
    return not isinstance(outcome, Unknown)


def resolve_unknown(*, now: datetime) -> int:
    """Asks the provider for every payout that waits for news; returns how many it asked for.

    Those whose sender died, and unknown ones, are looked up by our reference, and sent again only
    when they certainly do not exist; sent ones are followed to their end, settled ones for two
    weeks. After 24 hours unknown: `payout.needs_person`. No transaction may be open.
    """
    payout_steps.doubt_stale(before=now - STALE, now=now)
    asked = 0
    for payout, provider in _due(
        PayoutState.UNKNOWN, PayoutState.SENT, PayoutState.SETTLED, now=now
    ):
        asked += 1
        try:
            if payout.state == PayoutState.UNKNOWN:
                _resolve(payout, provider, now=now)
            else:
                _follow(payout, provider, now=now)
        except ProviderSilent as silence:
            log.warning("%s says nothing of payout %s: %s", provider.name, payout.pk, silence)
            payout_steps.look_later(payout.pk, now=now)
            break
        except Exception:
            failed("payout", payout.pk)
            payout_steps.look_later(payout.pk, now=now)
    return asked


def _due(*states: PayoutState, now: datetime) -> Iterator[tuple[Payout, Provider]]:
    """Payouts that wait for us now, while this run has time, with their providers."""
    known = providers()
    ends = time.monotonic() + RUN_SECONDS
    due = Payout.objects.filter(state__in=states, due_at__lte=now, provider__in=known)
    for payout in list(due.order_by("due_at", "pk")[:AT_MOST]):
        if time.monotonic() > ends:
            return
        yield payout, known[payout.provider]


def _follow(payout: Payout, provider: Provider, *, now: datetime) -> None:
    remote = provider.get(payout.provider_id)
    payout_steps.apply_remote(payout.pk, remote, now=now)
    moved = Payout.objects.get(pk=payout.pk)
    if moved.state == payout.state:
        payout_steps.look_later(payout.pk, now=now)


def _resolve(payout: Payout, provider: Provider, *, now: datetime) -> None:
    first = payout.attempts.aggregate(at=Min("started_at"))["at"]
    late = now - first >= AUTOMATIC_FOR
    if late:
        payout_steps.call_person(payout.pk, "unknown for 24 hours", now=now)
    found = provider.find(str(payout.reference))
    if len(found) == 1 and found[0].amount == payout.amount:
        payout_steps.apply_remote(payout.pk, found[0], now=now)
    elif found:
        why = f"the provider has {len(found)} payouts of this reference, or another amount"
        payout_steps.call_person(payout.pk, why, now=now)
        payout_steps.look_later(payout.pk, now=now)
    elif late:
        payout_steps.look_later(payout.pk, now=now)
    else:
        _absent(payout, provider, now=now)


def _absent(payout: Payout, provider: Provider, *, now: datetime) -> None:
    """The provider does not have it. If it still has not when it must know, send it again."""
    attempt = payout.attempts.latest("number")
    proven_at = attempt.absent_at and attempt.absent_at + provider.consistency_delay
    if proven_at is None or now < proven_at:
        look_at = proven_at or now + provider.consistency_delay
        payout_steps.note_absent(attempt, now=now, look_at=look_at)
        return
    # A key that answered an error would answer it again, and one that is too old may have been
    # forgotten: only then a new key, and only because nothing exists under the old one.
    same_key = attempt.answer != Answer.ERROR and now - attempt.started_at < provider.key_lifetime
    again = payout_steps.begin_again(attempt, same_key=same_key, now=now)
    if again is not None:
        _send(again, provider, now=now)
