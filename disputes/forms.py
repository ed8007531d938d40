"""Forms of disputes: input to clean values. How long words may be, the services say."""

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from core import rules
from disputes.states import Category, ReportKind

ACCEPTED = "image/png,image/jpeg,application/pdf"


class WordsField(forms.CharField):
    """What a person says: several lines, line breaks as everywhere here."""

    def __init__(self, *, rows: int = 5, **options: Any) -> None:
        options.setdefault("max_length", rules.MAX_STATEMENT_CHARS)
        super().__init__(widget=forms.Textarea(attrs={"rows": rows}), **options)

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        return text.replace("\r\n", "\n").replace("\r", "\n")


class RejectForm(forms.Form):
    """The reason for a rejection (R4)."""

    category = forms.ChoiceField(
        label=_("What is wrong"), choices=Category.choices, widget=forms.RadioSelect
    )
    criterion = forms.TypedChoiceField(
        label=_("Under which criterion"),
        coerce=int,
        widget=forms.RadioSelect,
        help_text=_("Published with the batch, before anybody began."),
    )
    explanation = WordsField(
        label=_("What exactly is wrong with this answer"),
        min_length=rules.EXPLANATION_MIN_CHARS,
        help_text=_(
            "At least 40 characters, about this very answer. The worker reads it with your name."
        ),
    )

    def __init__(self, data: Any = None, *, criteria: list[str], **options: Any) -> None:
        super().__init__(data, **options)
        field = self.fields["criterion"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [
            (number, format_html("{}. <bdi>{}</bdi>", number, text))
            for number, text in enumerate(criteria, 1)
        ]


class ReplyForm(forms.Form):
    """The client's reply in a dispute."""

    text = WordsField(
        label=_("Your reply"),
        min_length=20,
        help_text=_(
            "Say why the answer fails the criterion. The worker and the adjudicator read it; it "
            "cannot be changed."
        ),
    )


class ContestForm(forms.Form):
    """A worker's objection. No word is needed."""

    statement = WordsField(
        label=_("What you want to say"),
        rows=4,
        required=False,
        help_text=_("In your own language. The client and the adjudicator read it."),
    )


class SayForm(forms.Form):
    """What a worker adds to her case."""

    text = WordsField(
        label=_("Add to your case"), help_text=_("The client and the adjudicator read it.")
    )


class AppealForm(forms.Form):
    """What a decision got wrong."""

    statement = WordsField(
        label=_("What the decision got wrong"),
        min_length=20,
        help_text=_("Another adjudicator decides, within 30 days. It costs you nothing."),
    )


class EvidenceForm(forms.Form):
    """A file for the adjudicator; `shared` only where its sender has the choice."""

    file = forms.FileField(
        label=_("File"),
        help_text=_("PNG, JPEG or PDF, 10 MB at most, five files in all."),
        widget=forms.FileInput(attrs={"accept": ACCEPTED}),
        error_messages={"empty": _("The file is empty.")},
    )
    shared = forms.BooleanField(
        label=_("Share it with the client, too"),
        required=False,
        help_text=_("Otherwise only the adjudicator sees it."),
    )

    def __init__(self, data: Any = None, files: Any = None, *, of_worker: bool) -> None:
        super().__init__(data, files)
        if not of_worker:
            del self.fields["shared"]

    @property
    def shared_too(self) -> bool:
        return bool(self.cleaned_data.get("shared"))


class ReportForm(forms.Form):
    """What is wrong with a batch (R19)."""

    kind = forms.ChoiceField(
        label=_("What is wrong"), choices=ReportKind.choices, widget=forms.RadioSelect
    )
    text = WordsField(
        label=_("What you saw"),
        min_length=20,
        max_length=2_000,
        help_text=_("At least 20 characters."),
    )
