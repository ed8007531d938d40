"""The operator's site: everything to read, nothing to write, no answer to see."""

import pytest
from django.contrib import admin
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Member, User
from core.admin import ReadOnly
from core.models import Event
from tasks.models import Batch
from tests import factories
from tests.factories import make_assignment, make_open_batch

pytestmark = pytest.mark.django_db
OURS = {"core", "accounts", "tasks", "disputes"}


@pytest.fixture
def operator(client: Browser, db: None) -> Browser:
    """A superuser, signed in."""
    client.force_login(User.objects.create_superuser("op@example.org", "op-password"))
    return client


@pytest.fixture
def work(owner: Member, bea: User) -> None:
    """A batch with a paid answer in it, and one in dispute."""
    batch = make_open_batch(owner)
    make_assignment(worker=bea, batch=batch, state="approved", value="negative")
    make_assignment(worker=bea, batch=batch, state="disputed", value="negative")


def test_answers_drafts_and_payloads_are_not_registered() -> None:
    names = {model.__name__ for model in admin.site._registry}
    assert not names & {"Answer", "Draft", "Archived", "Task", "IdempotencyKey", "ApiKey"}


@pytest.mark.usefixtures("work")
def test_every_page_of_the_site_opens_and_none_shows_an_answer_or_a_secret(
    operator: Browser,
) -> None:
    for model, shown in admin.site._registry.items():
        if model._meta.app_label not in OURS:
            continue
        assert isinstance(shown, ReadOnly)
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for term in ("1", "open", "9" * 30):
            listed = operator.get(reverse(f"{name}_changelist"), {"q": term})
            assert listed.status_code == 200
        one = model._default_manager.first()
        if one is not None:
            opened = operator.get(reverse(f"{name}_change", args=[one.pk]))
            assert opened.status_code == 200
            body = opened.content.decode()
            # The batch shows its interface, which names every possible answer.
            assert "negative" not in body or model is Batch
            assert "Sentence number" not in body
            assert 'name="_save"' not in body
        assert operator.get(reverse(f"{name}_add")).status_code == 403


def test_the_operator_can_record_that_a_client_is_verified(operator: Browser) -> None:
    client = factories.make_client("New", owner="nia")
    operator.post(
        reverse("admin:accounts_client_changelist"),
        {"action": "verify", "_selected_action": [client.pk]},
    )
    client.refresh_from_db()
    assert client.verified_by is not None
    assert client.verified_by.email == "op@example.org"
    assert Event.objects.filter(kind="client.verified", about_id=client.pk).count() == 1


def test_nobody_but_staff_comes_in(client: Browser, ada: User) -> None:
    client.force_login(ada)
    assert client.get(reverse("admin:index")).status_code == 302


def test_a_client_is_shown_with_its_members(operator: Browser, owner: Member) -> None:
    path = reverse("admin:accounts_client_change", args=[owner.client_id])
    assert "ada" in operator.get(path).content.decode().lower()
