"""What may happen to a payout, one transaction each: a guarded move, its money, its event.

A move that comes too late (somebody else was faster) changes nothing and says so.
"""

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings

from core import events, money
from core.db import inside_operation, operation
from payments.models import Payout, PayoutAttempt
from payments.providers.base import Made, Outcome, Refused, Remote, RemoteState
from payments.services import ledger
from payments.services.ledger import About, Leg
from payments.states import (
    PAYOUT_MOVES,
    AccountKind,
    Answer,
    JournalKind,
    PayoutState,
)

if TYPE_CHECKING:
    from accounts.models import User

LOOK_AGAIN = timedelta(seconds=15)
LOOK_AGAIN_AT_MOST = timedelta(hours=1)
# A settled payout can still come back from the bank.
WATCH_EVERY = timedelta(days=1)
WATCH_FOR = timedelta(days=14)


@inside_operation
def move(payout_id: int, verb: str, *, now: datetime, **fields: Any) -> bool:
    """The guarded UPDATE: False if the payout was in no state that `verb` leads out of."""
    movable = Payout.objects.filter(pk=payout_id, state__in=PAYOUT_MOVES.sources(verb))
    return bool(movable.update(state=PAYOUT_MOVES.target(verb), moved_at=now, **fields))


@inside_operation
def record(kind: str, payout: Payout, *, by: "User | None", now: datetime, **data: Any) -> None:
    events.record(
        kind,
        by=by,
        about=payout,
        now=now,
        worker_id=payout.worker_id,
        amount=money.plain(payout.amount),
        **data,
    )


@inside_operation
def reserve(payout: Payout, *, by: "User | None", now: datetime) -> None:
    """Takes the money off the worker's balance. Raises IntegrityError if there is too little."""
    worker, clearing = _accounts(payout, AccountKind.PAYOUT_CLEARING)
    _post(payout, JournalKind.PAYOUT_REQUESTED, [Leg(worker, clearing, payout.amount)], by, now)
    move(payout.pk, "reserve", now=now, due_at=now)


@inside_operation
def give_back(payout: Payout, kind: JournalKind, *, by: "User | None", now: datetime) -> None:
    """Puts the money, that never left, back on the worker's balance."""
    worker, clearing = _accounts(payout, AccountKind.PAYOUT_CLEARING)
    _post(payout, kind, [Leg(clearing, worker, payout.amount)], by, now)


@operation
def begin(payout_id: int, *, now: datetime) -> PayoutAttempt | None:
    """Writes down that the payout is about to be sent, and how. None if another took it."""
    if not move(payout_id, "submit", now=now, due_at=None):
        return None
    return _new_attempt(payout_id, number=1, now=now)


@operation
def begin_again(attempt: PayoutAttempt, *, same_key: bool, now: datetime) -> PayoutAttempt | None:
    """The same for a payout of which nobody knew, and which the provider does not have."""
    if not move(attempt.payout_id, "resubmit", now=now, due_at=None):
        return None
    if not same_key:
        return _new_attempt(attempt.payout_id, number=attempt.number + 1, now=now)
    PayoutAttempt.objects.filter(pk=attempt.pk).update(
        sent_at=now, answered_at=None, absent_at=None, answer=Answer.PENDING, detail=""
    )
    attempt.refresh_from_db()
    return attempt


def _new_attempt(payout_id: int, *, number: int, now: datetime) -> PayoutAttempt:
    payout = Payout.objects.select_related("account").get(pk=payout_id)
    return PayoutAttempt.objects.create(
        payout=payout,
        number=number,
        key=uuid.uuid4().hex,
        parameters={
            "payout_reference": str(payout.reference),
            "amount": payout.amount,
            "currency": settings.CURRENCY,
            "destination": payout.account.destination,
        },
        started_at=now,
        sent_at=now,
    )


@operation
def conclude(attempt: PayoutAttempt, outcome: Outcome, *, now: datetime) -> None:
    """Takes down what the provider answered. Only its definite refusal frees the money."""
    payout = Payout.objects.get(pk=attempt.payout_id)
    if isinstance(outcome, Made):
        _answered(attempt, Answer.MADE, "", now)
        _accept(payout, outcome.remote, now)
    elif isinstance(outcome, Refused):
        _answered(attempt, Answer.REFUSED, outcome.detail, now)
        _fail(payout, outcome.detail, now)
    else:
        _answered(attempt, Answer.ERROR if outcome.stored else Answer.SILENT, outcome.detail, now)
        if move(payout.pk, "doubt", now=now, detail=outcome.detail[:300], due_at=now):
            record("payout.unknown", payout, by=None, now=now)


def _answered(attempt: PayoutAttempt, answer: Answer, detail: str, now: datetime) -> None:
    PayoutAttempt.objects.filter(pk=attempt.pk).update(
        answer=answer, detail=detail[:300], answered_at=now
    )


