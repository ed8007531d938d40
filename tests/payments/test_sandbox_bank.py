"""The sandbox bank as a process: what it keeps, and payouts against it when it is killed."""

import time
from datetime import timedelta
from typing import Any

import pytest
import requests

from accounts.models import User
from core import money
from payments.models import Payout
from payments.providers import sandbox
from payments.providers.base import Made, ProviderSilent, Refused, RemoteState, Unknown
from payments.providers.registry import providers
from payments.providers.sandbox import SandboxBank
from payments.selectors import balances
from payments.services import payouts
from tests.payments import books
from tests.payments.books import NOW
from tests.payments.conftest import SECRET, BankProcess

SECOND = timedelta(seconds=1)
NO_JSON = requests.JSONDecodeError("Expecting value", "<html>", 0)
ASKED = {"reference": "r1", "amount": "5.00", "currency": "USD", "destination": "sandbox-1"}


def ask(bank: BankProcess, key: str, **fields: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {SECRET}", "Idempotency-Key": key}
    return requests.post(f"{bank.url}/payouts", json=ASKED | fields, headers=headers, timeout=5)


def send(key: str = "k1", destination: str = "sandbox-1", amount: int = 5_000_000) -> Any:
    return SandboxBank().send(
        payout_reference="r1", amount=amount, currency="USD", destination=destination, key=key
    )


def test_the_first_answer_to_a_key_is_kept_and_repeated(bank: BankProcess) -> None:
    first, again = ask(bank, "k1"), ask(bank, "k1")
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert len(bank.payouts()) == 1
    assert ask(bank, "k1", amount="6.00").status_code == 409


def test_a_refusal_is_kept_too(bank: BankProcess) -> None:
    assert ask(bank, "k1", destination="elsewhere").status_code == 422
    assert ask(bank, "k1", destination="elsewhere").status_code == 422
    assert bank.payouts() == []


@pytest.mark.parametrize(
    "flaw",
    [{"amount": "5"}, {"amount": "0.00"}, {"amount": "-5.00"}, {"amount": 5}, {"reference": ""}],
)
def test_it_refuses_what_it_does_not_understand(bank: BankProcess, flaw: dict[str, Any]) -> None:
    assert ask(bank, "k1", **flaw).status_code == 422


def test_it_needs_the_secret_a_key_and_json(bank: BankProcess) -> None:
    url, known = f"{bank.url}/payouts", {"Authorization": f"Bearer {SECRET}"}
    with_key = known | {"Idempotency-Key": "k"}
    assert requests.get(url, timeout=5).status_code == 401
    assert requests.post(url, json=ASKED, timeout=5).status_code == 401
    assert requests.post(url, json=ASKED, headers=known, timeout=5).status_code == 400
    assert requests.post(url, data="{", headers=with_key, timeout=5).status_code == 400
    assert requests.post(url, data="[]", headers=with_key, timeout=5).status_code == 400
    assert requests.post(url, data="x" * 20_000, headers=with_key, timeout=5).status_code == 400
    assert requests.get(f"{bank.url}/", headers=known, timeout=5).status_code == 404
    assert requests.post(f"{bank.url}/", headers=known, timeout=5).status_code == 404
    assert requests.get(f"{url}/po_x", headers=known, timeout=5).status_code == 404


def test_a_payout_settles_after_a_second(bank: BankProcess) -> None:
    made = send()
    assert isinstance(made, Made)
    assert (made.remote.amount, made.remote.state) == (5_000_000, RemoteState.PENDING)
    time.sleep(1.1)
    assert SandboxBank().get(made.remote.id).state == RemoteState.SETTLED
    assert [one.id for one in SandboxBank().find("r1")] == [made.remote.id]
    assert SandboxBank().find("r2") == []


def test_its_accounts_survive_being_killed(bank: BankProcess) -> None:
    made = send()
    bank.kill()
    assert isinstance(send(), Unknown)
    with pytest.raises(ProviderSilent):
        SandboxBank().find("r1")
    bank.start()
    assert [one.id for one in SandboxBank().find("r1")] == [made.remote.id]
    again = send()
    assert isinstance(again, Made)
    assert again.remote.id == made.remote.id


def test_only_a_refusal_about_the_payout_is_one(bank: BankProcess, settings: Any) -> None:
    assert send(destination="elsewhere") == Refused("There is no such account.")
    assert send(amount=1) == Unknown("HTTP 409", stored=False)
    settings.SANDBOX_BANK_SECRET = "another secret than theirs"
    assert send(key="k2") == Unknown("HTTP 401", stored=False)
    with pytest.raises(ProviderSilent, match="401"):
        SandboxBank().get("po_x")


class Answer:
    """An HTTP answer with this status and body."""

    def __init__(self, status: int, body: Any) -> None:
        self.status_code = status
        self.body = body

    def json(self) -> Any:
        if isinstance(self.body, Exception):
            raise self.body
        return self.body


@pytest.mark.parametrize("body", [{}, [], {"id": "x"}, NO_JSON])
def test_an_unreadable_answer_is_no_answer(monkeypatch: pytest.MonkeyPatch, body: Any) -> None:
    monkeypatch.setattr(SandboxBank, "_call", lambda *a, **k: Answer(201, body))
    assert isinstance(send(), Unknown)
    monkeypatch.setattr(SandboxBank, "_call", lambda *a, **k: Answer(200, body))
    for look in (lambda: SandboxBank().get("po_x"), lambda: SandboxBank().find("r1")):
        with pytest.raises(ProviderSilent):
            look()


def test_an_error_of_the_bank_is_stored_under_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SandboxBank, "_call", lambda *a, **k: Answer(500, {}))
    assert send() == Unknown("HTTP 500", stored=True)


