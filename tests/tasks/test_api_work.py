"""Workers over the API: browse, claim, save, submit once, be paid."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Member, User
from core import rules
from tasks.models import Assignment, Batch
from tasks.services import batches, claims
from tests import factories
from tests.api import Api, flaws, problem, statements, usd
from tests.factories import answer

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=5)


@pytest.fixture
def api(bea: User) -> Api:
    return Api(bea)


def claimed(api: Api, batch: Batch) -> dict[str, Any]:
    response = api.post(f"/work/batches/{batch.pk}/claim")
    assert response.status_code == 201, response.content
    found: dict[str, Any] = response.json()
    return found


def submit(api: Api, one: dict[str, Any], **more: Any) -> Any:
    body = {"content": answer(), "key": "k1"} | more
    return api.post(f"/work/assignments/{one['id']}/submit", body)


# --- the list ------------------------------------------------------------------------------


def test_the_list_says_what_work_truly_pays(api: Api, batch: Batch) -> None:
    [found] = api.get("/work/batches").json()["results"]
    assert found["id"] == batch.pk
    assert (found["reward"], found["hourly"]) == (usd("0.10"), usd("18.00"))
    assert (found["left"], found["seconds"], found["measured"]) == (5, 20, False)
    assert found["client"] == {
        "name": "Acme",
        "verified": True,
        "decided": 0,
        "by_clock": 0,
        "median_review_s": None,
        "rejected": 0,
        "judged": 0,
        "overturned": 0,
    }


def test_a_draft_is_nobodys_to_see(api: Api, owner: Member) -> None:
    draft = factories.make_batch(owner)
    assert api.get("/work/batches").json()["results"] == []
    problem(api.get(f"/work/batches/{draft.pk}"), 404, "not_found")
    problem(api.post(f"/work/batches/{draft.pk}/claim"), 404, "not_found")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("min_hourly=18.00", 1),
        ("min_hourly=18.01", 0),
        ("language=en", 1),
        ("language=fr", 0),
        ("q=review", 1),
        ("q=banana", 0),
        ("q=%27%28%7C%26", 0),
        ("sort=hourly", 1),
        ("sort=reward", 1),
        ("q=&language=", 1),
    ],
)
def test_the_list_is_filtered(api: Api, batch: Batch, query: str, count: int) -> None:
    response = api.get(f"/work/batches?{query}")
    assert response.status_code == 200, response.content
    assert len(response.json()["results"]) == count


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("min_hourly=x", ("/min_hourly", "amount")),
        ("min_hourly=0.001", ("/min_hourly", "half_cent")),
        ("sort=worst", ("/sort", "invalid_choice")),
        ("country=SV", ("/country", "unknown_field")),
        ("q=%00", ("/q", "null_characters_not_allowed")),
    ],
)
def test_a_filter_that_makes_no_sense_is_named(
    api: Api, query: str, found: tuple[str, str]
) -> None:
    assert flaws(problem(api.get(f"/work/batches?{query}"), 400, "invalid")) == {found}


@pytest.mark.parametrize("sort", ["new", "reward", "hourly"])
def test_the_pages_of_the_list_lose_nothing(api: Api, owner: Member, sort: str) -> None:
    wanted = {factories.make_open_batch(owner, tasks=1).pk for _each in range(5)}
    url, seen = f"/work/batches?page_size=2&sort={sort}", []
    while url:
        page = api.get(url).json()
        seen += [one["id"] for one in page["results"]]
        url = page["next"]
    assert len(seen) == 5
    assert set(seen) == wanted


def test_the_list_costs_the_same_for_one_and_three(api: Api, owner: Member) -> None:
    for rows in (1, 3):
        while Batch.objects.count() < rows:
            factories.make_open_batch(owner, tasks=1)
        with statements(2):
            assert len(api.get("/work/batches").json()["results"]) == rows


def test_a_batch_is_read_in_full_without_a_claim(api: Api, batch: Batch) -> None:
    with statements(3):
        found = api.get(f"/work/batches/{batch.pk}").json()
    assert found["instructions"].startswith("Read the sentence.")
    assert found["criteria"] == batch.criteria
    assert found["examples"] == batch.examples
    assert found["sample"] == {"text": "Sentence number 0."}


def test_a_closed_batch_stays_readable_to_who_worked_in_it(
    api: Api, owner: Member, batch: Batch, cem: User
) -> None:
    claimed(api, batch)
    batches.close_batch(batch_id=batch.pk, by=owner, now=factories.NOW)
    assert api.get(f"/work/batches/{batch.pk}").status_code == 200
    problem(Api(cem).get(f"/work/batches/{batch.pk}"), 404, "not_found")


# --- the claim -----------------------------------------------------------------------------


def test_a_claim_gives_the_task_and_its_clock(api: Api, batch: Batch) -> None:
    response = api.post(f"/work/batches/{batch.pk}/claim")
    found = response.json()
    assert response["Location"] == f"/api/v1/work/assignments/{found['id']}"
    assert found["payload"] == {"text": "Sentence number 0."}
    assert found["interface"] == factories.INTERFACE
    assert found["clock"]["running"] is True
    assert found["clock"]["left_s"] == 600
    assert found["clock"]["pause_left_s"] == 72 * 3600
    assert (found["state"], found["reward"]) == ("claimed", usd("0.10"))


def test_a_claim_takes_four_statements_at_most(api: Api, batch: Batch) -> None:
    claimed(api, batch)
    with statements(4):
        claimed(api, batch)


def test_claims_end_where_the_rules_say(api: Api, batch: Batch) -> None:
    claimed(api, batch)
    claimed(api, batch)
    problem(api.post(f"/work/batches/{batch.pk}/claim"), 409, "claim_limit")
    assert api.put("/work/offline", {"offline": True}).json() == {"offline": True}
    for _more in range(3):
        claimed(api, batch)
    problem(api.post(f"/work/batches/{batch.pk}/claim"), 409, "claim_limit")


def test_nothing_left_says_so(api: Api, owner: Member) -> None:
    small = factories.make_open_batch(owner, tasks=1)
    claimed(api, small)
    problem(api.post(f"/work/batches/{small.pk}/claim"), 409, "nothing_left")


def test_a_paused_batch_takes_no_claims(api: Api, owner: Member, batch: Batch) -> None:
    batches.pause_batch(batch_id=batch.pk, by=owner, now=factories.NOW)
    problem(api.post(f"/work/batches/{batch.pk}/claim"), 409, "batch_not_open")


@pytest.mark.parametrize("number", [10**15, 10**17, 10**30])
def test_what_does_not_exist_cannot_be_claimed(api: Api, number: int) -> None:
    problem(api.post(f"/work/batches/{number}/claim"), 404, "not_found")


def test_a_client_does_not_work(ada: User, batch: Batch) -> None:
    problem(Api(ada).post(f"/work/batches/{batch.pk}/claim"), 403, "forbidden")
    problem(Api(ada).get("/work/assignments"), 403, "forbidden")


def test_a_worker_posts_no_batch(api: Api) -> None:
    problem(api.post("/batches", {"title": "x"}), 403, "forbidden")
    problem(api.get("/balance"), 403, "forbidden")


# --- drafts --------------------------------------------------------------------------------


def test_a_draft_is_kept_and_numbered(api: Api, batch: Batch) -> None:
    url = f"/work/assignments/{claimed(api, batch)['id']}"
    saved = api.put(f"{url}/draft", {"revision": 0, "content": answer("negative")})
    assert saved.json()["revision"] == 1
    found = api.get(url).json()
    assert found["draft"]["content"] == answer("negative")
    assert found["draft"]["revision"] == 1


def test_an_older_draft_does_not_overwrite_a_newer(api: Api, batch: Batch) -> None:
    url = f"/work/assignments/{claimed(api, batch)['id']}/draft"
    api.put(url, {"revision": 0, "content": answer("negative")})
    found = problem(api.put(url, {"revision": 0, "content": answer()}), 409, "newer_draft")
    assert (found["revision"], found["content"]) == (1, answer("negative"))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"revision": 0, "content": {"a": 1}}', ("/content", "invalid")),
        (b'{"revision": 0, "content": null}', ("/content", "null")),
        (b'{"revision": 0, "content": [1e999]}', ("/content", "bad_number")),
        (b'{"revision": 0, "content": ["\\u0000"]}', ("/content", "bad_character")),
        (b'{"revision": 0, "content": ["\\ud800"]}', ("/content", "bad_character")),
        (b'{"revision": 0, "content": ' + b"[" * 40 + b"]" * 40 + b"}", ("/content", "too_deep")),
        (b'{"revision": 0, "content": ["' + b"x" * 300_000 + b'"]}', ("/content", "too_large")),
        (b'{"revision": 0, "content": [' + b"9" * 100 + b"]}", ("/content", "bad_number")),
        (b'{"revision": "0", "content": []}', ("/revision", "invalid")),
        (b'{"revision": -1, "content": []}', ("/revision", "min_value")),
        (b'{"content": []}', ("/revision", "required")),
        (b'{"revision": 0, "content": [], "more": 1}', ("/more", "unknown_field")),
    ],
)
def test_a_draft_that_cannot_be_stored_is_refused(
    api: Api, batch: Batch, body: bytes, found: tuple[str, str]
) -> None:
    url = f"/work/assignments/{claimed(api, batch)['id']}/draft"
    assert flaws(problem(api.put(url, raw=body), 400, "invalid")) == {found}


# --- submitting ----------------------------------------------------------------------------


def test_an_answer_is_submitted_and_waits(api: Api, batch: Batch) -> None:
    one = claimed(api, batch)
    found = submit(api, one).json()
    assert (found["archived"], found["repeated"], found["next"]) == (False, False, None)
    assert found["assignment"]["state"] == "submitted"
    assert found["assignment"]["review_due_at"] is not None
    page = api.get(f"/work/assignments/{one['id']}").json()
    assert (page["answer"], page["may_unsubmit"], page["clock"]) == (answer(), True, None)


def test_submitting_takes_six_statements_at_most(api: Api, batch: Batch) -> None:
    one = claimed(api, batch)
    api.put(f"/work/assignments/{one['id']}/draft", {"revision": 0, "content": answer()})
    with statements(6):
        assert submit(api, one).status_code == 200


def test_the_same_key_gives_the_same_result(api: Api, batch: Batch) -> None:
    one = claimed(api, batch)
    first, again = submit(api, one).json(), submit(api, one).json()
    assert again == first | {"repeated": True}


def test_another_key_does_not_submit_again(api: Api, batch: Batch) -> None:
    one = claimed(api, batch)
    submit(api, one)
    found = problem(submit(api, one, key="k2"), 409, "illegal_move")
    assert found["state"] == "submitted"
    assert "unsubmit" in found["allowed"]


def test_the_header_is_a_key_too(api: Api, batch: Batch) -> None:
    one = claimed(api, batch)
    url, body = f"/work/assignments/{one['id']}/submit", {"content": answer()}
    assert api.post(url, body, key="h").json()["repeated"] is False
    assert api.post(url, body, key="h").json()["repeated"] is True
    problem(api.post(url, body, key="x" * 65), 400, "invalid")


def test_the_next_place_comes_with_the_answer(api: Api, batch: Batch) -> None:
    found = submit(api, claimed(api, batch), next=True).json()
    assert found["next"]["payload"] == {"text": "Sentence number 1."}
    assert found["next"]["state"] == "claimed"


def test_an_answer_counts_though_nothing_is_next(api: Api, owner: Member) -> None:
    small = factories.make_open_batch(owner, tasks=1)
    found = submit(api, claimed(api, small), next=True).json()
    assert (found["assignment"]["state"], found["next"]) == ("submitted", None)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ([], "required"),
        ({"choices": ["positive"]}, "not_a_list"),
        ([{"value": {}}], "bad_item"),
        (answer("banana"), "unknown_choice"),
        ([1e308 * 10], "bad_number"),
    ],
)
def test_an_incomplete_answer_is_named_and_nothing_changes(
    api: Api, batch: Batch, content: Any, code: str
) -> None:
    one = claimed(api, batch)
    raw = json.dumps({"content": content, "key": "k"}).replace("Infinity", "1e999").encode()
    found = problem(
        api.post(f"/work/assignments/{one['id']}/submit", raw=raw), 400, "answer_invalid"
    )
    assert code in {flaw["code"] for flaw in found["errors"]}
    assert api.get(f"/work/assignments/{one['id']}").json()["state"] == "claimed"


def expire(one: dict[str, Any]) -> None:
    claims.expire_due(now=timezone.now() + timedelta(days=4))
    assert Assignment.objects.get(pk=one["id"]).state == "expired"


def test_a_late_answer_counts_while_its_place_is_free(api: Api, batch: Batch) -> None:
    one = claimed(api, batch)
    expire(one)
    found = submit(api, one).json()
    assert (found["archived"], found["assignment"]["state"]) == (False, "submitted")
    assert found["assignment"]["id"] != one["id"]
    assert submit(api, one).json() == found | {"repeated": True}


def test_a_late_answer_is_kept_for_her_when_its_place_is_gone(
    api: Api, owner: Member, cem: User
) -> None:
    small = factories.make_open_batch(owner, tasks=1)
    one = claimed(api, small)
    expire(one)
    claimed(Api(cem), small)
    found = submit(api, one).json()
    assert (found["archived"], found["assignment"]["state"]) == (True, "expired")
    [kept] = api.get("/work/archive").json()["results"]
    assert (kept["assignment"], kept["content"]) == (one["id"], answer())


def test_an_answer_is_taken_back_once(api: Api, batch: Batch) -> None:
    one = claimed(api, batch)
    submit(api, one)
    url = f"/work/assignments/{one['id']}"
    assert api.post(f"{url}/unsubmit").json()["state"] == "claimed"
    assert api.get(url).json()["draft"]["content"] == answer()
    assert submit(api, one, key="k2").status_code == 200
    problem(api.post(f"{url}/unsubmit"), 409, "too_late")


# --- the clock, giving back ----------------------------------------------------------------


def test_a_sign_of_life_shows_the_clock(api: Api, batch: Batch) -> None:
    url = f"/work/assignments/{claimed(api, batch)['id']}"
    assert api.post(f"{url}/heartbeat").json()["clock"]["running"] is True
    for left in (1, 0):
        assert api.post(f"{url}/extend").json()["clock"]["extensions_left"] == left
    problem(api.post(f"{url}/extend"), 409, "no_more_extensions")


def test_a_claim_given_back_is_over(api: Api, batch: Batch) -> None:
    url = f"/work/assignments/{claimed(api, batch)['id']}"
    found = api.post(f"{url}/release").json()
    assert (found["state"], found["clock"]) == ("released", None)
    assert found["ended_at"] is not None
    problem(api.post(f"{url}/release"), 409, "illegal_move")
    assert api.post(f"{url}/heartbeat").json() == {"clock": None}


def test_giving_back_is_no_way_to_read_a_batch(api: Api, owner: Member) -> None:
    wide = factories.make_open_batch(owner, tasks=rules.RELEASES_PER_BATCH + 2)
    for _each in range(rules.RELEASES_PER_BATCH):
        api.post(f"/work/assignments/{claimed(api, wide)['id']}/release")
    response = api.post(f"/work/assignments/{claimed(api, wide)['id']}/release")
    problem(response, 429, "throttled")
    assert int(response["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PUT", "/draft"),
        ("POST", "/heartbeat"),
        ("POST", "/extend"),
        ("POST", "/submit"),
        ("POST", "/release"),
        ("POST", "/unsubmit"),
    ],
)
def test_somebody_elses_work_does_not_exist(
    api: Api, batch: Batch, cem: User, method: str, path: str
) -> None:
    one = claimed(api, batch)
    bodies = {
        "/draft": {"revision": 0, "content": []},
        "/submit": {"content": answer(), "key": "k"},
    }
    for number in (one["id"], 10**17):
        response = Api(cem).send(method, f"/work/assignments/{number}{path}", bodies.get(path))
        problem(response, 404, "not_found")


# --- her lists -----------------------------------------------------------------------------


def test_her_work_is_listed_at_the_same_cost(api: Api, batch: Batch) -> None:
    submit(api, claimed(api, batch))
    with statements(2):
        assert len(api.get("/work/assignments").json()["results"]) == 1
    submit(api, claimed(api, batch))
    claimed(api, batch)
    with statements(2):
        assert len(api.get("/work/assignments").json()["results"]) == 3
    [held] = api.get("/work/assignments?state=claimed").json()["results"]
    assert held["title"] == batch.title
    assert "payload" not in held


def test_one_of_hers_takes_three_statements_at_most(api: Api, batch: Batch) -> None:
    one = claimed(api, batch)
    with statements(3):
        api.get(f"/work/assignments/{one['id']}")


def test_earnings_show_what_came_and_what_waits(api: Api, batch: Batch, bea: User) -> None:
    paid = factories.make_assignment(worker=bea, batch=batch, state="approved")
    factories.make_assignment(worker=bea, batch=batch, state="submitted")
    found = api.get("/work/earnings").json()
    assert (found["balance"], found["earned"]) == (usd("0.10"), usd("0.10"))
    assert found["pending"] == {"count": 1, "amount": usd("0.10")}
    [entry] = found["results"]
    assert (entry["kind"], entry["amount"], entry["assignment"]) == (
        "settle",
        usd("0.10"),
        paid.pk,
    )
    assert found["next"] is None


def test_offline_is_true_or_false(api: Api) -> None:
    found = problem(api.put("/work/offline", {"offline": 1}), 400, "invalid")
    assert flaws(found) == {("/offline", "invalid")}


def test_earnings_go_back_page_by_page(api: Api, owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=52)
    for _each in range(52):
        factories.make_assignment(worker=bea, batch=batch, state="approved")
    first = api.get("/work/earnings").json()
    rest = api.get(first["next"]).json()
    assert (len(first["results"]), len(rest["results"])) == (50, 2)
    assert rest["next"] is None
    assert rest["earned"] == first["earned"] == usd("5.20")
