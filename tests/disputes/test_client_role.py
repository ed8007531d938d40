"""The last wall: what the database itself refuses to a client, whatever is asked (R5, R6)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction
from django.db.utils import DataError

from accounts.models import Member, User
from core.db import rows
from tasks.models import Answer, Assignment, Batch
from tasks.selectors import answers
from tests import factories
from tests.conftest import admin_connection

pytestmark = pytest.mark.django_db(transaction=True)
ALL = "SELECT assignment_id FROM tasks_answer ORDER BY 1"


@contextmanager
def as_role(role: str, client: int | str | None = None) -> Iterator[Any]:
    """A cursor of the runtime's own connection under another role, in one transaction."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {role}")
            if client is not None:
                cursor.execute("SELECT set_config('fairclick.client', %s, true)", [str(client)])
            yield cursor
        transaction.set_rollback(True)


def seen(client: int | str | None, statement: str = ALL) -> list[int]:
    with as_role("fairclick_client", client) as cursor:
        cursor.execute(statement)
        return [row[0] for row in cursor.fetchall()]


def who() -> tuple[str, str]:
    """The role of the connection, and the client that it reads for."""
    [(role, client)] = rows(
        "SELECT current_user, coalesce(current_setting('fairclick.client', true), '')"
    )
    return role, client


RUNTIME = ("fairclick_runtime", "")


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=30)


@pytest.fixture
def other(dia: User) -> Member:
    client = factories.make_client("Other", owner="eve", verified_by=dia)
    return Member.objects.select_related("client", "user").get(client=client)


@pytest.mark.parametrize(
    ("state", "visible"),
    [
        ("submitted", False),
        ("opened", True),
        ("rejected", False),
        ("disputed", False),
        ("refused", False),
        ("approved", True),
    ],
)
def test_the_role_of_clients_sees_what_is_paid_or_opened_in_review(
    state: str, visible: bool, batch: Batch, owner: Member, other: Member, bea: User
) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state=state)
    assert seen(owner.client_id) == ([one.pk] if visible else [])
    assert seen(other.client_id) == []


def test_without_a_client_nothing_is_seen(batch: Batch, bea: User) -> None:
    factories.make_assignment(worker=bea, batch=batch, state="approved")
    assert seen(None) == []
    with as_role("fairclick_client") as cursor:
        cursor.execute("SELECT set_config('fairclick.client', '', true)")
        cursor.execute(ALL)
        assert cursor.fetchall() == []


def test_a_client_that_is_no_number_is_an_error(batch: Batch, bea: User) -> None:
    factories.make_assignment(worker=bea, batch=batch, state="approved")
    with pytest.raises(DataError):
        seen("1 OR true")
    assert who() == RUNTIME


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM tasks_answer",
        "SELECT coalesce(max(length(content::text)), 0) FROM tasks_answer",
        "SELECT count(*) FROM tasks_assignment a JOIN tasks_answer w ON w.assignment_id = a.id",
        "SELECT count(*) FROM tasks_answer WHERE content::text LIKE '%positive%' OR true",
        "SELECT count(*) FROM (SELECT * FROM tasks_answer LIMIT 10) AS any_of_them",
        "SELECT count(*) FROM tasks_answer TABLESAMPLE SYSTEM (100)",
    ],
)
def test_nothing_counts_measures_or_joins_what_is_sealed(
    statement: str, batch: Batch, owner: Member, bea: User
) -> None:
    factories.make_assignment(worker=bea, batch=batch, state="submitted")
    assert seen(owner.client_id, statement) == [0]


def test_an_operator_that_errs_meets_no_sealed_row(batch: Batch, owner: Member, bea: User) -> None:
    """Whoever divides by what a row says would learn it from the error."""
    factories.make_assignment(worker=bea, batch=batch, state="submitted")
    leak = "SELECT 1 / (content::text NOT LIKE '%positive%')::int FROM tasks_answer"
    assert seen(owner.client_id, leak) == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO tasks_answer (assignment_id, content, submitted_at) VALUES (1, '[]', now())",
        "UPDATE tasks_answer SET content = '[]'",
        "DELETE FROM tasks_answer",
        "TRUNCATE tasks_answer",
        "INSERT INTO tasks_opening (assignment_id, batch_id, client_id, worker_id, by_id, at)"
        " VALUES (1, 1, 1, 1, 1, now())",
        "UPDATE tasks_assignment SET state = 'approved'",
        "UPDATE tasks_task SET payload = '{}'",
        "SELECT 1 FROM tasks_draft",
        "SELECT 1 FROM tasks_archived",
        "SELECT 1 FROM tasks_gold",
        "SELECT 1 FROM disputes_rejection",
        "SELECT 1 FROM accounts_user",
        "SELECT 1 FROM django_session",
        "SELECT 1 FROM core_event",
        "ALTER TABLE tasks_answer DISABLE ROW LEVEL SECURITY",
        "DROP POLICY answer_for_clients ON tasks_answer",
        "CREATE POLICY mine ON tasks_answer TO fairclick_client USING (true)",
        "CREATE FUNCTION public.leak() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
)
def test_the_role_of_clients_does_nothing_else(statement: str, owner: Member) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied|must be owner"),
        as_role("fairclick_client", owner.client_id) as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.parametrize("table", ["answer", "draft", "archived", "gold"])
def test_reports_read_no_content(table: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        as_role("fairclick_reader") as cursor,
    ):
        cursor.execute(f"SELECT count(*) FROM tasks_{table}")


def test_reports_read_the_rest() -> None:
    with as_role("fairclick_reader") as cursor:
        cursor.execute("SELECT count(*) FROM tasks_assignment")
        assert cursor.fetchall() == [(0,)]


