"""TextArea: a text of the worker's own."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from core.errors import Text
from tasks.interfaces import attributes
from tasks.interfaces.nodes import Json, SingleAnswer
from tasks.interfaces.page import Page
from tasks.interfaces.problems import Problem
from tasks.interfaces.variables import Template

MAX_TEXT = 20_000


def unix_lines(text: str) -> str:
    """Forms post line breaks as CR LF; everything else here has LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@dataclass(frozen=True, kw_only=True)
class TextArea(SingleAnswer):
    """One text; Label Studio's several submissions for one control are not offered."""

    tag: ClassVar[str] = "TextArea"
    value_key: ClassVar[str] = "text"
    ignored: ClassVar[frozenset[str]] = frozenset(
        {"displaymode", "editable", "showsubmitbutton", "skipduplicates", "transcription"}
    )

    value: Template = attributes.template()
    placeholder: str = attributes.plain()
    rows: int = attributes.whole(low=1, high=50, default=1)
    max_submissions: str = attributes.one_of("1", default="1")

    def describe(self) -> Text:
        return _("Write your answer")

    def default(self, payload: Mapping[str, Any]) -> list[str] | None:
        return [self.value.fill(payload)] if self.value.source else None

    def read_posted(self, posted: list[str]) -> list[str] | None:
        return [unix_lines(text) for text in posted if text.strip()] or None

    def check_value(self, value: Any) -> Iterator[Problem]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            yield self.wrong_type(_("The text must be a list with one string."))
            return
        if not "".join(value).strip():
            yield self.answer_problem("empty_value", _("Write something or leave it out."))
        if len(value) > 1:
            yield self.answer_problem("too_many_values", _("Give one text only."))
        longest = max(map(len, value), default=0)
        if longest > MAX_TEXT:
            yield self.answer_problem(
                "text_too_long",
                format_lazy(
                    _("The text has {length} characters; at most {limit} fit. Shorten it."),
                    length=longest,
                    limit=MAX_TEXT,
                ),
            )

    def canonical_value(self, value: Any) -> list[str]:
        # Differences that nobody can see are none: how accents are composed, space at the ends.
        return [unicodedata.normalize("NFC", unix_lines(text)).strip() for text in value]

    def schema(self) -> Json:
        text = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
        return {"type": "array", "items": text, "minItems": 1, "maxItems": 1}

    def context(self, page: Page) -> Json:
        shown = self.shown_value(page)
        texts = [text for text in shown if isinstance(text, str)] if isinstance(shown, list) else []
        return super().context(page) | {"text": "\n".join(texts), "max_length": str(MAX_TEXT)}
