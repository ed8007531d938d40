"""A worker's way through the site in a real browser, by mouse and by keyboard, without script."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Member, User
from core import money
from tasks.models import Answer, Assignment, Batch
from tasks.services import claims, reviews
from tests import factories
from tests.browser.conftest import WIDTHS, Open, check_page

PASSWORD = "correct-horse-battery-9"
REWARD = 600 * money.CENT
INTERFACE = """<View>
  <Header value="What does the sentence say?"/>
  <Text name="text" value="$text"/>
  <Choices name="sentiment" toName="text" required="true">
    <Choice value="Positive"/><Choice value="Negative"/>
  </Choices>
  <Choices name="about" toName="text" choice="multiple" required="true">
    <Choice value="Screen"/><Choice value="Battery"/>
  </Choices>
  <Rating name="sure" toName="text"/>
  <TextArea name="why" toName="text"/>
</View>"""


@pytest.fixture
def batch(transactional_db: None, owner: Member) -> Batch:
    return factories.make_open_batch(
        owner,
        title="Is this review positive?",
        interface=INTERFACE,
        reward=REWARD,
        content_warnings=["Rude words"],
    )


def sign_up(page: Page) -> User:
    page.goto("/accounts/signup/")
    page.locator("[name=role][value=worker]").check()
    page.locator("[name=email]").fill("eve@example.org")
    page.locator("[name=password1]").fill(PASSWORD)
    page.locator("main form button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Find work")
    return User.objects.get(email="eve@example.org")


def answer(page: Page) -> None:
    page.get_by_label("Negative").check()
    page.get_by_label("Battery").check()
    page.get_by_label("Write your answer").fill("It does not last.")


def test_from_sign_up_to_payout(open_page: Open, batch: Batch, owner: Member) -> None:
    page = open_page(java_script_enabled=False)
    worker = sign_up(page)
    page.get_by_role("link", name="Is this review positive?").click()
    page.get_by_role("button", name="Start a task").first.click()

    answer(page)
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_role("status")).to_have_text("Saved just now")
    page.reload()
    expect(page.get_by_label("Negative")).to_be_checked()
    expect(page.get_by_label("Write your answer")).to_have_value("It does not last.")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator(".messages")).to_contain_text("Submitted.")

    page.get_by_role("link", name="My work").click()
    expect(page.get_by_role("row", name="Is this review positive?")).to_contain_text(
        "Waiting for review"
    )
    one = Assignment.objects.get(worker=worker)
    reviews.approve_assignment(assignment_id=one.pk, by=owner, now=timezone.now())
    page.get_by_role("link", name="Earnings").click()
    expect(page.get_by_role("row", name="Is this review positive?")).to_contain_text("6.00")
    page.get_by_role("button", name="Send it to my bank").click()
    expect(page.locator(".messages")).to_contain_text("6.00\u00a0USD is on its way to you.")
    page.get_by_role("link", name="Is this review positive?").click()
    expect(page.get_by_role("table")).to_contain_text("To you")


def test_an_unfinished_answer_is_shown_where_it_lacks_and_nothing_is_lost(
    open_page: Open, batch: Batch, bea: User
) -> None:
    page = open_page(bea)
    page.goto(reverse("work_batch", args=[batch.pk]))
    page.get_by_role("button", name="Start a task").first.click()
    page.get_by_label("Negative").check()
    page.get_by_label("Write your answer").fill("It does not last.")
    page.get_by_role("button", name="Submit and next").click()
    expect(page.get_by_role("alert")).to_contain_text("one thing is marked below")
    expect(page.get_by_role("group", name="Choose all that apply")).to_have_accessible_description(
        re.compile("Please answer this question")
    )
    expect(page.get_by_label("Negative")).to_be_checked()
    check_page(page)
    page.get_by_label("Battery").check()
    page.get_by_role("button", name="Submit and next").click()
    expect(page.locator(".messages")).to_contain_text("Submitted.")
    expect(page.get_by_role("status").last).to_have_text("Nothing is saved yet")
    assert Answer.objects.count() == 1


def test_a_task_is_done_with_the_keyboard_alone(open_page: Open, batch: Batch, bea: User) -> None:
    page = open_page(bea)
    page.goto(reverse("work_batch", args=[batch.pk]))
    keys = page.keyboard
    page.get_by_role("button", name="Start a task").first.focus()
    keys.press("Enter")
    page.wait_for_url("**/work/tasks/**")
    page.get_by_label("Positive").focus()
    keys.press("ArrowDown")
    keys.press("Tab")
    keys.press("Space")
    for _control in range(3):
        keys.press("Tab")
    keys.type("It does not last.")
    expect(page.get_by_label("Negative")).to_be_checked()
    expect(page.get_by_label("Screen")).to_be_checked()
    expect(page.get_by_label("Write your answer")).to_have_value("It does not last.")
    for _stop in range(5):
        keys.press("Tab")
        if page.evaluate("document.activeElement.value") == "next":
            break
    keys.press("Enter")
    expect(page.locator(".messages")).to_contain_text("Submitted.")


def test_a_draft_from_another_device_is_shown_beside_what_was_typed(
    open_page: Open, batch: Batch, bea: User
) -> None:
    laptop, phone = open_page(bea), open_page(bea, width=320)
    laptop.goto(reverse("work_batch", args=[batch.pk]))
    laptop.get_by_role("button", name="Start a task").first.click()
    phone.goto(laptop.url)
    phone.get_by_label("Write your answer").fill("on the phone")
    phone.get_by_role("button", name="Save draft").click()
    laptop.get_by_label("Write your answer").fill("on the laptop")
    laptop.get_by_role("button", name="Save draft").click()
    other = laptop.get_by_role("region", name="Saved elsewhere")
    expect(other.get_by_label("Write your answer")).to_have_value("on the phone")
    expect(laptop.locator("form textarea")).to_have_value("on the laptop")
    check_page(laptop)
    laptop.get_by_role("button", name="Save draft").click()
    expect(laptop.get_by_role("status")).to_have_text("Saved just now")
    phone.reload()
    expect(phone.get_by_label("Write your answer")).to_have_value("on the laptop")


def test_more_time_and_giving_back_are_at_hand(open_page: Open, batch: Batch, bea: User) -> None:
    page = open_page(bea, width=320)
    page.goto(reverse("work_batch", args=[batch.pk]))
    page.get_by_role("button", name="Start a task").first.click()
    page.get_by_label("Write your answer").fill("It does not last.")
    page.get_by_text("More time, or give it back").click()
    check_page(page)
    page.get_by_role("button", name="Extend the time").click()
    expect(page.locator(".messages")).to_contain_text("You have more time")
    expect(page.get_by_label("Write your answer")).to_have_value("It does not last.")
    page.get_by_text("More time, or give it back").click()
    page.get_by_role("button", name="Give it back").click()
    expect(page.locator(".messages")).to_contain_text("It does not count against you")


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_in_both_directions_light_and_dark(
    open_page: Open, batch: Batch, owner: Member, bea: User, language: str, scheme: str
) -> None:
    addresses = [*visited(batch, owner, bea), reverse("work") + "?q=nothing&min_hourly=x"]
    page = open_page(bea, language=language, color_scheme=scheme)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for address in addresses:
            page.goto(address)
            check_page(page)
            direction = page.locator("html").get_attribute("dir")
            assert direction == ("rtl" if language == "ar" else "ltr")


def visited(batch: Batch, owner: Member, bea: User) -> list[str]:
    """The address of each of a worker's pages, each state of a task among them."""
    names = ("work", "my_work", "archive", "work_settings", "earnings", "payouts")
    addresses = [reverse(name) for name in names] + [reverse("work_batch", args=[batch.pk])]
    other = factories.make_open_batch(owner, reward=REWARD)
    states = ("approved", "released", "submitted")
    done = [factories.make_assignment(worker=bea, batch=other, state=state) for state in states]
    held = claims.claim(worker=bea, batch_id=batch.pk, now=timezone.now())
    return addresses + [reverse("work_task", args=[one.pk]) for one in [*done, held]]


def test_an_expired_task_is_explained_and_accessible(
    open_page: Open, batch: Batch, bea: User
) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="expired")
    page = open_page(bea, width=320)
    page.goto(reverse("work_task", args=[one.pk]))
    expect(page.get_by_text("It does not count against you")).to_be_visible()
    check_page(page)
