import pytest
from django.core.cache import cache
from django.test import Client
from redis.exceptions import ConnectionError as RedisAway

from accounts.models import Member, User
from core import rules
from marketplace import error_codes
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_stranger_reads_the_promise_and_how_many_batches_are_open(
    client: Client, owner: Member
) -> None:
    factories.make_open_batch(owner)
    factories.make_batch(owner)
    response = client.get("/")
    assert response.status_code == 200
    assert response.context["open_batches"] == 1
    assert "never has the data" in response.text


@pytest.mark.parametrize(
    ("name", "start"), [("bea", "work"), ("ada", "batches"), ("dia", "clients_to_verify")]
)
def test_who_is_signed_in_goes_on_to_her_own_start(
    client: Client, request: pytest.FixtureRequest, name: str, start: str
) -> None:
    client.force_login(request.getfixturevalue(name))
    response = client.get("/")
    assert response.status_code == 302
    assert client.get(response["Location"]).resolver_match.url_name == start


def test_a_member_without_an_organisation_is_led_to_one(client: Client) -> None:
    client.force_login(factories.make_user("eve", role="member"))
    assert client.get("/")["Location"] == "/settings/organisation/"


def test_the_rule_book_shows_every_rule_with_its_reason_and_numbers(client: Client) -> None:
    text = client.get("/rules/").text
    for rule in rules.RULES:
        assert f'id="{rule.number}"' in text
    assert text.count("In force") == len(rules.IN_FORCE)
    assert text.count("Not in this version") == len(rules.RULES) - len(rules.IN_FORCE)


def test_every_error_code_can_be_linked_to(client: Client) -> None:
    text = client.get("/docs/errors").text
    for code in error_codes.CODES:
        assert f'id="{code.name}"' in text


def test_the_language_chosen_in_the_header_stays_with_the_account(
    client: Client, bea: User
) -> None:
    client.force_login(bea)
    response = client.post("/language", {"language": "ar", "next": "/rules/"})
    assert response["Location"] == "/rules/"
    bea.refresh_from_db()
    assert bea.language == "ar"
    page = client.get("/rules/").text
    assert '<html lang="ar" dir="rtl"' in page


def test_a_stranger_may_choose_a_language_too(client: Client) -> None:
    client.post("/language", {"language": "fr", "next": "/"})
    assert '<html lang="fr" dir="ltr"' in client.get("/").text


def test_choosing_a_language_leads_to_no_other_site(client: Client) -> None:
    response = client.post("/language", {"language": "fr", "next": "https://elsewhere.example/"})
    assert response["Location"] == "/"


def test_the_process_says_that_it_is_alive_and_ready(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok", "missing": []}


def test_without_redis_it_is_not_ready_and_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(key: str) -> None:
        raise RedisAway

    monkeypatch.setattr(cache, "get", away)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["missing"] == ["redis"]


def test_an_unknown_address_is_a_page_for_people_and_a_problem_for_programs(
    client: Client,
) -> None:
    page = client.get("/nowhere")
    assert page.status_code == 404
    assert "<h1>Not found</h1>" in page.text
    problem = client.get("/api/v1/nowhere")
    assert problem.status_code == 404
    assert problem["Content-Type"] == "application/problem+json"
    assert problem.json()["code"] == "not_found"


def test_a_fault_of_ours_shows_nothing_of_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("secret")

    client.raise_request_exception = False
    monkeypatch.setattr(error_codes, "by_status", broken)
    page = client.get("/docs/errors")
    assert page.status_code == 500
    assert "A fault of ours" in page.text
    assert "secret" not in page.text


def test_the_api_can_be_explored_without_scripts_of_others(client: Client) -> None:
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert "//cdn" not in page.text
    assert "unsafe-inline" not in page["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/rules/", "/docs/errors", "/accounts/login/"])
def test_public_pages_load_nothing_from_elsewhere_and_carry_no_inline_code(
    client: Client, path: str
) -> None:
    text = client.get(path).text
    assert "https://" not in text
    assert "style=" not in text
    assert "<style" not in text
    assert "<script" not in text