@operation
def doubt_stale(*, before: datetime, now: datetime) -> int:
    """Whoever was sending these died, before or after the bank heard of it; returns how many."""
    stale = Payout.objects.filter(
        state__in=PAYOUT_MOVES.sources("doubt"), moved_at__lt=before
    ).values_list("pk", flat=True)
    moved = 0
    for payout_id in list(stale):
        if move(payout_id, "doubt", now=now, due_at=now):
            record("payout.unknown", Payout.objects.get(pk=payout_id), by=None, now=now)
            moved += 1
    return moved


@operation
def apply_remote(payout_id: int, remote: Remote, *, now: datetime) -> None:
    """Brings the payout to where it is at the provider, whatever was missed on the way."""
    payout = Payout.objects.get(pk=payout_id)
    if payout.state == PayoutState.UNKNOWN:
        _accept(payout, remote, now)
    else:
        _follow(payout, remote, now)


def _accept(payout: Payout, remote: Remote, now: datetime) -> None:
    if move(payout.pk, "accept", now=now, provider_id=remote.id, detail="", due_at=now):
        record("payout.sent", payout, by=None, now=now)
    _follow(payout, remote, now)


def _follow(payout: Payout, remote: Remote, now: datetime) -> None:
    if remote.state in (RemoteState.SETTLED, RemoteState.RETURNED):
        _settle(payout, now)
    if remote.state in (RemoteState.FAILED, RemoteState.RETURNED):
        # "Paid, then failed" is a return: the money had left the clearing account.
        _return(payout, remote.detail, now)
        _fail(payout, remote.detail, now)


def _settle(payout: Payout, now: datetime) -> None:
    if move(payout.pk, "settle", now=now, due_at=now + WATCH_EVERY):
        psp, clearing = ledger.accounts(
            (AccountKind.PSP, None), (AccountKind.PAYOUT_CLEARING, None)
        )
        legs = [Leg(clearing, psp, payout.amount)]
        _post(payout, JournalKind.PAYOUT_SETTLED, legs, None, now)
        record("payout.settled", payout, by=None, now=now)


def _fail(payout: Payout, detail: str, now: datetime) -> None:
    if move(payout.pk, "fail", now=now, detail=detail[:300], due_at=None):
        give_back(payout, JournalKind.PAYOUT_FAILED, by=None, now=now)
        record("payout.failed", payout, by=None, now=now, detail=detail)


def _return(payout: Payout, detail: str, now: datetime) -> None:
    if move(payout.pk, "return", now=now, detail=detail[:300], due_at=None):
        worker, clearing, psp = _accounts(payout, AccountKind.PAYOUT_CLEARING, AccountKind.PSP)
        legs = [Leg(psp, clearing, payout.amount), Leg(clearing, worker, payout.amount)]
        _post(payout, JournalKind.PAYOUT_RETURNED, legs, None, now)
        record("payout.returned", payout, by=None, now=now, detail=detail)


@operation
def look_later(payout_id: int, *, now: datetime) -> None:
    """Sets the next look-up: the longer it is like this, the later. Settled ones end one day."""
    payout = Payout.objects.get(pk=payout_id)
    age = now - payout.moved_at
    due_at: datetime | None = now + min(max(LOOK_AGAIN, age / 4), LOOK_AGAIN_AT_MOST)
    if payout.state == PayoutState.SETTLED:
        due_at = now + WATCH_EVERY if age < WATCH_FOR else None
    # Whoever moved it meanwhile has set another time.
    Payout.objects.filter(pk=payout_id, state=payout.state).update(due_at=due_at)


@operation
def note_absent(attempt: PayoutAttempt, *, now: datetime, look_at: datetime) -> None:
    """The provider does not know of it, so far."""
    PayoutAttempt.objects.filter(pk=attempt.pk, absent_at__isnull=True).update(absent_at=now)
    Payout.objects.filter(pk=attempt.payout_id, state=PayoutState.UNKNOWN).update(due_at=look_at)


@operation
def call_person(payout_id: int, why: str, *, now: datetime) -> None:
    """Somebody has to look at this payout: recorded once, as `payout.needs_person`."""
    waiting = Payout.objects.filter(pk=payout_id, needs_person_at__isnull=True)
    if waiting.update(needs_person_at=now, detail=why[:300]):
        record("payout.needs_person", Payout.objects.get(pk=payout_id), by=None, now=now, why=why)


def _accounts(payout: Payout, *others: AccountKind) -> list[int]:
    wanted = [(AccountKind.WORKER, payout.worker_id), *((kind, None) for kind in others)]
    return ledger.accounts(*wanted)


def _post(
    payout: Payout, kind: JournalKind, legs: list[Leg], by: "User | None", now: datetime
) -> None:
    ledger.post(
        kind=kind,
        idem=f"payout:{payout.pk}:{kind.removeprefix('payout_')}",
        legs=legs,
        by=by,
        now=now,
        about=About(payout_id=payout.pk),
    )
