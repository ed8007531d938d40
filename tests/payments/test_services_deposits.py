"""Money that comes in: whole cents, once, of the right client, in the sandbox only."""

from datetime import datetime
from typing import Any

import pytest

from accounts.models import Client, User
from core import events, money
from core.errors import Conflict, DomainError, Forbidden, Invalid, RuleBroken
from core.models import Event
from payments.models import Journal
from payments.selectors import balances
from payments.services import deposits

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(acme: Client, ada: User, now: datetime, settings: Any) -> dict[str, Any]:
    settings.SANDBOX = True
    return {
        "client_id": acme.pk,
        "amount": 20 * money.UNIT,
        "provider": "sandbox",
        "reference": "order 1",
        "by": ada,
        "now": now,
    }


def test_deposit_is_on_the_balance_at_once(asked: dict[str, Any], acme: Client, ada: User) -> None:
    journal = deposits.deposit(**asked)
    assert balances.client_balance(acme.pk) == 20 * money.UNIT
    assert (journal.idem, journal.actor) == ("deposit:sandbox:order 1", ada.pk)
    event = Event.objects.get(kind="deposit.settled")
    assert (event.about_id, event.by) == (journal.pk, ada)
    assert event.data == {"client_id": acme.pk, "amount": "20.00"}


def test_deposit_with_the_same_reference_counts_once(asked: dict[str, Any], acme: Client) -> None:
    assert deposits.deposit(**asked) == deposits.deposit(**asked)
    assert balances.client_balance(acme.pk) == 20 * money.UNIT
    assert Event.objects.filter(kind="deposit.settled").count() == 1
    with pytest.raises(Conflict):
        deposits.deposit(**asked | {"amount": money.UNIT})


@pytest.mark.parametrize(
    "amount", [0, -money.CENT, 1, money.CENT + 1, 1_000_000 * money.UNIT + money.CENT]
)
def test_deposit_is_whole_cents_within_the_limit(asked: dict[str, Any], amount: int) -> None:
    with pytest.raises(RuleBroken) as refusal:
        deposits.deposit(**asked | {"amount": amount})
    assert (refusal.value.code, refusal.value.field) == ("deposit_amount", "amount")


def test_deposit_of_the_limit_itself(asked: dict[str, Any], acme: Client) -> None:
    deposits.deposit(**asked | {"amount": 1_000_000 * money.UNIT})
    assert balances.client_balance(acme.pk) == 1_000_000 * money.UNIT


def test_play_money_is_refused_where_real_money_is(asked: dict[str, Any], settings: Any) -> None:
    settings.SANDBOX = False
    with pytest.raises(Forbidden) as refusal:
        deposits.deposit(**asked)
    assert refusal.value.code == "sandbox_only"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("provider", "paypal", "unknown_provider"),
        ("reference", "", "deposit_reference"),
        ("reference", "x" * 151, "deposit_reference"),
        ("reference", "a\nb", "deposit_reference"),
    ],
)
def test_deposit_names_a_provider_and_a_payment(
    asked: dict[str, Any], field: str, value: str, code: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        deposits.deposit(**asked | {field: value})
    assert refusal.value.code == code


def test_only_an_owner_deposits(asked: dict[str, Any], bea: User) -> None:
    with pytest.raises(DomainError) as refusal:
        deposits.deposit(**asked | {"by": bea})
    assert refusal.value.code == "not_owner"


def test_deposit_is_not_kept_when_its_event_cannot_be_written(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, acme: Client
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(events, "record", fail)
    with pytest.raises(OSError, match="disk full"):
        deposits.deposit(**asked)
    assert balances.client_balance(acme.pk) == 0
    assert not Journal.objects.exists()