def test_the_wall_stands_on_the_table_itself() -> None:
    """A superuser's statement: who may read by which rule. Its owner only is not bound."""
    admin = admin_connection(connection.settings_dict["NAME"])
    with admin.cursor() as cursor:
        cursor.execute(
            "SELECT p.polname, p.polcmd, array(SELECT rolname::text FROM pg_roles"
            " WHERE oid = ANY(p.polroles)), c.relrowsecurity, c.relowner::regrole::text"
            " FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid ORDER BY 1"
        )
        policies = cursor.fetchall()
        cursor.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'fairclick%'"
            " AND (rolsuper OR rolbypassrls OR rolcanlogin)"
        )
        unbound = cursor.fetchall()
    admin.close()
    assert policies == [
        ("answer_for_clients", "r", ["fairclick_client"], True, "fairclick_owner"),
        ("answer_for_runtime", "*", ["fairclick_runtime"], True, "fairclick_owner"),
    ]
    assert unbound == []


# --- the door, with its checks broken --------------------------------------------------------


@pytest.mark.parametrize("state", ["submitted", "rejected", "disputed", "refused"])
def test_the_door_gives_nothing_out_when_asked_past_every_check(
    state: str, batch: Batch, owner: Member, bea: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state=state)
    with pytest.raises(answers.Sealed):
        answers.readable(assignment_id=one.pk, client=owner.client)
    careless = answers.RESULTS.replace("AND a.state = 'approved'", "").replace(
        "(a.approved_xid, a.id) > (%(xid)s, %(id)s)", "%(xid)s >= 0 AND a.id > %(id)s"
    )
    careless = careless.partition("AND a.approved_xid <")[0] + "ORDER BY a.id LIMIT %(page)s"
    monkeypatch.setattr(answers, "RESULTS", careless)
    assert list(answers.results(batch=batch, client=owner.client)) == []
    by_task = answers.BY_TASK.replace("AND a.state = 'approved'", "")
    monkeypatch.setattr(answers, "BY_TASK", by_task)
    assert list(answers.results_by_task(batch=batch, client=owner.client)) == []


def test_the_careless_statement_would_show_what_is_paid(
    batch: Batch, owner: Member, other: Member, bea: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the test above would prove nothing; and another client's are not shown even so."""
    one = factories.make_assignment(worker=bea, batch=batch, state="approved")
    careless = answers.BY_TASK.replace("AND a.state = 'approved'", "").replace(
        "AND a.client_id = %(client)s", ""
    )
    monkeypatch.setattr(answers, "BY_TASK", careless)
    found = [row.assignment_id for row in answers.results_by_task(batch=batch, client=owner.client)]
    assert found == [one.pk]
    assert list(answers.results_by_task(batch=batch, client=other.client)) == []
    with pytest.raises(answers.Sealed):
        answers.readable(assignment_id=one.pk, client=other.client)


# --- the role ends with the read -------------------------------------------------------------


@pytest.fixture
def paid(batch: Batch, bea: User) -> Assignment:
    return factories.make_assignment(worker=bea, batch=batch, state="approved")


def test_the_role_never_outlives_a_read(paid: Assignment, batch: Batch, owner: Member) -> None:
    assert who() == RUNTIME
    answers.readable(assignment_id=paid.pk, client=owner.client)
    assert who() == RUNTIME
    list(answers.results(batch=batch, client=owner.client))
    assert who() == RUNTIME
    list(answers.results_by_task(batch=batch, client=owner.client))
    assert who() == RUNTIME
    assert list(rows("SELECT assignment_id FROM tasks_answer")) == [(paid.pk,)]


def test_the_role_is_taken_on_during_the_read(owner: Member) -> None:
    with answers._as_client(owner.client):
        assert who() == ("fairclick_client", str(owner.client_id))
    assert who() == RUNTIME


def test_a_stream_that_is_left_midway_leaves_no_role(
    batch: Batch, owner: Member, bea: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "PAGE", 1)
    for _number in range(3):
        factories.make_assignment(worker=bea, batch=batch, state="approved")
    stream = answers.results_by_task(batch=batch, client=owner.client)
    next(stream)
    # While the client is slow, others use the connection.
    assert who() == RUNTIME
    stream.close()
    assert who() == RUNTIME


def test_a_sealed_one_leaves_no_role(batch: Batch, owner: Member, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="submitted")
    with pytest.raises(answers.Sealed):
        answers.readable(assignment_id=one.pk, client=owner.client)
    assert who() == RUNTIME


def fails() -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("step", "error"),
    [(fails, ZeroDivisionError), (lambda: rows("SELECT 1 / 0"), DataError)],
)
def test_an_error_in_between_leaves_no_role(
    step: Callable[[], Any], error: type[Exception], owner: Member
) -> None:
    with pytest.raises(error), answers._as_client(owner.client):
        step()
    assert who() == RUNTIME


def test_a_read_inside_of_a_change_is_refused(paid: Assignment, owner: Member) -> None:
    """Its end would undo the change, or its role would go on: it stands alone."""
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        answers.readable(assignment_id=paid.pk, client=owner.client)
    assert who() == RUNTIME


def test_nothing_can_be_written_in_a_read(batch: Batch, owner: Member, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="submitted")
    with pytest.raises(ProgrammingError), answers._as_client(owner.client):
        Assignment.objects.filter(pk=one.pk).update(state="approved")
    with pytest.raises(ProgrammingError), answers._as_client(owner.client):
        Answer.objects.filter(pk=one.pk).delete()
    assert who() == RUNTIME
