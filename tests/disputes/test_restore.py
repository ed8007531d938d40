"""A backup made before a refusal, restored after it: by the programs that an operator uses."""

import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from psycopg2 import sql

from accounts.models import Member, User
from dev.postgres import programs
from disputes.models import Rejection
from disputes.services import clocks, restoring
from marketplace import erasure
from tasks.models import Answer, Archived, Assignment, Batch, Erasure
from tasks.selectors import answers
from tests import factories
from tests.conftest import admin_connection
from tests.disputes import cases
from tests.disputes.test_erasure import CANARY, TEXT_INTERFACE, disputed, submitted
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parents[2]


@dataclass
class Restored:
    """Another database of the same server, with the files as they were at the backup."""

    name: str
    media: Path

    def manage(self, *command: str) -> tuple[int, str]:
        """manage.py, as the product's own role, in a process of its own."""
        at = connection.settings_dict
        url = f"postgresql://{at['USER']}:{quote(at['PASSWORD'])}@{at['HOST']}:{at['PORT']}"
        extra = {
            "DATABASE_URL": f"{url}/{self.name}",
            "DATABASE_ROLE": "fairclick_runtime",
            "MEDIA_ROOT": str(self.media),
        }
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *command],
            env=os.environ | extra,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def ask(self, statement: str, *, role: str = "", client: int = 0) -> list[tuple[Any, ...]]:
        """Raw SQL, as superuser or as `role`."""
        admin = admin_connection(self.name)
        try:
            with admin.cursor() as cursor:
                if role:
                    cursor.execute(f"SET ROLE {role}")
                    cursor.execute(
                        "SELECT set_config('fairclick.client', %s, false)", [str(client)]
                    )
                cursor.execute(statement)
                found: list[tuple[Any, ...]] = cursor.fetchall()
                return found
        finally:
            admin.close()


def run(program: str, *options: str) -> None:
    """One of PostgreSQL's programs, as the superuser."""
    at = connection.settings_dict
    where = ["--host", at["HOST"], "--port", str(at["PORT"]), "--username", at["USER"]]
    subprocess.run(
        [str(programs() / program), *where, *options],
        env=os.environ | {"PGPASSWORD": at["PASSWORD"]},
        check=True,
        capture_output=True,
    )


@pytest.fixture
def other_database() -> Iterator[str]:
    name = f"{connection.settings_dict['NAME']}_restored"
    database = sql.Identifier(name)
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database)
    server = admin_connection("postgres")
    with server.cursor() as cursor:
        cursor.execute(drop)
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(database))
        yield name
        cursor.execute(drop)
    server.close()


POLICIES = """
SELECT c.relname, c.relrowsecurity, p.polname, p.polcmd, pg_get_expr(p.polqual, p.polrelid),
       array(SELECT rolname FROM pg_roles WHERE oid = ANY(p.polroles) ORDER BY 1)::text[]
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid ORDER BY 1, 3
"""
PRIVILEGES = """
SELECT relname, relowner::regrole::text, relacl::text[] FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1
"""


def asked_here(statement: str) -> list[tuple[Any, ...]]:
    return Restored(connection.settings_dict["NAME"], Path()).ask(statement)


def rejected(one: Assignment, *, by: Member) -> Rejection:
    cases.open_answer(one.pk, by=by)
    return factories.reject(one, by=by, explanation=f"This is off the point: {CANARY}")


