import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.models import ApiKey, Member, User
from accounts.models import Client as Organisation
from core.models import Event
from tests import factories

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-9"


def code_now(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


def sign_up(client: Client, **fields: str) -> Any:
    given = {"email": "eve@example.org", "password1": PASSWORD, "role": "worker", "name": "Eve"}
    return client.post("/accounts/signup/", given | fields)


# --- signing up and in -----------------------------------------------------------------------


def test_a_worker_signs_up_and_is_signed_in(client: Client) -> None:
    response = sign_up(client, organisation="Ignored")
    assert response.status_code == 302
    eve = User.objects.get(email="eve@example.org")
    assert eve.is_worker
    assert eve.name == "Eve"
    assert client.get("/settings/").status_code == 200
    assert not Organisation.objects.exists()
    assert mail.outbox[0].to == ["eve@example.org"]
    assert mail.outbox[0].subject.startswith("Fairclick: ")


def test_a_client_signs_up_with_an_organisation_and_owns_it(client: Client) -> None:
    sign_up(client, role="member", organisation=" Kumpula Lab ")
    member = Member.objects.select_related("client").get(user__email="eve@example.org")
    assert member.is_owner
    assert member.client.name == "Kumpula Lab"
    assert member.client.verified_at is None


def test_the_name_of_an_organisation_that_exists_is_refused_beside_the_field(
    client: Client, acme: Organisation
) -> None:
    response = sign_up(client, role="member", organisation="ACME")
    assert response.status_code == 200
    assert services.NAME_TAKEN in response.context["form"].errors["organisation"]
    assert not User.objects.filter(email="eve@example.org").exists()


def test_nobody_signs_up_as_adjudicator(client: Client) -> None:
    response = sign_up(client, role="adjudicator")
    assert "role" in response.context["form"].errors
    assert not User.objects.exists()


def test_sign_in_takes_the_language_of_the_account_on_a_new_device(
    client: Client, bea: User
) -> None:
    services.change_settings(user=bea, name=bea.name, language="ar", now=timezone.now())
    data = {"login": "bea@example.org", "password": "bea-password"}
    response = client.post("/accounts/login/", data)
    assert response.status_code == 302
    assert '<html lang="ar" dir="rtl"' in client.get("/settings/").text


def test_a_wrong_password_is_told_at_the_head_of_the_form(client: Client, bea: User) -> None:
    data = {"login": "bea@example.org", "password": "guess"}
    response = client.post("/accounts/login/", data)
    assert response.status_code == 200
    assert 'role="alert"' in response.text


def test_a_forgotten_password_is_replaced_by_mail(client: Client, bea: User) -> None:
    client.post("/accounts/password/reset/", {"email": "bea@example.org"})
    link = re.search(r"http://[^/]+(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
    assert link
    form = client.get(link[1], follow=True)
    at = form.redirect_chain[-1][0]
    assert form.status_code == 200
    client.post(at, {"password1": "another-horse-8", "password2": "another-horse-8"})
    bea.refresh_from_db()
    assert bea.check_password("another-horse-8")


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/email/",
        "/accounts/password/change/",
        "/accounts/logout/",
        "/accounts/2fa/",
        "/accounts/reauthenticate/",
    ],
)
def test_the_pages_about_signing_in_are_in_our_frame(client: Client, bea: User, path: str) -> None:
    client.force_login(bea)
    response = client.get(path, follow=True)
    assert response.status_code == 200
    assert "site-head" in response.text
    assert "style=" not in response.text


def test_a_second_factor_is_asked_for_once_it_is_on(client: Client, bea: User) -> None:
    login = {"login": "bea@example.org", "password": "bea-password"}
    client.post("/accounts/login/", login)
    client.post("/accounts/reauthenticate/", {"password": "bea-password"})
    page = client.get("/accounts/2fa/totp/activate/")
    secret = page.context["form"].secret
    response = client.post("/accounts/2fa/totp/activate/", {"code": code_now(secret)})
    assert response.status_code == 302
    codes = client.get(response["Location"], follow=True)
    assert 'id="recovery_codes"' in codes.text
    client.post("/accounts/logout/")
    asked = client.post("/accounts/login/", login, follow=True)
    assert asked.redirect_chain[-1][0].startswith("/accounts/2fa/authenticate/")
    assert "site-head" in asked.text


# --- settings --------------------------------------------------------------------------------


def test_name_and_language_are_changed_and_the_page_follows(client: Client, bea: User) -> None:
    client.force_login(bea)
    response = client.post("/settings/", {"name": " Bea Alonso ", "language": "fr"}, follow=True)
    bea.refresh_from_db()
    assert (bea.name, bea.language) == ("Bea Alonso", "fr")
    assert '<html lang="fr"' in response.text
    assert Event.objects.filter(kind="user.changed", by=bea).count() == 1


def test_a_language_we_do_not_have_changes_nothing(client: Client, bea: User) -> None:
    client.force_login(bea)
    response = client.post("/settings/", {"name": "Bea", "language": "tlh"})
    assert "language" in response.context["form"].errors
    bea.refresh_from_db()
    assert bea.language == "en"


@pytest.mark.parametrize("path", ["/settings/", "/settings/keys/", "/settings/members/"])
def test_strangers_are_asked_to_sign_in(client: Client, path: str) -> None:
    response = client.get(path)
    assert response["Location"] == f"/accounts/login/?next={path}"


# --- keys ------------------------------------------------------------------------------------


