"""Claims: from taking a place to giving it back. The clock stops when the line drops (R12)."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import SUSPENDED, Suspended
from core import events, rules
from core.db import inside_operation, operation
from core.errors import Conflict, Forbidden, NotFound, Throttled
from core.loading import load
from core.states import Moves
from tasks.models import Assignment, Batch, Draft, Place, Task, Workbench
from tasks.states import ASSIGNMENT, AssignmentState, PlaceState


class NothingLeft(Conflict):
    code = "nothing_left"


class ClaimLimit(Conflict):
    code = "claim_limit"


class NotOnOffer(Conflict):
    code = "batch_not_open"


class NoMoreExtensions(Conflict):
    code = "no_more_extensions"


class Excluded(Forbidden):
    code = "excluded"


# What comes with an assignment, in the order of `_joined`.
WHOLE = {"assignment": Assignment, "task": Task, "batch": Batch}
CLAIM = """
tasks_claim(%(worker)s, %(batch)s, %(now)s, %(limit)s, %(offline)s, %(pause)s, %(heard)s)
"""


@operation
def claim(*, worker: User, batch_id: int, now: datetime) -> Assignment:
    """Gives the worker the next place of a batch, with its task and batch loaded.

    A task once a worker; places given back come first. Raises NothingLeft, ClaimLimit (R12) or
    NotOnOffer 409, NotFound 404, Forbidden for anybody but a worker, Excluded and Suspended 403
    (R16).
    """
    if not worker.is_worker:
        raise Forbidden(_("Only workers claim work. Sign in with a worker's account."))
    params = {
        "worker": worker.pk,
        "batch": batch_id,
        "now": now,
        "limit": rules.OPEN_CLAIMS,
        "offline": rules.OPEN_CLAIMS_OFFLINE,
        "pause": rules.PAUSE,
        "heard": events.heard("assignment.claimed"),
    }
    [(outcome, *made)] = load(CLAIM, params, outcome=None, **WHOLE)
    if outcome != "claimed":
        _refuse(outcome, batch_id)
    return _joined(*made)


def _joined(assignment: Assignment, task: Task, batch: Batch) -> Assignment:
    """The assignment with what it is about loaded."""
    assignment.task, assignment.batch = task, batch
    return assignment


def claim_next(*, worker: User, batch_id: int, now: datetime) -> Assignment | None:
    """Like `claim`; None where nothing can be claimed now. For going on after a submission."""
    try:
        return claim(worker=worker, batch_id=batch_id, now=now)
    except (NothingLeft, ClaimLimit, NotOnOffer, Excluded, Suspended):
        return None


def _refuse(outcome: str, batch_id: int) -> None:
    if outcome == "claim_limit":
        raise ClaimLimit(
            _("You hold as many tasks as allowed. Submit one or give one back, then claim again.")
        )
    if outcome == "nothing_left":
        raise NothingLeft(_("No task of this batch is left for you now. Look again later."))
    if outcome == "suspended":
        raise Suspended(SUSPENDED)
    if outcome == "excluded":
        raise Excluded(
            _(
                "You take no further tasks of this batch; the reason stands on its page, and you "
                "can reply. What you have done is paid."
            )
        )
    if not Batch.objects.published().filter(pk=batch_id).exists():
        raise NotFound(_("There is no such batch."))
    raise NotOnOffer(_("This batch takes no claims now: it is paused, closed or stopped."))


OWN = "tasks_own(%(assignment)s, %(worker)s, %(bound)s)"


@inside_operation
def lock_own(*, assignment_id: int, worker: User) -> Assignment:
    """The worker's assignment under lock, its task and batch loaded. Raises NotFound 404."""
    return _lock_own(assignment_id, worker, bound=0).assignment


class Exposed(NamedTuple):
    """A worker's assignment; what she has waiting, undecided, at its client (micros, R11: past
    the bound it may be more than that); and the known answer of its task, if there is one."""

    assignment: Assignment
    exposure: int
    gold: Any | None


@inside_operation
def lock_exposed(*, assignment_id: int, worker: User) -> Exposed:
    """Like `lock_own`, with what a submission has to know."""
    return _lock_own(assignment_id, worker, bound=rules.EXPOSURE_BOUND)


def _lock_own(assignment_id: int, worker: User, *, bound: int) -> Exposed:
    params = {"assignment": assignment_id, "worker": worker.pk, "bound": bound}
    [(exposure, gold, *found)] = load(OWN, params, exposure=None, gold=None, **WHOLE)
    if found[0] is None:
        raise NotFound(_("There is no such task, or it is not yours."))
    return Exposed(_joined(*found), exposure, None if gold is None else json.loads(gold))


@operation
def show_life(*, assignment_id: int, worker: User, now: datetime) -> Assignment:
    """A sign of life: page load, save or heartbeat. Moves the lease by the time of silence."""
    assignment = lock_own(assignment_id=assignment_id, worker=worker)
    apply_life(assignment, now=now)
    return assignment


@inside_operation
def apply_life(assignment: Assignment, *, now: datetime) -> None:
    """Notes a sign of life on a locked claim and saves it; on any other state it does nothing."""
    changes = note_life(assignment, now=now)
    if changes:
        assignment.save(update_fields=list(changes))


