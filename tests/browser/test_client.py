"""A client's way through the site in a real browser: by hand, without script, on small screens."""

import csv
import json
import re
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Client, Member, User
from tasks.models import Assignment, Batch
from tasks.services import batches, claims, figures, publishing, reviews, work
from tests import factories
from tests.browser.conftest import LANGUAGES, WIDTHS, Open, check_page

PASSWORD = "correct-horse-battery-9"
ANSWER = [
    {
        "id": "feeling",
        "from_name": "feeling",
        "to_name": "text",
        "type": "choices",
        "value": {"choices": ["Positive"]},
    }
]


def letters(*extra: str) -> dict[str, object]:
    """A CSV file of six tasks, and of what else is in it."""
    rows = [f'letter-{number},"Dear shop, number {number}"' for number in range(6)]
    text = "\n".join(["external_id,text", *rows, *extra])
    return {"name": "letters.csv", "mimeType": "text/csv", "buffer": text.encode()}


def sign_up(page: Page) -> None:
    page.goto("/accounts/signup/")
    page.get_by_label("have work done").check()
    page.locator("[name=email]").fill("nia@example.org")
    page.locator("[name=password1]").fill(PASSWORD)
    page.get_by_label("Organisation").fill("Nia's Lab")
    page.locator("main form button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Batches")


def deposit(page: Page, amount: str) -> None:
    page.get_by_role("link", name="Money").click()
    page.get_by_label("Amount").fill(amount)
    page.get_by_role("button", name="Deposit play money").click()
    expect(page.get_by_text("Deposited.")).to_be_visible()


def fill_in_draft(page: Page) -> None:
    page.get_by_role("link", name="Batches").first.click()
    page.get_by_role("link", name="New batch").click()
    page.get_by_label("Title").fill("Tone of customer letters")
    page.get_by_label("Instructions").fill("Read the **letter**.")
    page.get_by_label("Criteria").fill("Judge the writer, not yourself.")
    page.get_by_label("Seconds one answer takes").fill("20")
    example = page.get_by_role("group", name="Example 1")
    example.get_by_label("Task").fill("I love it")
    example.get_by_label("Right answer").fill("Positive")
    example.get_by_label("Why").fill("She says so.")


def submit_all(batch: Batch) -> None:
    """Six workers answer one task each."""
    for number in range(6):
        worker = factories.make_user(f"w{number}")
        now = timezone.now()
        one = claims.claim(worker=worker, batch_id=batch.pk, now=now)
        work.submit(assignment_id=one.pk, worker=worker, content=ANSWER, key="k", now=now)
    figures.refresh_figures(now=timezone.now())


def open_places() -> None:
    publishing.publish_batches(now=timezone.now())
    figures.refresh_figures(now=timezone.now())


def approve_waiting() -> None:
    reviews.run_operations(now=timezone.now())
    figures.refresh_figures(now=timezone.now())