def test_a_restored_backup_erases_again(
    owner: Member, dia: User, tmp_path: Path, other_database: str
) -> None:
    batch = factories.make_open_batch(owner, tasks=8, interface=TEXT_INTERFACE)
    people = [factories.make_user(name) for name in ("ann", "ben", "cat", "dan", "eve", "fay")]
    lapsing, upheld, reviewed, unjudged, gone, paid = (
        submitted(worker, batch, f"{CANARY}, says {worker.name} of it") for worker in people
    )
    rejected(gone, by=owner)
    clocks.run(now=NOW + timedelta(days=15))
    rejected(lapsing, by=owner)
    case = disputed(upheld, worker=people[1], owner=owner)
    cases.decide(case.dispute, by=dia, unfounded=False)
    disputed(unjudged, worker=people[3], owner=owner)
    factories.reviews.approve_assignment(assignment_id=paid.pk, by=owner, now=NOW)

    # The backup, and what happened after it.
    dump = tmp_path / "fairclick.dump"
    run("pg_dump", "--format", "custom", "--file", str(dump), connection.settings_dict["NAME"])
    media = tmp_path / "media"
    shutil.copytree(settings.MEDIA_ROOT, media)
    newer = submitted(people[5], batch, "Written after the backup was made, and refused.")
    for one, worker in ((reviewed, people[2]), (newer, people[5])):
        case = disputed(one, worker=worker, owner=owner)
        cases.decide(case.dispute, by=dia, unfounded=False)
    clocks.run(now=NOW + timedelta(days=40))
    everything = io.StringIO()
    call_command("list_erasures", stdout=everything)
    listed = tmp_path / "erasures.jsonl"
    listed.write_text(everything.getvalue())

    run("pg_restore", "--exit-on-error", "--dbname", other_database, str(dump))
    restored = Restored(other_database, media)
    assert restored.manage("prove_erasure", str(lapsing.pk))[0] == 2

    # The roles and the wall stand as before.
    assert restored.ask(POLICIES) == asked_here(POLICIES) != []
    assert restored.ask(PRIVILEGES) == asked_here(PRIVILEGES)
    seen = "SELECT assignment_id FROM tasks_answer"
    for client, readable in ((owner.client_id, [(paid.pk,)]), (0, []), (-1, [])):
        assert restored.ask(seen, role="fairclick_client", client=client) == readable

    code, said = restored.manage("after_restore", str(listed))
    assert code == 0, said
    assert dict(line.split(": ", 1) for line in said.splitlines() if ": " in line) == {
        f"assignment {gone.pk}": restoring.GONE,
        f"assignment {lapsing.pk}": restoring.ERASED,
        f"assignment {upheld.pk}": restoring.ERASED,
        f"assignment {unjudged.pk}": restoring.ERASED,
        f"assignment {reviewed.pk}": restoring.IN_REVIEW,
        f"assignment {newer.pk}": restoring.UNKNOWN,
    }
    assert said.rstrip().endswith("books balance")
    outcomes = "SELECT assignment_id, outcome FROM disputes_rejection"
    assert dict(restored.ask(outcomes)) == {
        gone.pk: "lapsed",
        lapsing.pk: "lapsed",
        upheld.pk: "upheld",
        unjudged.pk: "unjudged",
    }
    for one in (gone, lapsing, upheld, unjudged):
        code, said = restored.manage("prove_erasure", str(one.pk), "--canary", CANARY)
        # Of the canary only what others wrote is left: it is in their answers, too.
        assert (code, "nothing found outside" in said) == (0, True), said
    assert not any(path.is_file() for path in (media / "evidence").rglob("*"))

    # A second time there is nothing left to do.
    again, said = restored.manage("redo_erasures", str(listed))
    assert (again, restoring.ERASED in said) == (0, False)
    assert restored.ask(seen, role="fairclick_client", client=owner.client_id) == [(paid.pk,)]


# --- the entries of a list, one by one -------------------------------------------------------


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=20)


def listed() -> list[tuple[int, bytes, str]]:
    out = io.StringIO()
    call_command("list_erasures", stdout=out)
    return list(erasure.read_list(io.StringIO(out.getvalue())))


def test_list_erasures_names_them_without_content(batch: Batch, bea: User, cem: User) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="refused")
    [entry] = listed()
    assert entry == (one.pk, bytes(Erasure.objects.get(pk=one.pk).digest), "lapsed")
    out = io.StringIO()
    call_command("list_erasures", since="2026-03-18", stdout=out)
    assert out.getvalue() == ""
    call_command("list_erasures", since="2026-03-17T08:59:59", stdout=out)
    assert json.loads(out.getvalue()).keys() == {"assignment", "digest", "outcome", "at"}


def test_a_line_that_is_no_erasure_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2 is not an erasure"):
        list(erasure.read_list(["\n", '{"assignment": 1}']))


def test_another_answer_under_the_same_number_stays(batch: Batch, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="rejected")
    said = restoring.redo(assignment_id=one.pk, digest=b"other", outcome="lapsed", now=NOW)
    assert (said, cases.state(one.pk)) == (restoring.OTHER, "rejected")


@pytest.mark.parametrize(
    ("state", "said", "after"),
    [
        ("claimed", restoring.IN_WORK, "claimed"),
        ("submitted", restoring.IN_REVIEW, "submitted"),
        ("approved", restoring.PAID, "approved"),
        ("refused", restoring.GONE, "refused"),
        ("rejected", restoring.ERASED, "refused"),
        ("disputed", restoring.ERASED, "refused"),
    ],
)
@pytest.mark.parametrize("outcome", ["", "unjudged", "withdrawn"])
def test_redo_by_the_state_in_the_backup(
    state: str, said: str, after: str, outcome: str, batch: Batch, bea: User
) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state=state)
    digest = restoring.work.digest(batch, factories.answer())
    told = {"assignment_id": one.pk, "digest": digest, "outcome": outcome, "now": NOW}
    assert restoring.redo(**told) == said
    assert cases.state(one.pk) == after
    if said == restoring.ERASED:
        default = "lapsed" if state == "rejected" else "upheld"
        ended = "unjudged" if outcome == "unjudged" else default
        assert Rejection.objects.get(assignment=one).outcome == ended
        assert cases.is_erased(one.pk)
        assert restoring.redo(**told) == restoring.GONE


