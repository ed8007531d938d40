"""What a client can see and do on pages about answers it may open, rejections and disputes."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import Client, Member, User
from accounts.selectors import pseudonym
from core import rules
from core.models import Event
from disputes.models import Dispute, Evidence, Rejection
from disputes.services import contests, replies
from tasks.models import Assignment, Batch
from tasks.services import batches
from tests import factories
from tests.disputes import cases
from tests.tasks.test_views_batches import text_of

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
REPLY = "We looked at it twice, and our criterion is plain about it."


@pytest.fixture
def page(client: Browser, ada: User) -> Browser:
    """Ada, signed in."""
    client.force_login(ada)
    return client


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=30, now=timezone.now())


@pytest.fixture
def opened(batch: Batch, owner: Member, bea: User) -> Assignment:
    """An answer “negative” of Bea's that Ada has opened."""
    one = cases.submit(bea, batch, value="negative", now=timezone.now())
    cases.open_answer(one, by=owner, now=timezone.now())
    return Assignment.objects.get(pk=one)


def at(name: str, one: Assignment | Rejection) -> str:
    pk = one.assignment_id if isinstance(one, Rejection) else one.pk
    return reverse(name, args=[one.batch_id, pk])


def reason(**changes: Any) -> dict[str, Any]:
    whole = {"category": "wrong", "criterion": "1", "explanation": factories.EXPLANATION}
    return whole | changes


# --- opening ---------------------------------------------------------------------------------


def test_a_sealed_answer_shows_a_button_and_nothing_of_itself(
    page: Browser, batch: Batch, owner: Member, bea: User
) -> None:
    one = Assignment.objects.get(pk=cases.submit(bea, batch, value="negative", now=timezone.now()))
    response = page.get(at("answer_review", one))
    said = text_of(response)
    assert "Open (recorded; the worker sees it)" in said
    assert pseudonym(client=owner.client, worker_id=bea.pk) in said
    for hidden in ("negative", "Bea", "bea@example.org", "Reject"):
        assert hidden not in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert not Event.objects.filter(kind="answer.opened").exists()


def test_opening_is_recorded_and_shows_the_answer_as_it_was_given(
    page: Browser, batch: Batch, bea: User
) -> None:
    one = Assignment.objects.get(pk=cases.submit(bea, batch, value="negative", now=timezone.now()))
    response = page.post(at("answer_open", one), follow=True)
    assert response.redirect_chain == [(at("answer_review", one), 302)]
    assert re.search(r'value="negative" checked', response.content.decode())
    assert "Opened by Ada" in text_of(response)
    assert "no-store" in response["Cache-Control"]
    # Each later look is an event, too.
    assert Event.objects.filter(kind="answer.opened", about_id=one.pk).count() == 2


def test_outside_the_sample_there_is_no_button_and_opening_is_refused(
    page: Browser, owner: Member, bea: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=80, now=timezone.now())
    ids = [cases.submit(bea, batch, now=timezone.now()) for _number in range(60)]
    sample = text_of(page.get(reverse("batch_sample", args=[batch.pk])))
    later = Assignment.objects.filter(pk__in=ids[20:], place__sampled__isnull=True)
    one = later.order_by("pk")[0]
    assert f" t{one.task.position} " not in sample
    assert "It is not in the sample" in text_of(page.get(at("answer_review", one)))
    refused = page.post(at("answer_open", one))
    assert refused.status_code == 409
    assert "not in the sample" in text_of(refused)


def test_a_paid_answer_has_a_page_of_its_own(page: Browser, opened: Assignment) -> None:
    page.post(at("assignment_approve", opened))
    assert page.get(at("answer_review", opened))["Location"] == at("batch_result", opened)


def test_what_is_not_submitted_has_no_review(page: Browser, batch: Batch, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="claimed")
    assert page.get(at("answer_review", one)).status_code == 404


# --- rejecting -------------------------------------------------------------------------------


