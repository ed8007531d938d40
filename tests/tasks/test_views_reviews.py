"""A client's review on pages: assignments, approvals, paid answers, ledgers, downloads."""

import csv
import io
import json
import re
import time
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Member, User
from accounts.selectors import pseudonym
from tasks.models import Assignment, Operation
from tasks.services import batches as services
from tasks.services import figures, publishing, reviews
from tests import factories
from tests.factories import NOW, make_assignment, make_open_batch
from tests.tasks.test_views_batches import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Browser, ada: User) -> Browser:
    """Ada, signed in."""
    client.force_login(ada)
    return client


def test_assignments_are_listed_by_pseudonym_and_without_answers(
    page: Browser, owner: Member, bea: User
) -> None:
    batch = make_open_batch(owner)
    one = make_assignment(worker=bea, batch=batch, state="submitted", value="negative")
    figures.refresh_figures(now=NOW)
    response = page.get(reverse("batch_assignments", args=[batch.pk]))
    said = text_of(response)
    assert pseudonym(client=owner.client, worker_id=bea.pk) in said
    assert "Waiting for review March 2, 2026, 9 a.m. March 5, 2026, 9 a.m." in said
    assert "Approve 1 waiting" in said
    for hidden in ("negative", "Bea", "bea@example.org"):
        assert hidden not in response.content.decode()
    assert reverse("assignment_approve", args=[batch.pk, one.pk]) in response.content.decode()


def test_assignments_can_be_narrowed_to_a_state(
    page: Browser, owner: Member, bea: User, cem: User
) -> None:
    batch = make_open_batch(owner)
    make_assignment(worker=bea, batch=batch, state="submitted")
    make_assignment(worker=cem, batch=batch, state="released")
    path = reverse("batch_assignments", args=[batch.pk])
    hers, his = (pseudonym(client=owner.client, worker_id=one.pk) for one in (bea, cem))
    said = text_of(page.get(path + "?state=submitted"))
    assert hers in said
    assert his not in said
    assert "Nothing here" in text_of(page.get(path + "?state=expired"))
    assert his in text_of(page.get(path + "?state=nonsense"))


@pytest.mark.parametrize("number", [1, 3])
def test_assignments_take_the_same_few_statements_however_many(
    page: Browser, owner: Member, number: int, django_assert_max_num_queries: Any
) -> None:
    batch = make_open_batch(owner)
    for index in range(number):
        worker = factories.make_user(f"w{index}")
        make_assignment(worker=worker, batch=batch, state="submitted")
    figures.refresh_figures(now=NOW)
    # Session, user, member, client; then the page itself.
    with django_assert_max_num_queries(4 + 2):
        page.get(reverse("batch_assignments", args=[batch.pk]))


def test_approving_one_pays_it_and_shows_its_answer(
    page: Browser, owner: Member, bea: User
) -> None:
    batch = make_open_batch(owner)
    one = make_assignment(worker=bea, batch=batch, state="submitted")
    answer = reverse("batch_result", args=[batch.pk, one.pk])
    assert page.get(answer).status_code == 409
    response = page.post(reverse("assignment_approve", args=[batch.pk, one.pk]), follow=True)
    assert response.redirect_chain == [(answer, 302)]
    body = response.content.decode()
    assert re.search(r'value="positive" checked', body)
    assert "<fieldset" in body
    assert "disabled" in body
    assert "Approved by Ada" in text_of(response)
    assert page.post(reverse("assignment_approve", args=[batch.pk, one.pk])).status_code == 409


def test_a_sealed_answer_is_nowhere_on_the_pages(page: Browser, owner: Member, bea: User) -> None:
    batch = make_open_batch(owner)
    one = make_assignment(worker=bea, batch=batch, state="submitted", value="negative")
    figures.refresh_figures(now=NOW)
    sealed = page.get(reverse("batch_result", args=[batch.pk, one.pk]))
    assert sealed.status_code == 409
    assert "sealed until it is paid for" in text_of(sealed)
    assert "negative" not in text_of(sealed)
    results = page.get(reverse("batch_results", args=[batch.pk]))
    assert b"".join(results.streaming_content) == b""


def test_approving_all_is_an_operation_one_can_watch(
    page: Browser, owner: Member, bea: User, cem: User
) -> None:
    batch = make_open_batch(owner)
    for worker in (bea, cem):
        make_assignment(worker=worker, batch=batch, state="submitted")
    response = page.post(reverse("batch_approve_all", args=[batch.pk]), follow=True)
    started = Operation.objects.get()
    path = reverse("operation", args=[started.pk])
    assert response.redirect_chain == [(path, 302)]
    assert "Under way" in text_of(response)
    assert 'hx-trigger="every 2s"' in response.content.decode()
    reviews.run_operations(now=started.up_to)
    fragment = page.get(path, headers={"HX-Request": "true"})
    assert "Finished" in text_of(fragment)
    assert "2 of 2 approved and paid" in text_of(fragment)
    assert "hx-trigger" not in fragment.content.decode()
    assert "<html" not in fragment.content.decode()


