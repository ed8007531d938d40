"""Forms of a client's batch: its draft, the upload of its tasks, the agreement to its price."""

from datetime import timedelta
from pathlib import PurePath
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from core import rules
from core.templatetags.ui import duration
from tasks.forms.fields import (
    AmountField,
    LinesField,
    TextField,
    WordsField,
    said_with_line,
    unix_lines,
)
from tasks.interfaces import parse as interfaces
from tasks.models import Batch
from tasks.services import media
from tasks.services.batches import MAX_ITEMS, MAX_SECONDS, MAX_TEXT

WINDOWS = [timedelta(hours=hours) for hours in (1, 4, 12, 24, 48, 72, 7 * 24)]
EXAMPLE_ROWS = 3
# Content type by the ending of a file's name: browsers say what their system says, or nothing.
CONTENT_TYPES = {
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson",
    ".csv": "text/csv",
}


class ExampleForm(forms.Form):
    """One example: all three texts, or none."""

    use_required_attribute = False

    task = TextField(label=_("Task"), max_length=MAX_TEXT)
    answer = TextField(label=_("Right answer"), max_length=MAX_TEXT)
    why = TextField(label=_("Why"), max_length=MAX_TEXT)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        given = [name for name in self.fields if cleaned.get(name, "").strip()]
        if given:
            for name in self.fields:
                if name in cleaned and name not in given:
                    self.add_error(name, _("An example needs all three: task, answer and why."))
        return cleaned


ExampleForms = forms.formset_factory(
    ExampleForm, extra=0, max_num=MAX_ITEMS, absolute_max=MAX_ITEMS
)


class BatchForm(forms.Form):
    """A draft. The names of its fields are the service's, so that refusals find their place."""

    # A missing text is what the service or the checklist says, not the browser.
    use_required_attribute = False

    title = forms.CharField(
        label=_("Title"), max_length=120, help_text=_("What workers see in the list of work.")
    )
    instructions = TextField(
        label=_("Instructions"),
        rows=8,
        max_length=20_000,
        help_text=_(
            "What to do, in full, as text. Markdown: **bold**, *italic*, - lists, ## headings."
        ),
    )
    criteria = LinesField(
        label=_("Criteria"),
        rows=4,
        help_text=_(
            "What an answer is judged by, one a line. They are numbered, and nothing else will "
            "count."
        ),
    )
    interface = TextField(
        label=_("Interface"),
        rows=16,
        max_length=65_536,
        help_text=_("Label Studio XML. $name stands for the value “name” of each task."),
    )
    reward = AmountField(
        label=_("Reward for one answer"), help_text=_("In whole cents, such as 0.12.")
    )
    declared_seconds = forms.IntegerField(
        label=_("Seconds one answer takes"),
        min_value=1,
        max_value=MAX_SECONDS,
        initial=60,
        help_text=_("Declare it honestly: it is measured, and shown to workers."),
    )
    overlap = forms.IntegerField(
        label=_("Answers for each task"),
        min_value=1,
        max_value=rules.MAX_OVERLAP,
        initial=1,
        help_text=_("By different workers."),
    )
    review_window_s = forms.TypedChoiceField(
        label=_("Time to review"),
        coerce=int,
        initial=int(rules.REVIEW_WINDOW.total_seconds()),
        help_text=_("What you have not decided by then is approved and paid."),
    )
    languages = forms.MultipleChoiceField(
        label=_("Languages a worker needs"),
        choices=settings.LANGUAGES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    other_languages = WordsField(
        label=_("Other languages"),
        required=False,
        help_text=_("Codes with commas between, such as de, pt."),
    )
    content_warnings = WordsField(
        label=_("Content warnings"),
        required=False,
        help_text=_("What workers should know before they open a task, with commas between."),
    )
    external_work = forms.BooleanField(
        label=_("Its tasks send workers elsewhere to answer"),
        required=False,
        help_text=_(
            "Say so if they answer on another site. You see the work before we do then, so nothing "
            "of this batch can be rejected (rule R19)."
        ),
    )
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, batch: Batch | None = None, **options: Any) -> None:
        initial = options.pop("initial", None) or (_initial(batch) if batch else {})
        rows = options.pop("rows", None) or _rows(batch)
        super().__init__(data, initial=initial, **options)
        self.batch = batch
        self.examples = ExampleForms(data, prefix="examples", initial=rows)
        window = self.fields["review_window_s"]
        assert isinstance(window, forms.TypedChoiceField)
        window.choices = _windows(batch)
        self.fields["interface"].widget.attrs |= {
            "spellcheck": "false",
            "wrap": "off",
            "autocapitalize": "off",
            "class": "code",
        }

    def is_valid(self) -> bool:
        return all([super().is_valid(), self.examples.is_valid()])

    @property
    def typed_interface(self) -> str:
        """The posted interface, good or not."""
        return unix_lines(self["interface"].data or "")

    def clean_interface(self) -> str:
        """Judged together with the other fields; other line breaks alone are no change."""
        typed: str = self.cleaned_data["interface"]
        stored = self.batch.interface if self.batch else ""
        if unix_lines(stored) == typed:
            return stored
        if not typed.strip():
            return ""
        try:
            interfaces.parse(typed)
        except interfaces.InterfaceError as error:
            raise ValidationError([said_with_line(flaw) for flaw in error.flaws]) from error
        return typed

    def service_fields(self) -> dict[str, Any]:
        """The clean values as the service takes them."""
        values = dict(self.cleaned_data)
        values.pop("revision")
        others = values.pop("other_languages")
        values["languages"] = list(dict.fromkeys([*values["languages"], *others]))
        values["examples"] = [
            {name: text.strip() for name, text in row.items()}
            for row in self.examples.cleaned_data
            if any(text.strip() for text in row.values())
        ]
        return values

    def as_typed(self, *, more_rows: int = 0) -> "BatchForm":
        """The same, not yet judged: what was typed, with so many more rows for examples."""
        rows = [_typed(row) for row in self.examples.forms] + [{}] * more_rows
        return BatchForm(batch=self.batch, initial=_typed(self), rows=rows[:MAX_ITEMS])


