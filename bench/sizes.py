"""What does not grow: the same requests with few and with many open places, and for old hands."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, connections
from django.utils import timezone

from accounts.models import User
from bench import raw, seed
from bench.clients import act_once
from bench.measure import Goal, Line, Size, compare, p95
from bench.seed import Market
from bench.servers import connect
from core.db import rows
from tasks.models import Batch
from tasks.selectors import batches as offers
from tasks.selectors import work
from tasks.selectors.overview import Overview
from tasks.services import claims

FLAT = Goal(most=1.25)
PAGE = 51
BATCHES = 50
DONE = """
WITH ended AS (
    UPDATE tasks_assignment SET state = 'approved', submitted_at = now(), moved_at = now(),
           review_due_at = now(), decided_at = now(),
           approved_xid = pg_current_xact_id()::text::bigint
     WHERE worker_id = %(worker)s AND state = 'claimed' RETURNING 1
)
SELECT count(*) FROM ended
"""


class Repeating:
    """A read, again and again."""

    def __init__(self, read: Callable[[], object]) -> None:
        self.read = read

    def act(self) -> None:
        self.read()

    def between(self) -> None:
        return


class ClaimingOne:
    """One worker who claims; what she claimed is done before the next."""

    def __init__(self, batch: Batch, worker: User) -> None:
        self.batch, self.worker = batch, worker

    def act(self) -> None:
        claims.claim(worker=self.worker, batch_id=self.batch.pk, now=timezone.now())

    def between(self) -> None:
        rows(DONE, {"worker": self.worker.pk})


class World:
    """A database of one size: batches on offer, one of them looked at, and two workers."""

    def __init__(self, name: str, *, places: int, done: int) -> None:
        self.name = name
        with self.open():
            of = seed.market("Sizes")
            # Half of all places in one batch, which is claimed from.
            [self.batch] = seed.unheld(of, tasks=places // 2)
            seed.unheld(of, tasks=places // 2, batches=BATCHES)
            self.market: Market = of
            # Who claims has more and more answers waiting: others look at their work.
            self.fresh, self.idle, self.old = seed.workers("sizes", 3)
            [self.lived] = seed.unheld(of, tasks=2 * done)
            seed.done(self.lived, [self.old], first=0, last=done, state="approved")
            rows(
                "UPDATE tasks_batch SET head = %(n)s WHERE id = %(b)s",
                {
                    "n": done,
                    "b": self.lived.pk,
                },
            )
            raw.vacuum(*seed.WORK_TABLES)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Makes this database the one that everything speaks to."""
        before = connection.settings_dict["NAME"]
        connections.close_all()
        connection.settings_dict["NAME"] = self.name
        try:
            yield
        finally:
            connections.close_all()
            connection.settings_dict["NAME"] = before

    def p95(self, client: Repeating | ClaimingOne, size: Size) -> float:
        with self.open():
            taken = [act_once(client) for _ in range(size.acts * 5 // 4)]
        # The first ones open the connection and fill its caches.
        return p95(taken[size.acts // 4 :])

    def claim(self, worker: User, batch: Batch | None = None) -> ClaimingOne:
        return ClaimingOne(batch or self.batch, worker)

    def offers(self) -> object:
        return [offers.offer(batch) for batch in offers.offers()[:PAGE]]

    def progress(self) -> object:
        mine = Batch.objects.visible_to(self.market.owner.user).select_related("figures")
        return Overview(mine.get(pk=self.batch.pk)).counts

    def my_work(self, worker: User) -> object:
        return (
            list(work.assignments(worker=worker)[:PAGE]),
            work.in_hand(worker=worker),
            work.pending(worker=worker),
        )


def run(place: Path, size: Size) -> list[Line]:
    """Two databases beside each other, one small, one large."""
    raw.make()
    small, large = f"{connection.settings_dict['NAME']}_s", connection.settings_dict["NAME"]
    with copied(small):
        few = World(small, places=size.few, done=100)
        many = World(large, places=size.many, done=size.done)
        return [*by_places(few, many, size), *by_past(many, size)]


@contextmanager
def copied(name: str) -> Iterator[None]:
    """A second database, a copy of ours as it is; dropped at the end."""
    connections.close_all()
    source = connection.settings_dict["NAME"]
    admin = connect(raw.address().rpartition("/")[0] + "/postgres")
    with admin.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
    try:
        yield
    finally:
        connections.close_all()
        with admin.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        admin.close()


def by_places(few: World, many: World, size: Size) -> list[Line]:
    requests: dict[str, Callable[[World], Repeating | ClaimingOne]] = {
        "claim": lambda world: world.claim(world.fresh),
        "list of batches": lambda world: Repeating(world.offers),
        "progress": lambda world: Repeating(world.progress),
        "my work": lambda world: Repeating(lambda: world.my_work(world.idle)),
    }
    return [
        compare(
            f"{name}, p95 at {size.many:,} open places",
            f"at {size.few:,}",
            FLAT,
            ours=lambda make=make: many.p95(make(many), size),  # type: ignore[misc]
            theirs=lambda make=make: few.p95(make(few), size),  # type: ignore[misc]
            rounds=size.rounds,
            unit="ms",
        )
        for name, make in requests.items()
    ]


def by_past(many: World, size: Size) -> list[Line]:
    """A worker who has done very much, in the batch where she did it, against one who has not."""
    requests: dict[str, Callable[[User], Repeating | ClaimingOne]] = {
        "claim": lambda worker: many.claim(worker, many.lived),
        "my work": lambda worker: Repeating(lambda: many.my_work(worker)),
    }
    return [
        compare(
            f"{name}, p95 of a worker with {size.done:,} tasks done",
            "with none",
            FLAT,
            ours=lambda make=make: many.p95(make(many.old), size),  # type: ignore[misc]
            theirs=lambda make=make: many.p95(make(many.idle), size),  # type: ignore[misc]
            rounds=size.rounds,
            unit="ms",
        )
        for name, make in requests.items()
    ]
