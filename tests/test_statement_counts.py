"""How many SQL statements a request costs: never more for more rows (docs/performance.md)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Member, User
from accounts.selectors import pseudonym
from disputes.services import reports, suspensions
from tasks.models import Assignment
from tasks.services import claims, exclusions, figures, work
from tests import factories
from tests.api import Api
from tests.factories import answer

pytestmark = pytest.mark.django_db
# In tests a transaction is a savepoint; neither opening nor ending one is counted.
CONTROL = re.compile("SAVEPOINT|RELEASE|ROLLBACK|BEGIN|COMMIT")
SIZES = (1, 3, 30)
Request = Callable[[], HttpResponse]


class World:
    """A market that grows: so many batches on offer, and as many answers of Bea in each state."""

    def __init__(self, owner: Member, bea: User) -> None:
        self.owner, self.bea = owner, bea
        self.size = 0
        self.batch = factories.make_open_batch(owner, tasks=100)
        self.worker, self.member = Api(bea), Api(owner.user)
        self.browser, self.office = Browser(), Browser()
        self.browser.force_login(bea)
        self.office.force_login(owner.user)

    def grow(self, size: int) -> None:
        self.empty_hands()
        for _ in range(self.size, size):
            factories.make_open_batch(self.owner, tasks=1)
            for state in ("submitted", "approved"):
                factories.make_assignment(worker=self.bea, batch=self.batch, state=state)
        self.size = size
        figures.refresh_figures(now=factories.NOW)

    def empty_hands(self) -> None:
        """Bea submits what she holds."""
        for one in Assignment.objects.filter(worker=self.bea).live():
            work.submit(
                assignment_id=one.pk,
                worker=self.bea,
                content=answer(),
                key=f"done-{one.pk}",
                now=timezone.now(),
            )

    def held(self) -> Assignment:
        """A task that Bea has just claimed."""
        return claims.claim(worker=self.bea, batch_id=self.batch.pk, now=timezone.now())

    def waiting(self) -> Assignment:
        """An answer of hers that nobody has decided."""
        found = Assignment.objects.filter(worker=self.bea, state="submitted")
        return found.order_by("pk")[0]


@pytest.fixture
def world(owner: Member, bea: User) -> World:
    return World(owner, bea)


def counted(request: Request) -> list[str]:
    """The statements that an answered request took."""
    with CaptureQueriesContext(connection) as captured:
        response = request()
        # What is streamed is asked for while it is read.
        b"".join(response)
    assert response.status_code in (200, 201, 302), response
    return [query["sql"] for query in captured if not CONTROL.match(query["sql"])]


def same_for_many(world: World, most: int, prepare: Callable[[World], Request]) -> None:
    """What `prepare` returns costs at most so many statements, and no more with 30 rows."""
    counts = []
    for size in SIZES:
        world.grow(size)
        counts.append(counted(prepare(world)))
    assert len(counts[0]) <= most, "\n\n".join(counts[0])
    assert [len(found) for found in counts] == [len(counts[0])] * len(SIZES), "\n\n".join(
        counts[-1]
    )


def read(path: str, by: Callable[[World], Any]) -> Callable[[World], Request]:
    """GET of a path in which {batch} stands for the batch."""

    def prepare(world: World) -> Request:
        return lambda: by(world).get(path.format(batch=world.batch.pk))

    return prepare


def worker(world: World) -> Api:
    return world.worker


def member(world: World) -> Api:
    return world.member


# --- what a worker waits for -------------------------------------------------------------------


def test_a_claim_takes_four_statements_at_most(world: World) -> None:
    def prepare(world: World) -> Request:
        return lambda: world.worker.post(f"/work/batches/{world.batch.pk}/claim")

    same_for_many(world, 4, prepare)


def test_submitting_takes_six_statements_at_most(world: World) -> None:
    def prepare(world: World) -> Request:
        one = world.held()
        body = {"content": answer(), "key": f"key-{one.pk}"}
        return lambda: world.worker.post(f"/work/assignments/{one.pk}/submit", body)

    same_for_many(world, 6, prepare)


def test_submitting_and_claiming_the_next_in_one_request_takes_six(world: World) -> None:
    def prepare(world: World) -> Request:
        one = world.held()
        body = {"content": answer(), "key": f"key-{one.pk}", "next": True}
        return lambda: world.worker.post(f"/work/assignments/{one.pk}/submit", body)

    same_for_many(world, 6, prepare)


def test_a_task_page_takes_five_statements_at_most(world: World) -> None:
    def prepare(world: World) -> Request:
        path = reverse("work_task", args=[world.held().pk])
        return lambda: world.browser.get(path)

    same_for_many(world, 5, prepare)


# --- lists ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/work/batches", "/work/assignments"])
def test_a_list_for_a_worker_takes_three_statements_at_most(world: World, path: str) -> None:
    same_for_many(world, 3, read(path, worker))


@pytest.mark.parametrize(
    "path", ["/batches", "/batches/{batch}/assignments", "/batches/{batch}/progress", "/transfers"]
)
def test_a_list_for_a_client_takes_three_statements_at_most(world: World, path: str) -> None:
    same_for_many(world, 3, read(path, member))


def test_results_take_as_many_statements_for_one_as_for_thirty(world: World) -> None:
    # Two of them before the page: who took them is noted, and the role that may read is taken on.
    same_for_many(world, 5, read("/batches/{batch}/results", member))


@pytest.mark.parametrize("name", ["work", "my_work"])
def test_a_page_of_a_worker_costs_the_same_for_many_rows(world: World, name: str) -> None:
    same_for_many(world, 6, read(reverse(name), lambda world: world.browser))


@pytest.mark.parametrize("name", ["batches", "batch", "batch_assignments"])
def test_a_page_of_a_client_costs_the_same_for_many_rows(world: World, name: str) -> None:
    def prepare(world: World) -> Request:
        path = reverse(name, args=[] if name == "batches" else [world.batch.pk])
        return lambda: world.office.get(path)

    same_for_many(world, 8, prepare)


# --- review and disputes -----------------------------------------------------------------------


class Court(World):
    """A market in which answers are opened, rejected, contested; with reports and exclusions."""

    def __init__(self, owner: Member, bea: User, dia: User) -> None:
        super().__init__(owner, bea)
        self.judge = Api(dia)
        self.dia = dia
        self.review = factories.make_open_batch(owner, tasks=200)

    def grow(self, size: int) -> None:
        now = timezone.now()
        for number in range(self.size, size):
            hand = factories.make_user(f"hand{number}")
            # The first twenty are in the sample.
            state = "opened" if number < 20 else "submitted"
            factories.make_assignment(worker=hand, batch=self.review, state=state)
            one = factories.make_open_batch(self.owner, tasks=1)
            factories.make_assignment(worker=self.bea, batch=one, state="disputed")
            exclusions.exclude(
                batch_id=self.review.pk,
                worker=pseudonym(client=self.owner.client, worker_id=hand.pk),
                by=self.owner,
                reason="All was answered within a second.",
                now=now,
            )
            reports.report_batch(
                batch_id=one.pk, worker=hand, kind="broken", text="It shows nothing.....", now=now
            )
            suspensions.suspend(
                user_id=hand.pk, by=self.dia, reason="Asked others for a password.", now=now
            )
        self.size = size


@pytest.fixture
def court(owner: Member, bea: User, dia: User) -> Court:
    return Court(owner, bea, dia)


LISTS_OF_REVIEW = {
    "/batches/{batch}/sample": "member",
    "/batches/{batch}/exclusions": "member",
    "/disputes": "member worker judge",
    "/reports": "judge",
    "/suspensions": "judge",
    "/log": "judge",
}


def test_a_list_of_review_takes_three_statements_at_most(court: Court) -> None:
    for size in SIZES:
        court.grow(size)
        for path, people in LISTS_OF_REVIEW.items():
            for name in people.split():
                reader: Api = getattr(court, name)
                url = path.format(batch=court.review.pk)
                found = counted(lambda reader=reader, url=url: reader.get(url))
                assert len(found) <= 3, "\n\n".join(found)


# --- money ---------------------------------------------------------------------------------------


def test_an_approval_takes_as_many_statements_whatever_waits_beside_it(world: World) -> None:
    def prepare(world: World) -> Request:
        one = world.waiting()
        return lambda: world.member.post(f"/assignments/{one.pk}/approve")

    same_for_many(world, 5, prepare)
