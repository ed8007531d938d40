"""Input of the console: to clean values; what may be decided is the services' to say."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import rules
from core.errors import Text
from disputes.selectors import console
from disputes.selectors.console_case import Judged

FORM_ID = "decide"


class DecideForm(forms.Form):
    """A choice for each judged rejection, and the reasons.

    The choices stand beside the answers, outside of the form, and name it.
    """

    reasons = forms.CharField(
        label=_("Reasons"),
        help_text=_(
            "Both sides read them. Say what the criterion asks and what that means here, without "
            "quoting the answer: the client may not read it."
        ),
        min_length=rules.EXPLANATION_MIN_CHARS,
        max_length=2 * rules.MAX_STATEMENT_CHARS,
        widget=forms.Textarea(attrs={"rows": 6}),
    )

    def __init__(self, data: Any = None, *, judged: Sequence[Judged]) -> None:
        super().__init__(data)
        for one in judged:
            self.fields[name_of(one)] = forms.ChoiceField(
                label=gettext("Your decision on answer #%(id)s")
                % {"id": one.rejection.assignment_id},
                choices=[
                    ("yes", _with_key(_("Rejection unfounded – pay"), "u")),
                    ("no", _with_key(_("Rejection stands"), "f")),
                ],
                widget=forms.RadioSelect(attrs={"class": "cards", "form": FORM_ID}),
            )

    @property
    def unfounded(self) -> dict[int, bool]:
        """By assignment, whether its rejection is unfounded."""
        return {
            int(name.removeprefix(PREFIX)): value == "yes"
            for name, value in self.cleaned_data.items()
            if name.startswith(PREFIX)
        }


PREFIX = "unfounded_"


def _with_key(label: Text, key: str) -> SafeString:
    """The label with its key, which the style sheet shows where the script runs."""
    return format_html('{} <kbd class="fc-key" aria-hidden="true">{}</kbd>', label, key)


def name_of(one: Judged) -> str:
    """The name of the field that decides this rejection."""
    return f"{PREFIX}{one.rejection.assignment_id}"


class ReasonsForm(forms.Form):
    """Why something is done: kept in the log."""

    reasons = forms.CharField(
        label=_("Reasons"),
        help_text=_("At least 20 characters. They are kept in the log with your name."),
        min_length=20,
        max_length=rules.MAX_STATEMENT_CHARS,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class ReportForm(ReasonsForm):
    founded = forms.ChoiceField(
        label=_("What the report says is"),
        choices=[("yes", _("Founded")), ("no", _("Unfounded"))],
        widget=forms.RadioSelect(attrs={"class": "cards"}),
    )
    field_order = ("founded", "reasons")


class EndForm(forms.Form):
    """Why a suspension ends."""

    reason = forms.CharField(
        label=_("Why does it end?"),
        help_text=_("At least 20 characters. The person reads it."),
        min_length=20,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class SuspendForm(forms.Form):
    email = forms.EmailField(label=_("E-mail address of the person"))
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("At least 20 characters. The person reads it, with your name, and can reply."),
        min_length=20,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def clean_email(self) -> User:
        """The person with this address."""
        found = console.user_by_email(self.cleaned_data["email"])
        if found is None:
            raise ValidationError(_("Nobody has an account with this address."))
        return found
