"""The story of a label, told over HTTP: posted, claimed, done, approved by the clock, paid out."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts import services as accounts
from accounts.models import User
from payments.selectors import batches as batch_money
from tasks.models import Batch
from tasks.services import figures, publishing, reviews
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


class Caller:
    """Somebody with an API key."""

    def __init__(self, user: User, scopes: list[str]) -> None:
        _key, text = accounts.create_api_key(
            user=user, name="test", scopes=scopes, days=1, now=timezone.now()
        )
        self.http = Browser(headers={"Authorization": f"Bearer {text}"})

    def __call__(self, method: str, path: str, data=None, *, key: str = "", status: int = 200):
        headers = {"Idempotency-Key": key} if key else {}
        body = data if isinstance(data, bytes) else json.dumps(data if data is not None else {})
        kind = "application/x-ndjson" if isinstance(data, bytes) else "application/json"
        response = self.http.generic(
            method, f"/api/v1{path}", body, content_type=kind, headers=headers
        )
        assert response.status_code == status, (path, response.status_code, response.content)
        return response if response.streaming else response.json()


def paid_results(client: Caller, batch: int, *, wanted: int) -> list[dict[str, Any]]:
    """Results appear once no older transaction runs in the cluster, another database's included."""
    found: list[dict[str, Any]] = []
    until = time.monotonic() + 30
    while len(found) < wanted and time.monotonic() < until:
        response = client("GET", f"/batches/{batch}/results?format=jsonl")
        found = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]
    return found


def dollars(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


def test_worker_is_paid_when_the_client_stays_silent(ada: User, bea: User) -> None:
    client = Caller(ada, ["batches:read", "batches:write", "results:read", "money:write"])
    worker = Caller(bea, ["work", "payout"])

    fields = factories.FIELDS | {"reward": dollars("5.00")}
    batch = client("POST", "/batches", fields, status=201)["id"]
    rows = b'{"external_id": "a", "text": "Great!"}\n{"external_id": "b", "text": "Awful."}'
    client("POST", f"/batches/{batch}/tasks", rows, key="upload", status=201)
    assert client("GET", f"/batches/{batch}/quote")["total"] == dollars("11.00")

    refused = client("POST", f"/batches/{batch}/publish", key="early", status=402)
    assert refused["code"] == "insufficient_funds"
    client("POST", "/deposits", {"amount": dollars("11.00")}, key="deposit", status=201)
    client("POST", f"/batches/{batch}/publish", key="publish", status=202)
    again = client("POST", f"/batches/{batch}/publish", key="publish", status=202)
    assert again["state"] == "publishing"
    publishing.publish_batches(now=timezone.now())
    figures.refresh_figures(now=timezone.now())

    [offer] = worker("GET", "/work/batches")["results"]
    assert offer["id"] == batch
    one = worker("POST", f"/work/batches/{batch}/claim", status=201)
    answer = {"content": factories.answer(), "next": True}
    done = worker("POST", f"/work/assignments/{one['id']}/submit", answer, key="a")
    assert done["assignment"]["state"] == "submitted"
    two = done["next"]
    worker(
        "POST", f"/work/assignments/{two['id']}/submit", {"content": factories.answer()}, key="b"
    )

    # Nothing can be read before it is paid for.
    assert client("GET", f"/assignments/{one['id']}", status=409)["code"] == "sealed"
    assert (
        b"".join(client("GET", f"/batches/{batch}/results?format=jsonl").streaming_content) == b""
    )

    reviews.approve_due(now=timezone.now() + timedelta(hours=73))

    results = paid_results(client, batch, wanted=2)
    assert [row["external_id"] for row in results] == ["a", "b"]
    assert [row["answer"] for row in results] == [factories.answer()] * 2
    assert results[0]["payload"] == {"text": "Great!"}
    assert all(row["worker"].startswith("w_") for row in results)
    assert worker("GET", "/work/earnings")["balance"] == dollars("10.00")
    payout = worker("POST", "/work/payouts", {}, key="payout", status=201)
    assert payout["amount"] == dollars("10.00")

    client("POST", f"/batches/{batch}/close")
    publishing.settle_closed(now=timezone.now())
    assert batch_money.batch_money(batch).left == 0
    assert Batch.objects.get(pk=batch).settled_at is not None