def test_an_answer_is_rejected_with_a_reason_and_is_gone(page: Browser, opened: Assignment) -> None:
    assert "3 more rejections open no dispute by themselves." in text_of(
        page.get(at("answer_review", opened))
    )
    response = page.post(at("assignment_reject", opened), reason(), follow=True)
    said = text_of(response)
    assert "you cannot read it any more" in said
    assert "The answer is wrong under the criterion" in said
    assert "Under criterion 1 Judge what the writer feels" in said
    assert factories.EXPLANATION in said
    assert "negative" not in response.content.decode()
    rejection = Rejection.objects.get()
    assert (rejection.category, rejection.criterion) == ("wrong", 1)
    assert page.post(at("answer_open", opened)).status_code == 409


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"explanation": "Too short."}, "at least 40 characters"),
        ({"category": "slow"}, "Select a valid choice"),
        ({"criterion": "7"}, "Select a valid choice"),
        ({"criterion": ""}, "This field is required"),
        ({"explanation": "\0" + factories.EXPLANATION}, "Null characters are not allowed"),
    ],
)
def test_a_bad_reason_is_refused_at_its_place_and_keeps_what_was_typed(
    page: Browser, opened: Assignment, changes: dict[str, str], said: str
) -> None:
    response = page.post(at("assignment_reject", opened), reason(**changes))
    assert response.status_code == 422
    assert said in text_of(response)
    assert re.search(r'value="negative" checked', response.content.decode())
    assert not Rejection.objects.exists()


def test_past_the_cap_the_page_says_what_happens(
    page: Browser, batch: Batch, owner: Member, bea: User, opened: Assignment
) -> None:
    for _number in range(rules.CAP_MIN):
        cases.rejected(bea, batch, by=owner, now=timezone.now())
    assert "You have used up the rejections that open no dispute by themselves" in text_of(
        page.get(at("answer_review", opened))
    )
    page.post(at("assignment_reject", opened), reason())
    assert Dispute.objects.get().cause == "cap"


@pytest.mark.parametrize("why", ["unverified", "external", "frozen"])
def test_who_may_not_reject_reads_why(
    page: Browser, opened: Assignment, owner: Member, why: str
) -> None:
    said = {
        "unverified": "Only clients whose identity we have verified may reject",
        "external": "sends workers elsewhere to answer",
        "frozen": "So much was rejected",
    }
    if why == "unverified":
        Client.objects.update(verified_at=None, verified_by=None)
    elif why == "external":
        Batch.objects.update(external_work=True)
    else:
        Batch.objects.update(frozen_at=timezone.now())
    response = page.get(at("answer_review", opened))
    assert said[why] in text_of(response)
    assert reverse("assignment_reject", args=[opened.batch_id, opened.pk]) not in response.text
    refused = page.post(at("assignment_reject", opened), reason())
    assert refused.status_code == 422
    assert not Rejection.objects.exists()


def test_approved_meanwhile_it_cannot_be_rejected(page: Browser, opened: Assignment) -> None:
    page.post(at("assignment_approve", opened))
    response = page.post(at("assignment_reject", opened), reason(), follow=True)
    assert response.redirect_chain[-1] == (at("batch_result", opened), 302)
    assert "is not possible" in text_of(response)
    assert not Rejection.objects.exists()


def test_a_rejection_is_withdrawn_and_the_answer_paid_for(
    page: Browser, batch: Batch, owner: Member, bea: User
) -> None:
    one = cases.rejected(bea, batch, by=owner, now=timezone.now())
    response = page.post(at("rejection_withdraw", one), follow=True)
    assert response.redirect_chain == [(at("batch_result", one), 302)]
    assert "Withdrawn. The worker is paid" in text_of(response)
    assert cases.is_paid(one.assignment_id)
    assert page.post(at("rejection_withdraw", one)).status_code == 409


