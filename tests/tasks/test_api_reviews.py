"""Clients over the API: review, approvals, results, ledgers; nothing unpaid is ever shown."""

import csv
import io
import json
import time
from typing import Any

import pytest

from accounts.models import Member, User
from tasks.models import Batch
from tasks.services import reviews
from tests import factories
from tests.api import Api, flaws, problem, statements, usd

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(ada: User) -> Api:
    return Api(ada)


@pytest.fixture
def stranger(dia: User) -> Api:
    factories.make_client("Rival", owner="eve", verified_by=dia)
    return Api(User.objects.get(email="eve@example.org"))


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner)


def test_metadata_says_neither_answer_nor_worker(api: Api, batch: Batch, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="submitted", value="negative")
    response = api.get(f"/batches/{batch.pk}/assignments")
    [found] = response.json()["results"]
    assert found["id"] == one.pk
    assert (found["state"], found["allowed"]) == ("submitted", ["approve", "reject"])
    assert found["worker"].startswith("w_")
    assert (found["external_id"], found["by_clock"]) == ("t0", False)
    for secret in (b"negative", b"bea", b"Bea", b"active_seconds"):
        assert secret not in response.content


def test_a_worker_has_another_name_for_another_client(
    api: Api, batch: Batch, stranger: Api, bea: User
) -> None:
    eve = Member.objects.select_related("client", "user").get(user__email="eve@example.org")
    other = factories.make_open_batch(eve)
    factories.make_assignment(worker=bea, batch=batch, state="submitted")
    factories.make_assignment(worker=bea, batch=other, state="submitted")
    [here] = api.get(f"/batches/{batch.pk}/assignments").json()["results"]
    [there] = stranger.get(f"/batches/{other.pk}/assignments").json()["results"]
    assert here["worker"] != there["worker"]


def test_assignments_are_listed_by_state_at_the_same_cost(
    api: Api, owner: Member, bea: User, cem: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=5)
    factories.make_assignment(worker=bea, batch=batch, state="submitted")
    factories.make_assignment(worker=cem, batch=batch)
    url = f"/batches/{batch.pk}/assignments?state=submitted"
    with statements(3):
        assert len(api.get(url).json()["results"]) == 1
    for _more in range(2):
        factories.make_assignment(worker=bea, batch=batch, state="submitted")
    with statements(3):
        assert len(api.get(url).json()["results"]) == 3


def test_an_unpaid_answer_is_sealed(api: Api, batch: Batch, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="submitted")
    problem(api.get(f"/assignments/{one.pk}"), 409, "sealed")


def test_a_paid_answer_is_the_clients(api: Api, batch: Batch, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="submitted")
    approved = api.post(f"/assignments/{one.pk}/approve")
    assert approved.status_code == 200
    assert (approved.json()["state"], approved.json()["allowed"]) == ("approved", [])
    found = api.get(f"/assignments/{one.pk}").json()
    assert found["answer"] == factories.answer()
    assert found["payload"] == {"text": "Sentence number 0."}


def test_approved_is_final(api: Api, batch: Batch, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="approved")
    found = problem(api.post(f"/assignments/{one.pk}/approve"), 409, "illegal_move")
    assert (found["state"], found["allowed"]) == ("approved", [])


def test_what_is_not_submitted_is_not_approved(api: Api, batch: Batch, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=batch)
    problem(api.post(f"/assignments/{one.pk}/approve"), 409, "illegal_move")


def test_somebody_elses_assignment_does_not_exist(
    stranger: Api, batch: Batch, bea: User, api: Api
) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="approved")
    problem(stranger.get(f"/assignments/{one.pk}"), 404, "not_found")
    problem(stranger.post(f"/assignments/{one.pk}/approve"), 404, "not_found")
    task = f"/tasks/{one.task_id}/ledger"
    problem(stranger.get(task), 404, "not_found")
    started = api.post(f"/batches/{batch.pk}/approvals", {"all": True}).json()
    problem(stranger.get(f"/operations/{started['id']}"), 404, "not_found")


def test_approving_all_is_an_operation(api: Api, batch: Batch, bea: User, cem: User) -> None:
    for worker in (bea, cem):
        factories.make_assignment(worker=worker, batch=batch, state="submitted")
    started = api.post(f"/batches/{batch.pk}/approvals", {"all": True})
    assert started.status_code == 202
    url = started["Location"].removeprefix("/api/v1")
    assert (started.json()["state"], started.json()["total"]) == ("running", 2)
    for _round in range(2):
        reviews.run_operations(now=factories.NOW)
    found = api.get(url).json()
    assert (found["state"], found["done"], found["errors"]) == ("finished", 2, [])


