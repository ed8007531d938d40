"""Sealed until paid: what a client sees does not depend on what it has not paid for (R5, R6).

A small market is made twice, alike to the last number but for the sealed answers, and walked by
everybody on the client's side: each URL there is, by browser and by API, old and new. Both walks
have to say the same. Known items are alike in both: how they went is the client's to know.
"""

import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import get_resolver
from django.utils import timezone
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from accounts import services as accounts
from accounts.models import Client, Member, User
from accounts.states import SCOPES_OF, Role
from core import jobs
from disputes.models import Dispute
from disputes.services import clocks, contests, transparency
from tasks.models import Assignment, Batch, Task
from tasks.services import claims, figures, gold, openings, reviews, work
from tests import factories
from tests.conftest import clear_rows
from tests.disputes import cases
from tests.test_architecture import all_patterns

pytestmark = pytest.mark.django_db(transaction=True)

INTERFACE = """<View>
  <Text name="text" value="$text"/>
  <Choices name="sentiment" toName="text" choice="single" required="true">
    <Choice value="positive"/><Choice value="negative"/>
  </Choices>
  <TextArea name="why" toName="text"/>
</View>"""
Content = tuple[str, str]
PLAIN: Content = ("positive", "")
TASKS, SEALED = 30, 16
CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")
# Those who look on from the client's side; the last two have nothing to do with it.
LOOKERS = ("owner", "reviewer", "stranger", "nobody")
# Ways to ask for more than a page shows: filters, orders, searches, pages, formats.
QUERIES = (
    "?state=submitted&q=positive&search=positive&worker=w_aaaaaaaaaaaaaaaa",
    "?ordering=answer&sort=answer&order=-content&limit=1",
    "?after=0-0&format=csv",
    "?format=label_studio&content=positive",
)
HELD = ("claimed", "unsampled", "sealed", "rejected", "disputed", "refused", "upheld")
# Where asking in another way may tell more.
LISTS = re.compile("batches|assignments/?$|disputes/?$|transparency|transfers|money")
# What these do is pay: then the answer is the client's. All other verbs are tried.
PAYS = re.compile("approv|withdraw")
# Verbs that end the walk for whoever comes next.
ENDS = re.compile("logout|/close$|/step/|api-keys|keys/|members|deposits|money/deposit|language")
# Drawn anew for each answer and request, whatever is in them.
TOKENS = re.compile(
    rb'(name="(?:csrfmiddlewaretoken|key)" value=")\w+'
    rb'|("(?:request_id|cursor|next|previous|after|prefix)": ?)"[^"]*"'
    rb'|([?&](?:after|before|cursor)=)[^"&\s]+|(,)[0-9]+-[0-9]+(?=\r\n)'
    rb"|(quote: <code>|fck_)\w+"
)
UUIDS = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Of the moment; the length of a page is that of its text.
HEADERS = ("x-request-id", "date", "set-cookie", "content-length", "expires", "last-modified")


def content(said: Content) -> list[dict[str, Any]]:
    """An answer to INTERFACE."""
    choice, why = said
    parts = factories.answer(choice)
    if why:
        parts.append(
            {
                "id": "why",
                "from_name": "why",
                "to_name": "text",
                "type": "textarea",
                "value": {"text": [why]},
            }
        )
    return parts


