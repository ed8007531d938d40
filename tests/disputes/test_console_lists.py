"""The console's lists: reports, suspensions and the log, and what is decided there."""

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Member, Suspension, User
from disputes.models import Dispute, LogEntry, Report
from disputes.services import judging, replies, reports, suspensions
from tasks.models import Batch
from tests import factories
from tests.factories import NOW, make_assignment, make_open_batch

pytestmark = pytest.mark.django_db
REASONS = "The criterion asks for the writer's feeling, and the client's reason is about grammar."


@pytest.fixture
def staff(dia: User) -> Browser:
    """Dia, signed in."""
    browser = Browser()
    browser.force_login(dia)
    return browser


def queries(browser: Browser, path: str) -> int:
    browser.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(path).status_code == 200
    # Whether the session is in the cache is not the page's doing.
    return len([one for one in captured if "django_session" not in one["sql"]])


def test_a_report_is_decided_with_those_like_it(
    staff: Browser, owner: Member, bea: User, cem: User
) -> None:
    batch = make_open_batch(owner)
    text = "It sends me to a form on another site."
    made = [
        reports.report_batch(batch_id=batch.pk, worker=w, kind="external", text=text, now=NOW)
        for w in (bea, cem)
    ]
    listed = staff.get(reverse("console_reports"))
    assert listed.context["reports"] == made
    assert listed.context["waiting"].reports == 2
    path = reverse("console_report", args=[made[0].pk])
    body = staff.get(path).content.decode()
    assert body.count(text) == 2
    assert "Sentence number 0." in body
    assert "Bea" not in body
    assert staff.post(path, {"founded": "yes", "reasons": "short"}).status_code == 200
    data = {"founded": "yes", "reasons": "Its instructions name another site to answer on."}
    assert staff.post(path, data).status_code == 302
    assert set(Report.objects.values_list("state", flat=True)) == {"upheld"}
    assert Batch.objects.get(pk=batch.pk).rejections_barred_at is not None
    assert data["reasons"] in staff.get(path).content.decode()


def test_a_person_is_suspended_by_address_and_let_back(staff: Browser, bea: User) -> None:
    path = reverse("console_suspensions")
    data = {"email": "BEA@example.org", "reason": "Two accounts of one and the same person."}
    assert "Nobody has an account" in staff.post(path, data | {"email": "x@y.org"}).content.decode()
    assert staff.post(path, data).status_code == 302
    suspension = Suspension.objects.get(user=bea)
    assert "suspended already" in staff.post(path, data).content.decode()
    one = reverse("console_suspension", args=[suspension.pk])
    assert data["reason"] in staff.get(one).content.decode()
    assert staff.post(one, {"reason": "It was somebody else after all."}).status_code == 302
    suspension.refresh_from_db()
    assert suspension.ended_at is not None
    kinds = LogEntry.objects.order_by("number").values_list("kind", flat=True)
    assert list(kinds) == ["suspended", "unsuspended"]


def test_the_log_is_shown_with_what_its_chain_says(
    staff: Browser, owner: Member, bea: User, dia: User
) -> None:
    one = make_assignment(worker=bea, batch=make_open_batch(owner), state="disputed")
    dispute = Dispute.objects.get(rejections__assignment=one)
    replies.reply(dispute_id=dispute.pk, by=owner, text="We stand by what we wrote.", now=NOW)
    judging.decide(
        dispute_id=dispute.pk, by=dia, unfounded={one.pk: True}, reasons=REASONS, now=NOW
    )
    suspensions.suspend(user_id=bea.pk, by=dia, reason="For the sake of this test.", now=NOW)
    page = staff.get(reverse("console_log"))
    assert [row.entry.kind for row in page.context["rows"]] == ["suspended", "decision"]
    body = page.content.decode()
    assert "The chain of these 2 entries holds" in body
    assert "Level 1: 1 paid, 0 upheld" in body


@pytest.mark.parametrize("name", ["console_reports", "console_suspensions", "console_log"])
def test_a_list_costs_the_same_whatever_its_length(
    staff: Browser, owner: Member, dia: User, name: str
) -> None:
    def add(number: int) -> None:
        batch = make_open_batch(owner)
        person = factories.make_user(f"p{number}")
        text = "It cannot be done like this."
        reports.report_batch(batch_id=batch.pk, worker=person, kind="broken", text=text, now=NOW)
        suspensions.suspend(user_id=person.pk, by=dia, reason="For this very test.x", now=NOW)

    add(1)
    one = queries(staff, reverse(name))
    for number in range(2, 5):
        add(number)
    assert queries(staff, reverse(name)) == one