def _typed(form: forms.Form) -> dict[str, Any]:
    """What was posted, as the widgets read it."""
    return {name: form[name].data for name in form.fields}


def _initial(batch: Batch) -> dict[str, Any]:
    known = dict(settings.LANGUAGES)
    return {
        "title": batch.title,
        "instructions": batch.instructions,
        "criteria": batch.criteria,
        "interface": batch.interface,
        "reward": batch.reward or "",
        "declared_seconds": batch.declared_seconds,
        "overlap": batch.overlap,
        "review_window_s": batch.review_window_seconds,
        "languages": [code for code in batch.languages if code in known],
        "other_languages": [code for code in batch.languages if code not in known],
        "content_warnings": batch.content_warnings,
        "external_work": batch.external_work,
        "revision": batch.revision,
    }


def _rows(batch: Batch | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = list(batch.examples) if batch else []
    return rows + [{}] * max(0, EXAMPLE_ROWS - len(rows))


def _windows(batch: Batch | None) -> list[tuple[int, str]]:
    """The usual windows, and the batch's own where a program chose another."""
    seconds = {int(window.total_seconds()) for window in WINDOWS}
    if batch:
        seconds.add(batch.review_window_seconds)
    return [(value, duration(value)) for value in sorted(seconds)]


class UploadForm(forms.Form):
    """A file of tasks."""

    file = forms.FileField(
        label=_("File of tasks"),
        help_text=_(
            "CSV, JSON lines or a JSON array. Each row needs “external_id”, your own name of the "
            "task, and a value for each variable of the interface."
        ),
        widget=forms.FileInput(attrs={"accept": ",".join(CONTENT_TYPES)}),
        error_messages={"empty": _("The file is empty.")},
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if self.content_type not in CONTENT_TYPES.values():
            raise ValidationError(_("The name of the file must end in .csv, .jsonl or .json."))
        if file.size > rules.MAX_UPLOAD_BYTES:
            raise ValidationError(_("The file is larger than 256 MiB. Send it in parts."))
        return file

    @property
    def content_type(self) -> str:
        """What the ending of the name says, or nothing."""
        ending = PurePath(str(self.cleaned_data["file"].name)).suffix.lower()
        return CONTENT_TYPES.get(ending, "")


class FilesInput(forms.FileInput):
    allow_multiple_selected = True


class ImagesField(forms.FileField):
    """Several files, each of them an image by its first bytes; or none is taken."""

    widget = FilesInput(attrs={"accept": "image/png,image/jpeg,image/gif,image/webp"})

    def clean(self, data: Any, initial: Any = None) -> Any:
        files = [super(ImagesField, self).clean(file, initial) for file in data or [None]]
        for file in files:
            if media.image_type(file.read(media.HEAD)) is None:
                raise ValidationError(
                    _("%(name)s is no PNG, JPEG, GIF or WebP image.") % {"name": file.name}
                )
        return files


class ImagesForm(forms.Form):
    """Images of a draft, several at a time."""

    images = ImagesField(
        label=_("Images"),
        help_text=_("PNG, JPEG, GIF or WebP, 10 MB each at most. You can choose several."),
    )


class PublishForm(forms.Form):
    """The agreement to a price: what was shown, and a key so that it is paid once."""

    total = forms.IntegerField(widget=forms.HiddenInput)
    key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, total: int, **options: Any) -> None:
        super().__init__(data, **options)
        self.price = total

    def clean_total(self) -> int:
        if self.cleaned_data["total"] != self.price:
            raise ValidationError(_("The price changed meanwhile. Look at it again, then publish."))
        return self.price
