"""Clients over the API: drafts, price, publication, progress."""

import io
import json
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection

from accounts.models import Member, User
from core import money
from payments.selectors import balances
from tasks.api.batches import Batches
from tasks.models import Batch
from tests import factories
from tests.api import Api, flaws, problem, statements, usd

FULL = {
    "title": "Is this review positive?",
    "instructions": "Read it. Decide.",
    "criteria": ["Judge what the writer feels."],
    "examples": [{"task": "Great!", "answer": "positive", "why": "The writer is glad."}],
    "interface": factories.INTERFACE,
    "reward": usd("0.10"),
    "overlap": 2,
    "declared_seconds": 20,
    "time_limit_s": 1200,
    "review_window_s": 7200,
    "languages": ["en"],
    "content_warnings": ["swearing"],
}
BOMB = """<?xml version="1.0"?><!DOCTYPE v [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<View><Text name="t" value="&b;"/></View>"""

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(ada: User) -> Api:
    return Api(ada)


@pytest.fixture
def stranger(dia: User) -> Api:
    """Owner of another client."""
    factories.make_client("Rival", owner="eve", verified_by=dia)
    return Api(User.objects.get(email="eve@example.org"))


def made(api: Api, **fields: Any) -> dict[str, Any]:
    response = api.post("/batches", FULL | fields)
    assert response.status_code == 201, response.content
    found: dict[str, Any] = response.json()
    return found


def test_a_draft_comes_back_as_it_was_sent(api: Api) -> None:
    found = made(api)
    assert {name: found[name] for name in FULL} == FULL
    assert found["state"] == "draft"
    assert found["fee"] == usd("0.00")
    assert found["allowed"] == ["publish"]
    assert api.get(f"/batches/{found['id']}").json() == found


def test_a_title_is_enough_to_begin(api: Api) -> None:
    assert api.post("/batches", {"title": "Later"}).status_code == 201


