"""What a worker is promised of the task page: nothing typed is lost, an answer counts once."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import Member, User
from tasks.models import Answer, Archived, Assignment, Batch, Draft
from tasks.services import claims, reviews, work
from tests import factories
from tests.tasks.test_views_work import browser, start, statements, text

__all__ = ["browser"]

INTERFACE = """<View>
  <Text name="text" value="$text"/>
  <Choices name="sentiment" toName="text" required="true">
    <Choice value="positive"/><Choice value="negative"/>
  </Choices>
  <TextArea name="why" toName="text"/>
</View>"""
NOTHING_CHOSEN = "Please answer this question."


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=4, interface=INTERFACE)


@pytest.fixture
def mine(browser: Browser, batch: Batch, bea: User) -> Assignment:
    """A task Bea has just taken."""
    start(browser, batch)
    return Assignment.objects.get(worker=bea)


def url(one: Assignment) -> str:
    return reverse("work_task", args=[one.pk])


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]


def send(browser: Browser, one: Assignment, action: str, *, page: str = "", **fields: str) -> Any:
    """Posts the task page, as it was loaded in `page` or is loaded now."""
    page = page or text(browser.get(url(one)))
    data = {"key": hidden(page, "key"), "revision": hidden(page, "revision"), "action": action}
    typed = {f"f-{name}": value for name, value in fields.items()}
    return browser.post(url(one), data | typed)


def test_the_task_page_shows_the_task_the_pay_and_the_clock(
    browser: Browser, mine: Assignment
) -> None:
    response = browser.get(url(mine))
    page = text(response)
    assert "Sentence number 0." in page
    assert "0.10" in page
    assert "10 minutes left" in page
    assert "The clock stops when your line drops" in page
    assert "Nothing is saved yet" in page
    assert "no-store" in response["Cache-Control"]


def test_the_task_page_costs_three_statements(browser: Browser, mine: Assignment) -> None:
    send(browser, mine, "save", sentiment="positive")
    with statements(3):
        browser.get(url(mine))


def test_opening_the_page_is_a_sign_of_life_and_a_pause_costs_nothing(
    browser: Browser, mine: Assignment
) -> None:
    away = timedelta(hours=5)
    Assignment.objects.filter(pk=mine.pk).update(
        last_seen_at=mine.last_seen_at - away, lease_ends_at=mine.lease_ends_at - away
    )
    assert "9 minutes left" in text(browser.get(url(mine)))
    mine.refresh_from_db()
    assert timezone.now() - mine.last_seen_at < timedelta(minutes=1)


def test_a_saved_draft_is_there_again_on_any_device(
    browser: Browser, mine: Assignment, bea: User
) -> None:
    send(browser, mine, "save", sentiment="negative", why="سيّئ 🙁")
    other = Browser()
    other.force_login(bea)
    page = text(other.get(url(mine)))
    assert re.search(r'value="negative" checked', page)
    assert "سيّئ 🙁" in page
    assert "Saved just now" in page


def test_an_unfinished_answer_is_marked_where_it_lacks_and_kept_as_typed(
    browser: Browser, mine: Assignment
) -> None:
    response = send(browser, mine, "submit", why="because")
    assert response.status_code == 422
    assert NOTHING_CHOSEN in text(response)
    assert "one thing is marked below" in text(response)
    assert "because" in text(response)
    assert Draft.objects.get(assignment=mine).content[0]["value"] == {"text": ["because"]}
    mine.refresh_from_db()
    assert mine.state == "claimed"


def test_submitting_leads_back_to_the_batch_and_says_so(
    browser: Browser, mine: Assignment, batch: Batch
) -> None:
    response = send(browser, mine, "submit", sentiment="positive")
    assert response["Location"] == reverse("work_batch", args=[batch.pk])
    assert "Submitted. You can take it back" in text(browser.get(response["Location"]))
    mine.refresh_from_db()
    assert mine.state == "submitted"
    assert Answer.objects.get(assignment=mine).content[0]["value"] == {"choices": ["positive"]}


def test_submit_and_next_leads_to_the_next_task(
    browser: Browser, mine: Assignment, bea: User
) -> None:
    response = send(browser, mine, "next", sentiment="positive")
    following = Assignment.objects.get(worker=bea, state="claimed")
    assert response["Location"] == url(following)
    assert following.task_id != mine.task_id


def test_submit_and_next_goes_on_with_what_she_holds_before_it_takes_more(
    browser: Browser, mine: Assignment, batch: Batch, bea: User
) -> None:
    start(browser, batch, another="1")
    held = Assignment.objects.filter(worker=bea).exclude(pk=mine.pk).get()
    assert send(browser, mine, "next", sentiment="positive")["Location"] == url(held)
    assert Assignment.objects.filter(worker=bea).count() == 2


def test_after_the_last_task_the_batch_says_that_nothing_is_left(
    browser: Browser, owner: Member, bea: User
) -> None:
    small = factories.make_open_batch(owner, tasks=1, interface=INTERFACE)
    start(browser, small)
    one = Assignment.objects.get(worker=bea)
    response = send(browser, one, "next", sentiment="positive")
    page = text(browser.get(response["Location"]))
    assert response["Location"] == reverse("work_batch", args=[small.pk])
    assert "Submitted." in page
    assert "No task of this batch is left for you now" in page


def test_a_double_click_submits_once_and_takes_one_next_task(
    browser: Browser, mine: Assignment, bea: User
) -> None:
    page = text(browser.get(url(mine)))
    first = send(browser, mine, "next", page=page, sentiment="positive")
    second = send(browser, mine, "next", page=page, sentiment="positive")
    assert first["Location"] == second["Location"]
    assert Answer.objects.count() == 1
    assert Assignment.objects.filter(worker=bea).count() == 2


def test_another_answer_after_the_first_is_refused_and_shown_again(
    browser: Browser, mine: Assignment
) -> None:
    stale = text(browser.get(url(mine)))
    send(browser, mine, "submit", sentiment="positive")
    response = send(browser, mine, "submit", page=stale, sentiment="negative", why="No!")
    assert response.status_code == 422
    assert "What you had typed here" in text(response)
    assert "No!" in text(response)
    assert Answer.objects.get(assignment=mine).content[0]["value"] == {"choices": ["positive"]}


@pytest.mark.parametrize("action", ["save", "submit", "next", "extend"])
def test_a_draft_saved_elsewhere_is_shown_beside_hers_and_she_chooses(
    browser: Browser, mine: Assignment, action: str
) -> None:
    stale = text(browser.get(url(mine)))
    send(browser, mine, "save", sentiment="positive", why="on the phone")
    response = send(browser, mine, action, page=stale, sentiment="negative", why="on the laptop")
    page = text(response)
    assert response.status_code == 422
    assert "Saved elsewhere" in page
    assert "on the phone" in page
    assert "on the laptop" in page
    assert "Not saved yet" in page
    assert Draft.objects.get(assignment=mine).content[1]["value"] == {"text": ["on the phone"]}
    send(browser, mine, "save", page=page, sentiment="negative", why="on the laptop")
    assert Draft.objects.get(assignment=mine).content[1]["value"] == {"text": ["on the laptop"]}


def test_saving_the_same_again_from_an_old_page_is_no_conflict(
    browser: Browser, mine: Assignment
) -> None:
    stale = text(browser.get(url(mine)))
    send(browser, mine, "save", sentiment="positive")
    assert send(browser, mine, "save", page=stale, sentiment="positive").status_code == 302


def test_more_time_keeps_what_was_typed(browser: Browser, mine: Assignment) -> None:
    for _time in range(2):
        send(browser, mine, "extend", why="slowly")
    page = text(browser.get(url(mine)))
    assert "30 minutes left" in page
    assert "slowly" in page
    assert "extended twice already" in page
    response = send(browser, mine, "extend", why="slower")
    assert response.status_code == 422
    assert "slower" in text(response)


def test_giving_back_never_counts_against_her(
    browser: Browser, mine: Assignment, batch: Batch
) -> None:
    response = send(browser, mine, "release", why="half")
    assert response["Location"] == reverse("work_batch", args=[batch.pk])
    page = text(browser.get(url(mine)))
    assert "You gave this task back" in page
    assert "It does not count against you" in page


def test_what_was_typed_is_shown_when_the_task_was_given_back_elsewhere(
    browser: Browser, mine: Assignment, bea: User
) -> None:
    stale = text(browser.get(url(mine)))
    claims.release(assignment_id=mine.pk, worker=bea, now=timezone.now())
    response = send(browser, mine, "save", page=stale, why="all my work")
    assert response.status_code == 422
    assert "all my work" in text(response)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"action": "approve", "key": "k", "revision": "0"},
        {"action": "submit", "key": "k" * 65, "revision": "0", "f-sentiment": "positive"},
        {"action": "submit", "key": "k", "revision": "x", "f-sentiment": "positive"},
        {"action": "submit", "key": "k\0", "revision": "0", "f-sentiment": "positive"},
        {"action": "submit", "key": "k", "revision": "0", "f-sentiment": "purple"},
        {"action": "save", "key": "k", "revision": "0", "f-why": "a\0b"},
        {"action": "save", "key": "k", "revision": "0", "f-why": "x" * 300_000},
    ],
)
def test_a_form_that_was_tampered_with_is_refused_and_changes_nothing(
    browser: Browser, mine: Assignment, data: dict[str, str]
) -> None:
    assert browser.post(url(mine), data).status_code == 422
    mine.refresh_from_db()
    assert mine.state == "claimed"


def test_a_task_is_hers_alone(browser: Browser, mine: Assignment, ada: User, cem: User) -> None:
    for user, status in ((cem, 404), (ada, 403)):
        other = Browser()
        other.force_login(user)
        assert other.get(url(mine)).status_code == status
        assert other.post(url(mine), {"action": "release"}).status_code == status
        assert other.post(reverse("unsubmit", args=[mine.pk])).status_code == status


# --- too late --------------------------------------------------------------------------------


@pytest.fixture
def expired(batch: Batch, bea: User) -> Assignment:
    """A task whose time ran out with a draft saved."""
    one = claims.claim(worker=bea, batch_id=batch.pk, now=factories.NOW)
    work.save_draft(
        assignment_id=one.pk,
        worker=bea,
        content=factories.answer("negative"),
        revision=0,
        now=factories.NOW,
    )
    claims.expire_due(now=factories.NOW + timedelta(days=5))
    return one


def test_a_late_answer_still_counts_while_the_place_is_free(
    browser: Browser, expired: Assignment, bea: User
) -> None:
    page = text(browser.get(url(expired)))
    assert "The time for this task is over" in page
    assert re.search(r'value="negative" checked', page)
    send(browser, expired, "submit", sentiment="negative")
    assert Assignment.objects.get(worker=bea, state="submitted").place_id == expired.place_id


def test_a_late_answer_whose_place_is_taken_goes_to_the_archive(
    browser: Browser, expired: Assignment, cem: User
) -> None:
    claims.claim(worker=cem, batch_id=expired.batch_id, now=timezone.now())
    response = send(browser, expired, "submit", sentiment="negative")
    assert response["Location"] == reverse("archive")
    page = text(browser.get(response["Location"]))
    assert "Your answer is kept in your archive" in page
    assert re.search(r'value="negative" checked', page)
    assert Archived.objects.count() == 1


def test_a_late_unfinished_answer_is_marked_and_kept_on_the_page(
    browser: Browser, expired: Assignment
) -> None:
    response = send(browser, expired, "submit", why="late")
    assert response.status_code == 422
    assert NOTHING_CHOSEN in text(response)
    assert "late" in text(response)


def test_an_expired_task_without_a_draft_is_explained(
    browser: Browser, batch: Batch, bea: User
) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="expired")
    page = text(browser.get(url(one)))
    assert "ran out" in page
    assert "It does not count against you" in page


# --- what became of it -----------------------------------------------------------------------


def test_a_submitted_task_says_until_when_and_that_silence_pays(
    browser: Browser, mine: Assignment
) -> None:
    send(browser, mine, "submit", sentiment="positive")
    with statements(4):
        page = text(browser.get(url(mine)))
    assert "Paid in" in page
    assert "silence pays" in page
    assert re.search(r'value="positive" checked', page)


def test_an_answer_can_be_taken_back_once(browser: Browser, mine: Assignment) -> None:
    send(browser, mine, "submit", sentiment="positive")
    assert "Take it back" in text(browser.get(url(mine)))
    assert browser.post(reverse("unsubmit", args=[mine.pk]))["Location"] == url(mine)
    assert re.search(r'value="positive" checked', text(browser.get(url(mine))))
    send(browser, mine, "submit", sentiment="negative")
    assert "Take it back" not in text(browser.get(url(mine)))
    again = browser.post(reverse("unsubmit", args=[mine.pk]))
    assert again.status_code == 409
    assert "once only" in text(again)


def test_an_approved_task_says_who_approved_it_and_where_the_money_went(
    browser: Browser, mine: Assignment, owner: Member
) -> None:
    send(browser, mine, "submit", sentiment="positive")
    reviews.approve_assignment(assignment_id=mine.pk, by=owner, now=timezone.now())
    with statements(5):
        page = text(browser.get(url(mine)))
    assert "Approved by <bdi>Acme</bdi>" in page
    assert owner.user.name not in page
    for amount in ("0.11", "0.10", "0.009", "0.001", "0.00"):
        assert f"{amount}\u00a0USD" in page


def test_what_the_clock_approved_is_said_to_be_by_the_clock(
    browser: Browser, mine: Assignment
) -> None:
    send(browser, mine, "submit", sentiment="positive")
    reviews.approve_due(now=timezone.now() + timedelta(days=8))
    assert "Approved by the clock" in text(browser.get(url(mine)))
