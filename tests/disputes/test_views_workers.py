"""What a worker can see and do on pages about her rejected answers."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import Member, User
from disputes.models import Dispute, Evidence, Rejection, Report
from disputes.services import clocks
from tasks.models import Assignment, Batch
from tests import factories
from tests.disputes import cases
from tests.tasks.test_views_batches import text_of

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
APPEAL = "The decision overlooks what the sentence says."


@pytest.fixture
def page(client: Browser, bea: User) -> Browser:
    """Bea, signed in."""
    client.force_login(bea)
    return client


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=30, now=timezone.now())


@pytest.fixture
def rejected(batch: Batch, owner: Member, bea: User) -> Rejection:
    return cases.rejected(bea, batch, by=owner, now=timezone.now())


def at(name: str, one: Rejection) -> str:
    return reverse(name, args=[one.assignment_id])


def test_the_page_says_why_by_whom_until_when_and_shows_the_answer(
    page: Browser, rejected: Rejection
) -> None:
    response = page.get(at("refusal", rejected))
    said = text_of(response)
    assert "The instructions were not followed" in said
    assert "Under criterion 1 Judge what the writer feels" in said
    assert rejected.explanation in said
    assert "Opened by Ada" in said
    assert "Rejected by Ada" in said
    assert "Acme" in said
    assert "1 week, 6 days left" in said
    assert 'value="positive" checked' in response.content.decode()
    assert response.content.decode().count('class="button button-wide"') == 1
    assert "no-store" in response["Cache-Control"]


def test_a_member_without_a_name_is_not_told_by_address(
    page: Browser, rejected: Rejection, ada: User
) -> None:
    User.objects.filter(pk=ada.pk).update(name="")
    response = page.get(at("refusal", rejected))
    assert "Rejected by a member of Acme" in text_of(response)
    assert "ada@example.org" not in response.content.decode()


def test_contesting_takes_one_click_and_no_word(page: Browser, rejected: Rejection) -> None:
    response = page.post(at("refusal_contest", rejected), follow=True)
    said = text_of(response)
    assert "Contested. The client has to answer in time, or you are paid." in said
    assert "The client has to answer within 2 days, 23 hours left" in said
    assert Dispute.objects.get().cause == "contest"
    again = page.post(at("refusal_contest", rejected))
    assert again.status_code == 422
    assert "is not possible" in text_of(again)


def test_what_she_says_is_text_and_stands_in_her_case(page: Browser, rejected: Rejection) -> None:
    said = "<script>alert(1)</script> إنه سعيد"
    page.post(at("refusal_contest", rejected), {"statement": said})
    body = page.get(at("refusal", rejected)).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; إنه سعيد" in body
    assert said not in body
    response = page.post(at("refusal_say", rejected), {"text": "One thing more."}, follow=True)
    assert "One thing more." in text_of(response)
    assert page.post(at("refusal_say", rejected), {"text": " "}).status_code == 422


def test_too_late_is_said_on_her_page(page: Browser, rejected: Rejection) -> None:
    Rejection.objects.update(contest_by=timezone.now() - timedelta(seconds=1))
    assert "Contest</button>" not in page.get(at("refusal", rejected)).content.decode()
    late = page.post(at("refusal_contest", rejected))
    assert late.status_code == 422
    assert "The 14 days to contest have passed." in text_of(late)


def test_too_long_a_statement_is_refused_and_kept(page: Browser, rejected: Rejection) -> None:
    response = page.post(at("refusal_contest", rejected), {"statement": "x" * 4_001})
    assert response.status_code == 422
    assert "x" * 4_001 in response.content.decode()
    assert not Dispute.objects.exists()


def test_a_dispute_that_opened_by_itself_can_be_joined(
    page: Browser, batch: Batch, owner: Member, bea: User
) -> None:
    for _number in range(3):
        cases.rejected(bea, batch, by=owner, now=timezone.now())
    fourth = cases.rejected(bea, batch, by=owner, now=timezone.now())
    said = text_of(page.get(at("refusal", fourth)))
    assert "a dispute has opened by itself" in said
    assert "You have not spoken yet" in text_of(page.get(reverse("disputes")))
    assert page.post(at("refusal_contest", fourth)).status_code == 302
    assert Rejection.objects.get(pk=fourth.pk).contested_at is not None


def test_a_file_is_for_the_adjudicator_only_unless_she_shares_it(
    page: Browser, rejected: Rejection
) -> None:
    dispute = cases.contest(rejected, now=timezone.now())
    path = reverse("dispute_evidence", args=[dispute.pk])
    sent = {"file": SimpleUploadedFile("../../screen.png", PNG), "from": rejected.assignment_id}
    response = page.post(path, sent, follow=True)
    assert response.redirect_chain == [(at("refusal", rejected), 302)]
    assert "yours, for the adjudicator only" in text_of(response)
    page.post(path, {"file": SimpleUploadedFile("b.png", PNG), "shared": "on"})
    assert list(Evidence.objects.order_by("at").values_list("name", "shared")) == [
        ("screen.png", False),
        ("b.png", True),
    ]
    wrong = page.post(path, {"file": SimpleUploadedFile("x.png", b"GIF89a")})
    assert wrong.status_code == 422
    assert "Send a PNG, a JPEG or a PDF." in text_of(wrong)


def test_an_upheld_rejection_can_be_appealed_with_words(
    page: Browser, rejected: Rejection, owner: Member, dia: User
) -> None:
    cases.upheld(rejected, by=owner, judge=dia, now=timezone.now())
    said = text_of(page.get(at("refusal", rejected)))
    assert "Upheld. You can appeal" in said
    assert cases.REASONS in said
    assert cases.REPLY in said
    assert "Dia" not in said
    assert page.post(at("refusal_appeal", rejected), {"statement": "No."}).status_code == 422
    response = page.post(at("refusal_appeal", rejected), {"statement": APPEAL}, follow=True)
    assert "Another adjudicator decides within" in text_of(response)
    again = page.post(at("refusal_appeal", rejected), {"statement": APPEAL})
    assert again.status_code == 422


def test_what_was_overturned_is_paid_with_a_tenth_on_top(
    page: Browser, rejected: Rejection, owner: Member, dia: User
) -> None:
    dispute = cases.contest(rejected, now=timezone.now())
    cases.reply(dispute, by=owner, now=timezone.now())
    cases.decide(dispute, by=dia, now=timezone.now())
    said = text_of(page.get(at("refusal", rejected)))
    assert "You are paid 0.10 USD + 0.01 USD" in said
    assert "Overturned by an adjudicator: paid" in said
    assert "Overturned" in text_of(page.get(reverse("disputes") + "?state=closed"))


def test_what_is_refused_stays_hers_to_read_with_its_record(
    page: Browser, rejected: Rejection, owner: Member, bea: User, dia: User
) -> None:
    cases.upheld(rejected, by=owner, judge=dia, now=timezone.now())
    clocks.run(now=timezone.now() + timedelta(days=15))
    assert cases.is_erased(rejected.assignment_id)
    response = page.get(at("refusal", rejected))
    said = text_of(response)
    for kept in (rejected.explanation, cases.REPLY, cases.REASONS, "I read it."):
        assert kept in said
    assert "nobody but you can read it" in said
    assert 'value="positive" checked' in response.content.decode()
    archive = page.get(reverse("archive"))
    assert rejected.explanation in text_of(archive)
    assert cases.REASONS in text_of(archive)
    assert at("refusal", rejected) in archive.content.decode()
    task = page.get(at("work_task", rejected))
    assert "Refused, and final" in text_of(task)
    assert at("refusal", rejected) in task.content.decode()


def test_the_fund_pays_where_we_were_silent(
    page: Browser, rejected: Rejection, owner: Member
) -> None:
    cases.reply(cases.contest(rejected, now=timezone.now()), by=owner, now=timezone.now())
    clocks.run(now=timezone.now() + timedelta(days=11))
    said = text_of(page.get(at("refusal", rejected)))
    assert "The fund has paid you" in said


def test_others_find_none_of_it(client: Browser, rejected: Rejection, cem: User) -> None:
    dispute = cases.contest(rejected, now=timezone.now())
    client.force_login(cem)
    assert client.get(at("refusal", rejected)).status_code == 404
    for name in ("refusal_contest", "refusal_say", "refusal_appeal"):
        assert client.post(at(name, rejected), {"text": "x"}).status_code == 404
    assert client.get(reverse("dispute", args=[dispute.pk])).status_code == 404
    sent = {"file": SimpleUploadedFile("a.png", PNG)}
    assert client.post(reverse("dispute_evidence", args=[dispute.pk]), sent).status_code == 404


def test_adjudicators_are_sent_to_the_console(
    client: Browser, rejected: Rejection, dia: User
) -> None:
    dispute = cases.contest(rejected, now=timezone.now())
    client.force_login(dia)
    assert client.get(reverse("disputes"))["Location"] == reverse("console")
    case = client.get(reverse("dispute", args=[dispute.pk]))
    assert case["Location"] == reverse("console_case", args=[dispute.pk])
    assert client.post(reverse("dispute_evidence", args=[dispute.pk])).status_code == 403


def test_a_case_leads_a_worker_to_her_own_answer_in_it(page: Browser, rejected: Rejection) -> None:
    dispute = cases.contest(rejected, now=timezone.now())
    assert page.get(reverse("dispute", args=[dispute.pk]))["Location"] == at("refusal", rejected)


# --- lists -----------------------------------------------------------------------------------


def test_what_she_can_act_on_comes_first(
    page: Browser, batch: Batch, owner: Member, bea: User, rejected: Rejection
) -> None:
    cases.contest(rejected, now=timezone.now())
    waiting = cases.rejected(bea, batch, by=owner, now=timezone.now())
    said = text_of(page.get(reverse("disputes")))
    assert said.index(f"#{waiting.assignment_id}") < said.index(f"#{rejected.assignment_id}")
    assert "to contest" in said
    assert "or you are paid" in said


def test_my_work_begins_with_what_was_rejected(page: Browser, rejected: Rejection) -> None:
    response = page.get(reverse("my_work"))
    said = text_of(response)
    assert "A client rejected your answer" in said
    assert said.index("A client rejected your answer") < said.index("In work")
    assert at("refusal", rejected) in response.content.decode()
    page.post(at("refusal_contest", rejected))
    assert "A client rejected" not in text_of(page.get(reverse("my_work")))
    assert "In dispute" in text_of(page.get(reverse("my_work") + "?state=rejected"))


@pytest.mark.parametrize("number", [1, 3])
def test_list_and_page_cost_the_same_however_much_there_is(
    page: Browser,
    batch: Batch,
    owner: Member,
    bea: User,
    number: int,
    django_assert_max_num_queries: Any,
) -> None:
    for _number in range(number):
        one = cases.rejected(bea, batch, by=owner, now=timezone.now())
        cases.contest(one, now=timezone.now())
    # Session and user; then the page itself.
    with django_assert_max_num_queries(2 + 1):
        page.get(reverse("disputes"))
    with django_assert_max_num_queries(2 + 6):
        page.get(at("refusal", one))
    with django_assert_max_num_queries(2 + 2):
        page.get(reverse("my_work"))


def test_opened_is_said_on_submitted_work(
    page: Browser, batch: Batch, owner: Member, bea: User
) -> None:
    one = cases.submit(bea, batch, now=timezone.now())
    path = reverse("work_task", args=[one])
    assert "Opened by" not in text_of(page.get(path))
    cases.open_answer(one, by=owner, now=timezone.now())
    assert "Opened by Ada , before it was paid for" in text_of(page.get(path))
    assert Assignment.objects.get(pk=one).state == "submitted"


# --- reports ---------------------------------------------------------------------------------


def test_a_batch_is_reported_once(page: Browser, batch: Batch) -> None:
    path = reverse("batch_report", args=[batch.pk])
    assert path in page.get(reverse("work_batch", args=[batch.pk])).content.decode()
    assert "The client does not learn who reported it" in text_of(page.get(path))
    sent = {"kind": "external", "text": "It sends me to a form of another company."}
    assert "An adjudicator looks at it" in text_of(page.post(path, sent, follow=True))
    assert Report.objects.get().kind == "external"
    again = page.post(path, sent)
    assert again.status_code == 422
    assert "You have reported this already" in text_of(again)
    assert page.post(path, sent | {"kind": "", "text": "x"}).status_code == 422


def test_a_batch_that_is_not_hers_to_read_cannot_be_reported(page: Browser, owner: Member) -> None:
    draft = factories.make_batch(owner)
    assert page.get(reverse("batch_report", args=[draft.pk])).status_code == 404
