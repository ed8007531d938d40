"""Whoever gets in has shown who she is; what she no longer trusts opens nothing."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client as Browser
from django.utils import timezone

from accounts import services
from accounts.models import Member, User
from core.errors import Invalid
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_an_unconfirmed_address_makes_nobody_a_member(owner: Member) -> None:
    user = factories.make_user("boss", role="member")
    address = EmailAddress.objects.get(user=user)
    EmailAddress.objects.filter(pk=address.pk).update(verified=False)

    def add() -> Member:
        return services.add_member(
            client_id=owner.client_id, email=user.email, role="owner", by=owner, now=NOW
        )

    with pytest.raises(Invalid):
        add()
    EmailAddress.objects.filter(pk=address.pk).update(verified=True)
    assert add().user == user


def test_a_new_password_revokes_every_key(bea: User) -> None:
    now = timezone.now()
    _key, text = services.create_api_key(user=bea, name="k", scopes=["work"], days=1, now=now)
    browser = Browser(headers={"Authorization": f"Bearer {text}"})
    assert browser.get("/api/v1/work/earnings").status_code == 200
    services.change_password(user=bea, password="another one", now=timezone.now())
    assert browser.get("/api/v1/work/earnings").status_code == 401
    assert User.objects.get(pk=bea.pk).check_password("another one")


def test_the_admin_signs_in_by_the_door_of_everybody(dia: User) -> None:
    response = Browser().post("/admin/login/", {"username": dia.email, "password": "dia-password"})
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_a_link_sent_by_mail_is_not_logged(caplog: pytest.LogCaptureFixture, db: None) -> None:
    Browser().get("/accounts/confirm-email/MTIz:abcdef:secret/")
    assert "confirm-email" in caplog.text
    assert "secret" not in caplog.text
