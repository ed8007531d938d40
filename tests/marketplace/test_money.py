"""A client's money page: what it has, what is locked and spent, what moved, and play money."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Member, User
from core import money
from payments.selectors import balances
from payments.services import deposits
from tasks.selectors import overview
from tasks.services import batches as services
from tasks.services import figures, publishing
from tests import factories
from tests.factories import NOW, fund, make_assignment, make_open_batch
from tests.tasks.test_views_batches import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Browser, ada: User, settings: Any) -> Browser:
    """Ada, signed in where play money is."""
    settings.SANDBOX = True
    client.force_login(ada)
    return client


@pytest.fixture
def reviewer(owner: Member) -> Member:
    """Rio may review for Acme, and not spend."""
    user = factories.make_user("rio", role="member")
    return Member.objects.create(client=owner.client, user=user, role="reviewer", joined_at=NOW)


def deposit(page: Browser, amount: str, key: str = "k1") -> Any:
    return page.post(reverse("money_deposit"), {"amount": amount, "key": key}, follow=True)


def test_the_page_says_what_is_free_locked_and_spent(
    page: Browser, owner: Member, bea: User
) -> None:
    fund(owner.client, "5.00")
    batch = make_open_batch(owner, tasks=3)
    make_assignment(worker=bea, batch=batch, state="approved")
    figures.refresh_figures(now=NOW)
    said = text_of(page.get(reverse("money")))
    assert "Balance 5.00 USD" in said
    assert "Locked in escrow 0.22 USD" in said
    assert "Spent 0.11 USD" in said


def test_the_totals_agree_with_the_books_through_the_life_of_batches(
    owner: Member, bea: User
) -> None:
    fund(owner.client, "5.00")
    start = balances.client_balance(owner.client_id)
    # One being published, one closed while it was, one open, one draft.
    for _ in range(2):
        draft = factories.make_batch(owner, tasks=2)
        services.publish_batch(batch_id=draft.pk, by=owner, now=NOW)
    publishing_now = overview.totals(client_id=owner.client_id)
    assert publishing_now.held == start - balances.client_balance(owner.client_id)
    services.close_batch(batch_id=draft.pk, by=owner, now=NOW)
    publishing.settle_closed(now=NOW)
    publishing.publish_batches(now=NOW)
    factories.make_batch(owner, tasks=7)
    figures.refresh_figures(now=NOW)
    totals = overview.totals(client_id=owner.client_id)
    assert totals.spent == 0
    assert totals.held == start - balances.client_balance(owner.client_id) == 220_000


def test_a_client_without_anything_sees_zeros_and_how_to_begin(page: Browser) -> None:
    said = text_of(page.get(reverse("money")))
    assert "Balance 0.00 USD" in said
    assert "No transfers yet" in said


def test_play_money_is_deposited_once_however_often_the_form_is_sent(
    page: Browser, owner: Member
) -> None:
    for _ in range(2):
        assert "Deposited." in text_of(deposit(page, "12.50"))
    assert balances.client_balance(owner.client_id) == 12_500_000
    deposit(page, "12.50", key="k2")
    assert balances.client_balance(owner.client_id) == 25 * money.UNIT


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("", "This field is required."),
        ("ten", "Give an amount as text"),
        ("0.005", "Whole cents only"),
        ("0", "more than 0"),
        ("1000000.01", "at most 1,000,000.00"),
    ],
)
def test_an_amount_that_cannot_be_deposited_is_refused_at_its_field(
    page: Browser, owner: Member, amount: str, said: str
) -> None:
    response = deposit(page, amount)
    assert response.status_code == 422
    assert said in text_of(response)
    assert 'id="id_amount_error"' in response.content.decode()
    assert balances.client_balance(owner.client_id) == 0


def test_the_same_key_for_another_amount_is_refused(page: Browser, owner: Member) -> None:
    deposit(page, "1.00")
    assert "used for another request" in text_of(deposit(page, "2.00"))
    assert balances.client_balance(owner.client_id) == money.UNIT


def test_a_reviewer_reads_the_money_and_cannot_move_it(
    client: Browser, reviewer: Member, settings: Any
) -> None:
    settings.SANDBOX = True
    client.force_login(reviewer.user)
    response = client.get(reverse("money"))
    assert reverse("money_deposit") not in response.content.decode()
    assert "Only an owner of Acme may deposit or spend its money" in text_of(response)
    assert "Only an owner of the client may deposit." in text_of(deposit(client, "5.00"))
    assert balances.client_balance(reviewer.client_id) == 0


def test_outside_the_sandbox_there_is_no_play_money(
    client: Browser, ada: User, owner: Member, settings: Any
) -> None:
    settings.SANDBOX = False
    client.force_login(ada)
    response = client.get(reverse("money"))
    assert reverse("money_deposit") not in response.content.decode()
    assert "Play money works in the sandbox only." in text_of(deposit(client, "5.00"))
    assert balances.client_balance(owner.client_id) == 0


def test_transfers_name_their_batch_and_refunds_of_one_batch_are_one_line(
    page: Browser, owner: Member
) -> None:
    batch = make_open_batch(owner, tasks=3, title="Tweets")
    services.close_batch(batch_id=batch.pk, by=owner, now=NOW + timedelta(hours=1))
    publishing.settle_closed(now=NOW + timedelta(hours=2))
    said = text_of(page.get(reverse("money")))
    assert "Refund of a place in 6 movements Tweets March 2, 2026, 11 a.m. +0.33 USD" in said
    assert "Locked for a batch Tweets March 2, 2026, 9 a.m. -0.33 USD" in said
    assert "Deposit March 2, 2026, 9 a.m. +0.33 USD" in said


def test_transfers_can_be_narrowed_to_a_batch(page: Browser, owner: Member) -> None:
    batch = make_open_batch(owner, tasks=3, title="Tweets")
    make_open_batch(owner, tasks=2, title="Reviews")
    response = page.get(reverse("money") + f"?batch={batch.pk}")
    said = text_of(response)
    assert "Only those of: Tweets" in said
    assert "Reviews" not in said
    assert "All transfers" in said


def test_a_long_statement_is_paged(
    page: Browser, owner: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketplace.money.PAGE", 2)
    for number in range(3):
        deposits.deposit(
            client_id=owner.client_id,
            amount=(number + 1) * money.UNIT,
            provider="sandbox",
            reference=f"r{number}",
            by=None,
            now=NOW + timedelta(hours=number),
        )
    first = page.get(reverse("money"))
    assert "+3.00 USD" in text_of(first)
    assert "+1.00 USD" not in text_of(first)
    second = page.get(reverse("money") + first.context["older"])
    assert "+1.00 USD" in text_of(second)
    assert second.context["newer"]


@pytest.mark.parametrize("number", [1, 3])
def test_the_page_takes_the_same_few_statements_however_much_moved(
    page: Browser, owner: Member, number: int, django_assert_max_num_queries: Any
) -> None:
    for _ in range(number):
        make_open_batch(owner, tasks=1)
    # Session, user, member, client; balance and totals; transfers and their batches.
    with django_assert_max_num_queries(4 + 2 + 2):
        page.get(reverse("money"))


def test_a_worker_has_no_such_page(client: Browser, bea: User) -> None:
    client.force_login(bea)
    assert client.get(reverse("money")).status_code == 403
