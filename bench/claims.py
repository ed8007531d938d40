"""Claims, submissions and the task page: what a worker waits for."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.cached_db import SessionStore
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from bench import bare, raw, seed
from bench.clients import together
from bench.measure import Goal, Line, Size, compare
from bench.web import API, BARE, PRODUCT, Http, Server, expect, server
from core.db import rows
from tasks.models import Batch
from tasks.services import claims

USERS = 8
# Workers a client process acts for in turn. Each may hold two claims at a time (R12).
EACH = 20
SUBMITTED = """
UPDATE tasks_assignment SET state = 'submitted', submitted_at = now(), moved_at = now(),
       review_due_at = now() + interval '3 days'
 WHERE worker_id = ANY(%(workers)s) AND state = 'claimed'
"""
RAW_SUBMITTED = """
UPDATE raw.assignment SET state = 'submitted', submitted_at = now()
 WHERE worker_id = ANY(%(workers)s) AND state = 'claimed'
"""


class Claiming:
    """Claims for some workers in turn; what they hold is submitted before it is too much."""

    submitted = SUBMITTED

    def __init__(self, batch: Batch, workers: list[User]) -> None:
        self.batch, self.workers = batch, workers
        self.turn = 0
        # What an earlier round still holds.
        self.submit()

    @property
    def worker(self) -> User:
        return self.workers[self.turn % len(self.workers)]

    def act(self) -> None:
        claims.claim(worker=self.worker, batch_id=self.batch.pk, now=timezone.now())

    def between(self) -> None:
        self.turn += 1
        if self.turn % (2 * len(self.workers)) == 0:
            self.submit()

    def submit(self) -> None:
        rows(self.submitted, {"workers": [worker.pk for worker in self.workers]})


class RawClaiming(Claiming):
    submitted = RAW_SUBMITTED

    def __init__(self, batch: Batch, workers: list[User]) -> None:
        super().__init__(batch, workers)
        self.cursor = raw.runtime().cursor()

    def act(self) -> None:
        self.cursor.execute(bare.HAND_OUT, [self.worker.pk, self.batch.pk])
        self.cursor.fetchone()


class HttpClaiming(Claiming):
    def __init__(self, batch: Batch, workers: list[User], web: Server) -> None:
        super().__init__(batch, workers)
        self.path = f"{API}/work/batches/{batch.pk}/claim"
        self.connections = [Http(web.port, seed.bearer(worker)) for worker in workers]

    def act(self) -> None:
        http = self.connections[self.turn % len(self.workers)]
        expect(201, http.post(self.path))


class BareClaiming(Claiming):
    submitted = RAW_SUBMITTED

    def __init__(self, batch: Batch, workers: list[User], web: Server) -> None:
        super().__init__(batch, workers)
        self.http = Http(web.port)

    def act(self) -> None:
        expect(200, self.http.post(f"/claim/{self.worker.pk}/{self.batch.pk}"))


class Submitting:
    """One worker: submits what she holds, and has the next task in the same answer."""

    def __init__(self, batch: Batch, worker: User, web: Server) -> None:
        self.http = Http(web.port, seed.bearer(worker))
        made = expect(201, self.http.post(f"{API}/work/batches/{batch.pk}/claim"))
        self.held: int = json.loads(made)["id"]

    def act(self) -> None:
        body = {"content": seed.ANSWER, "key": f"bench-{self.held}", "next": True}
        answer = expect(200, self.http.post(f"{API}/work/assignments/{self.held}/submit", body))
        self.held = json.loads(answer)["next"]["id"]

    def between(self) -> None:
        return


class BareSubmitting:
    def __init__(self, batch: Batch, worker: User, web: Server) -> None:
        self.http = Http(web.port)
        self.batch, self.worker = batch, worker
        self.held = int(expect(200, self.http.post(f"/claim/{worker.pk}/{batch.pk}")))

    def act(self) -> None:
        path = f"/submit/{self.worker.pk}/{self.batch.pk}/{self.held}"
        self.held = int(expect(200, self.http.post(path, {"content": seed.ANSWER})))

    def between(self) -> None:
        return


class Reading:
    """GET of one address, again and again."""

    def __init__(self, http: Http, path: str) -> None:
        self.http, self.path = http, path

    def act(self) -> None:
        expect(200, self.http.get(self.path))

    def between(self) -> None:
        return


def run(place: Path, size: Size) -> list[Line]:
    """In process first, then over HTTP."""
    raw.make()
    of = seed.market("Claims")
    [batch] = seed.unheld(of, tasks=size.claims)
    workers = seed.workers("claims", USERS * EACH)
    # What is faster uses up more.
    raw.make_places(batch.pk, [worker.pk for worker in workers], 5 * size.claims)
    lines = in_process(batch, workers, size)
    with (
        server(PRODUCT, place=place) as ours,
        server(BARE, place=place, DJANGO_SETTINGS_MODULE="") as theirs,
    ):
        lines.append(over_http(batch, workers, ours, theirs, size))
        # No claim of the lines above is held any more: the next worker starts with none.
        rows(SUBMITTED, {"workers": [worker.pk for worker in workers]})
        lines.append(submit_and_next(batch, workers, ours, theirs, size))
        lines.append(task_page(batch, workers, ours, theirs, size))
    return lines


def share(workers: list[User], number: int) -> list[User]:
    """Which workers a client acts for."""
    return workers[number * EACH : (number + 1) * EACH]


def rate(make: Any, clients: int, size: Size) -> float:
    return together(make, clients=clients, seconds=size.seconds).rate


def in_process(batch: Batch, workers: list[User], size: Size) -> list[Line]:
    def ours(number: int) -> Claiming:
        return Claiming(batch, share(workers, number))

    def theirs(number: int) -> RawClaiming:
        return RawClaiming(batch, share(workers, number))

    return [
        compare(
            f"claim in process, {clients} at once",
            "raw hand-out by position",
            Goal(least=0.5),
            ours=lambda clients=clients: rate(ours, clients, size),  # type: ignore[misc]
            theirs=lambda clients=clients: rate(theirs, clients, size),  # type: ignore[misc]
            rounds=size.rounds,
        )
        for clients in (1, USERS)
    ]


def over_http(batch: Batch, workers: list[User], ours: Server, theirs: Server, size: Size) -> Line:
    return compare(
        f"HTTP claim over the API, {USERS} users",
        "bare view and raw hand-out",
        Goal(least=0.5),
        ours=lambda: rate(lambda n: HttpClaiming(batch, share(workers, n), ours), USERS, size),
        theirs=lambda: rate(lambda n: BareClaiming(batch, share(workers, n), theirs), USERS, size),
        rounds=size.rounds,
    )


def submit_and_next(
    batch: Batch, workers: list[User], ours: Server, theirs: Server, size: Size
) -> Line:
    def mine(number: int) -> Submitting:
        worker = share(workers, number)[0]
        rows(SUBMITTED, {"workers": [worker.pk]})
        return Submitting(batch, worker, ours)

    return compare(
        f"HTTP submit and next in one request, {USERS} users",
        "bare view, the same SQL",
        Goal(least=0.5),
        ours=lambda: rate(mine, USERS, size),
        theirs=lambda: rate(
            lambda n: BareSubmitting(batch, share(workers, n)[0], theirs), USERS, size
        ),
        rounds=size.rounds,
    )


def signed_in(worker: User) -> dict[str, str]:
    """The header of a browser in which this worker is signed in."""
    session = SessionStore()
    session[SESSION_KEY] = str(worker.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = worker.get_session_auth_hash()
    session.create()
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session.session_key}"}


def task_page(batch: Batch, workers: list[User], ours: Server, theirs: Server, size: Size) -> Line:
    readers = [share(workers, number)[1] for number in range(USERS)]
    pages = [
        (
            signed_in(reader),
            reverse(
                "work_task",
                args=[claims.claim(worker=reader, batch_id=batch.pk, now=timezone.now()).pk],
            ),
        )
        for reader in readers
    ]
    cookie, path = pages[0]
    length = len(expect(200, Http(ours.port, cookie).get(path)))
    return compare(
        f"HTTP task page ({length:,} bytes), {USERS} workers",
        "bare view, a constant of that size",
        Goal(least=0.25),
        ours=lambda: rate(
            lambda n: Reading(Http(ours.port, pages[n][0]), pages[n][1]), USERS, size
        ),
        theirs=lambda: rate(
            lambda n: Reading(Http(theirs.port), f"/constant/{length}"), USERS, size
        ),
        rounds=size.rounds,
    )
