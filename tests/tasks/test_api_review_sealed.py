"""Over the API: the sample, opening, known answers, exclusions; nothing shows a sealed answer."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Member, User
from core.models import Event
from tasks.models import Assignment, Batch, Exclusion, Opening, Sampled
from tasks.services import figures, reviews
from tests import factories
from tests.api import Api, flaws, problem, statements

pytestmark = pytest.mark.django_db
REASON = "You answered all of them within a second."
CANARY = "negative"


@pytest.fixture
def api(ada: User) -> Api:
    return Api(ada)


@pytest.fixture
def worker(bea: User) -> Api:
    return Api(bea)


@pytest.fixture
def stranger(dia: User) -> Api:
    factories.make_client("Rival", owner="eve", verified_by=dia)
    return Api(User.objects.get(email="eve@example.org"))


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=40)


def submitted(worker: User, batch: Batch, *, value: str = "positive") -> Assignment:
    return factories.make_assignment(worker=worker, batch=batch, state="submitted", value=value)


def outside(worker: User, batch: Batch, *, value: str = CANARY) -> Assignment:
    """An answer that is not in the sample: none of the first 20, and not drawn."""
    for _each in range(40):
        one = submitted(worker, batch, value=value)
        if not Sampled.objects.filter(place=one.place_id).exists():
            return one
    raise AssertionError("every answer was drawn")


# --- the sample ------------------------------------------------------------------------------


def test_the_sample_lists_what_may_be_opened_and_shows_no_answer(
    api: Api, batch: Batch, bea: User
) -> None:
    sealed = outside(bea, batch)
    response = api.get(f"/batches/{batch.pk}/sample?page_size=100")
    found = response.json()["results"]
    assert len(found) == Sampled.objects.filter(batch=batch).count()
    assert sealed.pk not in {one["id"] for one in found}
    assert found[-1]["opened"] is None
    assert (found[-1]["gold"], found[-1]["allowed"]) == (False, ["approve", "reject"])
    for secret in (b"negative", b"positive", b"bea", b"Bea"):
        assert secret not in response.content


def test_the_sample_costs_the_same_for_one_and_for_many(api: Api, batch: Batch, bea: User) -> None:
    for more in (1, 5):
        for _each in range(more):
            one = submitted(bea, batch)
            api.post(f"/assignments/{one.pk}/open")
        with statements(3):
            api.get(f"/batches/{batch.pk}/sample")


def test_an_opening_is_recorded_and_shown_to_the_worker(
    api: Api, worker: Api, batch: Batch, bea: User
) -> None:
    one = submitted(bea, batch, value=CANARY)
    assert worker.get(f"/work/assignments/{one.pk}").json()["opened"] is None
    found = api.post(f"/assignments/{one.pk}/open").json()
    assert found["answer"] == factories.answer(CANARY)
    assert (found["payload"], found["state"]) == ({"text": "Sentence number 0."}, "submitted")
    [listed] = api.get(f"/batches/{batch.pk}/sample").json()["results"]
    assert listed["opened"]["by"] == "Ada"
    assert worker.get(f"/work/assignments/{one.pk}").json()["opened"] == listed["opened"]
    assert api.post(f"/assignments/{one.pk}/open").json()["answer"] == found["answer"]
    assert Event.objects.filter(kind="answer.opened", about_id=one.pk).count() == 2
    assert Opening.objects.count() == 1


def test_outside_the_sample_an_answer_is_sealed_however_it_is_asked_for(
    api: Api, batch: Batch, bea: User
) -> None:
    one = outside(bea, batch)
    url = f"/batches/{batch.pk}"
    problem(api.post(f"/assignments/{one.pk}/open"), 409, "sealed")
    problem(api.get(f"/assignments/{one.pk}"), 409, "sealed")
    for query in ("state=submitted", "state=submitted&page_size=1"):
        assert CANARY.encode() not in api.get(f"{url}/assignments?{query}").content
    for query in ("order=answer", "answer=negative", "q=negative", "sort=-answer__content"):
        problem(api.get(f"{url}/assignments?{query}"), 400, "invalid")
        problem(api.get(f"{url}/sample?{query}"), 400, "invalid")
    for after in ("0-0", f"0-{one.pk - 1}", f"0-{one.pk}"):
        streamed = api.get(f"{url}/results?format=csv&after={after}")
        assert CANARY.encode() not in b"".join(streamed.streaming_content)  # type: ignore[attr-defined]
    figures.refresh_figures(now=factories.NOW)
    assert CANARY.encode() not in api.get(f"{url}/progress").content
    assert not Opening.objects.filter(assignment=one.pk).exists()


def test_refusals_and_tags_are_the_same_whatever_the_answer_says(
    api: Api, owner: Member, bea: User
) -> None:
    def seen(value: str) -> list[Any]:
        batch = factories.make_open_batch(owner, tasks=40)
        one = outside(bea, batch, value=value)
        refused = api.post(f"/assignments/{one.pk}/open").json()
        etag = api.get(f"/batches/{batch.pk}")["ETag"]
        row = api.get(f"/batches/{batch.pk}/assignments?page_size=1").json()["results"][0]
        for name in ("id", "batch", "task", "external_id"):
            row.pop(name)
        refused.pop("request_id")
        return [refused, etag, row]

    assert seen("positive") == seen("negative")


@pytest.mark.parametrize("state", ["claimed", "released", "expired", "rejected", "refused"])
def test_what_is_not_in_review_cannot_be_opened(
    api: Api, batch: Batch, bea: User, state: str
) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state=state)
    problem(api.post(f"/assignments/{one.pk}/open"), 409, "sealed")
    problem(api.get(f"/assignments/{one.pk}"), 409, "sealed")


def test_a_paid_answer_opens_always(api: Api, batch: Batch, bea: User) -> None:
    one = outside(bea, batch)
    api.post(f"/assignments/{one.pk}/approve")
    assert api.post(f"/assignments/{one.pk}/open").json()["answer"] == factories.answer(CANARY)
    assert not Opening.objects.exists()


def test_somebody_elses_answer_is_not_there_to_be_opened(
    stranger: Api, worker: Api, batch: Batch, bea: User
) -> None:
    one = submitted(bea, batch)
    problem(stranger.post(f"/assignments/{one.pk}/open"), 404, "not_found")
    problem(stranger.get(f"/batches/{batch.pk}/sample"), 404, "not_found")
    problem(worker.post(f"/assignments/{one.pk}/open"), 403, "forbidden")
    assert not Opening.objects.exists()


def test_opening_needs_the_scope_of_results(ada: User, batch: Batch, bea: User) -> None:
    one = submitted(bea, batch)
    weak = Api(ada, "batches:read", "batches:write")
    assert weak.get(f"/batches/{batch.pk}/sample").status_code == 200
    problem(weak.post(f"/assignments/{one.pk}/open"), 403, "forbidden")


def test_the_counts_tell_what_is_contested_and_refused(api: Api, batch: Batch, bea: User) -> None:
    for state in ("refused", "rejected"):
        factories.make_assignment(worker=bea, batch=batch, state=state)
    figures.refresh_figures(now=timezone.now())
    found = api.get(f"/batches/{batch.pk}/progress").json()
    assert (found["counts"]["contested"], found["refused"]) == (1, 1)


# --- known answers -----------------------------------------------------------------------------


def known(*names: str, value: str = "positive") -> list[dict[str, Any]]:
    return [{"external_id": name, "answer": factories.answer(value)} for name in names]


def test_known_answers_replace_each_other(api: Api, owner: Member) -> None:
    draft = factories.make_batch(owner)
    url = f"/batches/{draft.pk}/gold"
    assert api.post(url, known("t0", "t1")).json() == {"count": 2}
    assert api.post(url, known("t2", value="negative")).json() == {"count": 1}
    with statements(3):
        [one] = api.get(url).json()["results"]
    assert (one["external_id"], one["answer"]) == ("t2", factories.answer("negative"))
    assert api.post(url, []).json() == {"count": 0}


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ({"gold": []}, {("", "not_a_list")}),
        ([7], {("/0", "invalid")}),
        ([{"external_id": "t0"}], {("/0/answer", "required")}),
        ([{"external_id": 7, "answer": []}], {("/0/external_id", "invalid")}),
        ([{"external_id": "t0", "answer": {}}], {("/0/answer", "answer")}),
        ([{"external_id": "no", "answer": []}], {("/0/external_id", "unknown_task")}),
        ([*known("t0"), *known("t0")], {("/1/external_id", "duplicate")}),
        (known("t0", value="blue"), {("/0/answer/sentiment", "unknown_choice")}),
        ([{"external_id": "t0", "answer": [], "x": 1}], {("/0/x", "unknown_field")}),
    ],
)
def test_a_wrong_known_answer_is_named_and_none_is_kept(
    api: Api, owner: Member, sent: Any, found: set[tuple[str, str]]
) -> None:
    url = f"/batches/{factories.make_batch(owner).pk}/gold"
    assert flaws(problem(api.post(url, sent), 400, "invalid")) >= found
    assert api.get(url).json()["results"] == []


def test_known_answers_are_the_clients_own_and_a_drafts(
    api: Api, stranger: Api, worker: Api, owner: Member, batch: Batch
) -> None:
    problem(api.post(f"/batches/{batch.pk}/gold", known("t0")), 409, "not_a_draft")
    bare = factories.make_batch(owner, tasks=0, interface="")
    problem(api.post(f"/batches/{bare.pk}/gold", []), 409, "no_interface")
    for method in (stranger.get, stranger.post):
        problem(method(f"/batches/{bare.pk}/gold", **({"body": []})), 404, "not_found")
    problem(worker.get(f"/batches/{bare.pk}/gold"), 403, "forbidden")


def test_an_answer_to_a_known_one_is_always_in_the_sample(
    api: Api, owner: Member, bea: User
) -> None:
    draft = factories.make_batch(owner, tasks=40)
    api.post(f"/batches/{draft.pk}/gold", known("t25", "t26", "t27", "t28"))
    factories.fund(owner.client)
    draft.refresh_from_db()
    batch = factories.publish(draft, by=owner)
    for _each in range(25):
        submitted(bea, batch)
    one = submitted(bea, batch)
    assert one.task.external_id == "t25"
    listed = api.get(f"/batches/{batch.pk}/sample").json()["results"][0]
    assert (listed["id"], listed["gold"]) == (one.pk, True)
    assert api.post(f"/assignments/{one.pk}/open").status_code == 200


# --- exclusions --------------------------------------------------------------------------------


def name_of(api: Api, batch: Batch) -> str:
    """The worker's name for this client."""
    [row] = api.get(f"/batches/{batch.pk}/assignments").json()["results"]
    name: str = row["worker"]
    return name


