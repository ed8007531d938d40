"""The sandbox bank (dev/sandbox_bank.py), over HTTP: play money on its way to nowhere."""

from datetime import timedelta
from typing import Any

import requests
from django.conf import settings
from django.core.exceptions import ValidationError

from core import money
from payments.providers.base import (
    Made,
    Outcome,
    ProviderSilent,
    Refused,
    Remote,
    RemoteState,
    Unknown,
)

TIMEOUT_SECONDS = 5.0
# What the bank answers when it has understood, and says no. Any other refusal (our secret is
# wrong, too many requests, the key is in use) says nothing about the payout itself.
DEFINITE = (400, 422)


class SandboxBank:
    name = "sandbox"
    consistency_delay = timedelta(seconds=10)
    key_lifetime = timedelta(hours=20)

    def send(
        self, *, payout_reference: str, amount: int, currency: str, destination: str, key: str
    ) -> Outcome:
        body = {
            "reference": payout_reference,
            "amount": money.plain(amount),
            "currency": currency,
            "destination": destination,
        }
        try:
            response = self._call("POST", "/payouts", json=body, headers={"Idempotency-Key": key})
        except requests.RequestException as error:
            return Unknown(type(error).__name__, stored=False)
        if response.status_code in DEFINITE:
            return Refused(_detail(response))
        if response.status_code != requests.codes.created:
            stored = response.status_code >= requests.codes.server_error
            return Unknown(f"HTTP {response.status_code}", stored=stored)
        try:
            return Made(_remote(response.json()))
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            return Unknown(f"unreadable answer: {type(error).__name__}", stored=False)

    def find(self, reference: str) -> list[Remote]:
        answer = self._read("/payouts", params={"reference": reference})
        try:
            return [_remote(item) for item in answer["results"]]
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise ProviderSilent("unreadable answer") from error

    def get(self, remote_id: str) -> Remote:
        answer = self._read(f"/payouts/{remote_id}")
        try:
            return _remote(answer)
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise ProviderSilent("unreadable answer") from error

    def _read(self, path: str, **options: Any) -> Any:
        try:
            response = self._call("GET", path, **options)
            if response.status_code == requests.codes.ok:
                return response.json()
        except requests.RequestException as error:
            raise ProviderSilent(type(error).__name__) from error
        raise ProviderSilent(f"HTTP {response.status_code}")

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = options.pop("headers", {}) | {
            "Authorization": f"Bearer {settings.SANDBOX_BANK_SECRET}"
        }
        return requests.request(
            method,
            settings.SANDBOX_BANK_URL.rstrip("/") + path,
            headers=headers,
            timeout=TIMEOUT_SECONDS,
            # A bank does not send us elsewhere.
            allow_redirects=False,
            **options,
        )


def _remote(data: dict[str, Any]) -> Remote:
    return Remote(
        id=str(data["id"]),
        reference=str(data["reference"]),
        amount=money.parse(data["amount"]),
        state=RemoteState(data["state"]),
        detail=str(data.get("detail", ""))[:300],
    )


def _detail(response: requests.Response) -> str:
    try:
        return str(response.json()["detail"])[:300]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code}"
