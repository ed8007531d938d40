"""Every URL × everybody: what is not yours looks exactly like what does not exist."""

import json
import re
import uuid
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client as Browser
from django.urls import get_resolver
from django.utils import timezone

from accounts import services as accounts
from accounts.models import Client, Member, User
from accounts.selectors import pseudonym
from disputes.models import Evidence, Rejection
from disputes.services import reports, suspensions
from payments.services import payouts
from tasks.models import Batch, Media
from tasks.services import claims, exclusions, reviews
from tests import factories
from tests.test_architecture import all_patterns

pytestmark = pytest.mark.django_db(transaction=True)

CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Open to every worker, whoever posted the batch: that is what a marketplace is.
FOR_ANY_WORKER = ("work/batches/", "media/")
FOR_STAFF = ("clients/", "console/", "reports/", "people/", "suspensions/")
# Of a case: its worker, its client and adjudicators.
OF_CASES = ("disputes/",)
# Of the dispute's answer, not of the paid one.
ABOUT_THE_REJECTED = ("/refusal/", "/rejection", "/contest", "/say", "/appeal", "/withdraw")
UUIDS = ("media_id", "evidence_id")
OTHERS = ("admin/", "accounts/", "static/")


def routes() -> list[str]:
    """Every route of ours that names an object."""
    found = {route for route, _pattern in all_patterns(get_resolver())}
    return sorted(r for r in found if CONVERTER.search(r) and not r.startswith(OTHERS))


@pytest.fixture
def ids(owner: Member, ada: User, bea: User, dia: User) -> dict[str, Any]:
    """One of everything: Ada's, or Bea's."""
    now = timezone.now()
    batch = factories.make_open_batch(owner, tasks=8, reward=10_000_000)
    done = factories.make_assignment(worker=bea, batch=batch, state="approved")
    rejected = factories.make_assignment(worker=bea, batch=batch, state="disputed")
    rejection = Rejection.objects.get(assignment=rejected)
    held = claims.claim(worker=bea, batch_id=batch.pk, now=now)
    key, _text = accounts.create_api_key(
        user=ada, name="k", scopes=["batches:read"], days=1, now=now
    )
    media = Media.objects.create(
        batch=batch,
        file=ContentFile(b"\x89PNG\r\n\x1a\n", name="x.png"),
        content_type="image/png",
        size=8,
        name="x.png",
        created_at=now,
    )
    evidence = Evidence.objects.create(
        dispute=rejection.dispute,
        rejection=rejection,
        by=bea,
        side="worker",
        file=ContentFile(b"%PDF-1.7", name="x.pdf"),
        name="x.pdf",
        content_type="application/pdf",
        size=8,
        at=now,
    )
    report = reports.report_batch(
        batch_id=batch.pk, worker=bea, kind="broken", text="It shows nothing at all.", now=now
    )
    exclusion = exclusions.exclude(
        batch_id=batch.pk,
        worker=pseudonym(client=owner.client, worker_id=bea.pk),
        by=owner,
        reason="All was answered within a second.",
        now=now,
    )
    # Braked, as the pages about it ask for.
    Batch.objects.filter(pk=batch.pk).update(frozen_at=now)
    suspension = suspensions.suspend(
        user_id=ada.pk, by=dia, reason="Paid for work outside of here.", now=now
    )
    return {
        "batch_id": batch.pk,
        "rejected_id": rejected.pk,
        "dispute_id": rejection.dispute_id,
        "evidence_id": evidence.pk,
        "report_id": report.pk,
        "exclusion_id": exclusion.pk,
        "suspension_id": suspension.pk,
        "person_id": ada.pk,
        "assignment_id": done.pk,
        "task_id": held.task_id,
        "operation_id": reviews.approve_many(
            batch_id=batch.pk, by=owner, assignment_ids=None, now=now
        ).pk,
        "key_id": key.pk,
        "member_id": owner.pk,
        "client_id": owner.client_id,
        "payout_id": payouts.request_payout(worker=bea, amount=None, by=bea, now=now).pk,
        "media_id": media.pk,
        "file_format": "jsonl",
        "format": "jsonl",
        "step": "pause",
    }


def fill(route: str, ids: dict[str, Any]) -> str:
    if any(part in route for part in ABOUT_THE_REJECTED):
        ids = ids | {"assignment_id": ids["rejected_id"]}
    return "/" + CONVERTER.sub(lambda match: str(ids[match[1]]), route)


def missing(ids: dict[str, Any]) -> dict[str, Any]:
    """The same shape, naming nothing that exists."""
    return {
        name: 10**12 if isinstance(value, int) else uuid.uuid4() if name in UUIDS else value
        for name, value in ids.items()
    }