def test_an_exclusion_is_told_with_its_reason_and_answered(
    api: Api, worker: Api, batch: Batch, bea: User
) -> None:
    one = submitted(bea, batch)
    url, offer = f"/batches/{batch.pk}/exclusions", f"/work/batches/{batch.pk}"
    assert worker.get(offer).json()["exclusion"] is None
    name = name_of(api, batch)
    made = api.post(url, {"worker": name, "reason": REASON})
    assert (made.status_code, made.json()["worker"]) == (201, name)
    told = worker.get(offer).json()["exclusion"]
    assert (told["by"], told["reason"], told["cause"]) == ("Ada", REASON, "client")
    problem(worker.post(f"{offer}/claim"), 403, "excluded")
    said = "<script>alert(1)</script> I read each of them, and they are short."
    replied = worker.post(f"/work/exclusions/{told['id']}/reply", {"text": said}).json()
    assert replied["reply"] == said
    with statements(3):
        [listed] = api.get(url).json()["results"]
    assert (listed["reply"], listed["worker"]) == (said, name)
    reviews.approve_due(now=timezone.now())
    one.refresh_from_db()
    assert one.state == "approved"


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"reason": "too short"}, 400, "text_length"),
        ({"reason": "x" * 2_001}, 400, "text_length"),
        ({"reason": None}, 400, "invalid"),
        ({"worker": "w_nobody"}, 400, "invalid"),
        ({"worker": 7}, 400, "invalid"),
    ],
)
def test_an_exclusion_needs_a_reason_and_a_worker_of_the_batch(
    api: Api, batch: Batch, bea: User, more: dict[str, Any], status: int, code: str
) -> None:
    submitted(bea, batch)
    asked = {"worker": name_of(api, batch), "reason": REASON} | more
    problem(api.post(f"/batches/{batch.pk}/exclusions", asked), status, code)
    assert not Exclusion.objects.exists()


