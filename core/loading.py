"""Models out of whole rows that a function of the database returns, for the hot path.

To word a wide join the ORM needs longer than the database to run it, and the database longer to
plan it than to run it. A function's plans are kept, and its rows need no wording.
"""

from collections.abc import Callable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from django.db import connection
from django.db.models import Model

Convert = Callable[[Any], Any]
Read = Callable[[Sequence[Any]], Any]


def load(call: str, params: dict[str, Any], **out: type[Model] | None) -> list[list[Any]]:
    """The rows of `call`, a function whose OUT parameters are `out`: whole rows of these models,
    or plain values where there is none. An instance is None where the row is null.

    Columns are named one by one, so that one added by a later migration changes nothing here.
    """
    columns, readers = _reading(tuple(out.items()))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {call} AS made", params)
        found = cursor.fetchall()
    return [[read(values) for read in readers] for values in found]


@cache
def _reading(out: tuple[tuple[str, type[Model] | None], ...]) -> tuple[str, list[Read]]:
    """What to select for `out`, and how each of its parts is read from a row."""
    columns: list[str] = []
    readers: list[Read] = []
    for name, model in out:
        first = len(columns)
        if model is None:
            columns.append(f"made.{name}")
            readers.append(itemgetter(first))
            continue
        fields = model._meta.concrete_fields
        columns += [f"(made.{name}).{field.column}" for field in fields]
        readers.append(_reader(model, first))
    return ", ".join(columns), readers


def _reader(model: type[Model], first: int) -> Read:
    """Makes an instance of the columns from `first` on; None where its key is null."""
    fields: Sequence[Any] = model._meta.concrete_fields
    names = [field.attname for field in fields]
    key = first + fields.index(model._meta.pk)
    last = first + len(fields)
    converters = [(at, _converter(field)) for at, field in enumerate(fields)]
    converted = [(at, convert) for at, convert in converters if convert is not None]

    def read(values: Sequence[Any]) -> Any:
        if values[key] is None:
            return None
        row = list(values[first:last])
        for at, convert in converted:
            row[at] = convert(row[at])
        return model.from_db(connection.alias, names, row)

    return read


def _converter(field: Any) -> Convert | None:
    """What makes the database's value one of `field`; None where it is one already."""
    steps = field.get_db_converters(connection)
    if not steps:
        return None

    def convert(value: Any) -> Any:
        for step in steps:
            value = step(value, None, connection)
        return value

    return convert
