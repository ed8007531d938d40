"""Events are delivered at least once, whoever dies on the way."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from accounts.models import User
from core import events, jobs
from core.db import inside_operation, operation
from core.models import Event, Outbox
from tests.factories import NOW

pytestmark = pytest.mark.django_db
KIND = "test.happened"


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """Ids of the events that a listener heard; it fails while `failing` stands in the list."""
    ids: list[int] = []
    events.on(KIND)(lambda event: ids.append(event.pk))
    yield ids
    del events.handlers[KIND]


def happen(user: User) -> Event:
    @operation
    def record() -> Event:
        return events.record(KIND, by=user, about=user, now=NOW, note=1)

    return record()


def test_an_event_is_heard_once_when_all_goes_well(bea: User, heard: list[int]) -> None:
    event = happen(bea)
    assert jobs.deliver_due(now=NOW) == 1
    assert jobs.deliver_due(now=NOW + timedelta(days=1)) == 0
    assert heard == [event.pk]


def test_an_event_nobody_listens_to_is_kept_but_not_queued(bea: User) -> None:
    happen(bea)
    assert Event.objects.filter(kind=KIND).count() == 1
    assert not Outbox.objects.exists()


def test_a_failing_listener_is_tried_again_later(bea: User, heard: list[int]) -> None:
    events.on(KIND)(lambda event: 1 // (len(heard) - 1))
    happen(bea)
    assert jobs.deliver_due(now=NOW) == 0
    assert "ZeroDivisionError" in Outbox.objects.get().error
    assert jobs.deliver_due(now=NOW) == 0
    assert jobs.deliver_due(now=NOW + timedelta(minutes=1)) == 1
    assert Outbox.objects.get().done_at is not None


def test_a_lease_that_ran_out_is_taken_by_another(bea: User, heard: list[int]) -> None:
    happen(bea)
    assert len(jobs._lease(now=NOW)) == 1
    assert jobs._lease(now=NOW + jobs.LEASE - timedelta(seconds=1)) == []
    assert jobs.deliver_due(now=NOW + jobs.LEASE) == 1


@pytest.mark.parametrize("change", [{"kind": "x"}, None])
def test_the_product_cannot_change_or_delete_an_event(bea: User, change) -> None:
    happen(bea)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        Event.objects.update(**change) if change else Event.objects.all().delete()


def test_a_step_that_needs_an_operation_refuses_to_run_without() -> None:
    @inside_operation
    def step() -> int:
        return 1

    with pytest.raises(RuntimeError):
        step()
    assert operation(step)() == 1


@pytest.mark.django_db(transaction=True)
def test_an_operation_inside_another_is_refused() -> None:
    @operation
    def inner() -> None:
        return None

    with pytest.raises(RuntimeError), transaction.atomic():
        inner()
