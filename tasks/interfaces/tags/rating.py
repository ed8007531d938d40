"""Rating: a number of stars, as radio buttons."""

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

MAX_RATING = 20


@dataclass(frozen=True, kw_only=True)
class Rating(SingleAnswer):
    """One of 1 … maxRating."""

    tag: ClassVar[str] = "Rating"
    value_key: ClassVar[str] = "rating"
    ignored: ClassVar[frozenset[str]] = frozenset({"size"})

    max_rating: int = attributes.whole(low=2, high=MAX_RATING, default=5)
    default_value: int = attributes.whole(low=0, high=MAX_RATING, default=0)
    icon: str = attributes.one_of("star", "heart", "fire", "smile", default="star")
    hotkey: str = attributes.hotkey()

    def describe(self) -> Text:
        return format_lazy(_("Rate from 1 to {highest}"), highest=self.max_rating)

    def check(self) -> Iterator[Problem]:
        if self.default_value > self.max_rating:
            yield self.problem(
                "bad_range",
                _("defaultValue is above maxRating. Lower it or leave it out."),
                name="defaultValue",
            )

    def default(self, payload: Mapping[str, Any]) -> int | None:
        return self.default_value or None

    def read_posted(self, posted: list[str]) -> Any:
        given = [item for item in posted if item]
        if len(given) != 1:
            return given or None
        (text,) = given
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text

    def check_value(self, value: Any) -> Iterator[Problem]:
        # True is an int in Python, but not a rating.
        if type(value) is not int:
            yield self.wrong_type(_("The rating must be one whole number."))
        elif not 1 <= value <= self.max_rating:
            yield self.answer_problem(
                "out_of_range",
                format_lazy(_("The rating must be from 1 to {highest}."), highest=self.max_rating),
            )

    def schema(self) -> Json:
        return {"type": "integer", "minimum": 1, "maximum": self.max_rating}

    def context(self, page: Page) -> Json:
        shown = self.shown_value(page)
        steps = [
            {"value": str(step), "checked": type(shown) is int and step == shown}
            for step in range(1, self.max_rating + 1)
        ]
        return super().context(page) | {
            "steps": steps,
            "nothing_checked": not any(step["checked"] for step in steps),
        }
