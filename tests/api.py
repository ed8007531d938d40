"""A program that talks to the API with a key."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services as accounts
from accounts.models import ApiKey, User
from accounts.states import SCOPES_OF, Role

BASE = "/api/v1"


class Api:
    """Sends JSON and a fresh or given Idempotency-Key; `user` None: nobody."""

    def __init__(self, user: User | None, *scopes: str) -> None:
        self.client = Client()
        self.headers: dict[str, str] = {}
        self.keys = 0
        if user is not None:
            wanted = scopes or SCOPES_OF[Role(user.role)]
            key, text = accounts.create_api_key(
                user=user, name="test", scopes=wanted, days=90, now=timezone.now()
            )
            # As after its first use: the note of it is not every request's.
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now())
            self.headers["Authorization"] = f"Bearer {text}"

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        kind: str = "application/json",
        key: str = "",
        **headers: str,
    ) -> HttpResponse:
        self.keys += 1
        sent = self.headers | {"Idempotency-Key": key or f"key-{self.keys}"}
        sent |= {"Content-Type": kind} if kind else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(
            method, path if path.startswith("http") else BASE + path, data, kind, headers=sent
        )

    def get(self, path: str, **options: Any) -> HttpResponse:
        return self.send("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> HttpResponse:
        return self.send("POST", path, body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> HttpResponse:
        return self.send("PATCH", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> HttpResponse:
        return self.send("PUT", path, body, **options)

    def delete(self, path: str, **options: Any) -> HttpResponse:
        return self.send("DELETE", path, **options)


@contextmanager
def statements(most: int) -> Iterator[None]:
    """At most so many SQL statements, those that begin and end transactions apart."""
    with CaptureQueriesContext(connection) as captured:
        yield
    said = [query["sql"] for query in captured.captured_queries]
    found = [sql for sql in said if not sql.startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))]
    assert len(found) <= most, "\n".join(found)


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


def problem(response: HttpResponse, status: int, code: str) -> dict[str, Any]:
    """The problem of a refusal, after looking at its status, type and code."""
    found: dict[str, Any] = json.loads(response.content)
    assert (response.status_code, found.get("code")) == (status, code), found
    assert response["Content-Type"] == "application/problem+json"
    assert found["status"] == status
    assert found["request_id"] == response["X-Request-ID"]
    return found


def flaws(found: dict[str, Any]) -> set[tuple[Any, str]]:
    """(pointer or line, code) of every flaw of a problem."""
    return {(flaw.get("pointer", flaw.get("line")), flaw["code"]) for flaw in found["errors"]}