def test_a_key_is_shown_once_works_and_is_stored_nowhere(client: Client, bea: User) -> None:
    client.force_login(bea)
    data = {"name": "my script", "scopes": ["work"], "days": "30"}
    response = client.post("/settings/keys/", data)
    secret = response.context["secret"]
    assert secret in response.text
    assert "no-store" in response["Cache-Control"]
    assert secret not in client.get("/settings/keys/").text
    key = ApiKey.objects.get(user=bea)
    assert secret.startswith(f"fck_{key.prefix}_")
    assert secret.rpartition("_")[2] not in key.secret_hash


def test_a_key_may_do_only_what_the_role_may(client: Client, bea: User) -> None:
    client.force_login(bea)
    data = {"name": "greedy", "scopes": ["batches:write"], "days": "30"}
    response = client.post("/settings/keys/", data)
    assert "scopes" in response.context["form"].errors
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_by_its_owner_and_by_nobody_else(
    client: Client, bea: User, cem: User
) -> None:
    key, _secret = services.create_api_key(
        user=bea, name="k", scopes=["work"], days=9, now=timezone.now()
    )
    client.force_login(cem)
    assert client.post(f"/settings/keys/{key.pk}/revoke").status_code == 404
    client.force_login(bea)
    response = client.post(f"/settings/keys/{key.pk}/revoke", follow=True)
    assert "Revoked" in response.text
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_an_expired_key_says_so_and_has_no_button(client: Client, bea: User) -> None:
    past = timezone.now() - timedelta(days=2)
    services.create_api_key(user=bea, name="old", scopes=["work"], days=1, now=past)
    client.force_login(bea)
    text = client.get("/settings/keys/").text
    assert "Expired" in text
    assert "/revoke" not in text


# --- organisations ---------------------------------------------------------------------------


def test_an_owner_adds_a_colleague_who_signed_up_without_an_organisation(
    client: Client, ada: User
) -> None:
    eve = factories.make_user("eve", role="member")
    client.force_login(ada)
    data = {"email": "eve@example.org", "role": "reviewer"}
    response = client.post("/settings/members/", data, follow=True)
    assert "eve@example.org" in response.text
    assert Member.objects.get(user=eve).client == ada.member.client


def test_somebody_unknown_cannot_be_added_and_the_form_says_why(client: Client, ada: User) -> None:
    client.force_login(ada)
    response = client.post("/settings/members/", {"email": "x@example.org", "role": "reviewer"})
    assert "email" in response.context["form"].errors


def test_a_reviewer_sees_the_members_but_changes_nothing(client: Client, ada: User) -> None:
    eve = factories.make_user("eve", role="member")
    services.add_member(
        client_id=ada.member.client_id,
        email=eve.email,
        role="reviewer",
        by=ada.member,
        now=timezone.now(),
    )
    client.force_login(User.objects.get(pk=eve.pk))
    page = client.get("/settings/members/")
    assert page.status_code == 200
    assert "/remove" not in page.text
    assert client.post(f"/settings/members/{ada.member.pk}/remove").status_code == 403


def test_the_last_owner_stays(client: Client, ada: User) -> None:
    client.force_login(ada)
    response = client.post(f"/settings/members/{ada.member.pk}/remove")
    assert response.status_code == 409
    assert "The last owner cannot leave" in response.text
    assert Member.objects.filter(user=ada).exists()


def test_a_member_of_another_client_cannot_be_removed(client: Client, ada: User) -> None:
    other = factories.make_client("Other", owner="eve")
    client.force_login(ada)
    theirs = other.members.get()
    assert client.post(f"/settings/members/{theirs.pk}/remove").status_code == 404


def test_a_member_without_an_organisation_may_found_one_once(client: Client) -> None:
    eve = factories.make_user("eve", role="member")
    client.force_login(eve)
    assert client.get("/settings/members/")["Location"] == "/settings/organisation/"
    client.post("/settings/organisation/", {"organisation": "New Lab"})
    assert Member.objects.get(user=eve).is_owner
    again = client.post("/settings/organisation/", {"organisation": "Second Lab"})
    assert again.context["form"].non_field_errors()
    assert Organisation.objects.count() == 1


def test_a_worker_founds_no_organisation(client: Client, bea: User) -> None:
    client.force_login(bea)
    response = client.post("/settings/organisation/", {"organisation": "Sneaky"})
    assert response.context["form"].non_field_errors()
    assert not Organisation.objects.exists()


# --- verification ----------------------------------------------------------------------------


def test_staff_verifies_a_client_and_the_list_is_empty_after(client: Client, dia: User) -> None:
    lab = factories.make_client("Lab", owner="eve")
    client.force_login(dia)
    assert "Lab" in client.get("/clients/to-verify/").text
    response = client.post(f"/clients/{lab.pk}/verify", follow=True)
    assert "Nobody waits" in response.text
    lab.refresh_from_db()
    assert lab.verified_by == dia


def test_others_neither_see_nor_verify(client: Client, ada: User, bea: User) -> None:
    lab = factories.make_client("Lab", owner="eve")
    for user in (ada, bea):
        client.force_login(user)
        assert client.get("/clients/to-verify/").status_code == 403
        assert client.post(f"/clients/{lab.pk}/verify").status_code == 403
    lab.refresh_from_db()
    assert lab.verified_at is None


def test_lists_cost_the_same_queries_whatever_their_length(
    client: Client, dia: User, django_assert_num_queries: Any
) -> None:
    client.force_login(dia)
    factories.make_client("One", owner="one")
    client.get("/clients/to-verify/")
    with django_assert_num_queries(4) as one:
        client.get("/clients/to-verify/")
    factories.make_client("Two", owner="two")
    factories.make_client("Three", owner="three")
    with django_assert_num_queries(len(one)):
        client.get("/clients/to-verify/")
