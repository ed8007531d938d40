"""Over the API: rejecting and withdrawing, and everything that is refused about it."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Client, Member, User
from accounts.services import verify_client
from disputes.models import Dispute, Rejection
from tasks.models import Assignment, Batch
from tests import factories
from tests.api import Api, flaws, problem, usd

pytestmark = pytest.mark.django_db
REASON: dict[str, Any] = {
    "category": "instructions",
    "criterion": 1,
    "explanation": factories.EXPLANATION,
}
SCRIPT = "<script>alert(1)</script> & <b>this</b> is not what the sentence says at all."


@pytest.fixture
def api(ada: User) -> Api:
    return Api(ada)


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=30)


@pytest.fixture
def one(bea: User, batch: Batch) -> Assignment:
    """Opened, not decided."""
    return factories.make_assignment(worker=bea, batch=batch, state="opened", now=timezone.now())


def reject(api: Api, one: Assignment, **more: Any) -> Any:
    return api.post(f"/assignments/{one.pk}/reject", REASON | more)


def state_of(one: Assignment) -> str:
    return Assignment.objects.get(pk=one.pk).state


def test_a_rejection_says_why_and_until_when(api: Api, one: Assignment) -> None:
    made = reject(api, one)
    assert made.status_code == 200
    found = made.json()
    assert {name: found[name] for name in REASON} == REASON
    assert found["criterion_text"] == factories.FIELDS["criteria"][0]
    assert (found["by"], found["state"], found["outcome"]) == ("Ada", "open", None)
    assert (found["dispute"], found["compensation"]) == (None, usd("0.00"))
    assert b"Bea" not in made.content


def test_rejected_means_gone(api: Api, batch: Batch, one: Assignment) -> None:
    assert api.post(f"/assignments/{one.pk}/open").status_code == 200
    reject(api, one)
    problem(api.post(f"/assignments/{one.pk}/open"), 409, "sealed")
    problem(api.get(f"/assignments/{one.pk}"), 409, "sealed")
    assert api.get(f"/batches/{batch.pk}/sample").json()["results"] == []
    [row] = api.get(f"/batches/{batch.pk}/assignments?state=rejected").json()["results"]
    assert row["allowed"] == ["withdraw"]


def test_withdrawing_pays_in_full_and_delivers(api: Api, bea: User, one: Assignment) -> None:
    reject(api, one)
    found = api.post(f"/assignments/{one.pk}/withdraw").json()
    assert (found["state"], found["outcome"]) == ("closed", "withdrawn")
    assert api.get(f"/assignments/{one.pk}").json()["answer"] == factories.answer()
    assert Api(bea).get("/work/earnings").json()["balance"] == usd("0.10")
    found = problem(api.post(f"/assignments/{one.pk}/withdraw"), 409, "illegal_move")
    assert (found["state"], found["allowed"]) == ("closed", [])


def test_a_dispute_ends_when_its_rejection_is_withdrawn(
    api: Api, bea: User, one: Assignment
) -> None:
    reject(api, one)
    Api(bea).post(f"/work/assignments/{one.pk}/contest", {})
    assert api.post(f"/assignments/{one.pk}/withdraw").json()["outcome"] == "withdrawn"
    [dispute] = api.get("/disputes").json()["results"]
    assert (dispute["state"], dispute["allowed"]) == ("closed", [])


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"category": "slow"}, ("/category", "unknown_category")),
        ({"category": "slowness"}, ("/category", "unknown_category")),
        ({"category": "device"}, ("/category", "unknown_category")),
        ({"category": ""}, ("/category", "unknown_category")),
        ({"category": 7}, ("/category", "invalid")),
        ({"category": None}, ("/category", "null")),
        ({"explanation": "bad"}, ("/explanation", "explanation_length")),
        ({"explanation": " " * 50 + "bad"}, ("/explanation", "explanation_length")),
        ({"explanation": "x" * 4_001}, ("/explanation", "explanation_length")),
        ({"explanation": "n" * 50 + "\0"}, ("/explanation", "null_characters_not_allowed")),
        ({"explanation": ["x" * 50]}, ("/explanation", "invalid")),
        ({"criterion": 0}, ("/criterion", "invalid")),
        ({"criterion": 2}, ("/criterion", "invalid")),
        ({"criterion": 10**18}, ("/criterion", "invalid")),
        ({"criterion": "1"}, ("/criterion", "invalid")),
        ({"criterion": True}, ("/criterion", "invalid")),
        ({"seconds": 3}, ("/seconds", "unknown_field")),
    ],
)
def test_what_is_no_reason_rejects_nothing(
    api: Api, one: Assignment, more: dict[str, Any], found: tuple[str, str]
) -> None:
    assert found in flaws(problem(reject(api, one, **more), 400, "invalid"))
    assert (state_of(one), Rejection.objects.count()) == ("submitted", 0)


def test_slowness_is_told_to_be_no_ground(api: Api, one: Assignment) -> None:
    found = problem(reject(api, one, category="slow", explanation="bad"), 400, "invalid")
    assert flaws(found) == {
        ("/category", "unknown_category"),
        ("/explanation", "explanation_length"),
    }
    assert "How long it took" in found["errors"][0]["detail"]


@pytest.mark.parametrize("missing", ["category", "criterion", "explanation"])
def test_every_part_of_a_reason_is_needed(api: Api, one: Assignment, missing: str) -> None:
    body = {name: value for name, value in REASON.items() if name != missing}
    found = problem(api.post(f"/assignments/{one.pk}/reject", body), 400, "invalid")
    assert flaws(found) == {(f"/{missing}", "required")}


def test_an_unopened_answer_cannot_be_rejected(api: Api, bea: User, batch: Batch) -> None:
    sealed = factories.make_assignment(
        worker=bea, batch=batch, state="submitted", now=timezone.now()
    )
    problem(reject(api, sealed), 422, "unopened")
    assert state_of(sealed) == "submitted"


@pytest.mark.parametrize("state", ["claimed", "released", "approved", "rejected", "refused"])
def test_only_what_is_in_review_is_rejected(api: Api, bea: User, batch: Batch, state: str) -> None:
    done = factories.make_assignment(worker=bea, batch=batch, state=state)
    found = problem(reject(api, done), 409, "illegal_move")
    assert found["state"] == state


def test_an_approval_by_a_delegate_binds_the_client(
    api: Api, owner: Member, one: Assignment
) -> None:
    rae = factories.make_user("rae", role="member")
    Member.objects.create(client=owner.client, user=rae, role="reviewer", joined_at=factories.NOW)
    delegate = Api(User.objects.get(pk=rae.pk))
    assert delegate.post(f"/assignments/{one.pk}/approve").status_code == 200
    found = problem(reject(api, one), 409, "illegal_move")
    assert (found["state"], found["allowed"]) == ("approved", [])
    assert state_of(one) == "approved"


def test_of_approval_and_rejection_the_first_counts(api: Api, one: Assignment) -> None:
    reject(api, one)
    problem(api.post(f"/assignments/{one.pk}/approve"), 409, "illegal_move")
    problem(reject(api, one), 409, "illegal_move")
    assert state_of(one) == "rejected"


def test_an_answer_equal_to_a_paid_one_is_not_wrong(
    api: Api, owner: Member, bea: User, cem: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=1, overlap=2)
    factories.make_assignment(worker=cem, batch=batch, state="approved")
    one = factories.make_assignment(worker=bea, batch=batch, state="opened", now=timezone.now())
    problem(reject(api, one, category="wrong"), 422, "equals_paid")
    assert reject(api, one, category="language").status_code == 200


def test_a_client_that_nobody_verified_rejects_nothing(dia: User, bea: User) -> None:
    client = factories.make_client("Newcomer", owner="eve")
    eve = Member.objects.select_related("user", "client").get(client=client)
    batch = factories.make_open_batch(eve)
    one = factories.make_assignment(worker=bea, batch=batch, state="opened", now=timezone.now())
    problem(reject(Api(eve.user), one), 403, "not_verified")
    verify_client(client_id=client.pk, by=dia, now=factories.NOW)
    assert reject(Api(eve.user), one).status_code == 200


def test_strangers_workers_and_adjudicators_reject_nothing(
    dia: User, bea: User, one: Assignment
) -> None:
    factories.make_client("Rival", owner="eve", verified_by=dia)
    eve = User.objects.get(email="eve@example.org")
    for verb in ("reject", "withdraw"):
        url = f"/assignments/{one.pk}/{verb}"
        problem(Api(eve).post(url, REASON if verb == "reject" else {}), 404, "not_found")
        problem(Api(bea).post(url, REASON), 403, "forbidden")
        problem(Api(dia).post(url, REASON), 403, "forbidden")
    assert state_of(one) == "submitted"


def test_a_key_that_only_reads_rejects_nothing(ada: User, one: Assignment) -> None:
    problem(reject(Api(ada, "batches:read", "results:read"), one), 403, "forbidden")


def test_a_suspended_member_rejects_nothing(
    api: Api, ada: User, dia: User, one: Assignment
) -> None:
    reason = {"reason": "Many answers were rejected with made-up reasons."}
    assert Api(dia).post(f"/people/{ada.pk}/suspend", reason).status_code == 201
    problem(reject(api, one), 403, "suspended")
    assert api.post(f"/assignments/{one.pk}/approve").status_code == 200


def test_from_the_cap_on_a_rejection_is_a_dispute_by_itself(
    api: Api, batch: Batch, owner: Member
) -> None:
    made = []
    for i in range(4):
        worker = factories.make_user(f"w{i}")
        one = factories.make_assignment(
            worker=worker, batch=batch, state="opened", now=timezone.now()
        )
        said = f"Number {i}: {factories.EXPLANATION}"
        made.append(reject(api, one, explanation=said).json()["dispute"])
    assert made[:3] == [None, None, None]
    assert Dispute.objects.get(pk=made[3]).cause == "cap"


def test_the_brake_freezes_the_batch_and_refuses_the_rest(
    api: Api, owner: Member, dia: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=30)
    opened = [
        factories.make_assignment(
            worker=factories.make_user(f"w{i}"), batch=batch, state="opened", now=timezone.now()
        )
        for i in range(11)
    ]
    for one in opened[:10]:
        assert reject(api, one).status_code == 200
    problem(reject(api, opened[10]), 409, "frozen")
    assert state_of(opened[10]) == "submitted"
    assert api.get(f"/batches/{batch.pk}").json()["frozen_at"] is not None
    running = api.get("/disputes?state=filed").json()["results"]
    assert [(one["kind"], one["cause"], one["rejection_count"]) for one in running] == [
        ("collective", "brake", 10)
    ]
    assert api.post(f"/assignments/{opened[10].pk}/approve").status_code == 200


def test_markup_in_an_explanation_is_data(api: Api, bea: User, one: Assignment) -> None:
    reject(api, one, explanation=SCRIPT)
    response = Api(bea).get(f"/work/assignments/{one.pk}/rejection")
    assert response.json()["explanation"] == SCRIPT
    assert response["Content-Type"] == "application/json"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_the_client_of_a_refused_answer_reads_nothing_of_it(
    acme: Client, api: Api, bea: User, batch: Batch
) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="refused")
    problem(api.post(f"/assignments/{one.pk}/open"), 409, "sealed")
    problem(api.post(f"/assignments/{one.pk}/withdraw"), 409, "illegal_move")
    hers = Api(bea).get(f"/work/assignments/{one.pk}/rejection").json()
    assert (hers["state"], hers["outcome"]) == ("closed", "lapsed")
    assert (hers["explanation"], hers["allowed"]) == (factories.EXPLANATION, [])
    [kept] = Api(bea).get("/work/archive").json()["results"]
    assert (kept["cause"], kept["content"]) == ("refused", factories.answer())
    assert kept["record"]["explanation"] == factories.EXPLANATION