@dataclass
class World:
    """One market at one moment; `said` are its sealed answers, in order."""

    now: datetime
    said: Iterator[Content]
    ids: dict[str, int] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)

    def build(self) -> None:
        clear_rows(None)  # type: ignore[arg-type]
        cache.clear()
        mail.outbox.clear()
        self.make_people()
        self.make_batch()
        self.make_work()
        self.run_jobs()

    def make_people(self) -> None:
        dia = factories.make_user("dia", role="adjudicator", is_staff=True)
        acme = factories.make_client("Acme", owner="ada", verified_by=dia)
        factories.make_client("Other", owner="eve", verified_by=dia)
        Client.objects.update(pseudonym_key=b"k" * 32, created_at=self.now)
        rex = factories.make_user("rex", role="member")
        Member.objects.create(client=acme, user=rex, role="reviewer", joined_at=self.now)
        self.people = {
            "dia": dia,
            "eli": factories.make_user("eli", role="adjudicator"),
            "owner": User.objects.get(email="ada@example.org"),
            "reviewer": rex,
            "stranger": User.objects.get(email="eve@example.org"),
        }
        User.objects.update(date_joined=self.now)
        self.owner = Member.objects.select_related("user", "client").get(user=self.people["owner"])
        self.workers = cases.people(8)

    def make_batch(self) -> None:
        self.batch = factories.make_batch(
            self.owner, tasks=TASKS, now=self.now, interface=INTERFACE, overlap=2
        )
        known = [{"external_id": "t0", "answer": content(PLAIN)}]
        gold.set_gold(batch_id=self.batch.pk, by=self.owner, known=known, now=self.now)
        factories.fund(self.owner.client, "100.00", reference="play")
        # The sample is drawn from ids and this; the same in both.
        Batch.objects.update(secret=b"s" * 32)
        self.batch = factories.publish(self.batch, by=self.owner, now=self.now)

    def done(self, worker: int, said: Content) -> int:
        who = self.workers[worker]
        one = claims.claim(worker=who, batch_id=self.batch.pk, now=self.now)
        work.submit(
            assignment_id=one.pk,
            worker=who,
            content=content(said),
            key=f"k{one.pk}",
            now=self.now,
        )
        return one.pk

    def make_work(self) -> None:
        """The first of everybody is a known item or paid: alike in both."""
        for number in range(8):
            paid = self.done(number % 4, PLAIN)
            reviews.approve_assignment(assignment_id=paid, by=self.owner, now=self.now)
        self.ids["assignment_id"] = paid
        sealed = [self.done(number % 8, next(self.said)) for number in range(SEALED - 2)]
        seen = dict(zip(("rejected", "disputed", "refused", "upheld"), sealed, strict=False))
        for one in seen.values():
            openings.open_answer(assignment_id=one, by=self.owner, now=self.now)
            cases.reject(one, by=self.owner, now=self.now, explanation=f"{WHY} {one}")
        self.dispute(seen)
        drawn = {
            one.pk: hasattr(one.place, "sampled")
            for one in Assignment.objects.filter(pk__in=sealed[4:]).select_related("place__sampled")
        }
        self.ids |= seen | {
            "sealed": next(one for one in sealed[4:] if drawn[one]),
            "unsampled": next(one for one in sealed[4:] if not drawn[one]),
        }
        held = claims.claim(worker=self.workers[7], batch_id=self.batch.pk, now=self.now)
        work.save_draft(
            assignment_id=held.pk,
            worker=self.workers[7],
            content=content(next(self.said)),
            revision=0,
            now=self.now,
        )
        self.ids["claimed"] = held.pk

    def dispute(self, seen: dict[str, int]) -> None:
        mine = {name: Assignment.objects.get(pk=one).rejection for name, one in seen.items()}
        for name in ("disputed", "refused", "upheld"):
            cases.contest(mine[name], now=self.now, statement="")
        for name in ("refused", "upheld"):
            cases.reply(mine[name].dispute or self.case(seen[name]), by=self.owner, now=self.now)
            cases.decide(
                self.case(seen[name]), by=self.people["dia"], unfounded=False, now=self.now
            )
        contests.appeal(
            assignment_id=seen["refused"],
            worker=mine["refused"].worker,
            statement="The decision overlooks the sentence.",
            now=self.now,
        )
        cases.decide(
            self.case(seen["refused"]), by=self.people["eli"], unfounded=False, now=self.now
        )
        self.ids["dispute_id"] = self.case(seen["disputed"]).pk

    def case(self, one: int) -> Dispute:
        return Dispute.objects.get(rejections__assignment=one)

    def run_jobs(self) -> None:
        figures.refresh_figures(now=self.now)
        transparency.count_months(now=self.now)
        clocks.run(now=self.now)
        jobs.deliver_due(now=self.now)
        wait_for_results(self.batch)