@pytest.mark.parametrize("copy", [True, False])
def test_an_answer_that_came_back_alone_is_erased(copy: bool, batch: Batch, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="refused")
    [(_one, digest, outcome)] = listed()
    Answer.objects.create(assignment=one, content=factories.answer(), submitted_at=NOW)
    if not copy:
        Archived.objects.filter(assignment=one).delete()
    said = restoring.redo(assignment_id=one.pk, digest=digest, outcome=outcome, now=NOW)
    assert (said, cases.is_erased(one.pk)) == (restoring.ERASED, True)
    assert Archived.objects.get(assignment=one).content == factories.answer()


def test_redo_of_a_group_leaves_the_others_in_their_case(
    batch: Batch, owner: Member, bea: User
) -> None:
    ones = [cases.submit(bea, batch) for _ in range(5)]
    for one in ones:
        cases.open_answer(one, by=owner)
    for one in ones[:3]:
        rejection = cases.reject(one, by=owner)
    assert rejection.dispute is not None
    digest = restoring.work.digest(batch, factories.answer())
    for at, one in enumerate(ones[:3]):
        restoring.redo(assignment_id=one, digest=digest, outcome="upheld", now=NOW)
        rejection.dispute.refresh_from_db()
        assert rejection.dispute.state == ("closed" if at == 2 else "filed")


def test_one_that_cannot_be_redone_stops_no_other(
    batch: Batch, bea: User, cem: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ones = [factories.make_assignment(worker=w, batch=batch, state="rejected") for w in (bea, cem)]
    digest = restoring.work.digest(batch, factories.answer()).hex()
    lines = [{"assignment": one.pk, "digest": digest, "outcome": ""} for one in ones]
    file = tmp_path / "list.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    refuse = restoring.ending.refuse

    def fails(rejections: Any, **options: Any) -> None:
        if rejections[0].assignment_id == ones[0].pk:
            raise RuntimeError("broken")
        refuse(rejections, **options)

    monkeypatch.setattr(restoring.ending, "refuse", fails)
    with pytest.raises(CommandError, match="some could not be done"):
        call_command("redo_erasures", str(file), stdout=io.StringIO())
    assert [cases.state(one.pk) for one in ones] == ["rejected", "refused"]


# --- results of another cluster --------------------------------------------------------------


def results(batch: Batch, count: int) -> list[int]:
    """So many results: they are shown once nothing older runs, in other databases as well."""
    client = factories.owner_of(batch).client
    end = time.monotonic() + 60
    while True:
        found = [one.assignment_id for one in answers.results(batch=batch, client=client)]
        if len(found) >= count or time.monotonic() > end:
            return found
        time.sleep(0.05)


def test_results_of_another_cluster_stay_readable_and_in_order(
    batch: Batch, bea: User, cem: User
) -> None:
    people = (cem, bea, cem, bea)
    for worker in people:
        factories.make_assignment(worker=worker, batch=batch, state="approved")
    here = results(batch, 4)
    assert (len(here), restoring.reorder_results()) == (4, 0)
    statement = "UPDATE tasks_assignment SET approved_xid = approved_xid + 4000000000000"
    with connection.cursor() as cursor:
        cursor.execute(statement + " WHERE approved_xid IS NOT NULL")
    assert results(batch, 0) == []

    assert restoring.reorder_results() == 4

    newest = factories.make_assignment(worker=bea, batch=batch, state="approved")
    assert results(batch, 5) == [*here, newest.pk]
    assert restoring.reorder_results() == 0


def test_after_restore_deletes_evidence_that_no_row_names(tmp_path: Path, db: None) -> None:
    empty = tmp_path / "none.jsonl"
    empty.write_text("")
    name = default_storage.save("evidence/2026/01/stray.pdf", io.BytesIO(b"%PDF-"))
    out = io.StringIO()
    call_command("after_restore", str(empty), stdout=out)
    assert not default_storage.exists(name)
    assert "files of evidence deleted that no row names" in out.getvalue()
