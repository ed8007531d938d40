"""The log of decisions: insert only, chained, and every tampering is found."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from accounts.models import User
from core.db import operation
from disputes.models import LogEntry
from disputes.selectors import log as selectors
from disputes.services import log
from tests import factories
from tests.conftest import admin_connection

pytestmark = pytest.mark.django_db(transaction=True)
# All that JSON and UTF-8 have to offer: as PostgreSQL writes it and as we do has to be the same.
REASONS = 'Says “naïve”, \\ and "so", العربية, 🦀, a\ttab,\na line and a bell\x07.'


@operation
def write(by: User, **data: Any) -> int:
    return log.write("decision", by=by, about=by, now=factories.NOW, **data)


@pytest.fixture
def entries(dia: User) -> list[int]:
    """Five entries."""
    return [write(dia, reasons=REASONS, level=1, upheld=[n, n + 1]) for n in range(5)]


def as_superuser(statement: str) -> None:
    """What only somebody with the database's own password can do: triggers off."""
    admin = admin_connection(connection.settings_dict["NAME"])
    with admin.cursor() as cursor:
        cursor.execute("ALTER TABLE disputes_logentry DISABLE TRIGGER ALL")
        cursor.execute(statement)
        cursor.execute("ALTER TABLE disputes_logentry ENABLE TRIGGER ALL")
        for name in ("disputes_logentry_kept", "disputes_logentry_chained"):
            cursor.execute(f"ALTER TABLE disputes_logentry ENABLE ALWAYS TRIGGER {name}")
    admin.close()


def verify() -> str:
    out = io.StringIO()
    call_command("verify_log", stdout=out)
    return out.getvalue()


def test_an_untouched_log_holds(entries: list[int]) -> None:
    last = LogEntry.objects.get(number=entries[-1])
    assert verify() == f"5 entries hold, last hash {bytes(last.hash).hex()}\n"


def test_an_empty_log_holds(db: None) -> None:
    assert verify() == "0 entries hold, last hash -\n"


def test_it_is_read_in_chunks(entries: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "CHUNK", 2)
    assert selectors.verify().entries == 5


@pytest.mark.parametrize(
    "change",
    [
        "kind = 'report'",
        "by_id = by_id + 1",
        "about_id = about_id + 1",
        "about_kind = 'batch'",
        "at = at + interval '1 microsecond'",
        "data = data || '{\"level\": 2}'",
        "previous = previous || '\\x00'",
        "hash = sha256(hash)",
    ],
)
def test_a_changed_entry_is_found(entries: list[int], change: str) -> None:
    as_superuser(f"UPDATE disputes_logentry SET {change} WHERE number = 3")
    with pytest.raises(CommandError, match="^2 entries hold, then entry 3: "):
        verify()


def test_an_entry_whose_hash_was_made_anew_is_found_by_the_next(entries: list[int]) -> None:
    as_superuser("UPDATE disputes_logentry SET kind = 'report' WHERE number = 3")
    as_superuser(
        "UPDATE disputes_logentry SET hash = disputes_log_hash(disputes_logentry) WHERE number = 3"
    )
    with pytest.raises(CommandError, match="entry 4: it does not follow the entry before it"):
        verify()


def test_a_missing_entry_is_found(entries: list[int]) -> None:
    as_superuser("DELETE FROM disputes_logentry WHERE number = 3")
    with pytest.raises(CommandError, match="entry 4: number 3 is missing before it"):
        verify()


def test_a_missing_entry_whose_place_was_closed_is_found(entries: list[int]) -> None:
    as_superuser("DELETE FROM disputes_logentry WHERE number = 3")
    as_superuser("UPDATE disputes_logentry SET number = number - 1 WHERE number = 4")
    as_superuser("UPDATE disputes_logentry SET number = number - 1 WHERE number = 5")
    with pytest.raises(CommandError, match="entry 3: it does not follow"):
        verify()


def test_an_entry_put_in_the_middle_is_found(entries: list[int]) -> None:
    as_superuser("UPDATE disputes_logentry SET number = number + 1 WHERE number = 5")
    as_superuser("UPDATE disputes_logentry SET number = number + 1 WHERE number = 4")
    as_superuser(
        """INSERT INTO disputes_logentry
           (number, kind, by_id, about_kind, about_id, data, at, previous, hash)
           SELECT 4, kind, by_id, about_kind, about_id, data, at, hash, hash
             FROM disputes_logentry WHERE number = 3"""
    )
    as_superuser(
        "UPDATE disputes_logentry SET hash = disputes_log_hash(disputes_logentry) WHERE number = 4"
    )
    with pytest.raises(CommandError, match="entry 5: it does not follow"):
        verify()


def test_a_page_of_it_is_checked_with_the_entry_before_it(entries: list[int]) -> None:
    page = list(LogEntry.objects.filter(number__in=(2, 3, 4)).order_by("-number"))
    assert selectors.verify_page(page).entries == 3
    as_superuser("UPDATE disputes_logentry SET hash = sha256(hash) WHERE number = 1")
    wrong = selectors.verify_page(page).wrong
    assert wrong is not None
    assert wrong.number == 2
    as_superuser("DELETE FROM disputes_logentry WHERE number = 1")
    assert str(selectors.verify_page(page).wrong) == "entry 2: number 1 is missing before it"


def test_the_application_can_neither_change_nor_remove(entries: list[int]) -> None:
    found = LogEntry.objects.filter(number=3)
    for attempt in (lambda: found.update(kind="x"), lambda: found.update(at=F("at")), found.delete):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            attempt()
    with connection.cursor() as cursor, pytest.raises(DatabaseError, match="permission denied"):
        cursor.execute("TRUNCATE disputes_logentry")
    assert selectors.verify().entries == 5


def test_even_the_owner_of_the_table_is_refused(entries: list[int]) -> None:
    admin = admin_connection(connection.settings_dict["NAME"])
    with admin.cursor() as cursor:
        cursor.execute("SET ROLE fairclick_owner")
        for statement in (
            "UPDATE disputes_logentry SET kind = 'x'",
            "DELETE FROM disputes_logentry",
            "TRUNCATE disputes_logentry",
        ):
            with pytest.raises(Exception, match="the log of decisions is kept"):
                cursor.execute(statement)
    admin.close()


def test_what_an_entry_says_of_its_number_and_hash_does_not_count(entries: list[int]) -> None:
    last = LogEntry.objects.get(number=5)
    LogEntry.objects.create(
        number=99,
        kind="report",
        by=last.by,
        about_kind="batch",
        about_id=1,
        data=json.loads('{"b": 1, "aa": [], "a": {"z": null, "c": 1.50}}'),
        at=factories.NOW,
        previous=b"x",
        hash=b"y",
    )
    assert LogEntry.objects.order_by("-number").values_list("number", flat=True)[0] == 6
    assert selectors.verify().entries == 6