@pytest.mark.parametrize(
    ("field", "value", "pointer", "code"),
    [
        ("state", "open", "/state", "unknown_field"),
        ("a/b~c", 1, "/a~1b~0c", "unknown_field"),
        ("title", 7, "/title", "invalid"),
        ("title", "", "/title", "title"),
        ("title", "x" * 121, "/title", "title"),
        ("title", "nul\0", "/title", "null_characters_not_allowed"),
        ("title", None, "/title", "null"),
        ("instructions", ["x"], "/instructions", "invalid"),
        ("criteria", "one", "/criteria", "not_a_list"),
        ("criteria", [1], "/criteria/0", "invalid"),
        ("criteria", ["ok", ""], "/criteria", "list"),
        ("examples", [{"task": "x"}], "/examples/0/answer", "required"),
        (
            "examples",
            [{"task": "x", "answer": "y", "why": "z", "more": 1}],
            "/examples/0/more",
            "unknown_field",
        ),
        ("overlap", "2", "/overlap", "invalid"),
        ("overlap", 2.0, "/overlap", "invalid"),
        ("overlap", True, "/overlap", "invalid"),
        ("overlap", 0, "/overlap", "out_of_range"),
        ("overlap", 101, "/overlap", "out_of_range"),
        ("overlap", 10**30, "/overlap", "max_value"),
        ("declared_seconds", 0, "/declared_seconds", "out_of_range"),
        ("review_window_s", 60, "/review_window_s", "out_of_range"),
        ("reward", 0.1, "/reward", "not_money"),
        ("reward", "0.10", "/reward", "not_money"),
        ("reward", {"amount": 0.1, "currency": "USD"}, "/reward", "amount"),
        ("reward", {"amount": "-1", "currency": "USD"}, "/reward", "amount"),
        ("reward", {"amount": "0.005", "currency": "USD"}, "/reward", "half_cent"),
        ("reward", {"amount": "0.05", "currency": "EUR"}, "/reward", "wrong_currency"),
        ("reward", {"amount": "20000.00", "currency": "USD"}, "/reward", "out_of_range"),
        ("interface", "<View>", "/interface", "not_xml"),
        ("interface", BOMB, "/interface", "forbidden_xml"),
        ("interface", "<View><Script/></View>", "/interface", "html_tag"),
        ("languages", ["toolonglanguage"], "/languages", "list"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_made(
    api: Api, field: str, value: Any, pointer: str, code: str
) -> None:
    found = problem(api.post("/batches", FULL | {field: value}), 400, "invalid")
    assert (pointer, code) in flaws(found)
    assert not Batch.objects.exists()


def test_every_wrong_field_is_named_at_once(api: Api) -> None:
    wrong = {"overlap": 0, "declared_seconds": 0, "title": ""}
    found = problem(api.post("/batches", FULL | wrong), 400, "invalid")
    assert flaws(found) == {
        ("/overlap", "out_of_range"),
        ("/declared_seconds", "out_of_range"),
        ("/title", "title"),
    }


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "malformed"),
        (b"", "invalid"),
        (b'{"title": NaN}', "malformed"),
        (b'{"title": "\xff"}', "encoding"),
        (b'{"overlap": ' + b"9" * 5000 + b"}", "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"title": ' + b"[" * 70 + b"]" * 70 + b"}", "too_deep"),
        (b"[]", "invalid"),
        (b'"text"', "invalid"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(api: Api, raw: bytes, code: str) -> None:
    problem(api.post("/batches", raw=raw), 400, code)


def test_half_a_surrogate_pair_is_refused(api: Api) -> None:
    found = problem(api.post("/batches", raw=b'{"title": "\\ud800"}'), 400, "invalid")
    assert flaws(found) == {("/title", "surrogate_characters_not_allowed")}


def test_a_body_of_another_type_is_refused(api: Api) -> None:
    problem(api.post("/batches", FULL, kind="text/plain"), 415, "unsupported_media_type")


def test_a_body_over_the_limit_is_refused(api: Api) -> None:
    problem(api.post("/batches", raw=b" " * 2_621_441), 413, "too_large")


def test_a_body_of_unknown_length_is_refused(api: Api) -> None:
    response = api.post("/batches", Content_Length="", Transfer_Encoding="chunked")
    problem(response, 411, "length_required")


def test_a_body_that_ends_early_is_refused(api: Api) -> None:
    # As a server hands on a connection that broke: fewer bytes than were announced.
    environ = api.client._base_environ(
        **{
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/api/v1/batches",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": "500",
            "HTTP_AUTHORIZATION": api.headers["Authorization"],
            "wsgi.input": io.BytesIO(b'{"title": "x"}'),
        }
    )
    response = Batches.as_view()(WSGIRequest(environ))
    assert json.loads(response.content)["code"] == "incomplete_body"


def test_batches_are_listed_newest_first(api: Api, owner: Member) -> None:
    old = factories.make_batch(owner, tasks=0, title="Old")
    new = made(api)
    found = api.get("/batches").json()
    assert [one["id"] for one in found["results"]] == [new["id"], old.pk]
    assert (found["next"], found["previous"]) == (None, None)


def test_batches_can_be_listed_by_state(api: Api, owner: Member) -> None:
    opened = factories.make_open_batch(owner)
    made(api)
    assert [one["id"] for one in api.get("/batches?state=open").json()["results"]] == [opened.pk]
    found = problem(api.get("/batches?state=lost"), 400, "invalid")
    assert flaws(found) == {("/state", "invalid_choice")}


def test_pages_follow_each_other_without_loss(api: Api, owner: Member) -> None:
    wanted = [factories.make_batch(owner, tasks=0, title=f"B{i}").pk for i in range(5)][::-1]
    first = api.get("/batches?page_size=2").json()
    second = api.get(first["next"]).json()
    third = api.get(second["next"]).json()
    seen = [one["id"] for page in (first, second, third) for one in page["results"]]
    assert seen == wanted
    assert third["next"] is None
    assert first["previous"] is None
    back = api.get(third["previous"]).json()
    assert back["results"] == second["results"]
    assert api.get(back["previous"]).json()["results"] == first["results"]


@pytest.mark.parametrize("cursor", ["x", "W10", "W1tdXQ", "WzAsImEiLDFd", "WzAsMSwyLDNd", "%00"])
def test_a_made_up_cursor_is_refused(api: Api, cursor: str) -> None:
    assert api.get(f"/batches?cursor={cursor}").status_code == 400


@pytest.mark.parametrize("size", ["0", "101", "x", "-1"])
def test_a_page_has_one_to_a_hundred_rows(api: Api, size: str) -> None:
    problem(api.get(f"/batches?page_size={size}"), 400, "invalid")


def test_an_unknown_parameter_is_refused(api: Api) -> None:
    found = problem(api.get("/batches?stat=open"), 400, "invalid")
    assert flaws(found) == {("/stat", "unknown_field")}


def test_the_list_costs_the_same_for_one_and_three(api: Api, owner: Member) -> None:
    for rows in (1, 3):
        while Batch.objects.count() < rows:
            factories.make_batch(owner, tasks=0)
        with statements(2):
            assert len(api.get("/batches").json()["results"]) == rows


def test_an_edit_with_the_seen_revision_is_taken(api: Api) -> None:
    batch = made(api)
    url = f"/batches/{batch['id']}"
    tag = api.get(url)["ETag"]
    edited = api.patch(url, {"title": "Better"}, If_Match=tag)
    assert edited.status_code == 200
    assert edited.json()["title"] == "Better"
    assert edited.json()["instructions"] == FULL["instructions"]
    assert edited["ETag"] != tag


def test_an_edit_of_what_somebody_changed_is_refused(api: Api) -> None:
    url = f"/batches/{made(api)['id']}"
    tag = api.get(url)["ETag"]
    api.patch(url, {"title": "First"})
    problem(api.patch(url, {"title": "Second"}, If_Match=tag), 412, "changed_meanwhile")
    assert api.get(url).json()["title"] == "First"


@pytest.mark.parametrize("tag", ["5", 'W/"1"', '"abc"', ""])
def test_an_edit_with_a_strange_etag_is_refused(api: Api, tag: str) -> None:
    url = f"/batches/{made(api)['id']}"
    problem(api.patch(url, {"title": "x"}, If_Match=tag), 412, "changed_meanwhile")


def test_a_published_batch_is_neither_edited_nor_deleted(api: Api, owner: Member) -> None:
    url = f"/batches/{factories.make_open_batch(owner).pk}"
    found = problem(api.patch(url, {"title": "Other"}), 409, "not_a_draft")
    assert found["state"] == "open"
    problem(api.delete(url), 409, "not_a_draft")


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_somebody_else_holds_is_busy(api: Api, owner: Member) -> None:
    batch = factories.make_batch(owner, tasks=0)
    other = connection.copy()
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM tasks_batch WHERE id = %s FOR UPDATE", [batch.pk])
        response = api.patch(f"/batches/{batch.pk}", {"title": "Mine"})
    finally:
        other.close()
    problem(response, 409, "busy")
    assert response["Retry-After"] == "1"
    assert api.patch(f"/batches/{batch.pk}", {"title": "Mine"}).status_code == 200


def test_a_deleted_draft_is_gone(api: Api, owner: Member) -> None:
    url = f"/batches/{factories.make_batch(owner).pk}"
    assert api.delete(url).status_code == 204
    problem(api.get(url), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/tasks"),
        ("DELETE", "/tasks"),
        ("POST", "/media"),
        ("GET", "/quote"),
        ("POST", "/publish"),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/close"),
        ("GET", "/progress"),
        ("GET", "/assignments"),
        ("POST", "/approvals"),
        ("GET", "/results"),
    ],
)
def test_somebody_elses_batch_does_not_exist(
    stranger: Api, owner: Member, method: str, path: str
) -> None:
    batch = factories.make_open_batch(owner)
    body: Any = {"all": True} if path == "/approvals" else {}
    raw = b"\x89PNG\r\n\x1a\n" if path == "/media" else None
    for number in (batch.pk, 10**17):
        response = stranger.send(method, f"/batches/{number}{path}", body, raw=raw)
        problem(response, 404, "not_found")


def test_a_number_beyond_all_numbers_does_not_exist(api: Api) -> None:
    problem(api.get(f"/batches/{'9' * 40}"), 404, "not_found")


def test_the_quote_names_price_and_what_is_missing(api: Api) -> None:
    batch = api.post("/batches", {"title": "Bare", "reward": usd("0.01")}).json()
    found = api.get(f"/batches/{batch['id']}/quote").json()
    assert found["total"] == usd("0.00")
    assert found["floor"] == usd("0.30")
    assert flaws({"errors": found["missing"]}) == {
        ("/instructions", "no_instructions"),
        ("/criteria", "no_criteria"),
        ("/examples", "no_examples"),
        ("/interface", "no_interface"),
        ("/tasks", "no_tasks"),
        ("/reward", "below_floor"),
    }


def test_the_quote_is_places_times_reward_and_fee(api: Api, owner: Member) -> None:
    batch = factories.make_batch(owner, tasks=3, overlap=2)
    found = api.get(f"/batches/{batch.pk}/quote").json()
    assert (found["places"], found["total"], found["missing"]) == (6, usd("0.66"), [])


def test_publishing_locks_the_price_once(api: Api, owner: Member) -> None:
    factories.fund(owner.client, "5.00")
    url = f"/batches/{factories.make_batch(owner).pk}/publish"
    first = api.post(url, key="once")
    again = api.post(url, key="once")
    assert (first.status_code, again.status_code) == (202, 202)
    assert json.loads(first.content) == json.loads(again.content)
    assert first.json()["state"] == "publishing"
    assert balances.client_balance(owner.client_id) == money.parse("4.67")
    problem(api.post(url, key="another"), 409, "illegal_move")


def test_publishing_without_the_money_changes_nothing(api: Api, owner: Member) -> None:
    factories.fund(owner.client, "0.32")
    batch = factories.make_batch(owner)
    found = problem(api.post(f"/batches/{batch.pk}/publish"), 402, "insufficient_funds")
    assert found["missing"] == usd("0.01")
    assert api.get(f"/batches/{batch.pk}").json()["state"] == "draft"
    assert balances.client_balance(owner.client_id) == money.parse("0.32")


def test_publishing_at_another_price_than_was_seen_is_refused(api: Api, owner: Member) -> None:
    factories.fund(owner.client, "5.00")
    url = f"/batches/{factories.make_batch(owner).pk}/publish"
    problem(api.post(url, {"total": usd("0.32")}), 409, "price_changed")
    found = problem(api.post(url, {"total": 0.33}), 400, "invalid")
    assert flaws(found) == {("/total", "not_money")}
    assert api.post(url, {"total": usd("0.33")}).status_code == 202


def test_a_price_may_have_fractions_of_a_cent(api: Api, owner: Member) -> None:
    factories.fund(owner.client, "5.00")
    batch = factories.make_batch(owner, reward=money.CENT, declared_seconds=1, tasks=1)
    seen = api.get(f"/batches/{batch.pk}/quote").json()["total"]
    assert seen == usd("0.011")
    assert api.post(f"/batches/{batch.pk}/publish", {"total": seen}).status_code == 202


def test_a_refused_publication_may_be_tried_again_under_its_key(api: Api, owner: Member) -> None:
    url = f"/batches/{factories.make_batch(owner).pk}/publish"
    problem(api.post(url, key="k"), 402, "insufficient_funds")
    factories.fund(owner.client, "1.00")
    assert api.post(url, key="k").status_code == 202


def test_a_key_used_for_another_batch_is_refused(api: Api, owner: Member) -> None:
    factories.fund(owner.client, "5.00")
    one, other = factories.make_batch(owner), factories.make_batch(owner)
    assert api.post(f"/batches/{one.pk}/publish", key="k").status_code == 202
    problem(api.post(f"/batches/{other.pk}/publish", key="k"), 422, "idempotency_key_reused")


@pytest.mark.parametrize("key", [" ", "x" * 201, "a\tb"])
def test_publishing_needs_a_key(api: Api, owner: Member, key: str) -> None:
    url = f"/batches/{factories.make_batch(owner).pk}/publish"
    problem(api.post(url, key=key), 400, "idempotency_key_missing")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"reward": money.CENT}, "below_floor"),
        ({"criteria": []}, "no_criteria"),
        ({"examples": []}, "no_examples"),
        ({"instructions": " "}, "no_instructions"),
    ],
)
def test_what_is_not_ready_is_not_published(
    api: Api, owner: Member, fields: dict[str, Any], code: str
) -> None:
    factories.fund(owner.client, "5.00")
    batch = factories.make_batch(owner, **fields)
    found = problem(api.post(f"/batches/{batch.pk}/publish"), 422, "not_ready")
    assert {flaw["code"] for flaw in found["errors"]} == {code}
    assert Batch.objects.get(pk=batch.pk).state == "draft"


