"""An answer with a canary in it, followed on its way: nothing says it before it is paid for.

Every URL is asked by everybody whom it is no business of, at every state; what stands in tables,
logs, mails and Redis is looked through after each step.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.core import mail
from django.test import Client as Browser
from django.urls import get_resolver
from django.utils import timezone

from accounts.models import Member, User
from core.jobs import deliver_due
from disputes.models import Dispute
from disputes.services import clocks
from marketplace import erasure, stores
from marketplace.stores import Hit, Needles
from tasks.models import Assignment, Batch
from tasks.services import figures, gold, reviews, work
from tests import factories
from tests.api import Api
from tests.disputes import cases
from tests.disputes.test_erasure import TEXT_INTERFACE, written
from tests.disputes.test_one_door import patterns

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "kanarienvogel-7f3a sings “in the morning” & <b>again</b>"
NEEDLES = Needles([CANARY, "kanarienvogel-7f3a"])
ONE = "<id:assignment_id>"
REVIEW = f"batches/<id:batch_id>/assignments/{ONE}/"
# Where the client reads what it has opened, while it is in review.
OPENED = {f"{REVIEW}review/"}
# Where it reads what is paid for.
PAID = {
    REVIEW,
    f"api/v1/assignments/{ONE}",
    "batches/<id:batch_id>/results/",
    "api/v1/batches/<id:batch_id>/results",
}
# Where an adjudicator reads what she judges, and what others said of the same task.
JUDGED = {"console/disputes/<id:dispute_id>/", "api/v1/disputes/<id:dispute_id>"}
# Lists are also filtered, sorted and searched.
LISTS = re.compile(r"(?:assignments|results|batches|disputes|sample)/?$")
QUERIES = (
    *("?state=submitted", "?state=rejected", "?q=kanarienvogel", "?cursor=kanarienvogel"),
    *("?format=csv", "?format=labelstudio", "?after=0-0"),
)
NOTHING_OF_OURS = ("admin/", "accounts/", "api/schema", "api/docs", "healthz", "readyz")


def says(said: bytes) -> bool:
    """Whether the canary stands there, in any form."""
    return any(needle in said for needle in NEEDLES.bytes)


def now() -> Any:
    return timezone.now()


@pytest.fixture
def batch(owner: Member) -> Batch:
    made = factories.make_batch(owner, tasks=6, interface=TEXT_INTERFACE, now=now())
    known = [{"external_id": "t5", "answer": written("Sentence number 5. Nothing to add.")}]
    gold.set_gold(batch_id=made.pk, by=owner, known=known, now=now())
    factories.fund(owner.client, "100.00", reference="canary")
    return factories.publish(made, by=owner, now=now())


class Trail:
    """Asks every URL, and looks through every store."""

    def __init__(self, ids: Mapping[str, object]) -> None:
        self.ids = dict(ids)

    def routes(self) -> Iterator[tuple[str, str]]:
        """(route, address) of every page and endpoint."""
        for route, _pattern in patterns(get_resolver()):
            if route.startswith(NOTHING_OF_OURS):
                continue
            address = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: str(self.ids.get(m[1], 1)), route)
            yield route, f"/{address}"

    def readers(self, browser: Browser, **headers: str) -> set[str]:
        """The routes whose answer to a GET says the canary, in headers or body."""
        found = set()
        for route, address in self.routes():
            waiting = [address]
            while waiting:
                response = browser.get(waiting.pop(), headers=headers)
                if says(b"".join(response) + str(response.headers).encode()):
                    found.add(route)
                if response.status_code == 200 and not response.request["QUERY_STRING"]:
                    waiting += [address + query for query in QUERIES if LISTS.search(route)]
        return found

    def stored(self) -> set[tuple[str, str]]:
        """(store, column) wherever the canary stands."""
        tables = [hit for table in stores.tables() for hit in stores.in_table(table, NEEDLES)]
        others: list[Hit] = [
            *stores.in_sessions(NEEDLES),
            *erasure.in_files(NEEDLES),
            *erasure.in_redis(NEEDLES),
        ]
        return {(hit.store, hit.column) for hit in [*tables, *others]}


def signed_in(user: User) -> Browser:
    browser = Browser(raise_request_exception=False)
    browser.force_login(user)
    return browser


def admin_pages(boss: User) -> Iterator[tuple[str, bytes]]:
    """Every list and every row of the admin, also when searched for the canary."""
    browser = signed_in(boss)
    for model in admin.site._registry:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        rows = model._default_manager.values_list("pk", flat=True)[:50]
        for address in (base, f"{base}?q=kanarienvogel", *(f"{base}{pk}/" for pk in rows)):
            response = browser.get(address, follow=True)
            yield address, response.content


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_superuser("boss@example.org", "boss-password", name="Boss")


def test_nothing_says_an_answer_before_it_is_paid_for(
    batch: Batch,
    owner: Member,
    ada: User,
    bea: User,
    cem: User,
    dia: User,
    boss: User,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    hers, theirs, judges = Api(bea), Api(ada), Api(dia)
    client, stranger, console = signed_in(ada), signed_in(cem), signed_in(dia)

    # Saved, saved elsewhere meanwhile, sent incomplete, then submitted; each over HTTP.
    claimed = hers.post(f"/work/batches/{batch.pk}/claim").json()
    pk = claimed.get("id") or claimed["assignment"]["id"]
    one = Assignment.objects.get(pk=pk)
    trail = Trail({"batch_id": batch.pk, "assignment_id": pk, "task_id": one.task_id})
    path = f"/work/assignments/{pk}"
    for revision in range(2):
        content = written(f"{CANARY} {revision}")
        saved = hers.put(f"{path}/draft", {"revision": revision, "content": content})
        assert saved.status_code == 200
    stale = hers.put(f"{path}/draft", {"revision": 0, "content": written("else")})
    assert (stale.status_code, says(stale.content)) == (409, True)
    wrong = hers.post(f"{path}/submit", {"content": [*written(CANARY), {"from_name": CANARY}]})
    assert wrong.status_code == 400
    assert trail.stored() == {("tasks_draft", "content")}
    assert hers.post(f"{path}/submit", {"content": written(CANARY)}).status_code == 200
    again = hers.post(f"{path}/submit", {"content": written(CANARY)}, key="other")
    assert again.status_code == 409

    def client_reads() -> set[str]:
        """By its pages and by its API; and what was stored, logged or sent says nothing."""
        figures.refresh_figures(now=now())
        deliver_due(now=now())
        assert trail.stored() <= {("tasks_answer", "content")}
        assert not says(caplog.text.encode())
        mails = [f"{one.subject} {one.body} {one.to}" for one in mail.outbox]
        assert not says("\n".join(mails).encode())
        return trail.readers(client) | trail.readers(Browser(), **theirs.headers)

    def others_read() -> set[str]:
        """Strangers, nobody, the operator; and adjudicators outside of the case itself."""
        assert trail.readers(stranger) == trail.readers(Browser()) == set()
        assert [url for url, page in admin_pages(boss) if says(page)] == []
        return trail.readers(console) | trail.readers(Browser(), **judges.headers)

    assert client_reads() == set()

    # Refusals of every kind say nothing of it.
    reason = {"category": "wrong", "criterion": 1, "explanation": factories.EXPLANATION}
    for response, status in (
        (theirs.get(f"/assignments/{pk}"), 409),
        (theirs.post(f"/assignments/{pk}/reject", reason), 422),
        (theirs.post(f"/assignments/{pk}/withdraw"), 404),
        (Api(cem).post(f"{path}/submit", {"content": written()}), 404),
        (Api(cem).put(f"{path}/draft", {"revision": 0, "content": written()}), 404),
    ):
        assert response.status_code == status
        assert not says(response.content)

    opened = theirs.post(f"/assignments/{pk}/open", key="open-1")
    assert says(opened.content)
    assert client_reads() == OPENED
    assert others_read() == set()

    flawed = theirs.post(f"/assignments/{pk}/reject", reason | {"explanation": "bad"})
    assert (flawed.status_code, says(flawed.content)) == (400, False)
    done = theirs.post(f"/assignments/{pk}/reject", reason | {"category": "instructions"})
    assert (done.status_code, says(done.content)) == (200, False)
    # Rejected means gone, also for who repeats the request that had opened it.
    repeated = theirs.post(f"/assignments/{pk}/open", key="open-1")
    assert (repeated.status_code, says(repeated.content)) == (409, False)
    assert client_reads() == set()

    assert hers.post(f"{path}/contest", {"statement": "I read it."}).status_code in (200, 201)
    case = Dispute.objects.get()
    trail.ids["dispute_id"] = case.pk
    replied = theirs.post(f"/disputes/{case.pk}/reply", {"text": cases.REPLY})
    assert (replied.status_code, says(replied.content)) == (200, False)
    quoting = {"unfounded": {str(pk): True}, "reasons": f"She wrote {CANARY}, which is right."}
    refused = judges.post(f"/disputes/{case.pk}/decide", quoting)
    assert (refused.status_code, says(refused.content)) == (400, False)
    assert client_reads() == set()
    assert others_read() == JUDGED

    # Overturned: paid, and from now on the client's.
    cases.decide(case, by=dia, unfounded=True, now=now())
    assert client_reads() == PAID


def test_the_other_ends_say_no_more(
    batch: Batch, owner: Member, ada: User, bea: User, cem: User
) -> None:
    """Refused by the clock, and expired, taken back, late: nothing of it is the client's."""
    one = cases.claims.claim(worker=bea, batch_id=batch.pk, now=now())
    trail = Trail({"batch_id": batch.pk, "assignment_id": one.pk, "task_id": one.task_id})
    told = {"assignment_id": one.pk, "worker": bea, "now": now()}
    work.submit(content=written(CANARY), key="a", **told)
    work.unsubmit(**told)
    assert trail.readers(signed_in(ada)) == set()
    assert trail.stored() == {("tasks_draft", "content")}
    work.submit(content=written(CANARY), key="b", **told)
    cases.open_answer(one.pk, by=owner, now=now())
    factories.reject(one, by=owner, now=now())
    clocks.run(now=now() + timedelta(days=15))
    assert trail.readers(signed_in(ada)) == set()
    assert trail.stored() == {("tasks_archived", "content")}

    late = cases.claims.claim(worker=cem, batch_id=batch.pk, now=now())
    cases.claims.expire_due(now=now() + timedelta(days=5))
    other = cases.claims.claim(worker=bea, batch_id=batch.pk, now=now())
    trail.ids |= {"assignment_id": late.pk, "task_id": late.task_id}
    told = {"assignment_id": late.pk, "worker": cem, "now": now() + timedelta(days=5)}
    work.submit(content=written(CANARY), key="c", **told)
    assert other.pk != late.pk
    assert trail.readers(signed_in(ada)) == set()
    reviews.approve_due(now=now() + timedelta(days=9))
