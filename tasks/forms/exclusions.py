"""Forms about exclusion: a client's reason, and what the worker says to it (R16)."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

LEAST, MOST = 20, 2_000


class ReasonField(forms.CharField):
    """Words that somebody else reads: 20 to 2,000 characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            min_length=LEAST,
            max_length=MOST,
            widget=forms.Textarea(attrs={"rows": 4}),
            **options,
        )

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        return text.replace("\r\n", "\n").replace("\r", "\n")


class ExcludeForm(forms.Form):
    """Whom, and why."""

    worker = forms.CharField(
        label=_("Worker"),
        max_length=40,
        help_text=_("Under the name that you see, such as w_… in the list of assignments."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    reason = ReasonField(
        label=_("Reason"),
        help_text=_("At least 20 characters. The worker reads it with your name."),
    )


class ExclusionReplyForm(forms.Form):
    """What the worker says to it."""

    text = ReasonField(label=_("Your reply"), help_text=_("The client reads it."))
