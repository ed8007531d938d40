"""Forms of a worker's pages: what she looks for, the task page, her way of working."""

from functools import cache
from typing import Any

from django import forms
from django.conf import settings
from django.conf.locale import LANG_INFO
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.money import UNIT
from tasks.forms.fields import AmountField
from tasks.interfaces import parse as interfaces
from tasks.interfaces.problems import Problem
from tasks.models import Assignment, Draft

MAX_PAGE = 500
MOST_HOURLY = 100_000 * UNIT


class OptionalAmountField(AmountField):
    """Money that may be left out."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False} | options)

    def clean(self, value: Any) -> Any:
        return super().clean(value) if str(value or "").strip() else None


@cache
def language_choices() -> list[tuple[str, Any]]:
    """Every language in its own name, those of this site first."""
    own = [(code, _own_name(code)) for code, _name in settings.LANGUAGES]
    known = {code for code, _name in own}
    others = [(code, _own_name(code)) for code in LANG_INFO if code not in known and len(code) < 9]
    others = [(code, name) for code, name in others if name]
    return [("", _("Any")), *own, *sorted(others, key=lambda pair: pair[1].casefold())]


def _own_name(code: str) -> str:
    return str(LANG_INFO.get(code, {}).get("name_local", ""))


def language_names(codes: list[str]) -> str:
    """What a client's language codes mean, each in its own language; unknown ones as they are."""
    return ", ".join(_own_name(code.lower()) or code for code in codes)


class OfferFilter(forms.Form):
    """What a worker looks for in the list of work. What cannot be read does not filter."""

    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    language = forms.ChoiceField(label=_("Language"), required=False, choices=language_choices)
    min_hourly = OptionalAmountField(label=_("Pay an hour from"))
    sort = forms.ChoiceField(
        required=False,
        choices=[("new", ""), ("hourly", ""), ("reward", "")],
        widget=forms.HiddenInput,
    )
    use_required_attribute = False

    def clean_min_hourly(self) -> int | None:
        wanted: int | None = self.cleaned_data["min_hourly"]
        if wanted is not None and wanted > MOST_HOURLY:
            raise ValidationError(_("No work pays that much."))
        return wanted

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the order was asked for."""
        return any(self.cleaned_data.get(name) for name in ("q", "language", "min_hourly"))


class TaskForm(forms.Form):
    """The task page as it was posted: what was typed, on which draft it builds, what to do.

    After validation `problems` are those of an answer that was to be submitted.
    """

    ACTIONS = ("submit", "next", "save", "extend", "release")

    action = forms.ChoiceField(choices=[(name, name) for name in ACTIONS])
    key = forms.CharField(max_length=64)
    revision = forms.IntegerField(min_value=0)

    def __init__(self, data: QueryDict, *, assignment: Assignment) -> None:
        super().__init__(data)
        self.assignment = assignment
        self.interface = interfaces.parse_cached(assignment.batch.interface)
        self.content = self.interface.read_form(data)
        self.problems: list[Problem] = []

    def builds_upon(self, draft: Draft | None) -> bool:
        """Whether saving what was typed would overwrite nothing that was saved elsewhere."""
        if draft is None or self.content == draft.content:
            return True
        return str(self["revision"].value()) == str(draft.revision)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        action = cleaned.get("action")
        if action in (None, "release"):
            return cleaned
        if not self.builds_upon(draft_of(self.assignment)):
            raise ValidationError(
                _("This task was saved elsewhere meanwhile. Choose which of the two counts.")
            )
        if action in ("submit", "next"):
            self.problems = self.interface.check_result(self.content, self.assignment.task.payload)
        if self.problems:
            raise ValidationError(
                ngettext(
                    "Not submitted yet: one thing is marked below. What you typed is kept.",
                    "Not submitted yet: %(n)d things are marked below. What you typed is kept.",
                    len(self.problems),
                )
                % {"n": len(self.problems)}
            )
        return cleaned


def draft_of(assignment: Assignment) -> Draft | None:
    """The unfinished content of an assignment that was loaded with it; no query."""
    return getattr(assignment, "draft", None)


class WorkSettings(forms.Form):
    """How a worker works."""

    offline = forms.BooleanField(
        label=_("Work offline: let me hold five tasks instead of two"), required=False
    )