WHY = "The sentence praises the phone, and the answer does not say so:"


def wait_for_results(batch: Batch) -> None:
    """Paid answers are delivered once no older transaction runs anywhere in the cluster."""
    until = time.monotonic() + 60
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute(
                "SELECT count(*) FROM tasks_assignment WHERE batch_id = %s"
                " AND approved_xid >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
                [batch.pk],
            )
            if cursor.fetchone() == (0,):
                return
            time.sleep(0.05)
    raise AssertionError("an old transaction runs elsewhere")


# --- the walk --------------------------------------------------------------------------------


def routes() -> list[str]:
    """Every route of ours, whoever it is for."""
    found = {route for route, _pattern in all_patterns(get_resolver())}
    ours = (r for r in found if not r.startswith(("admin/", "static/", "accounts/")))
    return sorted(r for r in ours if "^" not in r and r not in ("metrics", "readyz"))


def filled(route: str, world: World) -> dict[str, str]:
    """The route's paths: of the paid assignment (""), and of each that is held back."""
    known: dict[str, Any] = {
        "batch_id": world.batch.pk,
        "task_id": Task.objects.filter(batch=world.batch).order_by("pk")[1].pk,
        "format": "jsonl",
        "file_format": "jsonl",
        "step": "pause",
    } | world.ids
    known |= dict.fromkeys(("media_id", "evidence_id"), "00000000-0000-0000-0000-000000000000")
    paths = {"": path_of(route, known)}
    if "assignment_id" in CONVERTER.findall(route):
        for name in HELD:
            paths[name] = path_of(route, known | {"assignment_id": known[name]})
    return paths


def path_of(route: str, known: dict[str, Any]) -> str:
    return "/" + CONVERTER.sub(lambda match: str(known.get(match[1], 1)), route)


class Looker:
    """Somebody on the client's side, at the browser and with a key."""

    def __init__(self, user: User | None, now: datetime) -> None:
        self.browser, self.program = Browser(raise_request_exception=False), Browser()
        self.headers: dict[str, str] = {}
        if user is not None:
            self.browser.force_login(user)
            _key, text = accounts.create_api_key(
                user=user, name="walk", scopes=SCOPES_OF[Role(user.role)], days=9, now=now
            )
            self.headers = {"Authorization": f"Bearer {text}"}

    def ask(self, method: str, path: str, body: str = "{}", **headers: str) -> tuple[Any, ...]:
        is_api = path.startswith("/api/")
        http = self.program if is_api else self.browser
        sent = (self.headers if is_api else {}) | headers
        if method != "GET":
            sent |= {"Idempotency-Key": f"{method}{path}{body}"[:200]}
        kind = "application/json" if is_api else "application/x-www-form-urlencoded"
        data = b"" if method == "GET" else body.encode()
        response = http.generic(method, path, data, kind, headers=sent)
        return said(response)


def said(response: HttpResponse) -> tuple[Any, ...]:
    """All that a response tells, but for what is drawn anew each time."""
    stream = getattr(response, "streaming_content", None)
    body = b"".join(stream) if response.streaming and stream else response.content
    told = sorted(
        (name.lower(), value)
        for name, value in response.headers.items()
        if name.lower() not in HEADERS
    )
    plain = UUIDS.sub(b"uuid", TOKENS.sub(rb"\1\2\3\4\5masked", body))
    return response.status_code, told, plain


def bodies(path: str) -> list[str]:
    """What verbs are told: reasons of every kind, where that is what they ask for."""
    if path.startswith("/api/"):
        reason = '{"category": "%s", "criterion": 1, "explanation": "%s"}'
        return ["{}", *(reason % (category, WHY) for category in ("wrong", "random"))]
    return ["", f"category=wrong&criterion=1&explanation={WHY}&text={WHY}".replace(" ", "+")]


Told = dict[tuple[str, ...], tuple[Any, ...]]


