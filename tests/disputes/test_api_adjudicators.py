"""Over the API: reports, the brake, suspensions and the log, for adjudicators only."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Member, Suspension, User
from disputes.models import Report
from tasks.models import Batch
from tests import factories
from tests.api import Api, problem, statements, usd

pytestmark = pytest.mark.django_db
TEXT = "The link in the task leads to a form of theirs, and the answer goes there."
REASONS = "We followed the link: the answers are collected elsewhere."
WHY = "Four people say that this account asked them for their bank's password."
REASON = {"category": "instructions", "criterion": 1, "explanation": factories.EXPLANATION}


@pytest.fixture
def api(ada: User) -> Api:
    return Api(ada)


@pytest.fixture
def worker(bea: User) -> Api:
    return Api(bea)


@pytest.fixture
def judge(dia: User) -> Api:
    return Api(dia)


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=10)


def report(worker: Api, batch: Batch, kind: str = "external") -> int:
    made = worker.post(f"/work/batches/{batch.pk}/report", {"kind": kind, "text": TEXT})
    assert made.status_code == 201, made.content
    number: int = made.json()["id"]
    return number


# --- reports -----------------------------------------------------------------------------------


def test_a_founded_report_stops_claims_and_pays_what_was_rejected(
    api: Api, worker: Api, judge: Api, batch: Batch, bea: User
) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="opened", now=timezone.now())
    api.post(f"/assignments/{one.pk}/reject", REASON)
    number = report(worker, batch)
    with statements(2):
        [listed] = judge.get("/reports?state=open").json()["results"]
    assert (listed["id"], listed["text"], listed["client"]) == (number, TEXT, "Acme")
    assert "worker" not in listed
    url = f"/reports/{number}"
    assert judge.get(url).json() == listed
    founded = {"founded": True, "reasons": REASONS}
    decided = judge.post(f"{url}/decide", founded).json()
    assert (decided["state"], decided["reasons"]) == ("upheld", REASONS)
    problem(judge.post(f"{url}/decide", founded), 409, "illegal_move")
    problem(worker.post(f"/work/batches/{batch.pk}/claim"), 409, "batch_not_open")
    hers = worker.get(f"/work/assignments/{one.pk}/rejection").json()
    assert (hers["outcome"], hers["state"]) == ("annulled", "closed")
    assert worker.get("/work/earnings").json()["balance"] == usd("0.11")
    assert api.get(f"/batches/{batch.pk}").json()["rejections_barred_at"] is not None


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"kind": "boring"}, "invalid"),
        ({"kind": 7}, "invalid"),
        ({"text": "bad"}, "text_length"),
        ({"text": "x" * 2_001}, "text_length"),
        ({"worker": 7}, "invalid"),
    ],
)
def test_a_report_says_what_is_wrong(
    worker: Api, batch: Batch, more: dict[str, Any], code: str
) -> None:
    sent = {"kind": "broken", "text": TEXT} | more
    problem(worker.post(f"/work/batches/{batch.pk}/report", sent), 400, code)
    assert not Report.objects.exists()


def test_a_report_is_made_once_by_a_worker_about_what_is_published(
    api: Api, worker: Api, owner: Member, batch: Batch
) -> None:
    sent = {"kind": "external", "text": TEXT}
    report(worker, batch)
    problem(worker.post(f"/work/batches/{batch.pk}/report", sent), 409, "reported")
    assert report(worker, batch, "broken")
    draft = factories.make_batch(owner)
    problem(worker.post(f"/work/batches/{draft.pk}/report", sent), 404, "not_found")
    problem(api.post(f"/work/batches/{batch.pk}/report", sent), 403, "forbidden")


def test_a_report_is_decided_with_reasons(worker: Api, judge: Api, batch: Batch) -> None:
    url = f"/reports/{report(worker, batch)}/decide"
    problem(judge.post(url, {"founded": True, "reasons": "yes"}), 400, "text_length")
    problem(judge.post(url, {"founded": "yes", "reasons": REASONS}), 400, "invalid")
    nothing = "/reports/999999/decide"
    problem(judge.post(nothing, {"founded": True, "reasons": REASONS}), 404, "not_found")
    found = judge.post(url, {"founded": False, "reasons": REASONS}).json()
    assert found["state"] == "dismissed"
    assert worker.post(f"/work/batches/{batch.pk}/claim").status_code == 201


# --- people ------------------------------------------------------------------------------------


def test_a_suspension_is_named_reasoned_answered_and_ended(
    judge: Api, worker: Api, bea: User, batch: Batch
) -> None:
    made = judge.post(f"/people/{bea.pk}/suspend", {"reason": WHY})
    assert (made.status_code, made.json()["by"], made.json()["reason"]) == (201, "Dia", WHY)
    problem(judge.post(f"/people/{bea.pk}/suspend", {"reason": WHY}), 409, "already_suspended")
    problem(worker.post(f"/work/batches/{batch.pk}/claim"), 403, "suspended")
    assert worker.get("/work/earnings").status_code == 200
    with statements(2):
        [listed] = judge.get("/suspensions").json()["results"]
    assert listed == made.json()
    url = f"/suspensions/{listed['id']}/end"
    problem(judge.post(url, {"reason": "sorry"}), 400, "text_length")
    ended = judge.post(url, {"reason": "It was somebody else, as it turned out."})
    assert ended.json()["ended_at"] is not None
    problem(judge.post(url, {"reason": WHY}), 409, "not_suspended")
    assert worker.post(f"/work/batches/{batch.pk}/claim").status_code == 201


def test_a_suspension_needs_a_reason_a_person_and_staff(judge: Api, bea: User, dia: User) -> None:
    problem(judge.post(f"/people/{bea.pk}/suspend", {"reason": "bad"}), 400, "text_length")
    problem(judge.post(f"/people/{bea.pk}/suspend", {}), 400, "invalid")
    problem(judge.post("/people/999999/suspend", {"reason": WHY}), 404, "not_found")
    problem(judge.post(f"/people/{dia.pk}/suspend", {"reason": WHY}), 403, "forbidden")
    problem(judge.post("/suspensions/999999/end", {"reason": WHY}), 404, "not_found")
    hand = Api(factories.make_user("dan", role="adjudicator"))
    problem(hand.post(f"/people/{bea.pk}/suspend", {"reason": WHY}), 403, "forbidden")
    assert not Suspension.objects.exists()


# --- the log -----------------------------------------------------------------------------------


def test_the_log_has_every_decision_each_with_the_hash_of_the_one_before(
    judge: Api, worker: Api, batch: Batch, bea: User
) -> None:
    judge.post(f"/people/{bea.pk}/suspend", {"reason": WHY})
    judge.post(f"/reports/{report(worker, batch)}/decide", {"founded": False, "reasons": REASONS})
    with statements(2):
        newest, oldest = judge.get("/log").json()["results"]
    assert (newest["kind"], oldest["kind"]) == ("report", "suspended")
    assert (newest["by"], oldest["data"]) == ("Dia", {"reasons": WHY})
    assert newest["previous"] == oldest["hash"]
    assert newest["number"] == oldest["number"] + 1
    first = judge.get("/log?page_size=1").json()
    assert judge.get(first["next"]).json()["results"] == [oldest]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/reports"),
        ("GET", "/reports/1"),
        ("POST", "/reports/1/decide"),
        ("GET", "/suspensions"),
        ("POST", "/suspensions/1/end"),
        ("POST", "/people/1/suspend"),
        ("POST", "/batches/1/unfreeze"),
        ("POST", "/disputes/1/decide"),
        ("GET", "/log"),
    ],
)
def test_neither_clients_nor_workers_do_what_adjudicators_do(
    api: Api, worker: Api, method: str, path: str
) -> None:
    for side in (api, worker):
        problem(side.send(method, path, {}), 403, "forbidden")
    problem(Api(None).send(method, path, {}), 401, "not_authenticated")


def test_the_brake_is_lifted_with_reasons_where_it_is_on(judge: Api, batch: Batch) -> None:
    url = f"/batches/{batch.pk}/unfreeze"
    problem(judge.post(url, {"reasons": REASONS}), 409, "not_frozen")
    problem(judge.post(url, {"reasons": "ok"}), 400, "text_length")
    problem(judge.post("/batches/999999/unfreeze", {"reasons": REASONS}), 404, "not_found")
