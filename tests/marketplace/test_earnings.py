"""What a worker is promised of her money: every cent named, and hers to take, once."""

import re
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import Member, User
from core import money
from marketplace import earnings
from payments.models import Payout
from payments.services import payouts
from payments.states import PayoutState
from tasks.models import Batch
from tests import factories
from tests.tasks.test_views_work import browser, statements, text

__all__ = ["browser"]


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=25, reward=300 * money.CENT)


def earn(worker: User, batch: Batch, *, answers: int = 1) -> None:
    for _number in range(answers):
        factories.make_assignment(worker=worker, batch=batch, state="approved")


def ask(browser: Browser, *, key: str = "", **fields: str) -> Any:
    """Sends the payout form as the page has it."""
    page = text(browser.get(reverse("earnings")))
    found = re.search(r'name="key" value="([^"]+)"', page)
    key = key or (found[1] if found else "none")
    return browser.post(reverse("payout_request"), {"key": key, "amount": ""} | fields)


def test_earnings_tell_what_is_hers_what_is_pending_and_what_each_cent_is_for(
    browser: Browser, bea: User, cem: User, batch: Batch
) -> None:
    earn(bea, batch, answers=2)
    earn(cem, batch)
    factories.make_assignment(worker=bea, batch=batch, state="submitted")
    response = browser.get(reverse("earnings"))
    page = text(response)
    assert response.context["sums"].balance == 600 * money.CENT
    assert response.context["pending"].amount == 300 * money.CENT
    assert "1 answer" in page
    assert page.count("Is this review positive?") == 2
    for line in response.context["lines"]:
        assert line.assignment.worker_id == bea.pk
        assert reverse("work_task", args=[line.assignment.pk]) in page


@pytest.mark.parametrize("count", [1, 3])
def test_earnings_cost_six_statements_whatever_was_earned(
    browser: Browser, bea: User, batch: Batch, count: int
) -> None:
    earn(bea, batch, answers=count)
    with statements(6):
        browser.get(reverse("earnings"))


def test_the_statement_is_read_in_pages(browser: Browser, bea: User, batch: Batch) -> None:
    earn(bea, batch, answers=21)
    first = browser.get(reverse("earnings"))
    second = browser.get(reverse("earnings") + first.context["older"])
    assert len(first.context["lines"]) == 20
    assert len(second.context["lines"]) == 1
    assert second.context["newer"] == reverse("earnings")
    assert second.context["older"] == ""


def test_before_the_first_payment_the_page_says_what_will_stand_there(browser: Browser) -> None:
    page = text(browser.get(reverse("earnings")))
    assert "Nothing has come in yet" in page
    assert "You can take money out once there is 5.00" in page
    assert "Send it to my bank" not in page


def test_everything_is_taken_out_when_no_amount_is_typed(
    browser: Browser, bea: User, batch: Batch
) -> None:
    earn(bea, batch, answers=2)
    assert ask(browser)["Location"] == reverse("earnings")
    response = browser.get(reverse("earnings"))
    page = text(response)
    assert "6.00\u00a0USD is on its way to you" in page
    assert "Set aside; it is sent within a minute." in page
    assert response.context["sums"].balance == 0
    assert response.context["sums"].in_clearing == 600 * money.CENT


@pytest.mark.parametrize("typed", ["5.50", "5,50", "٥٫٥٠"])
def test_an_amount_is_read_as_people_write_it(
    browser: Browser, bea: User, batch: Batch, typed: str
) -> None:
    earn(bea, batch, answers=2)
    ask(browser, amount=typed)
    assert Payout.objects.get().amount == 550 * money.CENT


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("4.99", "A payout is at least"),
        ("6.01", "There is less than that on your balance"),
        ("5.005", "Whole cents only"),
        ("much", "Give an amount as text"),
        ("-5", "Give an amount as text"),
    ],
)
def test_a_payout_that_is_not_possible_is_refused_at_its_field(
    browser: Browser, bea: User, batch: Batch, typed: str, said: str
) -> None:
    earn(bea, batch, answers=2)
    response = ask(browser, amount=typed)
    page = text(response)
    assert response.status_code == 422
    assert said in page
    assert f'value="{typed}"' in page
    assert not Payout.objects.exists()


def test_a_double_click_takes_the_money_once(browser: Browser, bea: User, batch: Batch) -> None:
    earn(bea, batch, answers=4)
    for _click in range(2):
        ask(browser, key="one-page", amount="5.00")
    assert Payout.objects.count() == 1


def test_a_payout_without_a_key_is_refused(browser: Browser, bea: User, batch: Batch) -> None:
    earn(bea, batch, answers=2)
    assert browser.post(reverse("payout_request"), {"amount": "5.00"}).status_code == 422
    assert not Payout.objects.exists()


def test_a_payout_can_be_cancelled_until_it_is_sent(
    browser: Browser, bea: User, batch: Batch
) -> None:
    earn(bea, batch, answers=2)
    ask(browser)
    payout = Payout.objects.get()
    cancel = reverse("payout_cancel", args=[payout.pk])
    assert cancel in text(browser.get(reverse("earnings")))
    assert browser.post(cancel)["Location"] == reverse("earnings")
    response = browser.get(reverse("earnings"))
    assert response.context["sums"].balance == 600 * money.CENT
    assert "You cancelled it. The money is back" in text(response)
    assert cancel not in text(response)
    assert browser.post(cancel).status_code == 409


def test_payouts_are_hers_alone(browser: Browser, bea: User, cem: User, batch: Batch) -> None:
    earn(bea, batch, answers=2)
    ask(browser)
    other = Browser()
    other.force_login(cem)
    assert "None so far." in text(other.get(reverse("earnings")))
    cancel = reverse("payout_cancel", args=[Payout.objects.get().pk])
    assert other.post(cancel).status_code == 404


def test_all_payouts_have_a_page_when_there_are_many(
    browser: Browser, bea: User, batch: Batch
) -> None:
    earn(bea, batch, answers=20)
    for number in range(6):
        payouts.request_payout(
            worker=bea, amount=500 * money.CENT, by=bea, now=timezone.now(), key=f"k{number}"
        )
    assert reverse("payouts") in text(browser.get(reverse("earnings")))
    with statements(1):
        response = browser.get(reverse("payouts"))
    assert len(response.context["payouts"]) == 6


@pytest.mark.parametrize("name", ["earnings", "payouts"])
def test_earnings_are_for_workers_who_signed_in(ada: User, name: str) -> None:
    browser = Browser()
    assert browser.get(reverse(name)).status_code == 302
    browser.force_login(ada)
    assert browser.get(reverse(name)).status_code == 403


def test_every_state_of_a_payout_is_told_in_plain_words() -> None:
    assert set(earnings.WORDS) == set(PayoutState)
