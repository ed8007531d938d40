"""Money over the API: balance, statement, deposits; payouts."""

from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import Member, User
from core import money
from payments.models import Payout
from payments.selectors import balances
from tests import factories
from tests.api import Api, flaws, problem, statements, usd

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(ada: User) -> Api:
    return Api(ada)


@pytest.fixture
def worker(owner: Member, bea: User) -> Api:
    """Bea, who has earned 6.00."""
    batch = factories.make_open_batch(owner, tasks=1, reward=6 * money.UNIT)
    factories.make_assignment(worker=bea, batch=batch, state="approved")
    return Api(bea)


def test_play_money_is_deposited_once(api: Api) -> None:
    first = api.post("/deposits", {"amount": usd("5.00")}, key="k")
    again = api.post("/deposits", {"amount": usd("5.00")}, key="k")
    assert (first.status_code, first.json()) == (201, again.json())
    assert first.json()["amount"] == usd("5.00")
    assert api.get("/balance").json() == {"balance": usd("5.00")}


def test_another_amount_under_the_same_key_is_refused(api: Api) -> None:
    api.post("/deposits", {"amount": usd("5.00")}, key="k")
    again = api.post("/deposits", {"amount": usd("6.00")}, key="k")
    problem(again, 422, "idempotency_key_reused")
    assert api.get("/balance").json() == {"balance": usd("5.00")}


def test_two_clients_may_use_the_same_key(api: Api, dia: User) -> None:
    factories.make_client("Rival", owner="eve", verified_by=dia)
    rival = Api(User.objects.get(email="eve@example.org"))
    for one in (api, rival):
        assert one.post("/deposits", {"amount": usd("5.00")}, key="1").status_code == 201
        assert one.get("/balance").json() == {"balance": usd("5.00")}


@pytest.mark.parametrize(
    ("amount", "status", "code", "flaw"),
    [
        (usd("0.00"), 422, "deposit_amount", "deposit_amount"),
        (usd("1000000.01"), 422, "deposit_amount", "deposit_amount"),
        (usd("0.001"), 400, "invalid", "half_cent"),
        (usd("-1.00"), 400, "invalid", "amount"),
        (usd("1e3"), 400, "invalid", "amount"),
        (usd("٣.00"), 400, "invalid", "amount"),
        (5, 400, "invalid", "not_money"),
        (None, 400, "invalid", "null"),
        ({"amount": "5.00"}, 400, "invalid", "not_money"),
    ],
)
def test_a_strange_amount_is_not_deposited(
    api: Api, amount: Any, status: int, code: str, flaw: str
) -> None:
    found = problem(api.post("/deposits", {"amount": amount}), status, code)
    assert flaws(found) == {("/amount", flaw)}
    assert api.get("/balance").json() == {"balance": usd("0.00")}


def test_there_is_no_play_money_outside_the_sandbox(api: Api, settings: Settings) -> None:
    settings.SANDBOX = False
    problem(api.post("/deposits", {"amount": usd("5.00")}), 403, "sandbox_only")


def test_a_deposit_needs_a_key_and_its_scope(api: Api, ada: User) -> None:
    problem(api.post("/deposits", {"amount": usd("5.00")}, key=" "), 400, "idempotency_key_missing")
    reader = Api(ada, "batches:write")
    problem(reader.post("/deposits", {"amount": usd("5.00")}), 403, "forbidden")


def test_the_statement_goes_back_page_by_page(api: Api) -> None:
    for number in range(1, 6):
        api.post("/deposits", {"amount": usd(f"{number}.00")})
    first = api.get("/transfers?page_size=2").json()
    second = api.get(first["next"]).json()
    third = api.get(second["next"]).json()
    seen = [row["amount"]["amount"] for page in (first, second, third) for row in page["results"]]
    assert seen == ["5.00", "4.00", "3.00", "2.00", "1.00"]
    assert (third["next"], third["previous"]) == (None, None)


def test_the_statement_of_a_batch_is_what_is_about_it(api: Api, owner: Member) -> None:
    batch = factories.make_open_batch(owner)
    found = api.get(f"/transfers?batch={batch.pk}").json()["results"]
    assert [(row["kind"], row["amount"], row["batch"]) for row in found] == [
        ("fund", usd("-0.33"), batch.pk)
    ]
    assert api.get("/transfers?batch=999999").json()["results"] == []


@pytest.mark.parametrize(
    "query", ["batch=x", "batch=0", "batch=99999999999999999999", "cursor=x", "cursor=WzAsIjIwMjYi"]
)
def test_a_statement_of_nothing_known_is_refused(api: Api, query: str) -> None:
    assert api.get(f"/transfers?{query}").status_code == 400


def test_the_statement_costs_the_same_for_one_and_three(api: Api) -> None:
    for rows in (1, 3):
        while len(api.get("/transfers").json()["results"]) < rows:
            api.post("/deposits", {"amount": usd("1.00")})
        with statements(2):
            api.get("/transfers")


# --- payouts -------------------------------------------------------------------------------


def test_a_payout_is_asked_for_once(worker: Api, bea: User) -> None:
    first = worker.post("/work/payouts", {}, key="k")
    again = worker.post("/work/payouts", {}, key="k")
    assert (first.status_code, first.json()) == (201, again.json())
    assert first.json()["amount"] == usd("6.00")
    assert first.json()["allowed"] == ["cancel"]
    assert balances.worker_balance(bea.pk) == 0
    with statements(2):
        [listed] = worker.get("/work/payouts").json()["results"]
    assert listed == first.json()
    assert worker.get(f"/work/payouts/{listed['id']}").json() == listed


@pytest.mark.parametrize(
    ("amount", "code"),
    [(usd("4.99"), "payout_below_minimum"), (usd("6.01"), "payout_above_balance")],
)
def test_a_payout_keeps_the_rules(worker: Api, amount: Any, code: str) -> None:
    found = problem(worker.post("/work/payouts", {"amount": amount}), 422, code)
    assert flaws(found) == {("/amount", code)}
    assert not Payout.objects.exists()


def test_a_payout_of_a_fraction_of_a_cent_is_refused(worker: Api) -> None:
    found = problem(worker.post("/work/payouts", {"amount": usd("5.005")}), 400, "invalid")
    assert flaws(found) == {("/amount", "half_cent")}


def test_a_cancelled_payout_is_hers_again(worker: Api, bea: User) -> None:
    made = worker.post("/work/payouts", {"amount": usd("5.00")}).json()
    url = f"/work/payouts/{made['id']}"
    assert worker.post(f"{url}/cancel").json()["state"] == "cancelled"
    assert balances.worker_balance(bea.pk) == 6 * money.UNIT
    problem(worker.post(f"{url}/cancel"), 409, "illegal_move")


def test_somebody_elses_payout_does_not_exist(worker: Api, cem: User) -> None:
    made = worker.post("/work/payouts", {}).json()
    problem(Api(cem).get(f"/work/payouts/{made['id']}"), 404, "not_found")
    problem(Api(cem).post(f"/work/payouts/{made['id']}/cancel"), 404, "not_found")


def test_asking_for_money_is_a_scope_of_its_own(worker: Api, bea: User) -> None:
    program = Api(bea, "work")
    problem(program.post("/work/payouts", {}), 403, "forbidden")
    assert program.get("/work/payouts").status_code == 200