def walk(world: World) -> Told:
    """Everything that everybody on the client's side can be told."""
    told: Told = {}
    people = {name: Looker(world.people.get(name), world.now) for name in LOOKERS}
    ways = {route: filled(route, world) for route in routes()}
    for name, who in people.items():
        for paths in ways.values():
            look(told, name, who, paths)
    # Verbs last: what they change they change in both.
    for route, paths in ways.items():
        if not (PAYS.search(route) or ENDS.search(route)):
            act(told, people["owner"], route, paths)
    for number, letter in enumerate(mail.outbox):
        if {user.email for user in world.people.values() if user.is_member} & set(letter.to):
            told["mail", "to", str(number)] = (letter.to, letter.subject, letter.body)
    return told


def look(told: Told, name: str, who: Looker, paths: dict[str, str]) -> None:
    """Reads; what answers is asked in every way, and whether it has changed."""
    for path in paths.values() if name == "owner" else list(paths.values())[:2]:
        told[name, "GET", path] = who.ask("GET", path)
        if told[name, "GET", path][0] != 200 or name != "owner":
            continue
        etag = dict(told[name, "GET", path][1]).get("etag", '"none"')
        told[name, "GET again", path] = who.ask("GET", path, **{"If-None-Match": etag})
        if LISTS.search(path):
            for query in QUERIES:
                told[name, "GET", path + query] = who.ask("GET", path + query)


def act(told: Told, who: Looker, route: str, paths: dict[str, str]) -> None:
    """Tries the verb on everything that is held back; opening what is in the sample shows it."""
    is_opening = re.search("open/?$", route)
    hidden = [path for name, path in paths.items() if not is_opening or name not in ("", "sealed")]
    for path in hidden:
        for body in bodies(path):
            told["owner", "POST", path, body] = who.ask("POST", path, body)


words = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60)
tricky = st.sampled_from(
    ["", "=1+1", "<script>alert(1)</script>", "ا" * 40, "positive", "x" * 3_000, '"; --', "w_a"]
)
answers = st.lists(
    st.tuples(st.sampled_from(["positive", "negative"]), words | tricky),
    min_size=SEALED,
    max_size=SEALED,
)


# Nothing alike: lengths, orders, choices.
UNLIKE = [(("negative", "positive")[i % 3 == 0], "zebra" * (SEALED - i)) for i in range(SEALED)]


def differences(one: dict[Any, Any], other: dict[Any, Any]) -> list[Any]:
    assert one.keys() == other.keys()
    return [(asked, one[asked], other[asked]) for asked in one if one[asked] != other[asked]]


def test_what_clients_see_does_not_depend_on_sealed_answers(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    now = timezone.now().replace(microsecond=0)
    monkeypatch.setattr(timezone, "now", lambda: now)
    request.addfinalizer(lambda: logging.disable(logging.NOTSET))
    logging.disable()

    def seen(contents: list[Content]) -> dict[Any, Any]:
        world = World(now, iter(contents))
        world.build()
        return walk(world)

    plain = seen([PLAIN] * SEALED)
    assert_it_saw_enough(plain)

    @settings(
        max_examples=3,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(contents=answers)
    @example(contents=UNLIKE)
    def other_answers_look_the_same(contents: list[Content]) -> None:
        assert differences(plain, seen(contents)) == []

    other_answers_look_the_same()


def assert_it_saw_enough(told: Told) -> None:
    """A walk that is refused everywhere proves nothing."""
    pages = {asked[2] for asked, answer in told.items() if answer[0] == 200}
    for page in (
        "/batches/1/",
        "/batches/1/sample/",
        "/batches/1/assignments/",
        "/disputes/",
        "/transparency.json",
        "/api/v1/batches/1/sample",
        "/api/v1/batches/1/progress",
        "/api/v1/disputes",
    ):
        assert page in pages
    assert any(page.startswith("/disputes/2") for page in pages)
    results = [answer[2] for asked, answer in told.items() if "/results" in asked[2]]
    assert any(body.count(b"positive") >= 8 for body in results)
    assert any(asked[0] == "mail" for asked in told)
    codes = {answer[0] for asked, answer in told.items() if asked[1] == "POST"}
    assert {403, 404, 409, 422} <= codes