def note_life(assignment: Assignment, *, now: datetime) -> dict[str, Any]:
    """What a sign of life changes on a claim, and changes it, unsaved.

    Silence beyond 60 s did not use up the lease: it ends later by that much, up to `due_at`,
    which never moves, so that all pauses together stay within 72 h.
    """
    if not assignment.is_claimed or now <= assignment.last_seen_at:
        return {}
    silence = now - assignment.last_seen_at
    paused = max(timedelta(0), silence - rules.PRESENCE)
    changes = {
        "lease_ends_at": min(assignment.lease_ends_at + paused, assignment.due_at),
        "active_seconds": assignment.active_seconds + int((silence - paused).total_seconds()),
        "last_seen_at": now,
    }
    for name, value in changes.items():
        setattr(assignment, name, value)
    return changes


@operation
def extend(*, assignment_id: int, worker: User, now: datetime) -> Assignment:
    """Another full lease, twice at most. Raises NoMoreExtensions 409."""
    assignment = lock_own(assignment_id=assignment_id, worker=worker)
    ASSIGNMENT.check("submit", assignment.state)
    if assignment.extensions >= rules.EXTENSIONS:
        raise NoMoreExtensions(_("The time was extended twice already."))
    more = timedelta(seconds=assignment.batch.lease_seconds)
    assignment.extensions += 1
    assignment.lease_ends_at += more
    assignment.due_at += more
    assignment.save(update_fields=["extensions", "lease_ends_at", "due_at"])
    events.record("assignment.extended", by=worker, about=assignment, now=now)
    return assignment


@operation
def release(*, assignment_id: int, worker: User, now: datetime) -> Assignment:
    """Gives the claim back; never counts against her. The place goes to the free list.

    Raises Throttled 429 past 20 an hour in one batch, so that claiming is no way to read it all.
    """
    assignment = lock_own(assignment_id=assignment_id, worker=worker)
    ASSIGNMENT.check("release", assignment.state)
    since = now - rules.RELEASES_OVER
    recent = Assignment.objects.filter(
        worker=worker,
        batch=assignment.batch_id,
        state=AssignmentState.RELEASED,
        ended_at__gt=since,
    )
    if recent.count() >= rules.RELEASES_PER_BATCH:
        raise Throttled(
            _("Too many tasks of this batch were given back within an hour. Try again later."),
            retry_after=int(rules.RELEASES_OVER.total_seconds()),
        )
    _end([assignment], verb="release", now=now)
    events.record("assignment.released", by=worker, about=assignment, now=now)
    return assignment


def expire_due(*, now: datetime, most: int = 1_000) -> int:
    """Ends the claims whose lease and pause are used up; returns how many.

    Drafts stay with their assignments: a later answer still counts while the place is free.
    """
    ended = 0
    while chunk := _expire_chunk(now=now, most=most):
        ended += chunk
    return ended


@operation
def _expire_chunk(*, now: datetime, most: int) -> int:
    due = Assignment.objects.claims_due(now).order_by("due_at", "pk")
    expired = list(due.select_for_update(of=("self",), no_key=True, skip_locked=True)[:most])
    if expired:
        _end(expired, verb="expire", now=now)
        ids = [one.pk for one in expired]
        events.record_many("assignment.expired", by=None, about=Assignment, ids=ids, now=now)
    return len(expired)


@inside_operation
def _end(assignments: Sequence[Assignment], *, verb: str, now: datetime) -> None:
    """Ends claims without an answer; their places go to the free list, nothing is paid."""
    target = ASSIGNMENT.target(verb)
    guarded(
        ASSIGNMENT,
        verb,
        [assignment.pk for assignment in assignments],
        state=target,
        ended_at=now,
        moved_at=now,
    )
    Place.objects.filter(
        pk__in=[assignment.place_id for assignment in assignments], state=PlaceState.TAKEN
    ).update(state=PlaceState.OPEN, returned_at=now)
    for assignment in assignments:
        assignment.state, assignment.ended_at = target, now
    Draft.objects.filter(assignment__in=[a.pk for a in assignments if verb == "release"]).delete()


@inside_operation
def guarded(moves: Moves, verb: str, ids: list[int], **changes: object) -> None:
    """UPDATE that moves only what may move, and must move all (they are locked and checked)."""
    moved = Assignment.objects.filter(pk__in=ids, state__in=moves.sources(verb)).update(**changes)
    if moved != len(ids):
        raise RuntimeError(f"{verb}: {moved} of {len(ids)} moved")


@operation
def set_offline(*, worker: User, offline: bool, now: datetime) -> None:
    """Turns “work offline” on or off: five open claims instead of two (R12)."""
    Workbench.objects.update_or_create(worker=worker, defaults={"offline": offline})
    events.record("workbench.offline", by=worker, about=worker, now=now, offline=offline)


@inside_operation
def retake(assignment: Assignment, *, now: datetime) -> Assignment | None:
    """A new claim on the place of an expired one, if it is still free; else None."""
    batch = assignment.batch
    place = Place.objects.filter(pk=assignment.place_id, state=PlaceState.OPEN)
    # Locked first: the batch is then asked in a statement that sees what was committed meanwhile.
    if place.select_for_update(no_key=True).first() is None:
        return None
    if not Batch.objects.filter(pk=batch.pk, state__in=("open", "paused")).exists():
        return None
    place.update(state=PlaceState.TAKEN, returned_at=None)
    lease = now + timedelta(seconds=batch.lease_seconds)
    return Assignment.objects.create(
        place_id=assignment.place_id,
        task=assignment.task,
        batch=batch,
        client_id=assignment.client_id,
        worker_id=assignment.worker_id,
        claimed_at=assignment.claimed_at,
        last_seen_at=now,
        lease_ends_at=lease,
        due_at=lease + rules.PAUSE,
        active_seconds=assignment.active_seconds,
        moved_at=now,
    )
