"""The pages of both sides of a rejection in a real browser: small screens, both directions."""

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Member, User
from accounts.selectors import pseudonym
from disputes.models import Dispute
from disputes.services import clocks, contests, judging, replies, suspensions
from tasks.models import Assignment, Batch, Exclusion
from tasks.services import exclusions, gold
from tests import factories
from tests.browser.conftest import WIDTHS, Open, check_page
from tests.disputes import cases

# Where to put pictures of every page, for people to look at; nowhere, if it is not set.
PICTURES = os.environ.get("SCREENSHOTS", "")
REASONS = "The criterion asks what the writer feels. The sentence says nothing of it, so it stands."
LONG = "It is about the shop and not about the phone, so the first criterion does not fit it."


@dataclass
class World:
    """Bea's answers in a batch of Ada's, one in each state, by its name."""

    batch: Batch
    draft: Batch
    answers: dict[str, int]
    disputes: dict[str, Dispute]

    def worker_pages(self) -> dict[str, str]:
        exclusion = Exclusion.objects.get(batch=self.batch)
        found = {name: reverse("refusal", args=[pk]) for name, pk in self.refused().items()}
        return found | {
            "disputes": reverse("disputes"),
            "disputes-closed": reverse("disputes") + "?state=closed",
            "my-work": reverse("my_work"),
            "task-opened": reverse("work_task", args=[self.answers["opened"]]),
            "task-rejected": reverse("work_task", args=[self.answers["rejected"]]),
            "task-refused": reverse("work_task", args=[self.answers["refused"]]),
            "work-batch": reverse("work_batch", args=[self.batch.pk]),
            "exclusion": reverse("exclusion_reply", args=[exclusion.pk]),
            "report": reverse("batch_report", args=[self.batch.pk]),
            "archive": reverse("archive"),
            "suspension": reverse("suspension"),
        }

    def refused(self) -> dict[str, int]:
        return {name: pk for name, pk in self.answers.items() if name not in ("sealed", "opened")}

    def client_pages(self) -> dict[str, str]:
        batch, answers = self.batch.pk, self.answers
        reviewed = ("sealed", "opened", "rejected", "filed", "refused")
        found = {
            f"review-{name}": reverse("answer_review", args=[batch, answers[name]])
            for name in reviewed
        }
        found |= {
            f"dispute-{name}": reverse("dispute", args=[one.pk])
            for name, one in self.disputes.items()
        }
        return found | {
            "sample": reverse("batch_sample", args=[batch]),
            "assignments": reverse("batch_assignments", args=[batch]),
            "disputes": reverse("disputes"),
            "exclusions": reverse("batch_exclusions", args=[batch]),
            "gold": reverse("batch_gold", args=[self.draft.pk]),
            "gold-published": reverse("batch_gold", args=[batch]),
            "draft-edit": reverse("batch_edit", args=[self.draft.pk]),
        }


@pytest.fixture
def world(transactional_db: None, owner: Member, bea: User, cem: User, dia: User) -> World:
    now = timezone.now()
    draft = factories.make_batch(owner, tasks=3, title="مراجعات الهواتف")
    known = [{"external_id": "t1", "answer": factories.answer()}]
    gold.set_gold(batch_id=draft.pk, by=owner, known=known, now=now)
    batch = factories.make_open_batch(owner, tasks=40, now=now)
    answers = {"refused": cases.rejected(bea, batch, by=owner, now=now - timedelta(days=15))}
    clocks.run(now=now)
    made = {"refused": answers["refused"].assignment_id}
    # More is opened than rejected, so that no brake gathers all into one case.
    for _number in range(9):
        made["opened"] = cases.submit(bea, batch, now=now)
        cases.open_answer(made["opened"], by=owner, now=now)
    for name in ("rejected", "filed", "answered", "upheld", "overturned"):
        made[name] = cases.rejected(bea, batch, by=owner, now=now).assignment_id
    disputes = {
        name: contested(made[name], owner, bea, upto=name)
        for name in ("filed", "answered", "upheld", "overturned")
    }
    made["sealed"] = cases.submit(cem, batch, now=now)
    exclusions.exclude(
        batch_id=batch.pk,
        worker=pseudonym(client=owner.client, worker_id=bea.pk),
        by=owner,
        reason="Every answer so far was the first choice, whatever the sentence says.",
        now=now,
    )
    suspensions.suspend(user_id=bea.pk, by=dia, reason="Two accounts of one person.", now=now)
    return World(batch, draft, made, disputes)