def test_an_operation_says_what_it_could_not_approve(
    page: Browser, owner: Member, bea: User
) -> None:
    batch = make_open_batch(owner)
    one = make_assignment(worker=bea, batch=batch)
    started = reviews.approve_many(batch_id=batch.pk, by=owner, assignment_ids=[one.pk], now=NOW)
    reviews.run_operations(now=NOW)
    said = text_of(page.get(reverse("operation", args=[started.pk])))
    assert f"Assignment {one.pk}: claimed" in said


def test_an_operation_of_another_client_does_not_exist(
    client: Browser, owner: Member, bea: User
) -> None:
    batch = make_open_batch(owner)
    make_assignment(worker=bea, batch=batch, state="submitted")
    started = reviews.approve_many(batch_id=batch.pk, by=owner, assignment_ids=None, now=NOW)
    other = factories.make_client("Other", owner="eve")
    client.force_login(other.members.get().user)
    assert client.get(reverse("operation", args=[started.pk])).status_code == 404


def test_the_ledger_of_a_task_ends_at_zero_when_all_is_settled(
    page: Browser, owner: Member, bea: User
) -> None:
    batch = make_open_batch(owner, tasks=1, overlap=2)
    one = make_assignment(worker=bea, batch=batch, state="approved")
    path = reverse("task_ledger", args=[one.task_id])
    said = text_of(page.get(path))
    assert "Of the 0.22 USD that were locked, 0.11 USD are still held" in said
    assert f"Pay 1 {pseudonym(client=owner.client, worker_id=bea.pk)}" in said
    services.close_batch(batch_id=batch.pk, by=owner, now=NOW)
    publishing.settle_closed(now=NOW)
    said = text_of(page.get(path))
    assert "Settled: all of the 0.22 USD that were locked have gone" in said
    assert "Your balance" in said
    assert "Left in escrow 0.00 USD" in said


def test_the_ledger_of_a_draft_task_says_that_nothing_is_locked(
    page: Browser, owner: Member
) -> None:
    draft = factories.make_batch(owner, tasks=1)
    said = text_of(page.get(reverse("task_ledger", args=[draft.tasks.get().pk])))
    assert "No money is locked for this task yet." in said


@pytest.mark.parametrize("overlap", [1, 3])
def test_a_ledger_takes_the_same_few_statements_however_many_places(
    page: Browser, owner: Member, overlap: int, django_assert_max_num_queries: Any
) -> None:
    batch = make_open_batch(owner, tasks=1, overlap=overlap)
    for index in range(overlap):
        worker = factories.make_user(f"w{index}")
        make_assignment(worker=worker, batch=batch, state="approved")
    task = Assignment.objects.filter(batch=batch).values_list("task_id", flat=True)[0]
    # Session, user, member, client; the task; then its ledger.
    with django_assert_max_num_queries(4 + 1 + 3):
        page.get(reverse("task_ledger", args=[task]))


# --- downloads: the order of results follows commits, so these tests commit ---------------------


def download(page: Browser, batch_id: int, query: str) -> Any:
    response = page.get(reverse("batch_results", args=[batch_id]) + query)
    return response, b"".join(response.streaming_content).decode()


@pytest.mark.django_db(transaction=True)
def test_paid_answers_are_downloaded_in_three_formats_and_sealed_ones_in_none(
    page: Browser, owner: Member, bea: User, cem: User
) -> None:
    batch = make_open_batch(owner, tasks=3)
    paid = make_assignment(worker=bea, batch=batch, state="approved")
    make_assignment(worker=cem, batch=batch, state="submitted", value="negative")

    # Transactions of other databases on the same server delay results.
    until = time.monotonic() + 20
    body = ""
    while not body and time.monotonic() < until:
        response, body = download(page, batch.pk, "")
    [row] = [json.loads(line) for line in body.splitlines()]
    assert response["Content-Type"] == "application/x-ndjson"
    assert row["assignment"] == paid.pk
    assert row["answer"] == factories.answer()
    assert row["payload"] == {"text": "Sentence number 0."}
    assert download(page, batch.pk, f"?after={row['cursor']}")[1] == ""

    response, body = download(page, batch.pk, "?format=csv")
    [cells] = list(csv.DictReader(io.StringIO(body)))
    assert f"batch-{batch.pk}.csv" in response["Content-Disposition"]
    assert cells["answer.sentiment"] == "positive"
    assert cells["data.text"] == "Sentence number 0."

    _response, body = download(page, batch.pk, "?format=labelstudio")
    [task] = json.loads(body)
    assert task["annotations"][0]["result"] == factories.answer()


@pytest.mark.django_db
def test_an_unknown_format_or_cursor_is_refused(page: Browser, owner: Member) -> None:
    batch = make_open_batch(owner)
    path = reverse("batch_results", args=[batch.pk])
    assert page.get(path + "?format=exe").status_code == 404
    assert page.get(path + "?after=yesterday").status_code == 400
