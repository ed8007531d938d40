"""Who may ask the API what: keys, scopes, sessions; keys and members over the API."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.authentication import KeyThrottle
from accounts.models import ApiKey, Member, User
from disputes.services import suspensions
from tests import factories
from tests.api import Api, flaws, problem, statements

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(ada: User) -> Api:
    """Ada, signed in with her browser."""
    found = Api(None)
    found.client.force_login(ada)
    return found


def with_header(value: str) -> Api:
    api = Api(None)
    api.headers["Authorization"] = value
    return api


def test_nobody_is_told_to_sign_in() -> None:
    response = Api(None).get("/batches")
    problem(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("Bearer", "key_malformed"),
        ("Bearer fck_a", "key_malformed"),
        ("Basic YTpi", "key_malformed"),
        ("Bearer fck_a_b\0", "key_malformed"),
        ("Bearer fck_aaaaaaaaaaaa_bbbb", "key_unknown"),
        ("Bearer fck_é_ü", "key_unknown"),
    ],
)
@pytest.mark.usefixtures("ada")
def test_what_is_no_key_opens_nothing(value: str, code: str) -> None:
    problem(with_header(value).get("/batches"), 401, code)


def test_a_revoked_key_opens_nothing(ada: User) -> None:
    api = Api(ada)
    services.revoke_api_key(key_id=ApiKey.objects.get().pk, by=ada, now=timezone.now())
    problem(api.get("/batches"), 401, "key_unknown")


def test_an_expired_key_opens_nothing(ada: User) -> None:
    past = timezone.now() - timedelta(days=91)
    _key, text = services.create_api_key(
        user=ada, name="old", scopes=["batches:read"], days=90, now=past
    )
    problem(with_header(f"Bearer {text}").get("/batches"), 401, "key_unknown")


def test_the_key_of_a_closed_account_opens_nothing(bea: User) -> None:
    api = Api(bea)
    User.objects.filter(pk=bea.pk).update(is_active=False)
    problem(api.get("/work/batches"), 401, "key_unknown")


def test_the_last_use_of_a_key_is_noted(ada: User) -> None:
    api = Api(ada)
    ApiKey.objects.update(last_used_at=None)
    api.get("/batches")
    assert ApiKey.objects.get().last_used_at is not None


def test_a_key_does_what_its_scopes_say(ada: User) -> None:
    reader = Api(ada, "batches:read")
    assert reader.get("/batches").status_code == 200
    assert reader.client.head("/api/v1/batches", headers=reader.headers).status_code == 200
    found = problem(reader.post("/batches", {"title": "x"}), 403, "forbidden")
    assert "batches:write" in found["detail"]
    problem(reader.post("/deposits", {}), 403, "forbidden")


@pytest.mark.parametrize("path", ["/api-keys", "/api-keys/1"])
def test_a_key_reads_and_makes_no_keys(ada: User, path: str) -> None:
    problem(Api(ada).get(path), 403, "forbidden")
    problem(Api(ada).post("/api-keys", {"name": "x"}), 403, "forbidden")


def test_an_adjudicator_is_neither_client_nor_worker(dia: User) -> None:
    api = Api(None)
    api.client.force_login(dia)
    problem(api.get("/batches"), 403, "forbidden")
    problem(api.get("/work/batches"), 403, "forbidden")


def test_a_session_writes_with_its_csrf_token_only(ada: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ada)
    sent: dict[str, Any] = {"data": {"title": "x"}, "content_type": "application/json"}
    assert browser.get("/api/v1/batches").status_code == 200
    problem(browser.post("/api/v1/batches", **sent), 403, "forbidden")
    browser.get("/settings/keys/")
    token = browser.cookies["csrftoken"].value
    made = browser.post("/api/v1/batches", headers={"X-CSRFToken": token}, **sent)
    assert made.status_code == 201


def test_a_member_without_organisation_may_not_act() -> None:
    loner = factories.make_user("lou", role="member")
    api = Api(loner)
    assert api.get("/batches").json()["results"] == []
    problem(api.post("/batches", {"title": "x"}), 403, "forbidden")
    assert api.get("/balance").status_code == 403


@pytest.mark.parametrize(("method", "path"), [("PUT", "/batches"), ("OPTIONS", "/batches")])
def test_another_method_is_refused(ada: User, method: str, path: str) -> None:
    problem(Api(ada).send(method, path), 405, "method_not_allowed")


def test_an_unknown_address_is_a_problem_too(ada: User) -> None:
    problem(Api(ada).get("/nothing/here"), 404, "not_found")


def test_whatever_is_accepted_the_answer_is_json(ada: User) -> None:
    assert Api(ada).get("/batches", Accept="application/xml").status_code == 200
    problem(Api(ada).get("/batches/7", Accept="text/html"), 404, "not_found")


def test_no_answer_is_kept_by_a_cache(ada: User) -> None:
    assert Api(ada).get("/batches")["Cache-Control"] == "no-store"


def test_a_refusal_speaks_the_callers_language(ada: User) -> None:
    found = problem(Api(ada).get("/batches/7", Accept_Language="en"), 404, "not_found")
    assert found["detail"] == "There is no such thing, or it is not yours."
    assert found["type"] == "/docs/errors#not_found"


def test_too_many_requests_are_told_when_to_come_again(
    ada: User, bea: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KeyThrottle, "rate", "2/hour", raising=False)
    api = Api(ada)
    assert [api.get("/batches").status_code for _each in range(2)] == [200, 200]
    response = api.get("/batches")
    problem(response, 429, "throttled")
    assert 0 < int(response["Retry-After"]) <= 3600
    assert Api(bea).get("/work/batches").status_code == 200


# --- keys ----------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_works(page: Api) -> None:
    asked = {"name": "CI", "scopes": ["batches:read"], "days": 7}
    made = page.post("/api-keys", asked)
    assert made.status_code == 201
    text = made.json()["key"]
    assert text.startswith(f"fck_{made.json()['prefix']}_")
    [listed] = page.get("/api-keys").json()["results"]
    assert "key" not in listed
    assert (listed["name"], listed["scopes"]) == ("CI", ["batches:read"])
    assert with_header(f"Bearer {text}").get("/batches").status_code == 200


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"scopes": ["work"]}, ("/scopes", "invalid")),
        ({"scopes": ["everything"]}, ("/scopes/0", "invalid_choice")),
        ({"scopes": []}, ("/scopes", "min_length")),
        ({"scopes": "work"}, ("/scopes", "not_a_list")),
        ({"days": 366}, ("/days", "invalid")),
        ({"days": 0}, ("/days", "min_value")),
        ({"days": "7"}, ("/days", "invalid")),
        ({"name": "x" * 81}, ("/name", "max_length")),
        ({"user": 1}, ("/user", "unknown_field")),
    ],
)
def test_a_key_that_may_not_be_is_refused(
    page: Api, more: dict[str, Any], found: tuple[str, str]
) -> None:
    asked = {"name": "CI", "scopes": ["batches:read"]} | more
    assert found in flaws(problem(page.post("/api-keys", asked), 400, "invalid"))
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_at_once(page: Api, ada: User) -> None:
    program = Api(ada)
    key = ApiKey.objects.get()
    for _again in range(2):
        assert page.delete(f"/api-keys/{key.pk}").status_code == 204
    problem(program.get("/batches"), 401, "key_unknown")
    assert page.get(f"/api-keys/{key.pk}").json()["revoked_at"] is not None


def test_somebody_elses_key_does_not_exist(page: Api, bea: User) -> None:
    Api(bea)
    key = ApiKey.objects.get()
    problem(page.get(f"/api-keys/{key.pk}"), 404, "not_found")
    problem(page.delete(f"/api-keys/{key.pk}"), 404, "not_found")


# --- members -------------------------------------------------------------------------------


def test_a_member_is_added_changed_and_removed(page: Api, ada: User) -> None:
    rae = factories.make_user("rae", role="member")
    added = page.post("/members", {"email": rae.email, "role": "reviewer"})
    assert (added.status_code, added.json()["role"]) == (201, "reviewer")
    url = f"/members/{added.json()['id']}"
    assert page.patch(url, {"role": "owner"}).json()["role"] == "owner"
    assert page.get(url).json()["email"] == rae.email
    assert [one["email"] for one in page.get("/members").json()["results"]] == [
        ada.email,
        rae.email,
    ]
    assert page.delete(url).status_code == 204
    problem(page.get(url), 404, "not_found")


def test_the_last_owner_stays_one(page: Api, owner: Member) -> None:
    url = f"/members/{owner.pk}"
    problem(page.patch(url, {"role": "reviewer"}), 409, "last_owner")
    problem(page.delete(url), 409, "last_owner")
    assert page.patch(url, {"role": "owner"}).status_code == 200


def test_a_stranger_is_not_added(page: Api) -> None:
    found = problem(
        page.post("/members", {"email": "x@example.org", "role": "owner"}), 400, "invalid"
    )
    assert flaws(found) == {("/email", "invalid")}


def test_a_reviewer_changes_no_members(owner: Member) -> None:
    rae = factories.make_user("rae", role="member")
    Member.objects.create(client=owner.client, user=rae, role="reviewer", joined_at=factories.NOW)
    api = Api(None)
    api.client.force_login(User.objects.get(pk=rae.pk))
    problem(api.patch(f"/members/{owner.pk}", {"role": "reviewer"}), 403, "forbidden")
    problem(api.delete(f"/members/{owner.pk}"), 403, "forbidden")
    assert len(api.get("/members").json()["results"]) == 2


def test_members_of_another_client_do_not_exist(page: Api, dia: User) -> None:
    factories.make_client("Rival", owner="eve", verified_by=dia)
    eve = Member.objects.get(user__email="eve@example.org")
    problem(page.get(f"/members/{eve.pk}"), 404, "not_found")
    problem(page.patch(f"/members/{eve.pk}", {"role": "owner"}), 404, "not_found")
    problem(page.delete(f"/members/{eve.pk}"), 404, "not_found")


def test_a_key_reads_members_and_changes_none(ada: User, owner: Member) -> None:
    api = Api(ada)
    with statements(2):
        assert len(api.get("/members").json()["results"]) == 1
    problem(api.post("/members", {"email": "x@example.org", "role": "owner"}), 403, "forbidden")


# --- suspension ----------------------------------------------------------------------------

WHY = "Four people say that this account asked them for their bank's password."
SAID = "<b>It was not me</b>: somebody used my telephone that day."


def suspended(person: User, dia: User) -> None:
    suspensions.suspend(user_id=person.pk, by=dia, reason=WHY, now=timezone.now())


def test_a_suspended_person_reads_why_and_replies(page: Api, ada: User, dia: User) -> None:
    problem(page.get("/suspension"), 404, "not_found")
    problem(page.post("/suspension/reply", {"text": SAID}), 404, "not_found")
    suspended(ada, dia)
    found = page.get("/suspension").json()
    assert (found["by"], found["reason"], found["reply"]) == ("Dia", WHY, "")
    assert page.post("/suspension/reply", {"text": SAID}).json()["reply"] == SAID
    assert page.get("/suspension").json()["reply"] == SAID
    problem(page.post("/suspension/reply", {"text": "no"}), 400, "text_length")
    problem(page.post("/suspension/reply", {"text": "x" * 2_001}), 400, "text_length")
    problem(page.post("/suspension/reply", {"to": SAID}), 400, "invalid")


def test_a_key_neither_reads_nor_answers_a_suspension(ada: User, dia: User) -> None:
    suspended(ada, dia)
    problem(Api(ada).get("/suspension"), 403, "forbidden")
    problem(Api(ada).post("/suspension/reply", {"text": SAID}), 403, "forbidden")


def test_a_suspended_person_begins_nothing_and_keeps_everything(
    page: Api, owner: Member, ada: User, bea: User, dia: User
) -> None:
    batch = factories.make_open_batch(owner)
    one = factories.make_assignment(worker=bea, batch=batch, state="rejected")
    suspended(bea, dia)
    suspended(ada, dia)
    worker = Api(bea)
    problem(worker.post(f"/work/batches/{batch.pk}/claim"), 403, "suspended")
    problem(page.post(f"/batches/{factories.make_batch(owner).pk}/publish"), 403, "suspended")
    for path in ("batches", "assignments", "earnings", "archive", "payouts"):
        assert worker.get(f"/work/{path}").status_code == 200
    assert worker.get(f"/work/assignments/{one.pk}/rejection").status_code == 200
    for path in ("/batches", "/disputes", "/balance", f"/batches/{batch.pk}/results"):
        assert page.get(path).status_code == 200