def people(ada: User, bea: User, dia: User) -> dict[str, Browser]:
    factories.make_client("Other", owner="eve", verified_by=dia)
    users = {
        "anonymous": None,
        "ada": ada,
        "bea": bea,
        "cem": factories.make_user("cem"),
        "eve": User.objects.get(email="eve@example.org"),
        "dia": dia,
    }
    browsers = {}
    for name, user in users.items():
        browsers[name] = Browser(raise_request_exception=False)
        if user is not None:
            browsers[name].force_login(user)
    return browsers


def may(name: str, route: str) -> bool:
    """Whether the object of this route is this person's to see."""
    path = route.removeprefix("api/v1/")
    if path.startswith(FOR_STAFF):
        return name == "dia"
    if path.startswith(OF_CASES):
        return name in ("ada", "bea", "dia")
    if path.startswith("evidence/"):
        return name in ("bea", "dia")
    if path.startswith(FOR_ANY_WORKER):
        return name in ("bea", "cem") or (path.startswith("media/") and name == "ada")
    if path.startswith(("work/", "my-work/", "earnings/", "payouts/")):
        return name == "bea"
    return name == "ada"


def ask(browser: Browser, method: str, path: str, key: str) -> tuple[int, Any]:
    """Status and what a stranger could learn: the body without the ids that were asked for."""
    response = browser.generic(
        method, path, "{}", content_type="application/json", headers={"Idempotency-Key": key}
    )
    body: Any = None
    if not response.streaming and "json" in response.headers.get("Content-Type", ""):
        body = json.loads(response.content)
        body.pop("request_id", None)
    return response.status_code, body


def test_every_route_with_an_object_can_be_filled(ids: dict[str, Any]) -> None:
    named = {name for route in routes() for name in CONVERTER.findall(route)}
    assert named <= set(ids)
    assert len(routes()) > 40


def test_what_is_not_yours_looks_like_what_does_not_exist(
    ids: dict[str, Any], ada: User, bea: User, dia: User
) -> None:
    browsers, nothing = people(ada, bea, dia), missing(ids)
    leaks = []
    for route in routes():
        for name, browser in browsers.items():
            if may(name, route):
                continue
            for method in METHODS:
                real = ask(browser, method, fill(route, ids), f"{method}{route}{name}1")
                none = ask(browser, method, fill(route, nothing), f"{method}{route}{name}2")
                if real != none or real[0] < 300 or real[0] >= 500:
                    leaks.append((name, method, route, real[0], none[0]))
    assert leaks == []


def test_the_owner_sees_what_is_hers(ids: dict[str, Any], ada: User, bea: User, dia: User) -> None:
    browsers = people(ada, bea, dia)
    refused = []
    for route in routes():
        for name in ("ada", "bea", "dia"):
            if may(name, route):
                status, _body = ask(browsers[name], "GET", fill(route, ids), "")
                # 302: a page of something that has moved on; 405: a verb; 409: no draft any more.
                if status >= 400 and status not in (405, 409):
                    refused.append((name, route, status))
    assert refused == []


def test_an_anonymous_visitor_reads_public_pages_only() -> None:
    browser = Browser(raise_request_exception=False)
    public = []
    for route, _pattern in all_patterns(get_resolver()):
        if CONVERTER.search(route) or route.startswith(OTHERS) or "^" in route:
            continue
        if browser.get(f"/{route}").status_code == 200:
            public.append(route)
    assert sorted(public) == sorted(
        [
            "",
            "api/docs/",
            "api/schema/",
            "docs/errors",
            "healthz",
            "readyz",
            "rules/",
            "transparency.json",
            "transparency/",
        ]
    )


def test_a_huge_body_is_refused_before_it_is_read(bea: User) -> None:
    browser = Browser()
    huge = {"CONTENT_LENGTH": str(300 * 1024 * 1024)}
    for path, status in (("/accounts/login/", 413), ("/api/v1/batches/1/tasks", 413)):
        assert browser.post(path, **huge).status_code == status
    browser.force_login(bea)
    assert browser.post("/work/tasks/1/", **huge).status_code == 413


def test_no_log_line_holds_an_answer(
    acme: Client, owner: Member, bea: User, caplog: pytest.LogCaptureFixture
) -> None:
    canary = "kanarienvogel"
    interface = (
        '<View><Text name="text" value="$text"/><TextArea name="words" toName="text"/></View>'
    )
    batch = factories.make_open_batch(owner, interface=interface)
    one = claims.claim(worker=bea, batch_id=batch.pk, now=timezone.now())
    browser = Browser()
    browser.force_login(bea)
    content = [
        {
            "id": "words",
            "from_name": "words",
            "to_name": "text",
            "type": "textarea",
            "value": {"text": [canary]},
        }
    ]
    for path, body in (
        ("draft", {"revision": 0, "content": content}),
        ("submit", {"content": [*content, {"bad": canary}], "key": "a"}),
        ("submit", {"content": content, "key": "a"}),
    ):
        method = browser.put if path == "draft" else browser.post
        method(f"/api/v1/work/assignments/{one.pk}/{path}", body, content_type="application/json")
    one.refresh_from_db()
    assert one.state == "submitted"
    assert canary not in caplog.text
