"""Pages of sealed review that need no dispute: sample, known answers, exclusions, suspension."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import Member, User
from accounts.selectors import pseudonym
from disputes.services import suspensions
from tasks.models import Batch, Exclusion, Gold
from tasks.services import exclusions, gold, openings
from tests import factories
from tests.factories import NOW, make_assignment, make_batch, make_open_batch
from tests.tasks.test_views_batches import text_of

pytestmark = pytest.mark.django_db
REASON = "Every answer so far was the first choice, whatever it says."


@pytest.fixture
def page(client: Browser, ada: User) -> Browser:
    """Ada, signed in."""
    client.force_login(ada)
    return client


@pytest.fixture
def hers(bea: User) -> Browser:
    """Bea, signed in."""
    browser = Browser()
    browser.force_login(bea)
    return browser


# --- the sample ------------------------------------------------------------------------------


def test_the_sample_says_who_opened_what_and_shows_no_answer(
    page: Browser, owner: Member, bea: User, cem: User
) -> None:
    batch = make_open_batch(owner)
    one = make_assignment(worker=bea, batch=batch, state="submitted", value="negative")
    make_assignment(worker=cem, batch=batch, state="approved")
    path = reverse("batch_sample", args=[batch.pk])
    response = page.get(path)
    said = text_of(response)
    assert pseudonym(client=owner.client, worker_id=bea.pk) in said
    assert "sealed" in said
    assert pseudonym(client=owner.client, worker_id=cem.pk) not in said
    for hidden in ("negative", "Bea", "bea@example.org"):
        assert hidden not in response.content.decode()
    openings.open_answer(assignment_id=one.pk, by=owner, now=NOW)
    assert "Ada 2 Mar 2026, 09:00 UTC" in text_of(page.get(path))


def test_known_answers_are_marked_in_the_sample(page: Browser, owner: Member, bea: User) -> None:
    batch = make_batch(owner, tasks=1)
    known = [{"external_id": "t0", "answer": factories.answer()}]
    gold.set_gold(batch_id=batch.pk, by=owner, known=known, now=NOW)
    factories.fund(owner.client)
    factories.publish(batch, by=owner)
    make_assignment(worker=bea, batch=batch, state="submitted")
    assert "Known answer" in text_of(page.get(reverse("batch_sample", args=[batch.pk])))


@pytest.mark.parametrize("number", [1, 3])
def test_the_sample_takes_the_same_few_statements_however_many(
    page: Browser, owner: Member, number: int, django_assert_max_num_queries: Any
) -> None:
    batch = make_open_batch(owner)
    for index in range(number):
        make_assignment(worker=factories.make_user(f"w{index}"), batch=batch, state="opened")
    # Session, user, member, client; then the batch and its rows.
    with django_assert_max_num_queries(4 + 2):
        page.get(reverse("batch_sample", args=[batch.pk]))


def test_rejected_answers_have_a_tab_that_leads_to_their_reason(
    page: Browser, owner: Member, bea: User
) -> None:
    batch = make_open_batch(owner, tasks=20)
    one = make_assignment(worker=bea, batch=batch, state="rejected")
    path = reverse("batch_assignments", args=[batch.pk])
    response = page.get(path + "?state=rejected")
    assert reverse("answer_review", args=[batch.pk, one.pk]) in response.content.decode()
    for state in ("disputed", "refused"):
        assert "Nothing here" in text_of(page.get(f"{path}?state={state}"))


# --- known answers ---------------------------------------------------------------------------


def lines(*ids: str, value: str = "positive") -> str:
    items = [{"external_id": one, "answer": factories.answer(value)} for one in ids]
    return "\n".join(json.dumps(item) for item in items)


@pytest.fixture
def draft(owner: Member) -> Batch:
    return make_batch(owner, tasks=3)


@pytest.mark.parametrize(
    "written",
    [
        lines("t0", "t2"),
        f"\n{lines('t0')}\n\n{lines('t2')}\n".replace("\n", "\r\n"),
        "[" + lines("t0", "t2").replace("\n", ",\n") + "]",
        " [\n" + lines("t0", "t2").replace("\n", "\n,\n") + "\n]\n",
    ],
)
def test_known_answers_are_kept_as_lines_or_as_a_list(
    page: Browser, draft: Batch, written: str
) -> None:
    path = reverse("batch_gold", args=[draft.pk])
    response = page.post(path, {"known": written}, follow=True)
    assert "2 known answers are kept." in text_of(response)
    assert sorted(Gold.objects.values_list("task__external_id", flat=True)) == ["t0", "t2"]
    # They stand in the form again, and can be taken away there.
    assert "&quot;t2&quot;" in page.get(path).content.decode()
    page.post(path, {"known": ""})
    assert not Gold.objects.exists()


def test_a_file_counts_before_the_text(page: Browser, draft: Batch) -> None:
    path = reverse("batch_gold", args=[draft.pk])
    file = SimpleUploadedFile("known.jsonl", b"\xef\xbb\xbf" + lines("t1").encode())
    page.post(path, {"known": lines("t0"), "file": file})
    assert Gold.objects.get().task.external_id == "t1"
    wrong = page.post(path, {"file": SimpleUploadedFile("known.jsonl", b"\xff\xfe\xff")})
    assert wrong.status_code == 422
    assert "no text in UTF-8" in text_of(wrong)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (f"{lines('t0')}\n\nno json", "Line 3: Give a JSON object"),
        (f"{lines('t0')}\n[]", "Line 2: Give a JSON object"),
        (f"{lines('t0')}\n\n{lines('t9')}", "Line 3: The batch has no task with this"),
        (f"{lines('t0')}\n{lines('t0')}", "Line 2: This task is named twice."),
        (f"{lines('t0')}\n{lines('t1', value='lukewarm')}", "Line 2: "),
        (f"[\n{lines('t0')},\n{lines('t9')}\n]", "Line 3: The batch has no task"),
        (f"[\n{lines('t0')},\n", "Line 3: Give a JSON object"),
        ("[" * 100_000, "Line 1: Give a JSON object"),
        ('{"external_id": "t0", "answer": [{"id": "\\u0000"}]}', "Line 1: This cannot be stored"),
        ('{"external_id": "t0", "answer": "positive"}', "Line 1: An answer is a list of results."),
        ('{"external_id": 7, "answer": []}', "Line 1: The batch has no task"),
        ('{"external_id": "t0"}', "Line 1: Give a JSON object"),
    ],
)
def test_what_is_wrong_is_named_by_its_line_and_nothing_is_stored(
    page: Browser, draft: Batch, written: str, said: str
) -> None:
    response = page.post(reverse("batch_gold", args=[draft.pk]), {"known": written})
    assert response.status_code == 422
    assert said in text_of(response)
    assert not Gold.objects.exists()


def test_known_answers_of_a_published_batch_are_read_only(page: Browser, owner: Member) -> None:
    batch = make_open_batch(owner)
    path = reverse("batch_gold", args=[batch.pk])
    response = page.get(path)
    assert "published without any" in text_of(response)
    assert "<textarea" not in response.content.decode()
    assert page.post(path, {"known": lines("t0")}).status_code == 422
    assert not Gold.objects.exists()


def test_another_clients_draft_has_no_known_answers_to_read(client: Browser, draft: Batch) -> None:
    other = factories.make_client("Other", owner="eve")
    client.force_login(other.members.get().user)
    path = reverse("batch_gold", args=[draft.pk])
    assert client.get(path).status_code == 404
    assert client.post(path, {"known": lines("t0")}).status_code == 404


# --- exclusions ------------------------------------------------------------------------------


def test_a_worker_is_excluded_with_a_reason_that_she_reads_and_answers(
    page: Browser, hers: Browser, owner: Member, bea: User
) -> None:
    batch = make_open_batch(owner)
    make_assignment(worker=bea, batch=batch, state="submitted")
    name = pseudonym(client=owner.client, worker_id=bea.pk)
    path = reverse("batch_exclusions", args=[batch.pk])
    assert f'value="{name}"' in page.get(f"{path}?worker={name}").content.decode()
    short = page.post(path, {"worker": name, "reason": "Bad."})
    assert short.status_code == 422
    unknown = page.post(path, {"worker": "w_nobody", "reason": REASON})
    assert "Nobody of this name has worked on the batch." in text_of(unknown)
    assert "told why" in text_of(page.post(path, {"worker": name, "reason": REASON}, follow=True))
    again = page.post(path, {"worker": name, "reason": REASON})
    assert "is excluded from the batch already" in text_of(again)

    seen = hers.get(reverse("work_batch", args=[batch.pk]))
    assert REASON in text_of(seen)
    assert "Ada ( Acme )" in text_of(seen)
    assert reverse("claim", args=[batch.pk]) not in seen.content.decode()
    reply = reverse("exclusion_reply", args=[Exclusion.objects.get().pk])
    assert reply in seen.content.decode()
    assert hers.post(reply, {"text": "No."}).status_code == 422
    said = "The first choice was right in all of them: look again."
    assert "Your reply is with the client." in text_of(
        hers.post(reply, {"text": said}, follow=True)
    )
    assert said in text_of(hers.get(reverse("work_batch", args=[batch.pk])))
    listed = page.get(path)
    assert said in text_of(listed)
    assert "Bea" not in text_of(listed)


def test_an_exclusion_is_nobody_elses_to_answer(
    owner: Member, bea: User, cem: User, client: Browser
) -> None:
    batch = make_open_batch(owner)
    make_assignment(worker=bea, batch=batch, state="submitted")
    name = pseudonym(client=owner.client, worker_id=bea.pk)
    one = exclusions.exclude(batch_id=batch.pk, worker=name, by=owner, reason=REASON, now=NOW)
    client.force_login(cem)
    path = reverse("exclusion_reply", args=[one.pk])
    assert client.get(path).status_code == 404
    assert client.post(path, {"text": REASON}).status_code == 404


# --- suspension ------------------------------------------------------------------------------


def test_a_suspended_worker_reads_why_and_replies(
    hers: Browser, owner: Member, bea: User, dia: User
) -> None:
    batch = make_open_batch(owner)
    path = reverse("suspension")
    assert "You are not suspended" in text_of(hers.get(path))
    reason = "Two accounts of one and the same person."
    suspensions.suspend(user_id=bea.pk, by=dia, reason=reason, now=timezone.now())
    said = text_of(hers.get(path))
    assert reason in said
    assert "By Dia" in said
    assert path in hers.get(reverse("settings")).content.decode()
    seen = hers.get(reverse("work_batch", args=[batch.pk])).content.decode()
    assert path in seen
    assert reverse("claim", args=[batch.pk]) not in seen
    assert hers.post(path, {"text": "No."}).status_code == 422
    reply = "My sister and I share this computer."
    assert "Your reply is with us." in text_of(hers.post(path, {"text": reply}, follow=True))
    assert reply in hers.get(path).content.decode()


def test_who_is_not_suspended_has_nothing_to_reply_to(hers: Browser) -> None:
    assert hers.post(reverse("suspension"), {"text": "x" * 30}).status_code == 422
