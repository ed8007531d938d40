"""A case until its decision: contest, statements, reply, evidence (R8)."""

import io
from typing import Any

import pytest
from django.core.files.base import ContentFile, File

from accounts.models import Member, User
from core.models import Event
from disputes.models import Dispute, Evidence, Rejection
from disputes.services import clocks, contests, replies
from tasks.models import Batch
from tests import factories
from tests.disputes import cases
from tests.disputes.cases import at, refused
from tests.factories import NOW

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=3)


@pytest.fixture
def one(batch: Batch, owner: Member, bea: User) -> Rejection:
    return cases.rejected(bea, batch, by=owner)


@pytest.fixture
def eli(db: None) -> User:
    """Another adjudicator."""
    return factories.make_user("eli", role="adjudicator")


# --- contest ---------------------------------------------------------------------------------


def test_a_contest_opens_a_case_with_its_clocks(one: Rejection, owner: Member) -> None:
    dispute = cases.contest(one, now=at(days=13), statement="")
    assert (dispute.kind, dispute.cause, dispute.state) == ("individual", "contest", "filed")
    assert dispute.due_at == at(days=13, hours=72)
    assert dispute.decide_by == at(days=23)
    one.refresh_from_db()
    assert (one.state, one.contested_at) == ("disputed", at(days=13))
    assert cases.state(one.assignment_id) == "disputed"
    assert not dispute.statements.exists()


def test_nobody_contests_for_another_or_too_late(one: Rejection, cem: User) -> None:
    with refused("not_found"):
        contests.contest(assignment_id=one.assignment_id, worker=cem, now=NOW)
    with refused("too_late"):
        cases.contest(one, now=one.contest_by)
    assert cases.state(one.assignment_id) == "rejected"


def test_a_case_is_contested_once(one: Rejection) -> None:
    cases.contest(one)
    with refused("illegal_move"):
        cases.contest(one)
    assert Dispute.objects.count() == 1


def test_a_worker_joins_her_voice_to_a_case_that_opened_by_itself(owner: Member, bea: User) -> None:
    for worker in cases.people(3):
        cases.rejected(worker, factories.make_open_batch(owner, tasks=1), by=owner)
    one = cases.rejected(bea, factories.make_open_batch(owner, tasks=1), by=owner)
    assert one.dispute is not None
    assert one.contested_at is None
    assert cases.contest(one).pk == one.dispute.pk
    with refused("illegal_move"):
        cases.contest(one)


@pytest.mark.parametrize("said", ["", " \n ", "x" * 4_001, "nul \0 here", None, ["x"]], ids=str)
def test_what_is_said_is_text_of_a_length(said: Any, one: Rejection, bea: User) -> None:
    cases.contest(one)
    with refused("nul" if said == "nul \0 here" else "text_length"):
        contests.say(assignment_id=one.assignment_id, worker=bea, text=said, now=NOW)


def test_html_in_statements_is_kept_as_it_was_said(one: Rejection, bea: User) -> None:
    cases.contest(one)
    said = "<script>alert(1)</script> <b>لا</b>"
    contests.say(assignment_id=one.assignment_id, worker=bea, text=said, now=NOW)
    assert one.statements.order_by("-pk")[0].text == said
    made = Event.objects.filter(kind="statement.made")
    assert not any("script" in str(event.data) for event in made)


# --- reply -----------------------------------------------------------------------------------


def test_a_reply_moves_the_case_to_the_platform(one: Rejection, owner: Member) -> None:
    dispute = cases.reply(cases.contest(one), by=owner, now=at(hours=71))
    assert (dispute.state, dispute.due_at) == ("answered", at(days=10))
    assert (dispute.reply, dispute.replied_by_id) == (cases.REPLY, owner.user_id)


@pytest.mark.parametrize(
    ("case", "code"), [("late", "too_late"), ("twice", "illegal_move"), ("short", "text_length")]
)
def test_a_reply_comes_once_in_time_and_says_something(
    case: str, code: str, one: Rejection, owner: Member
) -> None:
    dispute = cases.contest(one)
    if case == "twice":
        cases.reply(dispute, by=owner)
    said = "No." if case == "short" else cases.REPLY
    when = at(hours=72) if case == "late" else NOW
    with refused(code):
        replies.reply(dispute_id=dispute.pk, by=owner, text=said, now=when)