def test_a_refusal_without_words_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SandboxBank, "_call", lambda *a, **k: Answer(422, NO_JSON))
    assert send() == Refused("HTTP 422")


def test_providers_are_those_that_are_configured(settings: Any) -> None:
    settings.SANDBOX, settings.SANDBOX_BANK_URL = True, "http://127.0.0.1:9"
    assert list(providers()) == ["sandbox"]
    settings.SANDBOX_BANK_URL = ""
    assert providers() == {}
    settings.SANDBOX, settings.SANDBOX_BANK_URL = False, "http://127.0.0.1:9"
    assert providers() == {}


@pytest.fixture
def payout(bea: User, bank: BankProcess) -> Payout:
    books.earn(bea, 30 * money.UNIT)
    return payouts.request_payout(worker=bea, amount=None, by=bea, now=NOW)


def state(payout: Payout) -> str:
    payout.refresh_from_db()
    return payout.state


@pytest.mark.django_db
def test_a_worker_is_paid_by_the_real_bank(payout: Payout, bank: BankProcess) -> None:
    payouts.send_due(now=NOW)
    assert state(payout) == "sent"
    time.sleep(1.1)
    payouts.resolve_unknown(now=NOW + 20 * SECOND)
    assert state(payout) == "settled"
    [made] = bank.payouts()
    assert (made["amount"], made["reference"]) == ("30.00", str(payout.reference))


@pytest.mark.django_db
def test_a_bank_killed_before_it_heard_pays_once_when_it_is_back(
    payout: Payout, bank: BankProcess
) -> None:
    bank.kill()
    payouts.send_due(now=NOW)
    assert state(payout) == "unknown"
    payouts.resolve_unknown(now=NOW + SECOND)
    assert state(payout) == "unknown"
    bank.start()
    for seconds in (20, 31):
        payouts.resolve_unknown(now=NOW + seconds * SECOND)
    assert state(payout) == "sent"
    assert len(bank.payouts()) == 1


@pytest.mark.django_db
def test_a_bank_that_answers_too_late_is_not_asked_twice(
    payout: Payout, bank: BankProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "TIMEOUT_SECONDS", 0.5)
    bank.freeze()
    payouts.send_due(now=NOW)
    assert state(payout) == "unknown"
    assert balances.worker_balance(payout.worker_id) == 0
    bank.thaw()
    bank.wait_for(1)
    monkeypatch.setattr(sandbox, "TIMEOUT_SECONDS", 5.0)
    payouts.resolve_unknown(now=NOW + SECOND)
    assert state(payout) in ("sent", "settled")
    assert len(bank.payouts()) == 1