def contested(assignment_id: int, owner: Member, bea: User, *, upto: str) -> Dispute:
    """The dispute of a rejection, driven up to a state."""
    now, said = timezone.now(), "I read it twice.\nIt is glad, “<b>very</b> glad”."
    found = contests.contest(assignment_id=assignment_id, worker=bea, statement=said, now=now)
    if upto != "filed":
        replies.reply(dispute_id=found.pk, by=owner, text=LONG, now=now)
    if upto in ("upheld", "overturned"):
        dia = User.objects.get(email="dia@example.org")
        unfounded = {assignment_id: upto == "overturned"}
        judging.decide(dispute_id=found.pk, by=dia, unfounded=unfounded, reasons=REASONS, now=now)
    return found


def picture(page: Page, name: str) -> None:
    """Keeps what the page looks like, if somebody wants to look."""
    if PICTURES:
        folder = Path(PICTURES)
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png", full_page=True)


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ar", "dark")])
@pytest.mark.parametrize("side", ["worker", "client"])
def test_every_page_fits_and_is_accessible_in_both_directions(
    open_page: Open, world: World, ada: User, bea: User, side: str, language: str, scheme: str
) -> None:
    person, paths = (bea, world.worker_pages()) if side == "worker" else (ada, world.client_pages())
    page = open_page(person, language=language, color_scheme=scheme)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for name, path in paths.items():
            page.goto(path)
            # Whatever is folded up has to fit, too.
            page.evaluate("document.querySelectorAll('main details').forEach(d => d.open = true)")
            check_page(page)
            assert page.locator("html").get_attribute("dir") == (
                "rtl" if language == "ar" else "ltr"
            )
            picture(page, f"{side}-{name}-{width}-{language}-{scheme}")


def test_opening_rejecting_and_taking_it_back_without_script(
    open_page: Open, owner: Member, ada: User, bea: User
) -> None:
    batch = factories.make_open_batch(owner, now=timezone.now())
    one = cases.submit(bea, batch, value="negative", now=timezone.now())
    page = open_page(ada, width=320, java_script_enabled=False)
    page.goto(reverse("batch_sample", args=[batch.pk]))
    page.get_by_role("link", name="Review t").click()
    expect(page.get_by_label("negative")).to_have_count(0)
    page.get_by_role("button", name="Open (recorded; the worker sees it)").click()
    expect(page.get_by_label("negative")).to_be_checked()
    page.get_by_text("Reject it, with a reason").click()
    expect(page.get_by_text("3 more rejections open no dispute by themselves.")).to_be_visible()
    page.get_by_label("The instructions were not followed").check()
    page.get_by_label("1. Judge what the writer feels").check()
    page.get_by_label("What exactly is wrong with this answer").fill(factories.EXPLANATION)
    page.get_by_role("button", name="Reject this answer").click()
    expect(page.locator(".messages")).to_contain_text("you cannot read it any more")
    expect(page.get_by_label("negative")).to_have_count(0)
    page.get_by_role("button", name=re.compile("Withdraw and pay")).click()
    expect(page.get_by_label("negative")).to_be_checked()
    assert Assignment.objects.get(pk=one).state == "approved"


def test_a_rejection_is_contested_with_the_keyboard_alone(
    open_page: Open, owner: Member, bea: User
) -> None:
    now = timezone.now()
    batch = factories.make_open_batch(owner, now=now)
    cases.rejected(bea, batch, by=owner, now=now)
    page = open_page(bea)
    page.goto(reverse("my_work"))
    page.get_by_role("link", name="Read why").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your answer was rejected")
    page.get_by_label("What you want to say").focus()
    page.keyboard.type("It says so in the first word.")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Contest")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".messages")).to_contain_text("or you are paid")
    expect(page.get_by_text("It says so in the first word.")).to_be_visible()
    assert Dispute.objects.get().state == "filed"