def test_pause_resume_and_close_follow_the_table(api: Api, owner: Member) -> None:
    url = f"/batches/{factories.make_open_batch(owner).pk}"
    assert api.post(f"{url}/pause").json()["state"] == "paused"
    found = problem(api.post(f"{url}/pause"), 409, "illegal_move")
    assert (found["state"], found["allowed"]) == ("paused", ["resume", "close"])
    assert api.post(f"{url}/resume").json()["state"] == "open"
    assert api.post(f"{url}/close").json()["state"] == "closed"
    problem(api.post(f"{url}/resume"), 409, "illegal_move")


def test_a_reviewer_spends_nothing(owner: Member) -> None:
    reviewer = factories.make_user("rae", role="member")
    Member.objects.create(
        client=owner.client, user=reviewer, role="reviewer", joined_at=factories.NOW
    )
    batch = factories.make_batch(owner)
    api = Api(User.objects.get(pk=reviewer.pk))
    problem(api.post(f"/batches/{batch.pk}/publish"), 403, "forbidden")
    assert api.get(f"/batches/{batch.pk}").status_code == 200


def test_progress_counts_places_and_money(api: Api, owner: Member, bea: User, cem: User) -> None:
    batch = factories.make_open_batch(owner, tasks=3)
    factories.make_assignment(worker=bea, batch=batch, state="approved")
    factories.make_assignment(worker=cem, batch=batch, state="submitted")
    factories.figures.refresh_figures(now=factories.NOW)
    found = api.get(f"/batches/{batch.pk}/progress").json()
    assert found["counts"] == {
        "open": 1,
        "claimed": 0,
        "submitted": 1,
        "approved": 1,
        "contested": 0,
        "refunded": 0,
    }
    assert found["refused"] == 0
    assert (found["spent"], found["held"]) == (usd("0.11"), usd("0.22"))
    assert (found["places"], found["workers"], found["measured_seconds"]) == (3, 2, None)


def test_progress_of_a_draft_is_zero(api: Api, owner: Member) -> None:
    found = api.get(f"/batches/{factories.make_batch(owner).pk}/progress").json()
    assert (found["held"], found["as_of"]) == (usd("0.00"), None)
