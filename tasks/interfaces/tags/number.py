"""Number: a number, perhaps between limits and in steps."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from core.errors import Text
from tasks.interfaces import attributes
from tasks.interfaces.nodes import Json, SingleAnswer
from tasks.interfaces.page import Page
from tasks.interfaces.problems import Problem

# What a float holds exactly, so that no answer changes on its way through JSON and JavaScript.
LIMIT = 10**15

_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def plain(number: Decimal) -> str:
    """The number without exponent, whatever the language."""
    return format(number, "f")


@dataclass(frozen=True, kw_only=True)
class Number(SingleAnswer):
    """A number field. Without `step` any number will do."""

    tag: ClassVar[str] = "Number"
    value_key: ClassVar[str] = "number"
    ignored: ClassVar[frozenset[str]] = frozenset({"slider"})

    min: Decimal | None = attributes.decimal()
    max: Decimal | None = attributes.decimal()
    step: Decimal | None = attributes.decimal()
    default_value: Decimal | None = attributes.decimal()
    hotkey: str = attributes.hotkey()

    def describe(self) -> Text:
        if self.min is not None and self.max is not None:
            low, high = plain(self.min), plain(self.max)
            return format_lazy(_("Enter a number from {low} to {high}"), low=low, high=high)
        if self.min is not None:
            return format_lazy(_("Enter a number of at least {low}"), low=plain(self.min))
        if self.max is not None:
            return format_lazy(_("Enter a number of at most {high}"), high=plain(self.max))
        return _("Enter a number")

    def check(self) -> Iterator[Problem]:
        if self.min is not None and self.max is not None and self.min > self.max:
            yield self.problem("bad_range", _("min is above max. Exchange them."), name="min")
        elif self.default_value is not None and any(self.check_value(float(self.default_value))):
            yield self.problem(
                "bad_range",
                _("defaultValue is no valid answer itself: see min, max and step."),
                name="defaultValue",
            )
        if self.step is not None and self.step <= 0:
            yield self.problem(
                "bad_range", _("step must be above 0. Leave it out for any number."), name="step"
            )

    def default(self, payload: Mapping[str, Any]) -> str | None:
        return None if self.default_value is None else plain(self.default_value)

    def read_posted(self, posted: list[str]) -> Any:
        given = [text.strip() for text in posted if text.strip()]
        if len(given) != 1:
            return given or None
        (text,) = given
        if _WHOLE.fullmatch(text):
            return int(text)
        if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        return text

    def check_value(self, value: Any) -> Iterator[Problem]:
        # True is an int in Python, but not a number here.
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield self.wrong_type(_("Enter one number, such as 7 or 0.5."))
            return
        if not abs(value) < LIMIT:
            yield self.answer_problem("out_of_range", _("This number is too large."))
            return
        number = Decimal(repr(value))
        if not self._within(number):
            yield self.answer_problem(
                "out_of_range",
                format_lazy(
                    _("This number is outside the limits. {instruction}."),
                    instruction=self.describe(),
                ),
            )
        elif self.step is not None and self.step > 0 and not self._on_step(number):
            yield self.answer_problem(
                "not_a_step",
                format_lazy(
                    _("Count in steps of {step} from {start}."),
                    step=plain(self.step),
                    start=plain(self.min or Decimal(0)),
                ),
            )

    def _within(self, number: Decimal) -> bool:
        low = self.min is None or self.min <= number
        return low and (self.max is None or number <= self.max)

    def _on_step(self, number: Decimal) -> bool:
        # Fractions: 0.3 is three steps of 0.1, which floats deny.
        steps = (Fraction(number) - Fraction(self.min or 0)) / Fraction(self.step or 1)
        return steps.denominator == 1

    def canonical_value(self, value: Any) -> int | float:
        return int(value) if value == int(value) else float(value)

    def schema(self) -> Json:
        limits = {"minimum": self.min, "maximum": self.max}
        return {"type": "number"} | {
            key: float(limit) for key, limit in limits.items() if limit is not None
        }

    def context(self, page: Page) -> Json:
        shown = self.shown_value(page)
        # As a string: the language's own decimal sign is not valid in HTML.
        text = str(shown) if isinstance(shown, int | float | str) else ""
        bounds = {"min": self.min, "max": self.max, "step": self.step}
        return super().context(page) | {
            "text": text,
            "bounds": {
                key: plain(bound) if bound is not None else "" for key, bound in bounds.items()
            },
        }
