"""Money is a whole number of millionths of the currency's unit ("micros"). Nothing rounds.

Rewards are whole cents (10,000 micros); the fee is in basis points of a whole number of cents, so
it too is a whole number of micros. Rounding happens at the border only: payouts take whole cents.
"""

import re
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import formats
from django.utils.translation import gettext_lazy as _

UNIT = 1_000_000
CENT = 10_000
MAXIMUM = 9 * 10**18
DECIMAL = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?")


class MicrosField(models.BigIntegerField[int, int]):
    """A bigint that takes nothing but `int`: Django's own turns Decimal("0.5") into 0 silently."""

    def get_prep_value(self, value: Any) -> Any:
        if value is None or type(value) is int or hasattr(value, "resolve_expression"):
            return super().get_prep_value(value)
        raise TypeError(f"money is int micros, not {type(value).__name__}")


def parse(text: Any) -> int:
    """Micros of a decimal string such as "0.05". Raises ValidationError on anything else.

    Numbers are refused: a JSON 0.1 has already lost what it meant.
    """
    match = DECIMAL.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValidationError(
            _("Give an amount as text with at most six decimals, such as “0.05”."), code="amount"
        )
    return int(match[1]) * UNIT + int((match[2] or "").ljust(6, "0"))


def parse_cents(text: Any) -> int:
    """Like `parse`, for what is paid in whole cents. Raises ValidationError otherwise."""
    micros = parse(text)
    if micros % CENT:
        raise ValidationError(
            _("Whole cents only: at most two decimals, such as “0.05”."), code="half_cent"
        )
    return micros


def plain(micros: int) -> str:
    """The exact decimal string of `micros`: two decimals, more where they are not zero."""
    sign, rest = ("-" if micros < 0 else ""), abs(micros)
    decimals = f"{rest % UNIT:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{rest // UNIT}.{decimals}"


def as_json(micros: int) -> dict[str, str]:
    """The form money has in the API."""
    return {"amount": plain(micros), "currency": settings.CURRENCY}


def localized(micros: int) -> str:
    """For a person's eyes: exact, with the separators of her language and the currency."""
    whole, _dot, decimals = plain(micros).partition(".")
    separator = formats.get_format("DECIMAL_SEPARATOR")
    grouped = formats.number_format(int(whole), decimal_pos=0, force_grouping=True)
    if whole == "-0":
        grouped = f"-{grouped}"
    return f"{grouped}{separator}{decimals}\u00a0{settings.CURRENCY}"
