"""Every `code` a problem of the API can have, with what to do about it. `/docs/errors` is made of it.

A test finds every code the source raises and compares.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from django.utils.translation import gettext_lazy as _

from core.errors import Text


@dataclass(frozen=True)
class Code:
    name: str
    status: int
    text: Text


CODES = (
    # The families: raised as they are, or by a more precise code below.
    Code("invalid", 400, _("A value is missing or wrong. `errors` names each with its place.")),
)
