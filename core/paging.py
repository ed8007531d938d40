"""Pages by keyset: the cursor is the place in a total order that ends in the primary key.

Nothing is lost or shown twice, however many rows have the same key and whatever comes in between,
and the last page costs as much as the first.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeVar

from django.db.models import DateTimeField, Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from core.errors import Invalid

SIZE, MOST = 50, 100
BIGINT = 2**63 - 1
M = TypeVar("M", bound=Model)


class BadCursor(Invalid):
    code = "bad_cursor"


@dataclass(frozen=True)
class Page(Generic[M]):
    """Rows, and the cursors of the pages after and before (None: there is none)."""

    rows: list[M]
    next: str | None
    previous: str | None


def page(
    queryset: QuerySet[M], *, order: Sequence[str], cursor: str = "", size: int = SIZE
) -> Page[M]:
    """One page of `queryset`, in one query.

    `order` names fields or annotations that are whole numbers or times, never null, the last one
    unique; `-` turns one round. Raises BadCursor 400 for what is no cursor of this order.
    """
    back, values = _decoded(cursor, len(order)) if cursor else (False, [])
    keys = [key.lstrip("-") for key in order]
    if values and not all(map(partial(_fits, queryset.model), keys, values)):
        raise _bad_cursor()
    turned = [_turned(key) for key in order] if back else list(order)
    found = queryset.order_by(*turned)
    if values:
        found = found.filter(_beyond(turned, values))
    rows = list(found[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    if back:
        rows.reverse()
    after, before = (bool(rows), more) if back else (more, bool(cursor) and bool(rows))
    return Page(
        rows,
        next=_encoded(False, rows[-1], order) if after else None,
        previous=_encoded(True, rows[0], order) if before else None,
    )


def before(cursor: str) -> int | None:
    """The number that a statement goes on before: for reads that page by one falling number."""
    if not cursor:
        return None
    _back, [number] = _decoded(cursor, 1)
    if not isinstance(number, int):
        raise _bad_cursor()
    return number


def cursor_before(number: int) -> str:
    """The cursor that `before` reads."""
    return _written(False, [number])


def _turned(key: str) -> str:
    return key[1:] if key.startswith("-") else f"-{key}"


def _beyond(order: Sequence[str], values: list[Any]) -> Q:
    """Rows after `values`: (a, b) > (x, y), each key in its own direction."""
    beyond, equal = Q(), Q()
    for key, value in zip(order, values, strict=True):
        name, side = (key[1:], "lt") if key.startswith("-") else (key, "gt")
        beyond |= equal & Q(**{f"{name}__{side}": value})
        equal &= Q(**{name: value})
    # Redundant, and what lets an index on the first key be used.
    first, value = order[0], values[0]
    side = "lte" if first.startswith("-") else "gte"
    return Q(**{f"{first.lstrip('-')}__{side}": value}) & beyond


def _encoded(back: bool, row: Model, order: Sequence[str]) -> str:
    values = [getattr(row, key.lstrip("-")) for key in order]
    return _written(back, values)


def _written(back: bool, values: list[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps([int(back), *plain]).encode()).decode().rstrip("=")


def _decoded(cursor: str, keys: int) -> tuple[bool, list[Any]]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = json.loads(base64.b64decode(padded.encode(), b"-_", validate=True))
        if not isinstance(found, list):
            raise ValueError(found)
        back, *values = found
        plain = [datetime.fromisoformat(v) if isinstance(v, str) else v for v in values]
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise _bad_cursor() from error
    if back not in (0, 1) or len(plain) != keys or not all(map(_is_key, plain)):
        raise _bad_cursor()
    return bool(back), plain


def _is_key(value: Any) -> bool:
    if isinstance(value, datetime):
        # What we write is UTC; at other offsets the first and last years have no UTC.
        return value.utcoffset() == timedelta(0)
    return type(value) is int and abs(value) <= BIGINT


def _fits(model: type[Model], name: str, value: Any) -> bool:
    """Whether `value` is of the kind of the field; annotations are whole numbers."""
    fields = {field.name: field for field in model._meta.fields}
    return isinstance(fields.get(name), DateTimeField) == isinstance(value, datetime)


def _bad_cursor() -> BadCursor:
    return BadCursor(
        _("This is no cursor. Follow the links “next” and “previous”."), field="cursor"
    )
