"""The console in a real browser: by keyboard, without script, in light and dark, on all widths."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Member, User
from disputes.models import Decision, Dispute
from disputes.services import contests, judging, replies, reports, suspensions
from tasks.models import Assignment, Batch
from tasks.services import claims, openings, work
from tests import factories
from tests.browser.conftest import WIDTHS, Open, check_page

REASONS = "The criterion asks for the writer's feeling; that a sentence is short is no ground."
SHOTS = os.environ.get("SCREENSHOTS")
EXPLANATION = "“It broke after a day” is a complaint, and the answer says that the writer liked it."
VALUES = ("negative", "positive", "negative", "positive", "negative", "negative")


@pytest.fixture(autouse=True)
def in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the factories do happens an hour ago."""
    monkeypatch.setattr(factories, "NOW", timezone.now() - timedelta(hours=1))


@pytest.fixture
def dia(transactional_db: None) -> User:
    """Adjudicator and staff."""
    return factories.make_user("dia", role="adjudicator", is_staff=True)


def disputed(worker: User, batch: Batch, owner: Member, *, value: str = "positive") -> Dispute:
    one = factories.make_assignment(worker=worker, batch=batch, state="opened", value=value)
    factories.reject(one, by=owner, explanation=EXPLANATION, now=factories.NOW)
    said = "The second half says “I would buy it again”. I judged the whole."
    contests.contest(assignment_id=one.pk, worker=worker, statement=said, now=factories.NOW)
    return Dispute.objects.get(rejections__assignment=one)


def reply(dispute: Dispute, owner: Member, *, due: timedelta) -> Dispute:
    text = "The instructions say that a complaint is negative, whatever comes after it."
    replies.reply(dispute_id=dispute.pk, by=owner, text=text, now=factories.NOW)
    Dispute.objects.filter(pk=dispute.pk).update(due_at=timezone.now() + due)
    return Dispute.objects.get(pk=dispute.pk)


def group(worker: User, owner: Member) -> Dispute:
    """The answered case of three rejections of six opened answers, in a frozen batch."""
    batch = factories.make_open_batch(owner, tasks=6, title="Tone of customer letters")
    for number, value in enumerate(VALUES):
        one = factories.make_assignment(worker=worker, batch=batch, state="opened", value=value)
        if number >= 3:
            text = f"{EXPLANATION} (letter {number})"
            factories.reject(one, by=owner, explanation=text, now=factories.NOW)
    found = Dispute.objects.get(batch=batch, kind="collective")
    return reply(found, owner, due=timedelta(days=9, hours=2))


@pytest.fixture
def single(owner: Member, bea: User, cem: User, dia: User) -> Dispute:
    """A case of one answer to a task that three others answered, with a file to it."""
    batch = factories.make_open_batch(owner, tasks=8, overlap=4)
    for name, value, state in (
        ("eve", "negative", "approved"),
        ("fay", "positive", "submitted"),
        ("gil", "positive", "submitted"),
    ):
        worker = factories.make_user(name)
        factories.make_assignment(worker=worker, batch=batch, state=state, value=value)
    found = disputed(bea, batch, owner)
    replies.add_evidence(
        dispute_id=found.pk,
        by=bea,
        member=None,
        file=ContentFile(b"\x89PNG\r\n\x1a\n" + b"0" * 2_000, name="x.png"),
        name="what-i-saw.png",
        shared=False,
        now=factories.NOW,
    )
    disputed(cem, batch, owner)
    return reply(found, owner, due=timedelta(hours=31))


def shoot(page: Page, name: str) -> None:
    """A picture of the page, where somebody wants to look at it."""
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_accessible(
    open_page: Open,
    single: Dispute,
    owner: Member,
    bea: User,
    cem: User,
    dia: User,
    width: int,
    scheme: str,
) -> None:
    many = group(cem, owner)
    ids = {one.assignment_id: False for one in group(bea, owner).rejections.all()}
    decided = Dispute.objects.order_by("-pk")[0]
    for pk in ids:
        contests.contest(assignment_id=pk, worker=bea, now=factories.NOW)
    judging.decide(
        dispute_id=decided.pk, by=dia, unfounded=ids, reasons=REASONS, now=timezone.now()
    )
    report = reports.report_batch(
        batch_id=single.batch_id,
        worker=cem,
        kind="external",
        text="Task 4 asks me to answer in a form on another site.",
        now=factories.NOW,
    )
    suspension = suspensions.suspend(
        user_id=cem.pk, by=dia, reason="Two accounts of one and the same person.", now=factories.NOW
    )
    page = open_page(dia, width=width, color_scheme=scheme)
    for name, path in (
        ("queue", reverse("console")),
        ("single", reverse("console_case", args=[single.pk])),
        ("group", reverse("console_case", args=[many.pk])),
        ("decided", reverse("console_case", args=[decided.pk])),
        ("unfreeze", reverse("console_unfreeze", args=[decided.batch_id])),
        ("reports", reverse("console_reports")),
        ("report", reverse("console_report", args=[report.pk])),
        ("suspensions", reverse("console_suspensions")),
        ("suspension", reverse("console_suspension", args=[suspension.pk])),
        ("log", reverse("console_log")),
    ):
        page.goto(path)
        check_page(page)
        shoot(page, f"{name}-{width}-{scheme}")


