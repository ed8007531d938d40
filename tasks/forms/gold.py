"""The form of a draft's known answers: JSON lines or a JSON list, typed or as a file."""

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from core import rules, text
from core.errors import DomainError, Flaw
from tasks.forms.fields import TextField, said_with_line

MOST = 2_000_000
MAX_DEPTH = 20
DECODER = json.JSONDecoder()
BETWEEN = re.compile(r"\s*,?\s*")
ENDINGS = ".jsonl,.json,.ndjson"


class GoldForm(forms.Form):
    """Known answers, each an object of external_id and answer. A file counts before the text."""

    file = forms.FileField(
        label=_("File"),
        required=False,
        allow_empty_file=True,
        help_text=_("It counts instead of the text below."),
        widget=forms.FileInput(attrs={"accept": ENDINGS}),
    )
    known = TextField(
        label=_("Known answers"),
        rows=10,
        required=False,
        max_length=MOST,
        help_text=_(
            "One JSON object a line, or a JSON list of them. They replace what is there now."
        ),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["known"].widget.attrs |= {
            "spellcheck": "false",
            "wrap": "off",
            "autocapitalize": "off",
            "class": "code",
        }
        self.lines: list[int] = []

    def clean_file(self) -> str | None:
        file = self.cleaned_data["file"]
        if not file:
            return None
        if file.size > MOST:
            raise ValidationError(_("At most 2 MB."))
        try:
            return str(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise ValidationError(_("The file is no text in UTF-8.")) from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        items = list(self._items(cleaned["file"] or cleaned["known"]))
        flaws = [flaw for at, item in enumerate(items) if (flaw := self._flaw(at, item))]
        for flaw in flaws[: rules.MAX_REPORTED_FLAWS]:
            self.add_error("known", said_with_line(flaw))
        cleaned["items"] = items
        return cleaned

    def _flaw(self, at: int, item: Any) -> Flaw | None:
        if not isinstance(item, dict) or set(item) != {"external_id", "answer"}:
            return Flaw(_("Give a JSON object of “external_id” and “answer”."), line=self.lines[at])
        if text.deeper_than(item, MAX_DEPTH) or text.unstorable(item):
            return Flaw(_("This cannot be stored as an answer."), line=self.lines[at])
        return None

    def _items(self, written: str) -> Iterator[Any]:
        """Every item, its line noted in `lines`; None for what is no JSON."""
        if written.lstrip().startswith("["):
            yield from self._listed(written)
            return
        for number, line in enumerate(written.split("\n"), 1):
            if line.strip():
                self.lines.append(number)
                yield _line(line)

    def _listed(self, written: str) -> Iterator[Any]:
        at, seen, line = written.index("[") + 1, 0, 1
        while True:
            at = _skip(written, at)
            if written.startswith("]", at) and not written[at + 1 :].strip():
                return
            line, seen = line + written.count("\n", seen, at), at
            self.lines.append(line)
            item, at = _decoded(written, at)
            yield item
            if item is None:
                return

    @contextlib.contextmanager
    def numbered(self) -> Iterator[None]:
        """Lets the flaws of a refusal inside name the line of the item they are about."""
        try:
            yield
        except DomainError as error:
            error.flaws = [self._placed(flaw) for flaw in error.flaws]
            raise

    def _placed(self, flaw: Flaw) -> Flaw:
        number = (flaw.pointer or "").split("/")[1:2]
        known = bool(number) and number[0].isdecimal() and int(number[0]) < len(self.lines)
        placed = replace(flaw, line=self.lines[int(number[0])] if known else None)
        return replace(placed, detail=said_with_line(placed), pointer="/known")


def _line(line: str) -> Any | None:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _skip(written: str, at: int) -> int:
    """Past blanks, and the comma between two items."""
    found = BETWEEN.match(written, at)
    return found.end() if found else at


def _decoded(written: str, at: int) -> tuple[Any, int]:
    """The JSON value that begins there, and where it ends; None where there is none."""
    try:
        return DECODER.raw_decode(written, at)
    except (ValueError, RecursionError):
        return None, len(written)
