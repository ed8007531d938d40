"""Forms of people, and allauth's doors into our services."""

from datetime import timedelta
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from accounts import selectors, services
from accounts.models import User
from accounts.states import SCOPES_OF, MemberRole, Role, Scope

LANGUAGE_KEPT = timedelta(days=365)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-in, sign-up and their mails by allauth; the account itself by our service."""

    def set_password(self, user: User, password: str) -> None:
        """A changed or reset password. (Sign-up sets its first one on the way to `save_user`.)"""
        if user.pk is None:
            user.set_password(password)
        else:
            services.change_password(user=user, password=password, now=timezone.now())

    def save_user(
        self, request: HttpRequest, user: User, form: forms.Form, commit: bool = True
    ) -> User:
        super().save_user(request, user, form, commit=False)
        user.name = form.cleaned_data["name"]
        user.language = translation.get_language() or "en"
        return services.sign_up(
            user=user,
            role=form.cleaned_data["role"],
            organisation=form.cleaned_data["organisation"],
            now=timezone.now(),
        )

    def format_email_subject(self, subject: str) -> str:
        return f"Fairclick: {subject}"

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """On a device that has no language of its own yet, the account's is taken."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            remember_language(response, user.language)
        return response


def remember_language(response: HttpResponse, language: str) -> None:
    """This device's language from the next page on, by the cookie Django's middleware reads."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=LANGUAGE_KEPT,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


class SignUpForm(forms.Form):
    """What sign-up asks besides address and password."""

    role = forms.ChoiceField(
        label=_("I am here to"),
        choices=[(Role.WORKER, _("do work and be paid")), (Role.MEMBER, _("have work done"))],
        widget=forms.RadioSelect(attrs={"class": "cards"}),
        initial=Role.WORKER,
    )
    name = forms.CharField(label=_("Your name"), max_length=100, required=False)
    organisation = forms.CharField(
        label=_("Organisation"),
        max_length=120,
        required=False,
        help_text=_(
            "Only if you want work done: workers will see this name. "
            "Leave it empty if a colleague will add you to yours."
        ),
    )

    field_order = ["role", "email", "password1", "name", "organisation"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        name = cleaned.get("organisation", "")
        if cleaned.get("role") == Role.MEMBER and selectors.client_named(name):
            self.add_error("organisation", services.NAME_TAKEN)
        return cleaned

    def signup(self, request: HttpRequest, user: User) -> None:
        """allauth calls this when the account is complete, which it is: see AccountAdapter."""


class SettingsForm(forms.Form):
    name = forms.CharField(
        label=_("Your name"),
        max_length=100,
        required=False,
        help_text=_("Clients never see it: to each of them you have another pseudonym."),
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)


class ApiKeyForm(forms.Form):
    """A new key: only the scopes of the person's role are offered."""

    name = forms.CharField(label=_("What is it for?"), max_length=80)
    scopes = forms.MultipleChoiceField(
        label=_("What may it do?"), widget=forms.CheckboxSelectMultiple
    )
    days = forms.IntegerField(
        label=_("For how many days?"),
        min_value=1,
        max_value=services.KEY_DAYS_MAX,
        initial=services.KEY_DAYS_DEFAULT,
    )

    def __init__(self, *args: Any, role: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)
        scopes.choices = [(s.value, s.label) for s in Scope if s in SCOPES_OF[Role(role)]]


class OrganisationForm(forms.Form):
    organisation = forms.CharField(
        label=_("Organisation"), max_length=120, help_text=_("Workers will see this name.")
    )


class MemberForm(forms.Form):
    email = forms.EmailField(label=_("E-mail address of the person"))
    role = forms.ChoiceField(label=_("Role"), choices=MemberRole, initial=MemberRole.REVIEWER)


class SuspensionReplyForm(forms.Form):
    """What a suspended person says to it."""

    text = forms.CharField(
        label=_("Your reply"),
        min_length=20,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_(
            "At least 20 characters. Whoever suspended you reads it, and so does all staff."
        ),
    )
