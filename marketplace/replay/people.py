"""People who use Fairclick over HTTP: they sign up by the page, then work by the API with a key."""

import re
import secrets
import time
import uuid
from collections.abc import Iterator
from typing import Any

import requests

from accounts.models import User

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
# What may pass by itself: a server that restarts, a throttle, an answer still being made.
PASSING = {429, 502, 503, 504}
PATIENCE = 120.0


class Refused(Exception):
    """The server said no. `code` is the stable code of its problem+json."""

    def __init__(self, method: str, path: str, response: requests.Response) -> None:
        is_problem = "json" in response.headers.get("Content-Type", "")
        self.problem: dict[str, Any] = response.json() if is_problem else {}
        self.code = self.problem.get("code", "")
        said = self.problem.get("errors") or self.problem.get("detail") or response.text[:300]
        super().__init__(f"{method} {path}: {response.status_code} {self.code} {said}")


class Person:
    """Somebody with an account and a key. One connection, kept open; not for several threads."""

    def __init__(self, base: str, *, role: str, organisation: str = "") -> None:
        """Signs up by the sign-up page. Raises Refused when the page does not accept."""
        self.base = base.rstrip("/")
        self.http = requests.Session()
        self.email = f"{role}-{secrets.token_hex(6)}@replay.example.org"
        self._sign_up(role, organisation)
        self.key = ""

    def _sign_up(self, role: str, organisation: str) -> None:
        self.post_form(
            "/accounts/signup/",
            role=role,
            email=self.email,
            password1=secrets.token_urlsafe(18),
            name=role,
            organisation=organisation,
        )

    def post_form(self, path: str, *, action: str = "", **fields: str) -> None:
        """Sends the form of a page, to `action` if not to itself. Raises Refused unless it goes on
        to another page."""
        page = f"{self.base}{path}"
        form = fields | {"csrfmiddlewaretoken": self._csrf(page)}
        response = self.http.post(
            f"{self.base}{action or path}",
            data=form,
            headers={"Referer": page},
            allow_redirects=False,
            timeout=30,
        )
        if response.status_code != 302:
            raise Refused("POST", action or path, response)

    def _csrf(self, path: str) -> str:
        found = TOKEN.search(self.http.get(path, timeout=30).text)
        if found is None:
            raise RuntimeError(f"{path} shows no form")
        return found[1]

    def make_key(self, scopes: list[str]) -> None:
        """Makes an API key in the session of the page, and uses it from now on."""
        csrf = self.http.cookies.get("csrftoken")
        made = self.call(
            "POST",
            "/api-keys",
            json={"name": "replay", "scopes": scopes, "days": 1},
            headers={"X-CSRFToken": csrf or "", "Referer": self.base},
        )
        self.key = made["key"]
        self.http.cookies.clear()
        self.http.headers["Authorization"] = f"Bearer {self.key}"

    def call(self, method: str, path: str, *, once: bool = False, **options: Any) -> Any:
        """One API request, repeated while the server is away. `once` sends an Idempotency-Key.

        Raises Refused for any other answer than 2xx, requests' errors after two minutes.
        """
        if once:
            headers = options.pop("headers", {}) | {"Idempotency-Key": str(uuid.uuid4())}
            options["headers"] = headers
        for wait in waits():
            try:
                response = self.http.request(
                    method, f"{self.base}/api/v1{path}", timeout=60, **options
                )
            except requests.ConnectionError:
                if wait is None:
                    raise
                time.sleep(wait)
                continue
            if response.status_code in PASSING and wait is not None:
                time.sleep(float(response.headers.get("Retry-After", wait)))
                continue
            if not response.ok:
                raise Refused(method, path, response)
            return response.json() if response.content else None
        raise RuntimeError("unreachable: the last wait is None")

    def lines(self, path: str) -> Iterator[bytes]:
        """The lines of a streamed download."""
        with self.http.get(f"{self.base}/api/v1{path}", stream=True, timeout=60) as response:
            if not response.ok:
                raise Refused("GET", path, response)
            yield from response.iter_lines()


class Adjudicator(Person):
    """Staff. Nobody signs up as such: the account is made where the operator makes them."""

    def __init__(self, base: str) -> None:
        super().__init__(base, role="adjudicator")

    def _sign_up(self, role: str, organisation: str) -> None:
        password = secrets.token_urlsafe(18)
        User.objects.create_user(self.email, password, name=role, role=role, is_staff=True)
        self.post_form("/accounts/login/", login=self.email, password=password)

    def verify(self, organisation: str) -> None:
        """Says, by the page for it, that the client is who it says it is."""
        path = "/clients/to-verify/"
        page = self.http.get(f"{self.base}{path}", timeout=30).text
        found = re.search(r"/clients/\d+/verify", page[page.index(organisation) :])
        if found is None:
            raise RuntimeError(f"{path} does not offer to verify {organisation}")
        self.post_form(path, action=found[0])


def waits() -> Iterator[float | None]:
    """Pauses between tries, doubling up to 5 s; None marks the last try."""
    until, pause = time.monotonic() + PATIENCE, 0.2
    while time.monotonic() < until:
        yield pause
        pause = min(pause * 2, 5.0)
    yield None
