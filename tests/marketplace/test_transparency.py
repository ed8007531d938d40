"""What everybody may know of refusals, by month and by client: counted by a job, read at once."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from accounts.models import Member, User
from disputes.models import Dispute, Month, Rejection
from disputes.selectors import transparency as selectors
from disputes.services import clocks, contests, judging, replies, transparency
from tasks.models import Assignment, Batch, ClientRecord
from tasks.services import figures, reviews
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def dispute_of(one: Assignment) -> Dispute:
    found: Dispute | None = Rejection.objects.get(assignment=one).dispute
    assert found is not None
    return found


def judge(one: Assignment, *, dia: User, unfounded: bool, now: datetime) -> None:
    judging.decide(
        dispute_id=dispute_of(one).pk,
        by=dia,
        unfounded={one.pk: unfounded},
        reasons="The answer was compared with the criterion that was cited.",
        now=now,
    )


@pytest.fixture
def story(owner: Member, bea: User, cem: User, dia: User) -> Batch:
    """Approved by hand and by the clock; rejected and lapsed, overturned, upheld: one of each."""
    batch = factories.make_open_batch(owner, tasks=12)
    factories.make_assignment(worker=bea, batch=batch, state="approved")
    factories.make_assignment(worker=bea, batch=batch, state="submitted")
    lapsed = factories.make_assignment(worker=bea, batch=batch, state="rejected")
    won = factories.make_assignment(worker=cem, batch=batch, state="rejected")
    lost = factories.make_assignment(worker=cem, batch=batch, state="opened")
    factories.reject(lost, by=owner, explanation=factories.EXPLANATION + " Once more, differently.")
    reviews.approve_due(now=NOW + 3 * DAY)
    for one in (won, lost):
        contests.contest(assignment_id=one.pk, worker=cem, now=NOW)
        replies.reply(
            dispute_id=dispute_of(one).pk, by=owner, text="We stand by it, really.", now=NOW
        )
    judge(won, dia=dia, unfounded=True, now=NOW + 2 * DAY)
    judge(lost, dia=dia, unfounded=False, now=NOW + 4 * DAY)
    clocks.run(now=NOW + 20 * DAY)
    assert Rejection.objects.get(assignment=lapsed).outcome == "lapsed"
    return batch


def test_count_months_counts_each_thing_in_the_month_in_which_it_happened(story: Batch) -> None:
    transparency.count_months(now=NOW + 20 * DAY)
    month = Month.objects.get()
    assert month.month == date(2026, 3, 1)
    assert (month.reviewed, month.approved, month.by_clock) == (5, 3, 1)
    assert (month.opened, month.rejected, month.contested) == (3, 3, 2)
    assert (month.disputes, month.decided, month.overturned) == (2, 2, 1)
    assert (month.refused, month.leaked) == (2, 1)
    # Three were decided at once and one rejected too; only the clock took three days.
    assert month.median_review_seconds == 0
    assert month.median_decision_seconds == 2 * 86_400


def test_count_months_again_changes_nothing_but_when(story: Batch) -> None:
    transparency.count_months(now=NOW + 20 * DAY)
    before = Month.objects.values().exclude(month=None).get()
    transparency.count_months(now=NOW + 21 * DAY)
    after = Month.objects.values().get()
    assert after | {"refreshed_at": before["refreshed_at"]} == before


def test_count_months_catches_up_after_a_pause_and_leaves_what_is_over(story: Batch) -> None:
    transparency.count_months(now=NOW + 20 * DAY)
    transparency.count_months(now=datetime(2026, 6, 10, tzinfo=UTC))
    assert [one.month.month for one in Month.objects.order_by("month")] == [3, 4, 5, 6]
    assert Month.objects.get(month=date(2026, 3, 1)).reviewed == 5
    assert Month.objects.get(month=date(2026, 5, 1)).reviewed == 0
    Month.objects.filter(month=date(2026, 3, 1)).update(reviewed=7)
    transparency.count_months(now=datetime(2026, 6, 11, tzinfo=UTC))
    assert Month.objects.get(month=date(2026, 3, 1)).reviewed == 7


def test_count_months_finds_nothing_where_nothing_was(now: datetime) -> None:
    transparency.count_months(now=now)
    assert set(Month.objects.values_list("reviewed", flat=True)) == {0}


def test_an_appeal_out_of_a_group_is_no_new_dispute(story: Batch) -> None:
    found = Dispute.objects.order_by("pk").first()
    Dispute.objects.create(
        kind="individual",
        cause="brake",
        batch=story,
        client_id=story.client_id,
        state="closed",
        filed_at=NOW,
        decide_by=NOW,
        closed_at=NOW,
        appeal_of=found,
    )
    transparency.count_months(now=NOW + 20 * DAY)
    assert Month.objects.get().disputes == 2


def test_shares_follow_from_the_counts(story: Batch) -> None:
    transparency.count_months(now=NOW + 20 * DAY)
    [row] = selectors.months()
    assert (row.rejection_share, row.overturn_rate, row.leak) == (3 / 5, 1 / 2, 1 / 5)
    assert (row.clock_share, row.days_to_decision) == (1 / 5, 2.0)


def test_shares_of_nothing_are_none(now: datetime) -> None:
    transparency.count_months(now=now)
    row = selectors.months()[0]
    assert set(row.percent.values()) == {None}
    assert row.days_to_decision is None


def test_the_page_is_public_and_explains_its_numbers(story: Batch) -> None:
    transparency.count_months(now=NOW + 20 * DAY)
    page = Browser().get("/transparency/").content.decode()
    assert "60.00&nbsp;%" in page
    assert "1 of 2" in page
    assert "<desc id=" in page
    assert 'href="/transparency/"' in Browser().get("/rules/").content.decode()


def test_the_page_says_so_where_nothing_was_counted() -> None:
    assert "Nothing to count yet" in Browser().get("/transparency/").content.decode()


def test_programs_get_the_same_and_may_keep_it(story: Batch) -> None:
    transparency.count_months(now=NOW + 20 * DAY)
    response = Browser().get("/transparency.json")
    assert response["Cache-Control"] == "public, max-age=600"
    [month] = response.json()["months"]
    assert month["month"] == "2026-03"
    assert (month["reviewed"], month["leaked"], month["leak"]) == (5, 1, 0.2)
    assert month["overturn_rate"] == 0.5


@pytest.mark.parametrize("path", ["/transparency/", "/transparency.json"])
def test_one_query_however_many_months(path: str, now: datetime) -> None:
    for count in (1, 12):
        for number in range(count):
            Month.objects.update_or_create(
                month=date(2025, number + 1, 1),
                defaults={"reviewed": 10, "rejected": number, "refreshed_at": now},
            )
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert Browser().get(path).status_code == 200
        assert len(asked) == 1


# --- a client's record ----------------------------------------------------------------------


def test_a_clients_record_says_how_many_of_its_rejections_were_overturned(story: Batch) -> None:
    figures.refresh_figures(now=NOW + 20 * DAY)
    transparency.count_months(now=NOW + 20 * DAY)
    record = ClientRecord.objects.get(client=story.client_id)
    assert (record.rejected, record.judged, record.overturned) == (3, 2, 1)
    assert (record.decided, record.by_clock) == (3, 1)
    # Each of the two jobs leaves alone what the other counts.
    figures.refresh_figures(now=NOW + 20 * DAY)
    record.refresh_from_db()
    assert (record.rejected, record.decided) == (3, 3)


def test_a_record_begins_with_a_rejection_too(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=2)
    factories.make_assignment(worker=bea, batch=batch, state="rejected")
    ClientRecord.objects.all().delete()
    transparency.count_months(now=NOW)
    assert ClientRecord.objects.get().rejected == 1


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({}, "New here"),
        (
            {"decided": 4, "by_clock": 1},
            "4 answers, 1 of them by the clock (25 %). It has rejected",
        ),
        ({"decided": 4, "rejected": 2}, "No adjudicator has decided"),
        ({"decided": 4, "rejected": 9, "judged": 4, "overturned": 3}, "overturned 3 (75 %)"),
    ],
)
def test_the_card_shows_the_record_with_its_numbers(counts: dict[str, int], said: str) -> None:
    record = ClientRecord(median_review_seconds=3_600, **counts)
    page = render_to_string("tasks/_work_record.html", {"record": record})
    assert said in " ".join(page.split())


def test_the_list_of_work_shows_the_record(story: Batch, bea: User) -> None:
    figures.refresh_figures(now=NOW + 20 * DAY)
    transparency.count_months(now=NOW + 20 * DAY)
    browser = Browser()
    browser.force_login(bea)
    page = " ".join(browser.get("/work/").content.decode().split())
    assert "Adjudicators decided on 2 of them and overturned 1 (50 %)." in page
