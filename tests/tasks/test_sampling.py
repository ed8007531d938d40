"""R5: what a client may open before it pays. Drawn by the place, never by the answer."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Member, User
from core import rules
from core.models import Event
from disputes.services import clocks
from tasks.models import Assignment, Batch, Gold, Opening, Place, SampleCount, Sampled
from tasks.selectors import sampling
from tasks.services import gold, openings, work
from tests import factories
from tests.disputes import cases
from tests.disputes.cases import open_answer, refused, submit
from tests.factories import NOW


def lot(secret: bytes, place: int) -> int:
    return int.from_bytes(hmac.digest(secret, str(place).encode(), hashlib.sha256)[:8], "big")


@given(st.binary(min_size=32, max_size=32), st.integers(1, 2**62))
def test_a_place_is_drawn_by_the_lowest_tenth_of_its_hmac(secret: bytes, place: int) -> None:
    drawn = sampling.is_drawn(Batch(secret=secret), place)
    assert drawn == (lot(secret, place) * 10 < 1 << 64)


def test_about_a_tenth_is_drawn_whatever_the_secret() -> None:
    for secret in (b"\0" * 32, b"1" * 32, b"\xff" * 32):
        drawn = sum(sampling.is_drawn(Batch(secret=secret), place) for place in range(10_000))
        assert 880 < drawn < 1_120


def fill(batch: Batch, workers: list[User], count: int) -> list[int]:
    """So many answers, in the order in which they came."""
    return [submit(workers[i % len(workers)], batch) for i in range(count)]


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=60)


@pytest.fixture
def filled(batch: Batch) -> list[Assignment]:
    ids = fill(batch, cases.people(6), 60)
    return [Assignment.objects.get(pk=one) for one in ids]


@pytest.mark.django_db
def test_the_first_twenty_and_what_is_drawn_may_be_opened(
    owner: Member, batch: Batch, filled: list[Assignment]
) -> None:
    for number, one in enumerate(filled):
        if number < rules.SAMPLE_FIRST or lot(bytes(batch.secret), one.place_id) * 10 < 1 << 64:
            assert open_answer(one.pk, by=owner) == factories.answer()
        else:
            with refused("sealed"):
                open_answer(one.pk, by=owner)
            assert not Opening.objects.filter(assignment=one).exists()


@pytest.mark.django_db
def test_the_list_of_the_sample_names_what_may_be_opened(
    batch: Batch, filled: list[Assignment]
) -> None:
    may = {one.pk for one in filled if sampling.may_open(one)}
    assert {one.pk for one in sampling.sample(batch)} == may
    assert SampleCount.objects.get(batch=batch).first == rules.SAMPLE_FIRST
    assert Sampled.objects.filter(batch=batch, drawn=False).count() == rules.SAMPLE_FIRST


@pytest.mark.django_db
def test_the_first_places_are_those_submitted_first_not_claimed_first(
    owner: Member, batch: Batch
) -> None:
    slow = factories.make_user("slow")
    held = factories.make_assignment(worker=slow, batch=batch)
    fill(batch, cases.people(2), 20)
    work.submit(assignment_id=held.pk, worker=slow, content=factories.answer(), key="late", now=NOW)
    if not sampling.is_drawn(batch, held.place_id):
        with refused("sealed"):
            open_answer(held.pk, by=owner)


@pytest.mark.django_db
def test_taking_an_answer_back_and_giving_it_again_takes_one_of_the_twenty_only(
    batch: Batch, bea: User
) -> None:
    one = submit(bea, batch)
    work.unsubmit(assignment_id=one, worker=bea, now=NOW)
    work.submit(
        assignment_id=one, worker=bea, content=factories.answer("negative"), key="b", now=NOW
    )
    assert SampleCount.objects.get(batch=batch).first == 1
    assert Sampled.objects.filter(batch=batch).count() == 1


@pytest.mark.django_db
def test_answers_to_known_items_may_always_be_opened(owner: Member) -> None:
    batch = factories.make_batch(owner, tasks=60)
    known = [{"external_id": f"t{i}", "answer": factories.answer()} for i in range(54, 60)]
    assert gold.set_gold(batch_id=batch.pk, by=owner, known=known, now=NOW) == 6
    factories.fund(owner.client)
    factories.publish(batch, by=owner)
    fill(batch, cases.people(6), 60)
    items = Assignment.objects.filter(task__in=Gold.objects.values("task"))
    for one in items.values_list("pk", flat=True):
        open_answer(one, by=owner)
    assert Opening.objects.count() == 6


@pytest.mark.django_db
def test_an_opening_says_who_when_and_whose_and_is_made_once(
    owner: Member, batch: Batch, bea: User
) -> None:
    one = submit(bea, batch)
    open_answer(one, by=owner, now=cases.at(hours=1))
    open_answer(one, by=owner, now=cases.at(hours=2))

    opening = Opening.objects.get()
    assert (opening.assignment_id, opening.by_id) == (one, owner.user_id)
    assert (opening.client_id, opening.worker_id) == (owner.client_id, bea.pk)
    assert opening.at == cases.at(hours=1)
    looks = Event.objects.filter(kind="answer.opened", about_id=one)
    assert [look.at for look in looks.order_by("pk")] == [cases.at(hours=1), cases.at(hours=2)]


@pytest.mark.django_db
def test_an_opened_answer_is_not_taken_back(owner: Member, batch: Batch, bea: User) -> None:
    one = submit(bea, batch)
    open_answer(one, by=owner)
    with refused("too_late"):
        work.unsubmit(assignment_id=one, worker=bea, now=cases.at(minutes=1))
    assert cases.state(one) == "submitted"


@pytest.mark.django_db
def test_another_client_opens_nothing(owner: Member, batch: Batch, bea: User, dia: User) -> None:
    one = submit(bea, batch)
    other = factories.make_client("Other", owner="eve", verified_by=dia)
    stranger = other.members.get()
    with refused("not_found"):
        open_answer(one, by=stranger)
    open_answer(one, by=owner)
    assert cases.readable_ids(owner.client_id) == {one}
    assert cases.readable_ids(other.pk) == set()


@pytest.mark.django_db
def test_opening_shows_nothing_of_what_was_rejected(owner: Member, batch: Batch, bea: User) -> None:
    one = cases.rejected(bea, batch, by=owner).assignment_id
    with refused("sealed"):
        open_answer(one, by=owner)
    with refused("sealed"):
        openings.read_paid(assignment_id=one, by=owner, now=NOW)
    assert cases.readable_ids(owner.client_id) == set()


@pytest.mark.django_db
def test_a_place_of_the_sample_stays_in_it_after_a_refusal(
    owner: Member, bea: User, cem: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=1)
    factories.make_assignment(worker=bea, batch=batch, state="refused")
    later = cases.at(days=16)
    again = submit(cem, batch, now=later)
    assert Place.objects.get(batch=batch).state == "taken"
    assert SampleCount.objects.get(batch=batch).first == 1
    open_answer(again, by=owner, now=later)
    clocks.run(now=later)
    assert cases.state(again) == "submitted"


@pytest.mark.django_db
@pytest.mark.parametrize("paid", [True, False])
def test_reading_paid_answers_reads_no_others(
    paid: bool, owner: Member, batch: Batch, bea: User
) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="approved" if paid else "opened")
    if paid:
        assert openings.read_paid(assignment_id=one.pk, by=owner, now=NOW) == factories.answer()
    else:
        with refused("sealed"):
            openings.read_paid(assignment_id=one.pk, by=owner, now=NOW)
