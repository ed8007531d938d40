"""Claims: what a worker may hold, for how long, and that the clock stops with the line (R12)."""

from datetime import timedelta

import pytest

from accounts.models import Member, User
from core import rules
from core.errors import Forbidden, IllegalMove, NotFound, Throttled
from tasks.models import Assignment, Batch, Cursor, Place
from tasks.selectors import work as reads
from tasks.services import batches, claims, work
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def claim(worker: User, batch: Batch) -> Assignment:
    return claims.claim(worker=worker, batch_id=batch.pk, now=NOW)


def submitted(worker: User, batch: Batch) -> Assignment:
    return factories.make_assignment(worker=worker, batch=batch, state="submitted")


def test_claim_hands_out_each_task_once_to_a_worker(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=3, overlap=3)
    tasks = [submitted(bea, batch).task_id for _ in range(3)]
    assert len(set(tasks)) == 3
    with pytest.raises(claims.NothingLeft):
        claim(bea, batch)


def test_claim_fills_the_overlap_with_different_workers(
    owner: Member, bea: User, cem: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=1, overlap=2)
    assert claim(bea, batch).task_id == claim(cem, batch).task_id
    assert Place.objects.filter(batch=batch, state="open").count() == 0


def test_claim_gives_two_at_a_time_and_five_offline(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=9)
    claim(bea, batch), claim(bea, batch)
    with pytest.raises(claims.ClaimLimit):
        claim(bea, batch)
    claims.set_offline(worker=bea, offline=True, now=NOW)
    for _ in range(3):
        claim(bea, batch)
    with pytest.raises(claims.ClaimLimit):
        claim(bea, batch)


def test_claim_is_refused_to_everybody_but_workers(owner: Member, ada: User, dia: User) -> None:
    batch = factories.make_open_batch(owner)
    for person in (ada, dia):
        with pytest.raises(Forbidden):
            claim(person, batch)


def test_claim_is_refused_in_a_paused_a_closed_and_an_unknown_batch(
    owner: Member, bea: User
) -> None:
    batch = factories.make_open_batch(owner)
    batches.pause_batch(batch_id=batch.pk, by=owner, now=NOW)
    with pytest.raises(claims.NotOnOffer):
        claim(bea, batch)
    batches.close_batch(batch_id=batch.pk, by=owner, now=NOW)
    with pytest.raises(claims.NotOnOffer):
        claim(bea, batch)
    draft = factories.make_batch(owner, tasks=1)
    for unknown in (draft.pk, 999_999):
        with pytest.raises(NotFound):
            claims.claim(worker=bea, batch_id=unknown, now=NOW)


def test_a_place_given_back_goes_first_to_somebody_else_and_last_to_its_giver(
    owner: Member, bea: User, cem: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=3)
    given = factories.make_assignment(worker=bea, batch=batch, state="released")
    assert claim(bea, batch).task_id != given.task_id
    submitted(cem, batch)
    assert Assignment.objects.get(worker=cem).task_id == given.task_id


def test_the_giver_gets_her_own_back_when_nothing_else_is_left(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=2)
    given = factories.make_assignment(worker=bea, batch=batch, state="released")
    submitted(bea, batch)
    assert claim(bea, batch).task_id == given.task_id


def test_a_place_passed_while_another_held_it_is_offered_later(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=3)
    # As if the claim of another had rolled back: she passed position 0, and it is untouched.
    Cursor.objects.create(batch=batch, worker=bea, position=0, skipped=0)
    positions = [submitted(bea, batch).task.position for _ in range(3)]
    assert positions == [1, 2, 0]


def test_release_returns_the_place_and_frees_the_bench(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=5)
    one, _two = claim(bea, batch), claim(bea, batch)
    claims.release(assignment_id=one.pk, worker=bea, now=NOW)
    assert Place.objects.get(pk=one.place_id).state == "open"
    claim(bea, batch)


def test_release_of_somebody_elses_claim_is_not_found(owner: Member, bea: User, cem: User) -> None:
    batch = factories.make_open_batch(owner)
    one = claim(bea, batch)
    with pytest.raises(NotFound):
        claims.release(assignment_id=one.pk, worker=cem, now=NOW)


def test_releases_are_throttled_so_that_claiming_does_not_read_the_batch(
    owner: Member, bea: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=30)
    for _ in range(rules.RELEASES_PER_BATCH):
        factories.make_assignment(worker=bea, batch=batch, state="released")
    one = claim(bea, batch)
    with pytest.raises(Throttled):
        claims.release(assignment_id=one.pk, worker=bea, now=NOW)
    claims.release(assignment_id=one.pk, worker=bea, now=NOW + rules.RELEASES_OVER)


def test_silence_pauses_the_lease_and_never_moves_the_end_of_all_pauses(
    owner: Member, bea: User
) -> None:
    batch = factories.make_open_batch(owner)
    one = claim(bea, batch)
    later = NOW + timedelta(hours=5)
    seen = claims.show_life(assignment_id=one.pk, worker=bea, now=later)
    assert seen.lease_ends_at == one.lease_ends_at + timedelta(hours=5) - rules.PRESENCE
    assert seen.due_at == one.due_at
    assert seen.active_seconds == 60
    clock = reads.clock(seen, now=later)
    assert clock.running
    assert clock.left == timedelta(seconds=batch.lease_seconds) - rules.PRESENCE


def test_a_claim_expires_only_when_the_pause_is_used_up_too(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner)
    one = claim(bea, batch)
    assert claims.expire_due(now=one.due_at - SECOND) == 0
    assert claims.expire_due(now=one.due_at) == 1
    assert claims.expire_due(now=one.due_at) == 0
    one.refresh_from_db()
    assert one.state == "expired"
    assert Place.objects.get(pk=one.place_id).state == "open"


def test_extend_gives_a_full_lease_twice(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner)
    one = claim(bea, batch)
    for _ in range(2):
        longer = claims.extend(assignment_id=one.pk, worker=bea, now=NOW)
    assert longer.due_at - one.due_at == 2 * timedelta(seconds=batch.lease_seconds)
    with pytest.raises(claims.NoMoreExtensions):
        claims.extend(assignment_id=one.pk, worker=bea, now=NOW)


def test_nothing_can_be_done_with_a_claim_that_ended(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner)
    one = factories.make_assignment(worker=bea, batch=batch, state="released")
    with pytest.raises(IllegalMove):
        claims.release(assignment_id=one.pk, worker=bea, now=NOW)
    with pytest.raises(IllegalMove):
        claims.extend(assignment_id=one.pk, worker=bea, now=NOW)
    with pytest.raises(IllegalMove):
        work.save_draft(assignment_id=one.pk, worker=bea, content=[], revision=0, now=NOW)