def test_another_client_replies_to_nothing(one: Rejection, dia: User) -> None:
    other = factories.make_client("Other", owner="eve", verified_by=dia)
    with refused("not_found"):
        cases.reply(cases.contest(one), by=other.members.get())


# --- evidence --------------------------------------------------------------------------------


def add(dispute: Dispute, by: User, *, member: Member | None = None, **changes: Any) -> Evidence:
    options: dict[str, Any] = {
        "file": ContentFile(PNG, name="x.png"),
        "name": "what I saw.png",
        "shared": False,
        "now": NOW,
    }
    return replies.add_evidence(dispute_id=dispute.pk, by=by, member=member, **(options | changes))


def test_evidence_of_the_worker_is_hers_to_share_the_clients_is_shared(
    one: Rejection, owner: Member, bea: User
) -> None:
    dispute = cases.contest(one)
    hers, theirs = add(dispute, bea), add(dispute, owner.user, member=owner)
    assert (hers.side, hers.shared, hers.rejection) == ("worker", False, one)
    assert (theirs.side, theirs.shared) == ("client", True)
    assert hers.content_type == "image/png"


class Huge(File[bytes]):
    """Says that it has 200 MB."""

    size = 200 * 1024 * 1024


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"file": Huge(io.BytesIO(PNG))}, "too_large"),
        ({"file": ContentFile(b"<svg onload=alert(1)>")}, "not_evidence"),
        ({"file": ContentFile(b"<html>")}, "not_evidence"),
        ({"file": ContentFile(b"")}, "not_evidence"),
        ({"file": ContentFile(b"PK\x03\x04")}, "not_evidence"),
        ({"name": "a\0b.png"}, "invalid"),
    ],
)
def test_evidence_is_a_png_jpeg_or_pdf_of_at_most_10_mb(
    changes: dict[str, Any], code: str, one: Rejection, bea: User
) -> None:
    dispute = cases.contest(one)
    with refused(code):
        add(dispute, bea, **changes)
    assert not Evidence.objects.exists()


def test_evidence_keeps_no_path_and_its_kind_is_what_it_is(one: Rejection, bea: User) -> None:
    dispute = cases.contest(one)
    made = add(dispute, bea, file=ContentFile(b"%PDF-1.7"), name="..\\..\\etc/passwd.png")
    assert (made.name, made.content_type) == ("passwd.png", "application/pdf")
    assert made.file.name.startswith("evidence/")
    assert made.file.name.endswith(".pdf")


def test_a_side_adds_five_files_while_it_is_undecided(
    one: Rejection, owner: Member, bea: User, dia: User
) -> None:
    dispute = cases.contest(one)
    for _ in range(5):
        add(dispute, bea)
    with refused("too_many_files"):
        add(dispute, bea)
    cases.reply(dispute, by=owner)
    add(dispute, owner.user, member=owner)
    cases.decide(dispute, by=dia, unfounded=False)
    with refused("not_undecided"):
        add(dispute, owner.user, member=owner)


def test_strangers_add_no_evidence(one: Rejection, cem: User, dia: User) -> None:
    dispute = cases.contest(one)
    for stranger in (cem, dia):
        with refused("not_found"):
            add(dispute, stranger)


# --- what goes with a refused answer ---------------------------------------------------------


def test_files_go_with_a_refused_answer_those_of_the_group_too(
    owner: Member, bea: User, dia: User, django_capture_on_commit_callbacks: Any
) -> None:
    batch = factories.make_open_batch(owner, tasks=10)
    ids = [cases.submit(bea, batch) for _ in range(5)]
    for each in ids:
        cases.open_answer(each, by=owner)
    for each in ids[:3]:
        last = cases.reject(each, by=owner)
    last.refresh_from_db()
    assert last.dispute is not None
    theirs = add(last.dispute, owner.user, member=owner)
    hers = add(last.dispute, bea)
    cases.reply(last.dispute, by=owner)
    cases.decide(last.dispute, by=dia, unfounded=False, now=at(days=7))
    with django_capture_on_commit_callbacks(execute=True):
        clocks.run(now=at(days=21))
    # A client's file about a group may show any of its answers.
    assert not Evidence.objects.exists()
    for file in (theirs.file, hers.file):
        assert not file.storage.exists(file.name)
