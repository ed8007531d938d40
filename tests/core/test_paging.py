"""Pages by keyset: nothing lost, nothing twice, whatever has the same key."""

from datetime import UTC, datetime, timedelta

import pytest

from core import paging
from core.models import Event

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ORDER = ("-at", "-pk")


def events(count: int, *, at: datetime = NOW) -> list[int]:
    """So many events of one moment; their ids, newest first."""
    made = Event.objects.bulk_create(
        Event(kind="x", about_kind="y", about_id=i, at=at) for i in range(count)
    )
    return [one.pk for one in made][::-1]


def read(cursor: str = "", size: int = 3) -> paging.Page[Event]:
    return paging.page(Event.objects.all(), order=ORDER, cursor=cursor, size=size)


def ids(page: paging.Page[Event]) -> list[int]:
    return [row.pk for row in page.rows]


def test_rows_of_one_moment_are_all_read() -> None:
    wanted = events(10)
    found, cursor = [], ""
    while True:
        page = read(cursor)
        found += ids(page)
        if page.next is None:
            break
        cursor = page.next
    assert found == wanted


def test_what_comes_in_between_moves_nothing() -> None:
    wanted = events(6)
    first = read()
    assert first.next is not None
    events(2, at=NOW + timedelta(seconds=1))
    assert ids(first) + ids(read(first.next)) == wanted


def test_the_way_back_is_the_way_there() -> None:
    events(7)
    first = read()
    second = read(first.next or "")
    third = read(second.next or "")
    assert (third.next, first.previous) == (None, None)
    assert ids(read(third.previous or "")) == ids(second)
    back = read(second.previous or "")
    assert (ids(back), back.previous, back.next) == (ids(first), None, first.next)


def test_an_empty_page_has_no_neighbours() -> None:
    assert read() == paging.Page([], None, None)


def test_a_full_last_page_leads_nowhere() -> None:
    events(3)
    assert read().next is None


@pytest.mark.parametrize("number", [0, 7, 2**63 - 1])
def test_a_statement_goes_on_before_its_number(number: int) -> None:
    assert paging.before(paging.cursor_before(number)) == number


def test_a_statement_begins_with_the_newest() -> None:
    assert paging.before("") is None
