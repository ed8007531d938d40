"""Money that leaves: to the worker, once, in full, whatever the bank and the line do."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from core import events, money, rules
from core.errors import Forbidden, IllegalMove, NotFound
from core.models import Event
from payments.models import Payout, PayoutAccount
from payments.selectors import balances, statements
from payments.services import payouts
from payments.services.payouts import PayoutRefused
from tests.payments import books

pytestmark = pytest.mark.django_db
EARNED = 12_345 * money.CENT


@pytest.fixture
def rich(bea: User, settings: Any) -> User:
    """Bea, who has earned 123.45."""
    settings.SANDBOX = True
    books.earn(bea, EARNED)
    return bea


def request(worker: User, amount: int | None = None, **more: Any) -> Payout:
    asked = {"worker": worker, "amount": amount, "by": worker, "now": books.NOW} | more
    return payouts.request_payout(**asked)


def test_request_payout_reserves_the_money_at_once(rich: User) -> None:
    payout = request(rich, 10 * money.UNIT)
    assert (payout.state, payout.amount, payout.due_at) == ("reserved", 10_000_000, books.NOW)
    assert balances.worker_balance(rich.pk) == EARNED - 10 * money.UNIT
    assert Event.objects.get(kind="payout.requested").data == {
        "worker_id": rich.pk,
        "amount": "10.00",
    }


def test_request_payout_of_everything_leaves_less_than_a_cent(rich: User) -> None:
    assert request(rich).amount == EARNED
    assert balances.worker_balance(rich.pk) == 0


def test_request_payout_takes_whole_cents_down(rich: User) -> None:
    assert request(rich, 10 * money.UNIT + 9_999).amount == 10 * money.UNIT


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (rules.PAYOUT_MIN - money.CENT, "payout_below_minimum"),
        (0, "payout_below_minimum"),
        (-money.UNIT, "payout_below_minimum"),
        (EARNED + money.CENT, "payout_above_balance"),
    ],
)
def test_request_payout_between_the_minimum_and_the_balance(
    rich: User, amount: int, code: str
) -> None:
    with pytest.raises(PayoutRefused) as refusal:
        request(rich, amount)
    assert (refusal.value.status, refusal.value.code) == (422, code)
    assert not Payout.objects.exists()


def test_request_payout_without_earnings_is_refused(cem: User, settings: Any) -> None:
    settings.SANDBOX = True
    with pytest.raises(PayoutRefused, match="at least"):
        request(cem)


def test_request_payout_with_the_same_key_is_made_once(rich: User) -> None:
    first = request(rich, 10 * money.UNIT, key="k1")
    assert request(rich, 10 * money.UNIT, key="k1") == first
    assert request(rich, 10 * money.UNIT, key="k2") != first
    assert balances.worker_balance(rich.pk) == EARNED - 20 * money.UNIT


def test_request_payout_for_somebody_else_is_refused(rich: User, cem: User, ada: User) -> None:
    for worker, by in ((rich, cem), (ada, ada)):
        with pytest.raises(Forbidden) as refusal:
            request(worker, by=by)
        assert refusal.value.code == "not_yours"


def test_where_the_money_goes_is_known_in_the_sandbox_only(rich: User, settings: Any) -> None:
    settings.SANDBOX = False
    with pytest.raises(PayoutRefused) as refusal:
        request(rich)
    assert refusal.value.code == "no_payout_account"
    settings.SANDBOX = True
    assert request(rich).account == PayoutAccount.objects.get(worker=rich)
    assert request_again_uses_the_same_account(rich)


def request_again_uses_the_same_account(worker: User) -> bool:
    books.earn(worker, EARNED, batch_id=10)
    return request(worker).account_id == PayoutAccount.objects.get(worker=worker).pk


def test_request_payout_is_not_kept_when_its_event_cannot_be_written(
    rich: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(events, "record", fail)
    with pytest.raises(OSError, match="disk full"):
        request(rich)
    assert not Payout.objects.exists()
    assert balances.worker_balance(rich.pk) == EARNED


def test_cancel_payout_puts_the_money_back(rich: User) -> None:
    payout = request(rich)
    cancelled = payouts.cancel_payout(payout_id=payout.pk, by=rich, now=books.NOW)
    assert (cancelled.state, cancelled.due_at) == ("cancelled", None)
    assert balances.worker_balance(rich.pk) == EARNED
    assert Event.objects.filter(kind="payout.cancelled").count() == 1


def test_cancel_payout_twice_is_refused(rich: User) -> None:
    payout = request(rich)
    payouts.cancel_payout(payout_id=payout.pk, by=rich, now=books.NOW)
    with pytest.raises(IllegalMove):
        payouts.cancel_payout(payout_id=payout.pk, by=rich, now=books.NOW)
    assert balances.worker_balance(rich.pk) == EARNED


def test_cancel_payout_of_somebody_else_is_not_found(rich: User, cem: User) -> None:
    payout = request(rich)
    with pytest.raises(NotFound):
        payouts.cancel_payout(payout_id=payout.pk, by=cem, now=books.NOW)


def weekly(now: datetime) -> int:
    return payouts.request_weekly(now=now)


@pytest.fixture
def weekly_worker(rich: User, settings: Any) -> User:
    """Bea, a member for longer than a week, where a bank is known."""
    settings.SANDBOX_BANK_URL = "http://127.0.0.1:9"
    User.objects.update(date_joined=books.NOW - rules.PAYOUT_EVERY)
    return rich


def test_weekly_payout_takes_everything_once_a_week(weekly_worker: User) -> None:
    assert weekly(books.NOW) == 1
    payout = Payout.objects.get()
    assert (payout.worker, payout.amount, payout.requested_by) == (weekly_worker, EARNED, None)
    books.earn(weekly_worker, EARNED, batch_id=10)
    assert weekly(books.NOW + timedelta(days=6)) == 0
    assert weekly(books.NOW + timedelta(days=8)) == 1


def test_weekly_payout_needs_the_minimum_and_a_week(
    weekly_worker: User, cem: User, settings: Any
) -> None:
    User.objects.filter(pk=cem.pk).update(date_joined=books.NOW - timedelta(days=30))
    books.earn(cem, rules.PAYOUT_MIN - money.CENT, batch_id=10)
    User.objects.filter(pk=weekly_worker.pk).update(date_joined=books.NOW - timedelta(days=1))
    assert weekly(books.NOW) == 0


def test_weekly_payout_without_a_provider_or_an_account_waits(
    weekly_worker: User, settings: Any
) -> None:
    settings.SANDBOX_BANK_URL = ""
    assert weekly(books.NOW) == 0


def test_weekly_payout_of_real_money_needs_to_know_where(
    weekly_worker: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payouts, "providers", lambda: {"bank": object()})
    settings.SANDBOX = False
    assert weekly(books.NOW) == 0
    PayoutAccount.objects.create(
        worker=weekly_worker, provider="bank", destination="x", label="x", created_at=books.NOW
    )
    assert weekly(books.NOW) == 1
    assert Payout.objects.get().provider == "bank"


def test_weekly_payout_comes_second_to_her_own(
    weekly_worker: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = payouts._due_weekly

    def slow(*, now: datetime) -> list[User]:
        found = list(due(now=now))
        request(weekly_worker)
        return found

    monkeypatch.setattr(payouts, "_due_weekly", slow)
    assert weekly(books.NOW) == 0
    assert Payout.objects.count() == 1


def test_earnings_are_what_is_left_on_its_way_and_paid(rich: User) -> None:
    request(rich, 100 * money.UNIT)
    earnings = statements.worker_earnings(rich.pk)
    assert (earnings.balance, earnings.in_clearing, earnings.paid_out) == (
        EARNED - 100 * money.UNIT,
        100 * money.UNIT,
        0,
    )
    assert earnings.earned == EARNED
    assert [(entry.kind, entry.amount) for entry in earnings.entries] == [
        ("payout_requested", -100 * money.UNIT),
        ("settle", EARNED),
    ]
    assert list(statements.worker_payouts(rich.pk)) == [Payout.objects.get()]