def test_another_client_finds_none_of_it(client: Browser, opened: Assignment) -> None:
    other = factories.make_client("Other", owner="eve")
    client.force_login(other.members.get().user)
    assert client.get(at("answer_review", opened)).status_code == 404
    for name in ("answer_open", "assignment_reject", "rejection_withdraw"):
        assert client.post(at(name, opened), reason()).status_code == 404
    # Nor does the right assignment under another batch's address exist.
    assert client.get(reverse("answer_review", args=[10**9, opened.pk])).status_code == 404


# --- disputes --------------------------------------------------------------------------------


@pytest.fixture
def dispute(batch: Batch, owner: Member, bea: User) -> Dispute:
    one = cases.rejected(bea, batch, by=owner, now=timezone.now())
    return cases.contest(one, statement="<b>Read</b> it again.", now=timezone.now())


def test_the_list_shows_what_is_due_first_and_the_closed_apart(
    page: Browser, dispute: Dispute, batch: Batch, owner: Member, bea: User
) -> None:
    other = cases.contest(
        cases.rejected(bea, batch, by=owner, now=timezone.now()), now=timezone.now()
    )
    Dispute.objects.filter(pk=other.pk).update(due_at=timezone.now() + timedelta(hours=5))
    said = text_of(page.get(reverse("disputes")))
    assert said.index(f"Dispute {other.pk} ") < said.index(f"Dispute {dispute.pk} ")
    assert "reply within 2 days, 23 hours" in said
    page.post(at("rejection_withdraw", Rejection.objects.get(dispute=other)))
    assert f"Dispute {other.pk} " not in text_of(page.get(reverse("disputes")))
    assert f"Dispute {other.pk} " in text_of(page.get(reverse("disputes") + "?state=closed"))


@pytest.mark.parametrize("number", [3, 5])
def test_list_and_case_cost_the_same_however_much_is_in_them(
    page: Browser,
    batch: Batch,
    owner: Member,
    bea: User,
    number: int,
    django_assert_max_num_queries: Any,
) -> None:
    # Half of what was opened of one worker: the brake makes a case of all.
    for _number in range(number):
        cases.open_answer(cases.submit(bea, batch), by=owner, now=timezone.now())
    made = [cases.rejected(bea, batch, by=owner, now=timezone.now()) for _n in range(number)]
    group = Dispute.objects.get(cause="wbrake")
    for one in made:
        cases.contest(one, now=timezone.now())
    # Session, user, member, client; then the page itself.
    with django_assert_max_num_queries(4 + 1):
        page.get(reverse("disputes"))
    # The dispute; its rejections, statements, files, decisions, common files.
    with django_assert_max_num_queries(4 + 1 + 5):
        response = page.get(reverse("dispute", args=[group.pk]))
    assert text_of(response).count("Withdraw and pay") == number


def test_a_case_shows_reason_and_statement_as_text_under_a_pseudonym(
    page: Browser, dispute: Dispute, owner: Member, bea: User
) -> None:
    response = page.get(reverse("dispute", args=[dispute.pk]))
    said = text_of(response)
    assert "&lt;b&gt;Read&lt;/b&gt; it again." in response.content.decode()
    assert pseudonym(client=owner.client, worker_id=bea.pk) in said
    assert "If you say nothing, the worker wins and you pay." in said
    for hidden in ("Bea", "bea@example.org"):
        assert hidden not in response.content.decode()


def test_the_client_replies_once(page: Browser, dispute: Dispute) -> None:
    path = reverse("dispute_reply", args=[dispute.pk])
    short = page.post(path, {"text": "No."})
    assert short.status_code == 422
    assert "at least 20 characters" in text_of(short)
    response = page.post(path, {"text": REPLY}, follow=True)
    assert "An adjudicator decides now." in text_of(response)
    assert "Send the reply" not in text_of(response)
    again = page.post(path, {"text": REPLY})
    assert again.status_code == 422
    assert "is not possible" in text_of(again)