def test_each_answer_is_shown_as_it_was_given(
    open_page: Open, owner: Member, bea: User, dia: User
) -> None:
    dispute = group(bea, owner)
    page = open_page(dia)
    page.goto(reverse("console_case", args=[dispute.pk]))
    for one in Assignment.objects.filter(rejection__dispute=dispute).order_by("pk"):
        value = VALUES[one.task.position]
        item = page.locator(f"#answer-{one.pk}")
        expect(item.get_by_role("radio", name=value)).to_be_checked()
        text = f"Sentence number {one.task.position}."
        expect(item.get_by_label("Text: text")).to_have_text(text)


def test_a_group_is_judged_by_keyboard(
    open_page: Open, single: Dispute, owner: Member, bea: User, dia: User
) -> None:
    dispute = group(bea, owner)
    page = open_page(dia)
    page.goto(reverse("console"))
    # The most urgent first: down to the group's case and in.
    page.keyboard.press("j")
    expect(page.get_by_role("link", name=f"Case #{single.pk}", exact=True)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Case #{dispute.pk}")
    expect(page.get_by_text("0 of 3 judged")).to_be_attached()
    for key in ("j", "u", "j", "f", "j", "f", "k", "u"):
        page.keyboard.press(key)
    expect(page.get_by_text("3 of 3 judged")).to_be_visible()
    page.keyboard.press("r")
    # Where one types, letters are letters.
    page.keyboard.type(REASONS)
    expect(page.get_by_label("Reasons")).to_have_value(REASONS)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    # On to the next case of the queue.
    expect(page.get_by_text(f"Case {dispute.pk} is decided: 2 paid, 1 upheld.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Case #{single.pk}")
    decision = Decision.objects.get(dispute=dispute)
    assert (decision.reasons, decision.overturned, decision.upheld) == (REASONS, 2, 1)
    judged = dispute.rejections.order_by("pk").values_list("unfounded", flat=True)
    assert list(judged) == [True, True, False]


def test_the_keys_are_listed_and_can_be_turned_off(
    open_page: Open, single: Dispute, dia: User
) -> None:
    page = open_page(dia)
    page.goto(reverse("console_case", args=[single.pk]))
    page.keyboard.press("u")
    expect(page.get_by_label("Rejection unfounded – pay")).to_be_checked()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    check_page(page)
    shoot(page, "keys")
    dialog.get_by_label("Use these keys on this device").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("f")
    expect(page.get_by_label("Rejection unfounded – pay")).to_be_checked()
    # The list itself is still there, to turn them on again.
    page.get_by_role("button", name="Keys").click()
    dialog.get_by_label("Use these keys on this device").check()
    dialog.get_by_role("button", name="Close").click()
    page.keyboard.press("f")
    expect(page.get_by_label("Rejection stands")).to_be_checked()
    page.keyboard.press("g")
    page.keyboard.press("q")
    expect(page.get_by_role("heading", level=1)).to_have_text("Console")


def test_without_script_it_is_a_form(open_page: Open, owner: Member, bea: User, dia: User) -> None:
    dispute = group(bea, owner)
    page = open_page(dia, java_script_enabled=False)
    page.goto(reverse("console_case", args=[dispute.pk]))
    for number, one in enumerate(dispute.rejections.order_by("pk")):
        item = page.locator(f"#answer-{one.assignment_id}")
        item.get_by_label("Rejection unfounded – pay" if number else "Rejection stands").check()
    page.get_by_label("Reasons").fill("too short")
    page.get_by_role("button", name="Decide and go on").click()
    # The browser itself asks for more; what was chosen stays.
    page.get_by_label("Reasons").fill(REASONS)
    page.get_by_role("button", name="Decide and go on").click()
    expect(page.get_by_text("2 paid, 1 upheld")).to_be_visible()


def test_a_refused_decision_says_why_and_leads_there(
    open_page: Open, owner: Member, bea: User, dia: User
) -> None:
    batch = factories.make_open_batch(
        owner,
        interface='<View><Text name="t" value="$text"/><TextArea name="w" toName="t"/></View>',
    )
    one = claims.claim(worker=bea, batch_id=batch.pk, now=factories.NOW)
    content = [
        {
            "id": "w",
            "from_name": "w",
            "to_name": "t",
            "type": "textarea",
            "value": {"text": ["a canary that is yellow"]},
        }
    ]
    work.submit(assignment_id=one.pk, worker=bea, content=content, key="k", now=factories.NOW)
    openings.open_answer(assignment_id=one.pk, by=owner, now=factories.NOW)
    factories.reject(one, by=owner, now=factories.NOW)
    contests.contest(assignment_id=one.pk, worker=bea, statement="", now=factories.NOW)
    dispute = reply(Dispute.objects.get(batch=batch), owner, due=timedelta(days=1))
    page = open_page(dia)
    page.goto(reverse("console_case", args=[dispute.pk]))
    page.keyboard.press("f")
    page.get_by_label("Reasons").fill(f"{REASONS} She wrote: a canary that is yellow.")
    page.get_by_role("button", name="Decide and go on").click()
    expect(page.get_by_role("alert")).to_contain_text("without quoting the answer")
    expect(page.get_by_label("Rejection stands")).to_be_checked()
    expect(page.get_by_label("Reasons")).to_have_value(
        f"{REASONS} She wrote: a canary that is yellow."
    )
    check_page(page)
