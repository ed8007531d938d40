"""Form fields for what clients write: lists, amounts of money, text with its own line breaks."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unicodedata import decimal

from django import forms
from django.utils.translation import gettext as _

from core import money
from core.errors import DomainError, Flaw

# A comma before one or two last digits is a decimal sign; elsewhere nobody can know.
COMMA = re.compile(r"(\d+)[,\u066b](\d{1,2})")


def unix_lines(text: str) -> str:
    """Forms post line breaks as CR LF; everything stored has LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


class TextField(forms.CharField):
    """Text of several lines, kept as written but for its line breaks.

    Not optional, but it may still be missing: a draft can be saved before it is complete.
    """

    def __init__(self, *, rows: int = 2, **options: Any) -> None:
        super().__init__(strip=False, widget=forms.Textarea(attrs={"rows": rows}), **options)

    def validate(self, value: Any) -> None:
        if value:
            super().validate(value)

    def to_python(self, value: Any) -> str:
        return unix_lines(super().to_python(value) or "")


class LinesField(TextField):
    """One text a line; empty lines are passed over."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        return [line.strip() for line in super().clean(value).split("\n") if line.strip()]


class WordsField(forms.CharField):
    """Texts with commas between."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        words = re.split("[,،;]", super().clean(value) or "")
        return [word.strip() for word in words if word.strip()]


class AmountField(forms.CharField):
    """Money in whole cents, to micros: digits of any script, a decimal comma or point."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def prepare_value(self, value: Any) -> Any:
        return money.plain(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        text = in_ascii(super().clean(value))
        match = COMMA.fullmatch(text)
        return money.parse_cents(f"{match[1]}.{match[2]}" if match else text)


def in_ascii(text: str) -> str:
    """Digits of any script as 0 to 9: people type amounts as their language writes them."""
    return "".join(str(decimal(sign)) if sign.isdecimal() else sign for sign in text)


@contextlib.contextmanager
def numbered() -> Iterator[None]:
    """Lets the flaws of a refusal inside begin with the line they are in."""
    try:
        yield
    except DomainError as error:
        error.flaws = [replace(flaw, detail=said_with_line(flaw)) for flaw in error.flaws]
        raise


def said_with_line(flaw: Flaw) -> str:
    """What is wrong, and in which line."""
    if flaw.line is None:
        return str(flaw.detail)
    return _("Line %(line)d: %(detail)s") % {"line": flaw.line, "detail": flaw.detail}