def test_files_of_the_client_are_shared_and_kept_from_strangers(
    page: Browser, dispute: Dispute, bea: User, cem: User
) -> None:
    path = reverse("dispute_evidence", args=[dispute.pk])
    file = SimpleUploadedFile("proof.png", PNG)
    assert "proof.png" in text_of(page.post(path, {"file": file}, follow=True))
    evidence = Evidence.objects.get()
    assert evidence.shared
    url = reverse("evidence", args=[evidence.pk])
    for person, status in ((bea, 200), (cem, 404)):
        browser = Browser()
        browser.force_login(person)
        assert browser.get(url).status_code == status
    got = page.get(url)
    assert b"".join(got.streaming_content) == PNG
    assert got["Content-Type"] == "image/png"
    assert got["X-Content-Type-Options"] == "nosniff"
    wrong = page.post(path, {"file": SimpleUploadedFile("page.html", b"<script>")})
    assert wrong.status_code == 422
    assert "Send a PNG, a JPEG or a PDF." in text_of(wrong)


def test_a_workers_file_is_the_clients_only_if_it_is_shared(
    page: Browser, dispute: Dispute, bea: User
) -> None:
    for name, shared in (("mine.pdf", False), ("ours.pdf", True)):
        replies.add_evidence(
            dispute_id=dispute.pk,
            by=bea,
            member=None,
            file=SimpleUploadedFile(name, b"%PDF-1.7"),
            name=name,
            shared=shared,
            now=timezone.now(),
        )
    said = text_of(page.get(reverse("dispute", args=[dispute.pk])))
    assert "ours.pdf" in said
    assert "mine.pdf" not in said
    for one in Evidence.objects.all():
        response = page.get(reverse("evidence", args=[one.pk]))
        assert response.status_code == (200 if one.shared else 404)
        if one.shared:
            assert response["Content-Disposition"].startswith("attachment")


def test_a_decision_is_shown_with_its_reasons_and_without_a_name(
    page: Browser, dispute: Dispute, owner: Member, dia: User
) -> None:
    cases.reply(dispute, by=owner, now=timezone.now())
    cases.decide(dispute, by=dia, now=timezone.now())
    said = text_of(page.get(reverse("dispute", args=[dispute.pk])))
    assert cases.REASONS in said
    assert "1 overturned" in said
    assert "0.01 USD of compensation" in said
    assert "Dia" not in said
    assert "Read the answer" in said


def test_a_refused_case_keeps_no_words_about_the_answer(
    page: Browser, dispute: Dispute, owner: Member, bea: User, dia: User
) -> None:
    cases.reply(dispute, by=owner, now=timezone.now())
    cases.decide(dispute, by=dia, unfounded=False, now=timezone.now())
    contests.appeal(
        assignment_id=Rejection.objects.get().assignment_id,
        worker=bea,
        statement="The decision overlooks what it says.",
        now=timezone.now(),
    )
    second = factories.make_user("second", role="adjudicator", is_staff=True)
    cases.decide(dispute, by=second, unfounded=False, now=timezone.now())
    said = text_of(page.get(reverse("dispute", args=[dispute.pk])))
    assert "Decision on appeal" in said
    assert said.count("Erased with the answer") == 4
    for gone in ("it again", REPLY, "overlooks"):
        assert gone not in said


def test_external_work_is_said_in_the_form_of_a_batch(page: Browser, owner: Member) -> None:
    draft = batches.create_batch(by=owner, fields=factories.FIELDS, now=timezone.now())
    path = reverse("batch_edit", args=[draft.pk])
    said = text_of(page.get(path))
    assert "nothing of this batch can be rejected" in said
    form = {"examples-TOTAL_FORMS": "0", "examples-INITIAL_FORMS": "0", "external_work": "on"}
    fields = {"title": "T", "reward": "0.10", "declared_seconds": "20", "overlap": "1"}
    sent = form | fields | {"review_window_s": "3600", "revision": "1"}
    assert page.post(path, sent).status_code == 302
    assert Batch.objects.get(pk=draft.pk).external_work