def test_an_operation_names_what_it_could_not_approve(api: Api, batch: Batch, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=batch)
    ids = {"assignment_ids": [one.pk, 10**15]}
    started = api.post(f"/batches/{batch.pk}/approvals", ids).json()
    for _round in range(2):
        reviews.run_operations(now=factories.NOW)
    assert api.get(f"/operations/{started['id']}").json()["errors"] == [
        {"assignment": one.pk, "code": "illegal_move", "state": "claimed"},
        {"assignment": 10**15, "code": "not_found", "state": None},
    ]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, {("", "all_or_ids")}),
        ({"all": False}, {("", "all_or_ids")}),
        ({"all": True, "assignment_ids": [1]}, {("", "all_or_ids")}),
        ({"all": "yes"}, {("/all", "invalid")}),
        (
            {"assignment_ids": ["1", 0, 2**70]},
            {
                ("/assignment_ids/0", "invalid"),
                ("/assignment_ids/1", "min_value"),
                ("/assignment_ids/2", "max_value"),
            },
        ),
        ({"assignment_ids": []}, {("/assignment_ids", "invalid")}),
        ({"assignment_ids": list(range(1, 10_002))}, {("/assignment_ids", "invalid")}),
        ({"reject": True}, {("/reject", "unknown_field"), ("", "all_or_ids")}),
    ],
)
def test_approvals_say_what_they_mean(
    api: Api, batch: Batch, body: dict[str, Any], found: set[tuple[str, str]]
) -> None:
    response = api.post(f"/batches/{batch.pk}/approvals", body)
    assert flaws(problem(response, 400, "invalid")) <= found


def delivered(api: Api, path: str) -> tuple[str, str]:
    """Type and text of the results, once something is in them.

    Transactions of other tests on the same server delay it.
    """
    heads = 1 if "format=csv" in path else 0
    for _try in range(200):
        response = api.get(path)
        text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
        if text.strip() != "[]" and len(text.splitlines()) > heads:
            break
        time.sleep(0.1)
    return response["Content-Type"], text


@pytest.mark.django_db(transaction=True)
class TestResults:
    """Read up to the oldest running transaction: the tests need real ones."""

    def test_only_paid_answers_are_delivered(
        self, api: Api, batch: Batch, bea: User, cem: User
    ) -> None:
        paid = factories.make_assignment(worker=bea, batch=batch, state="approved")
        factories.make_assignment(worker=cem, batch=batch, state="submitted", value="negative")
        kind, text = delivered(api, f"/batches/{batch.pk}/results")
        assert kind == "application/x-ndjson"
        [row] = [json.loads(line) for line in text.splitlines()]
        assert (row["assignment"], row["external_id"]) == (paid.pk, "t0")
        assert row["answer"] == factories.answer()
        assert row["worker"].startswith("w_")

    def test_a_reader_goes_on_behind_its_cursor(
        self, api: Api, batch: Batch, bea: User, cem: User
    ) -> None:
        url = f"/batches/{batch.pk}/results"
        factories.make_assignment(worker=bea, batch=batch, state="approved")
        first = json.loads(delivered(api, url)[1])
        second = factories.make_assignment(worker=cem, batch=batch, state="approved")
        rest = delivered(api, f"{url}?after={first['cursor']}")[1].splitlines()
        assert [json.loads(line)["assignment"] for line in rest] == [second.pk]

    def test_no_cell_of_a_csv_starts_a_formula(self, api: Api, owner: Member, bea: User) -> None:
        batch = factories.make_batch(owner, tasks=0)
        row = json.dumps({"external_id": "=1+1", "text": "@SUM(A1)"}).encode()
        api.post(f"/batches/{batch.pk}/tasks", raw=row, kind="application/x-ndjson")
        factories.fund(owner.client)
        batch.refresh_from_db()
        factories.publish(batch, by=owner)
        factories.make_assignment(worker=bea, batch=batch, state="approved")
        kind, text = delivered(api, f"/batches/{batch.pk}/results?format=csv")
        assert kind.startswith("text/csv")
        [cells] = csv.DictReader(io.StringIO(text))
        assert (cells["external_id"], cells["data.text"]) == ("'=1+1", "'@SUM(A1)")
        assert cells["answer.sentiment"] == "positive"

    def test_label_studio_reads_the_array(self, api: Api, batch: Batch, bea: User) -> None:
        factories.make_assignment(worker=bea, batch=batch, state="approved")
        [task] = json.loads(delivered(api, f"/batches/{batch.pk}/results?format=labelstudio")[1])
        assert task["data"]["text"] == "Sentence number 0."
        assert task["annotations"][0]["result"] == factories.answer()


@pytest.mark.parametrize("query", ["format=xml", "after=x", "after=1-x", "before=1", "after=%00"])
def test_results_take_known_formats_and_cursors(api: Api, batch: Batch, query: str) -> None:
    problem(api.get(f"/batches/{batch.pk}/results?{query}"), 400, "invalid")


def test_a_draft_without_interface_has_no_results(api: Api, owner: Member) -> None:
    bare = factories.make_batch(owner, tasks=0, interface="")
    problem(api.get(f"/batches/{bare.pk}/results"), 409, "no_interface")


def test_a_key_without_the_scope_reads_no_results(ada: User, batch: Batch) -> None:
    reader = Api(ada, "batches:read")
    problem(reader.get(f"/batches/{batch.pk}/results"), 403, "forbidden")
    assert reader.get(f"/batches/{batch.pk}").status_code == 200
    problem(reader.post("/batches", {"title": "x"}), 403, "forbidden")


def test_the_ledger_of_a_task_ends_at_zero(api: Api, batch: Batch, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="approved")
    with statements(5):
        found = api.get(f"/tasks/{one.task_id}/ledger").json()
    assert (found["locked"], found["left"], found["settled"]) == (usd("0.11"), usd("0.00"), True)
    moves = [(line["part"], line["to"], line["amount"]["amount"]) for line in found["postings"]]
    assert sorted(moves) == [
        ("", "escrow", "0.11"),
        ("fee", "fees", "-0.009"),
        ("fee", "guarantee", "-0.001"),
        ("pay", "worker", "-0.10"),
    ]
    assert found["postings"][-1]["left"] == usd("0.00")