def test_from_sign_up_to_results(open_page: Open) -> None:
    page = open_page()
    sign_up(page)
    deposit(page, "50")
    fill_in_draft(page)
    # The preview follows by itself.
    page.get_by_label("Reward for one answer").fill("0.05")
    expect(page.get_by_text("Below the floor")).to_be_visible()
    page.get_by_label("Reward for one answer").fill("0.12")
    expect(page.get_by_text("The reward is at or above the floor.")).to_be_visible()
    expect(page.locator("#preview strong", has_text="letter")).to_be_visible()
    page.get_by_role("button", name="Save the draft").click()

    page.get_by_label("File of tasks").set_input_files(letters("letter-3,again"))
    page.get_by_role("button", name="Upload tasks").click()
    expect(page.get_by_text("“letter-3” names another task already.")).to_be_visible()
    page.get_by_label("File of tasks").set_input_files(letters())
    page.get_by_role("button", name="Upload tasks").click()
    expect(page.get_by_text("6 tasks were added.")).to_be_visible()
    page.get_by_role("button", name="Publish and lock 0.792 USD").click()
    expect(page.get_by_text("Places are being made: 0 of 6 tasks")).to_have_count(1)

    # An open page follows what happens: its state, its buttons, its numbers.
    open_places()
    batch = Batch.objects.get()
    expect(page.get_by_role("link", name="Pause")).to_be_visible(timeout=15_000)
    submit_all(batch)
    expect(page.get_by_text("Waiting for review 6")).to_be_visible(timeout=15_000)
    page.get_by_role("link", name="See assignments").click()
    page.get_by_role("button", name="Approve letter-5").click()
    expect(page.get_by_label("Positive")).to_be_checked()
    page.get_by_role("link", name="Tone of customer letters").click()
    page.get_by_role("button", name="Approve all").click()
    approve_waiting()
    expect(page.get_by_role("heading", name="Finished")).to_be_visible(timeout=15_000)
    page.get_by_role("link", name="To the batch").click()
    expect(page.get_by_text("100 % 6 of 6 answers approved and paid")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    with Path(download.value.path()).open(newline="") as file:
        assert {row["answer.feeling"] for row in csv.DictReader(file)} == {"Positive"}


def test_everything_works_without_script(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    sign_up(page)
    deposit(page, "50")
    fill_in_draft(page)
    page.get_by_label("Reward for one answer").fill("0.05")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Below the floor")).to_be_visible()
    page.get_by_label("Reward for one answer").fill("0.12")
    page.get_by_role("button", name="Add an example").click()
    expect(page.get_by_role("group", name="Example 4")).to_be_visible()
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_label("File of tasks").set_input_files(letters())
    page.get_by_role("button", name="Upload tasks").click()
    page.get_by_role("button", name="Publish and lock 0.792 USD").click()
    open_places()
    submit_all(Batch.objects.get())
    page.reload()
    page.get_by_role("button", name="Approve all").click()
    approve_waiting()
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_role("heading", name="Finished")).to_be_visible()
    page.get_by_role("link", name="To the batch").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON lines").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 6
    page.get_by_role("link", name="Close").click()
    page.get_by_role("button", name="Close for good").click()
    expect(page.get_by_text("Closed. What was not begun is being refunded.")).to_be_visible()
    publishing.settle_closed(now=timezone.now())


def test_a_draft_is_saved_with_the_keyboard_alone(open_page: Open, ada: User) -> None:
    page = open_page(ada)
    page.goto(reverse("batch_new"))
    page.get_by_label("Title").focus()
    page.keyboard.type("By keyboard")
    page.get_by_label("Reward for one answer").focus()
    page.keyboard.type("0.40")
    # Enter saves; the first button of the page's order is not what it presses.
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("By keyboard")


@pytest.fixture
def paths(transactional_db: None, owner: Member, bea: User, cem: User, ada: User) -> list[str]:
    """Every page of a client, with something on each."""
    factories.fund(owner.client, "20.00")
    image = '<View><Image name="i" value="$image"/><TextArea name="t" toName="i"/></View>'
    bare = batches.create_batch(by=owner, fields={"title": "Bare"}, now=timezone.now())
    pictures = factories.make_batch(owner, tasks=0, title="صور", interface=image)
    draft = factories.make_batch(owner, tasks=3, title="W" * 120)
    batch = factories.make_open_batch(owner, tasks=5)
    paid = factories.make_assignment(worker=bea, batch=batch, state="approved")
    factories.make_assignment(worker=cem, batch=batch, state="submitted")
    figures.refresh_figures(now=factories.NOW)
    started = reviews.approve_many(
        batch_id=batch.pk, by=owner, assignment_ids=[paid.pk], now=timezone.now()
    )
    return [
        reverse("batches"),
        reverse("batch_new"),
        *(reverse("batch", args=[one.pk]) for one in (bare, pictures, draft, batch)),
        reverse("batch_edit", args=[draft.pk]),
        reverse("batch_step", args=[batch.pk, "close"]),
        reverse("batch_assignments", args=[batch.pk]),
        reverse("batch_result", args=[batch.pk, paid.pk]),
        reverse("operation", args=[started.pk]),
        reverse("task_ledger", args=[paid.task_id]),
        reverse("money"),
    ]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_and_is_accessible(
    open_page: Open, ada: User, paths: list[str], width: int, scheme: str
) -> None:
    page = open_page(ada, width=width, color_scheme=scheme)
    for path in paths:
        page.goto(path)
        check_page(page)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_reads_in_every_language(
    open_page: Open, ada: User, paths: list[str], language: str
) -> None:
    page = open_page(ada, width=320, language=language)
    for path in paths:
        page.goto(path)
        check_page(page)
        direction = "rtl" if language == "ar" else "ltr"
        assert page.locator("html").get_attribute("dir") == direction


def test_refusals_are_shown_at_their_place(open_page: Open, ada: User) -> None:
    page = open_page(ada, width=320)
    page.goto(reverse("batch_new"))
    page.get_by_label("Interface").fill("<View>\n  <Blink/>\n</View>")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_role("alert").first).to_contain_text("Not saved yet")
    field = page.get_by_label("Interface")
    expect(field).to_have_attribute("aria-invalid", "true")
    described = field.get_attribute("aria-describedby") or ""
    assert re.search(r"\bid_interface_error\b", described)
    expect(page.locator("#id_interface_error")).to_contain_text("Line 2")
    check_page(page)


def test_a_reviewer_reads_everything_and_spends_nothing(
    open_page: Open, owner: Member, paths: list[str]
) -> None:
    rio = factories.make_user("rio", role="member")
    acme = Client.objects.get(pk=owner.client_id)
    Member.objects.create(client=acme, user=rio, role="reviewer", joined_at=timezone.now())
    page = open_page(rio)
    for path in paths:
        page.goto(path)
        check_page(page)
        for spends in ("Publish and lock", "Deposit play money", "Close for good"):
            expect(page.get_by_role("button", name=spends)).to_have_count(0)
    assert not Assignment.objects.filter(decided_by=rio).exists()
