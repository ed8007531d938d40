"""A client's pages of its batches: list, one batch, publishing, steps."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Client, Member, User
from payments.selectors import balances
from payments.selectors import batches as payments
from tasks.models import Batch
from tasks.selectors import batches as selectors
from tasks.services import batches as services
from tasks.services import figures, publishing
from tests import factories
from tests.factories import NOW, fund, make_assignment, make_batch, make_client, make_open_batch

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Browser, ada: User) -> Browser:
    """Ada, signed in."""
    client.force_login(ada)
    return client


@pytest.fixture
def reviewer(acme: Client) -> Member:
    """Rio may review for Acme, and not spend."""
    user = factories.make_user("rio", role="member")
    return Member.objects.create(client=acme, user=user, role="reviewer", joined_at=NOW)


@pytest.fixture
def stranger(db: None) -> Member:
    """The owner of another client."""
    other = make_client("Other", owner="eve")
    return Member.objects.select_related("user", "client").get(client=other)


def text_of(response: Any) -> str:
    """What is written on a page, without tags and doubled spaces."""
    words = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", words.replace("\xa0", " "))


def count(batch: Batch) -> None:
    figures.refresh_figures(now=NOW)


# --- who may come in -------------------------------------------------------------------------


def test_whoever_is_not_signed_in_is_asked_to(client: Browser) -> None:
    response = client.get(reverse("batches"))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


def test_a_worker_is_told_that_these_are_pages_of_clients(client: Browser, bea: User) -> None:
    client.force_login(bea)
    assert client.get(reverse("batches")).status_code == 403


def test_what_is_another_clients_does_not_exist(page: Browser, stranger: Member, bea: User) -> None:
    theirs = make_open_batch(stranger)
    one = make_assignment(worker=bea, batch=theirs, state="approved")
    names = ("batch", "batch_edit", "batch_progress", "batch_assignments", "batch_results")
    paths = [reverse(name, args=[theirs.pk]) for name in (*names, "batch_images")]
    paths += [
        reverse("batch_step", args=[theirs.pk, "close"]),
        reverse("batch_result", args=[theirs.pk, one.pk]),
        reverse("task_ledger", args=[one.task_id]),
    ]
    assert {path: page.get(path).status_code for path in paths} == dict.fromkeys(paths, 404)
    posts = [
        reverse("batch_publish", args=[theirs.pk]),
        reverse("batch_upload", args=[theirs.pk]),
        reverse("batch_approve_all", args=[theirs.pk]),
        reverse("assignment_approve", args=[theirs.pk, one.pk]),
    ]
    assert {path: page.post(path).status_code for path in posts} == dict.fromkeys(posts, 404)


# --- the list --------------------------------------------------------------------------------


def test_a_client_without_batches_is_shown_how_to_begin(page: Browser) -> None:
    response = page.get(reverse("batches"))
    assert "No batch yet" in text_of(response)
    assert reverse("batch_new") in response.content.decode()


def test_the_list_says_how_far_each_batch_is_and_where_its_money_is(
    page: Browser, owner: Member, bea: User, stranger: Member
) -> None:
    batch = make_open_batch(owner, tasks=4, title="Ours")
    make_assignment(worker=bea, batch=batch, state="approved")
    make_open_batch(stranger, title="Theirs")
    count(batch)
    said = text_of(page.get(reverse("batches")))
    assert "Ours" in said
    assert "Theirs" not in said
    assert "1 of 4 answers approved and paid" in said
    assert "0.11 USD spent" in said
    assert "0.33 USD held" in said


@pytest.mark.parametrize("number", [1, 3])
def test_the_list_takes_the_same_few_statements_however_long(
    page: Browser, owner: Member, number: int, django_assert_max_num_queries: Any
) -> None:
    for _ in range(number):
        make_open_batch(owner, tasks=1)
    # Session, user, member, client; then the page itself.
    with django_assert_max_num_queries(4 + 1):
        page.get(reverse("batches"))


def test_a_long_list_is_paged_by_id(
    page: Browser, owner: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.views.workers.PAGE", 2)
    for number in range(3):
        make_batch(owner, tasks=0, title=f"Batch number {number}")
    first = page.get(reverse("batches"))
    assert "Batch number 0" not in text_of(first)
    [older] = re.findall(r'rel="next" href="([^"]+)"', first.content.decode())
    assert "Batch number 0" in text_of(page.get(reverse("batches") + older))


# --- a draft, its price, publishing ----------------------------------------------------------


def test_a_draft_says_what_is_missing_and_leads_there(page: Browser, owner: Member) -> None:
    draft = services.create_batch(by=owner, fields={"title": "Bare"}, now=NOW)
    response = page.get(reverse("batch", args=[draft.pk]))
    said = text_of(response)
    assert "6 things are missing" in said
    assert "Give at least one example" in said
    assert reverse("batch_edit", args=[draft.pk]) + "#id_criteria" in response.content.decode()
    assert reverse("batch_publish", args=[draft.pk]) not in response.content.decode()


def test_the_price_stands_in_plain_words_before_anything_is_paid(
    page: Browser, owner: Member
) -> None:
    fund(owner.client, "5.00")
    draft = make_batch(owner, tasks=3, overlap=2)
    said = text_of(page.get(reverse("batch", args=[draft.pk])))
    assert "3 tasks × 2 answers = 6 places" in said
    assert "Total 0.66 USD" in said
    assert "Your balance 5.00 USD" in said
    assert "Publish and lock 0.66 USD" in said


def test_a_short_balance_says_how_much_is_missing(page: Browser, owner: Member) -> None:
    fund(owner.client, "0.10")
    draft = make_batch(owner, tasks=3)
    response = page.get(reverse("batch", args=[draft.pk]))
    assert "Missing on it 0.23 USD" in text_of(response)
    assert reverse("batch_publish", args=[draft.pk]) not in response.content.decode()


def agreed(batch: Batch, key: str = "k1") -> dict[str, Any]:
    return {"total": selectors.quote(batch).total, "key": key}


def test_publishing_twice_with_one_key_locks_the_money_once(page: Browser, owner: Member) -> None:
    fund(owner.client, "5.00")
    draft = make_batch(owner, tasks=3)
    path = reverse("batch_publish", args=[draft.pk])
    for _ in range(2):
        response = page.post(path, agreed(draft), follow=True)
        assert response.redirect_chain == [(reverse("batch", args=[draft.pk]), 302)]
    assert payments.batch_money(draft.pk).funded == 330_000
    assert balances.client_balance(owner.client_id) == 4_670_000


def test_a_price_that_changed_since_it_was_shown_is_not_paid(page: Browser, owner: Member) -> None:
    fund(owner.client, "5.00")
    draft = make_batch(owner, tasks=3)
    shown = agreed(draft)
    services.edit_batch(batch_id=draft.pk, by=owner, fields={"overlap": 2}, revision=None, now=NOW)
    response = page.post(reverse("batch_publish", args=[draft.pk]), shown)
    assert response.status_code == 422
    assert "The price changed meanwhile" in text_of(response)
    assert Batch.objects.get(pk=draft.pk).state == "draft"


def test_publishing_without_enough_money_says_so_on_the_page(page: Browser, owner: Member) -> None:
    draft = make_batch(owner, tasks=3)
    response = page.post(reverse("batch_publish", args=[draft.pk]), agreed(draft))
    assert response.status_code == 422
    assert "0.33 USD is missing on the balance" in text_of(response)
    assert Batch.objects.get(pk=draft.pk).state == "draft"


def test_a_reviewer_sees_no_button_that_spends_and_is_refused(
    client: Browser, owner: Member, reviewer: Member
) -> None:
    fund(owner.client, "5.00")
    draft = make_batch(owner, tasks=3)
    client.force_login(reviewer.user)
    response = client.get(reverse("batch", args=[draft.pk]))
    assert reverse("batch_publish", args=[draft.pk]) not in response.content.decode()
    assert "Only an owner of Acme may spend its money" in text_of(response)
    refused = client.post(reverse("batch_publish", args=[draft.pk]), agreed(draft))
    assert "Only an owner" in text_of(refused)
    assert Batch.objects.get(pk=draft.pk).state == "draft"
    assert balances.client_balance(owner.client_id) == 5_000_000


# --- a published batch -----------------------------------------------------------------------


def test_a_batch_shows_progress_money_and_pay_together(
    page: Browser, owner: Member, bea: User, cem: User
) -> None:
    batch = make_open_batch(owner, tasks=4)
    make_assignment(worker=bea, batch=batch, state="approved")
    make_assignment(worker=cem, batch=batch, state="submitted")
    count(batch)
    said = text_of(page.get(reverse("batch", args=[batch.pk])))
    assert "25 % 1 of 4 answers approved and paid" in said
    assert "as of 2 Mar, 09:00:00 UTC" in said
    assert "Waiting for review 1" in said
    assert "Locked at first 0.44 USD" in said
    assert "To workers 0.10 USD" in said
    assert "Fee on that 0.01 USD" in said
    assert "Still locked 0.33 USD" in said
    assert "Declared: 20 seconds 18.00 USD an hour" in said


def test_measured_time_is_shown_once_five_workers_were_measured(
    page: Browser, owner: Member
) -> None:
    batch = make_open_batch(owner, tasks=5, declared_seconds=1, reward=100_000)
    for number in range(5):
        worker = factories.make_user(f"w{number}")
        make_assignment(worker=worker, batch=batch, state="submitted")
    count(batch)
    said = text_of(page.get(reverse("batch", args=[batch.pk])))
    assert "Measured: 0 seconds" in said


def test_a_batch_that_is_being_published_says_how_many_places_are_made(
    page: Browser, owner: Member
) -> None:
    fund(owner.client, "5.00")
    draft = make_batch(owner, tasks=3)
    services.publish_batch(batch_id=draft.pk, by=owner, now=NOW)
    response = page.get(reverse("batch", args=[draft.pk]))
    assert "Places are being made: 0 of 3 tasks" in text_of(response)


def news_of(page: Browser, response: Any) -> Any:
    """What the page of a batch asks for after a few seconds."""
    [path] = re.findall(r'hx-get="([^"]+)" hx-trigger="every 5s"', response.content.decode())
    return page.get(path, headers={"HX-Request": "true"})


def test_a_page_left_open_is_told_what_changed_and_nothing_else(
    page: Browser, owner: Member, bea: User
) -> None:
    batch = make_open_batch(owner, tasks=4)
    shown = page.get(reverse("batch", args=[batch.pk]))
    assert news_of(page, shown).status_code == 204
    make_assignment(worker=bea, batch=batch, state="submitted")
    figures.refresh_figures(now=NOW + timedelta(seconds=5))
    news = news_of(page, shown)
    assert "<html" not in news.content.decode()
    assert "Waiting for review 1" in text_of(news)
    services.pause_batch(batch_id=batch.pk, by=owner, now=NOW)
    assert "Resume" in text_of(news_of(page, news))


def test_a_settled_batch_stops_asking_for_news(page: Browser, owner: Member) -> None:
    batch = make_open_batch(owner)
    services.close_batch(batch_id=batch.pk, by=owner, now=NOW)
    publishing.settle_closed(now=NOW)
    count(batch)
    response = page.get(reverse("batch", args=[batch.pk]))
    assert "hx-trigger" not in response.content.decode()
    assert "Refunded 0.33 USD" in text_of(response)
    assert "Still locked 0.00 USD" in text_of(response)


def test_a_batch_stopped_for_its_pay_says_what_to_do(page: Browser, owner: Member) -> None:
    batch = make_open_batch(owner)
    services.stop_underpaid(batch_id=batch.pk, median_seconds=60, now=NOW)
    said = text_of(page.get(reverse("batch", args=[batch.pk])))
    assert "No new claims: the work takes much longer than declared" in said


# --- steps -----------------------------------------------------------------------------------


def state_of(batch: Batch) -> str:
    return Batch.objects.get(pk=batch.pk).state


def test_a_step_is_asked_about_before_it_happens(page: Browser, owner: Member) -> None:
    batch = make_open_batch(owner)
    for step, after in (("pause", "paused"), ("resume", "open"), ("close", "closed")):
        path = reverse("batch_step", args=[batch.pk, step])
        before = state_of(batch)
        assert page.get(path).status_code == 200
        assert state_of(batch) == before
        assert page.post(path).status_code == 302
        assert state_of(batch) == after
    publishing.settle_closed(now=NOW + timedelta(hours=1))


def test_closing_says_what_comes_back(page: Browser, owner: Member, bea: User) -> None:
    batch = make_open_batch(owner, tasks=4)
    make_assignment(worker=bea, batch=batch)
    count(batch)
    said = text_of(page.get(reverse("batch_step", args=[batch.pk, "close"])))
    assert "Places nobody has begun 3" in said
    assert "Comes back to your balance now, about 0.33 USD" in said


def test_a_reviewer_may_pause_but_not_close(
    client: Browser, owner: Member, reviewer: Member
) -> None:
    batch = make_open_batch(owner)
    client.force_login(reviewer.user)
    close = reverse("batch_step", args=[batch.pk, "close"])
    assert close not in client.get(reverse("batch", args=[batch.pk])).content.decode()
    assert "Only an owner" in text_of(client.get(close))
    assert client.post(close).status_code == 403
    assert client.post(reverse("batch_step", args=[batch.pk, "pause"])).status_code == 302
    assert state_of(batch) == "paused"


def test_a_step_that_is_not_possible_is_not_offered_and_refused(
    page: Browser, owner: Member
) -> None:
    batch = make_open_batch(owner)
    path = reverse("batch_step", args=[batch.pk, "resume"])
    assert "This is not possible now" in text_of(page.get(path))
    assert page.post(path).status_code == 409
    assert page.get(reverse("batch_step", args=[batch.pk, "explode"])).status_code == 404


def test_a_draft_can_be_emptied_and_deleted(page: Browser, owner: Member) -> None:
    draft = make_batch(owner, tasks=3)
    page.post(reverse("batch_step", args=[draft.pk, "empty"]))
    assert Batch.objects.get(pk=draft.pk).task_count == 0
    response = page.post(reverse("batch_step", args=[draft.pk, "delete"]))
    assert response["Location"] == reverse("batches")
    assert not Batch.objects.filter(pk=draft.pk).exists()
