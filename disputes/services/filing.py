"""How a rejection becomes a case: contested by its worker, or by itself (R4, R9, R10)."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from accounts.models import User
from core import events, rules
from core.db import inside_operation
from disputes.models import Dispute, Rejection, RejectionQuerySet, Statement
from disputes.services.locking import lock_rejections
from disputes.states import (
    BEFORE_DECISION,
    DISPUTE,
    REJECTION,
    DisputeCause,
    DisputeKind,
    DisputeState,
    RejectionState,
    Side,
)
from tasks.models import Batch, Opening
from tasks.services import decisions as work


@inside_operation
def file_one(
    rejection: Rejection, batch: Batch, *, cause: DisputeCause, by: User | None, now: datetime
) -> Dispute:
    """Opens the case of one locked, open rejection; the client has 72 hours to reply (R8)."""
    REJECTION.check("join", rejection.state)
    dispute = _file(batch, kind=DisputeKind.INDIVIDUAL, cause=cause, by=by, now=now)
    if cause in (DisputeCause.CAP, DisputeCause.SAME_TEXT):
        rejection.uphold_from = now + rules.UPHOLD_AFTER
    _join([rejection], dispute, by=by, now=now)
    return dispute


@inside_operation
def _file(
    batch: Batch, *, kind: DisputeKind, cause: DisputeCause, by: User | None, now: datetime
) -> Dispute:
    dispute = Dispute.objects.create(
        kind=kind,
        cause=cause,
        batch=batch,
        client_id=batch.client_id,
        filed_at=now,
        due_at=now + rules.REPLY_WITHIN,
        decide_by=now + rules.DECIDE_WITHIN,
    )
    events.record("dispute.filed", by=by, about=dispute, now=now, cause=cause.value)
    return dispute


@inside_operation
def _join(
    rejections: Sequence[Rejection], dispute: Dispute, *, by: User | None, now: datetime
) -> None:
    new = [one.assignment_id for one in rejections if one.state == RejectionState.OPEN]
    if new:
        work.lock_assignments(new)
        work.apply_contest(new, by=by, now=now)
    for one in rejections:
        one.state, one.dispute = RejectionState.DISPUTED, dispute
    Rejection.objects.bulk_update(rejections, ["state", "dispute", "sampled", "uphold_from"])


# --- the brake -------------------------------------------------------------------------------


@inside_operation
def brake(rejection: Rejection, batch: Batch, *, now: datetime) -> Dispute | None:
    """Freezes the locked batch and collects its rejections into one case, if this one triggers it.

    Of everybody at ten rejections and more than 5 % of what people reviewed in seven days; of one
    worker at half of at least five opened answers of hers (R10). Returns None otherwise.
    """
    since = now - rules.BRAKE_OVER
    lately = Rejection.objects.filter(batch=batch, at__gt=since)
    undecided = Rejection.objects.filter(batch=batch).filter(
        state__in=(RejectionState.OPEN, RejectionState.DISPUTED)
    )
    rejected = lately.count()
    if rejected >= rules.BRAKE_MIN and rejected * 10_000 > _reviewed(batch, since) * (
        rules.BRAKE_BPS
    ):
        return _collect(undecided, batch, cause=DisputeCause.BRAKE, now=now)
    hers = lately.filter(worker=rejection.worker_id).count()
    opened = Opening.objects.filter(batch=batch, worker=rejection.worker_id, at__gt=since).count()
    if opened >= rules.WORKER_BRAKE_MIN and hers * 10_000 >= opened * rules.WORKER_BRAKE_BPS:
        mine = undecided.filter(worker=rejection.worker_id)
        return _collect(mine, batch, cause=DisputeCause.WORKER_BRAKE, now=now)
    return None


def _reviewed(batch: Batch, since: datetime) -> int:
    """How many assignments people decided in the batch since then; the clock reviews nothing."""
    decided = batch.assignments.filter(decided_at__gt=since, decided_by__isnull=False)
    return int(decided.count())


@inside_operation
def _collect(
    undecided: RejectionQuerySet, batch: Batch, *, cause: DisputeCause, now: datetime
) -> Dispute:
    work.apply_freeze(batch, now=now)
    # What is on appeal stays where it is.
    first_level = undecided.exclude(dispute__state=DisputeState.APPEALED)
    rejections = lock_rejections(first_level)
    joined = [(one.dispute, one) for one in rejections if one.dispute is not None]
    dispute = _file(batch, kind=DisputeKind.COLLECTIVE, cause=cause, by=None, now=now)
    drawn = _drawn(rejections, batch, dispute)
    for one in rejections:
        one.sampled = one.pk in drawn
    _join(rejections, dispute, by=None, now=now)
    for single, about in sorted(joined, key=lambda pair: pair[0].pk):
        _take_over_reply(single, dispute, about)
        close(single, now=now)
    return dispute


@inside_operation
def _take_over_reply(single: Dispute, dispute: Dispute, about: Rejection) -> None:
    """What the client had replied about one is said about it in the case of the group."""
    if single.replied_at is not None:
        Statement.objects.create(
            dispute=dispute,
            rejection=about,
            by=single.replied_by,
            side=Side.CLIENT,
            text=single.reply,
            at=single.replied_at,
        )
        single.reply = ""
        single.save(update_fields=["reply"])


def _drawn(rejections: Sequence[Rejection], batch: Batch, dispute: Dispute) -> set[int]:
    """Which are judged: all of 60 or fewer, 60 by their HMAC under the batch's secret of more."""

    def lot(one: Rejection) -> bytes:
        message = f"dispute {dispute.pk} rejection {one.pk}".encode()
        return hmac.digest(bytes(batch.secret), message, hashlib.sha256)

    return {one.pk for one in sorted(rejections, key=lot)[: rules.GROUP_SAMPLE]}


@inside_operation
def redraw(dispute: Dispute, batch: Batch) -> None:
    """Fills the sample of a locked, undecided group again, when one left it (R10)."""
    if not dispute.is_collective or dispute.state not in BEFORE_DECISION:
        return
    waiting = Rejection.objects.filter(dispute=dispute).exclude(state=RejectionState.CLOSED)
    drawn = _drawn(list(waiting), batch, dispute)
    waiting.filter(pk__in=drawn, sampled=False).update(sampled=True)


@inside_operation
def close(dispute: Dispute, *, now: datetime) -> None:
    """Ends a locked dispute; what became of its rejections stands in them."""
    dispute.state = DISPUTE.check("close", dispute.state)
    dispute.closed_at, dispute.due_at = now, None
    dispute.save(update_fields=["state", "closed_at", "due_at"])
    events.record("dispute.closed", by=None, about=dispute, now=now)


@inside_operation
def close_if_done(dispute: Dispute, *, now: datetime) -> None:
    """Ends a locked dispute of which no rejection waits any more."""
    rest = Rejection.objects.filter(dispute=dispute).exclude(state=RejectionState.CLOSED)
    if not rest.exists():
        close(dispute, now=now)
