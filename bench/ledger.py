"""Money: approvals one by one, beside an open snapshot, in bulk; and locking it."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from django.db import connection
from django.utils import timezone

from accounts.models import User
from bench import raw, seed
from bench.clients import Client, together
from bench.measure import NO_GOAL, Goal, Line, Size, compare, timed, told
from bench.seed import Market
from bench.servers import Refused, connect
from bench.web import API, PRODUCT, Http, Server, expect, server
from dev.postgres import programs
from payments.selectors import balances
from tasks.models import Batch
from tasks.services import batches, publishing, reviews

CLIENTS = 8
SCALE = 20
TPS = re.compile(r"^tps = ([\d.]+)", re.M)


def pgbench(*arguments: str) -> str:
    """What PostgreSQL's own benchmark says, run beside the product's tables."""
    at = connection.settings_dict
    env = os.environ | {"PGPASSWORD": at["PASSWORD"]}
    argv = [str(programs() / "pgbench"), "-h", at["HOST"], "-p", str(at["PORT"]), "-U", at["USER"]]
    done = subprocess.run(
        [*argv, *arguments, at["NAME"]], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Refused(f"pgbench failed: {done.stderr.strip()}")
    return done.stdout


def tpcb(size: Size) -> float:
    """TPC-B transactions a second, prepared, with as many clients as approvals have."""
    seconds = str(max(1, round(size.seconds)))
    said = pgbench("-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", seconds)
    found = TPS.search(said)
    if found is None:
        raise Refused(f"pgbench told no rate:\n{said}")
    return float(found[1])


class Approving:
    """Approves its share of one batch's submitted assignments, one by one."""

    def __init__(self, of: Market, ids: list[int]) -> None:
        self.by, self.ids = of.owner, iter(ids)

    def act(self) -> None:
        reviews.approve_assignment(assignment_id=next(self.ids), by=self.by, now=timezone.now())

    def between(self) -> None:
        return


class HttpApproving(Approving):
    def __init__(self, of: Market, ids: list[int], web: Server, key: dict[str, str]) -> None:
        super().__init__(of, ids)
        self.http = Http(web.port, key)

    def act(self) -> None:
        expect(200, self.http.post(f"{API}/assignments/{next(self.ids)}/approve"))


class Submitted:
    """Submitted assignments of one batch, given away once."""

    def __init__(self, batch: Batch, workers: list[User]) -> None:
        self.ids = seed.done(batch, workers, first=0, last=batch.task_count, state="submitted")
        raw.vacuum(*seed.WORK_TABLES)
        self.parts = count()

    def share(self, *, parts: int) -> list[list[int]]:
        """The next of `parts` equal parts, split among the clients."""
        each = len(self.ids) // parts // CLIENTS
        begin = next(self.parts) * each * CLIENTS
        return [self.ids[begin + n * each : begin + (n + 1) * each] for n in range(CLIENTS)]


def run(place: Path, size: Size) -> list[Line]:
    """Single approvals, all on one batch, then bulk."""
    raw.make()
    pgbench("-i", "-q", "-s", str(SCALE))
    of = seed.market("Ledger")
    workers = seed.workers("ledger", 200)
    return [
        *funding(of, size),
        *singly(place, of, workers, size),
        bulk(of, workers, size),
    ]


class Singly:
    """One large batch, all submitted, approved one by one in every way there is."""

    def __init__(self, of: Market, workers: list[User], size: Size) -> None:
        self.of, self.size = of, size
        self.ready = Submitted(seed.published(of, tasks=size.bulk), workers)
        self.key = seed.key_of(of)

    def share(self) -> list[list[int]]:
        # A round each in process and over HTTP, two beside the question of the snapshot.
        return self.ready.share(parts=self.size.rounds * 4)

    def in_process(self) -> float:
        shares = self.share()
        return rate(lambda number: Approving(self.of, shares[number]), self.size)

    def beside_snapshot(self) -> float:
        with snapshot():
            return self.in_process()

    def over_http(self, web: Server) -> float:
        shares = self.share()
        return rate(lambda n: HttpApproving(self.of, shares[n], web, self.key), self.size)


def singly(place: Path, of: Market, workers: list[User], size: Size) -> list[Line]:
    approvals = Singly(of, workers, size)
    lines = [
        compare(
            f"single approval, one batch, {CLIENTS} at once",
            f"TPC-B, scale {SCALE}",
            Goal(least=0.5),
            ours=approvals.in_process,
            theirs=lambda: tpcb(size),
            rounds=size.rounds,
        ),
        compare(
            "the same beside an open snapshot",
            "without one",
            Goal(least=0.8),
            ours=approvals.beside_snapshot,
            theirs=approvals.in_process,
            rounds=size.rounds,
        ),
    ]
    with server(PRODUCT, place=place) as web:
        over_http = compare(
            f"single approval over the API, {CLIENTS} at once",
            f"TPC-B, scale {SCALE}",
            NO_GOAL,
            ours=lambda: approvals.over_http(web),
            theirs=lambda: tpcb(size),
            rounds=size.rounds,
        )
    return [*lines, over_http]


def rate(make: Callable[[int], Client], size: Size) -> float:
    return together(make, clients=CLIENTS, seconds=size.seconds).rate


@contextmanager
def snapshot() -> Iterator[None]:
    """A reader that keeps every version of every row alive."""
    reader = connect(raw.address())
    reader.set_session(isolation_level="REPEATABLE READ", autocommit=False)
    with reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM payments_balance")
    try:
        yield
    finally:
        reader.close()


def bulk(of: Market, workers: list[User], size: Size) -> Line:
    """Approve-all of a whole batch, by the job, as many times as there are ready batches."""
    ready = [seed.published(of, tasks=size.bulk) for _ in range(min(3, size.rounds))]
    for batch in ready:
        seed.done(batch, workers, first=0, last=batch.task_count, state="submitted")
    raw.vacuum(*seed.WORK_TABLES)
    waiting = iter(ready)

    def approve_all() -> float:
        batch = next(waiting)
        now = timezone.now()
        reviews.approve_many(batch_id=batch.pk, by=of.owner, assignment_ids=None, now=now)
        return size.bulk / timed(lambda: reviews.run_operations(now=now))

    return compare(
        f"bulk approval of {size.bulk:,}",
        f"TPC-B, scale {SCALE}",
        Goal(least=3),
        ours=approve_all,
        theirs=lambda: tpcb(size),
        rounds=len(ready),
    )


def funding(of: Market, size: Size) -> list[Line]:
    """Publishing: money locked, places and holds made; and what a balance costs to read."""
    waiting = iter([seed.draft(of, tasks=size.bulk) for _ in range(min(3, size.rounds))])

    def publish(batch: Batch) -> None:
        now = timezone.now()
        batches.publish_batch(batch_id=batch.pk, by=of.owner, now=now)
        publishing.publish_batches(now=now)

    seconds = [timed(lambda batch=batch: publish(batch)) for batch in waiting]  # type: ignore[misc]
    reads = [timed(lambda: balances.client_balance(of.client.pk)) * 1000 for _ in range(50)]
    return [
        told(Line(f"funding {size.bulk:,} places", "", Goal(most=3, unit=" s"), "s", seconds, [])),
        told(Line("reading a balance", "", Goal(most=2, unit=" ms"), "ms", reads, [])),
    ]