def test_nobody_is_excluded_twice_or_by_a_stranger(
    api: Api, stranger: Api, worker: Api, batch: Batch, bea: User, cem: User
) -> None:
    submitted(bea, batch)
    asked = {"worker": name_of(api, batch), "reason": REASON}
    url = f"/batches/{batch.pk}/exclusions"
    problem(stranger.post(url, asked), 404, "not_found")
    problem(worker.post(url, asked), 403, "forbidden")
    made = api.post(url, asked).json()
    problem(api.post(url, asked), 409, "already_excluded")
    reply = f"/work/exclusions/{made['id']}/reply"
    problem(Api(cem).post(reply, {"text": REASON}), 404, "not_found")
    problem(worker.post(reply, {"text": "short"}), 400, "text_length")
    problem(api.post(reply, {"text": REASON}), 403, "forbidden")


# --- work done elsewhere -------------------------------------------------------------------------


def test_a_batch_that_sends_workers_elsewhere_says_so_and_rejects_nothing(
    api: Api, worker: Api, owner: Member, bea: User
) -> None:
    made = api.post("/batches", {"title": "Elsewhere", "external_work": True})
    assert made.json()["external_work"] is True
    bad = problem(api.post("/batches", {"title": "x", "external_work": "yes"}), 400, "invalid")
    assert flaws(bad) == {("/external_work", "invalid")}
    batch = factories.make_open_batch(owner, external_work=True)
    assert worker.get(f"/work/batches/{batch.pk}").json()["external_work"] is True
    assert worker.get("/work/batches").json()["results"][0]["external_work"] is True
    one = factories.make_assignment(worker=bea, batch=batch, state="opened")
    reason = {"category": "wrong", "criterion": 1, "explanation": factories.EXPLANATION}
    problem(api.post(f"/assignments/{one.pk}/reject", reason), 422, "no_right_to_reject")
