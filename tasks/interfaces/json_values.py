"""Whether a value that claims to be JSON can be stored, and read again by everybody."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from tasks.interfaces.problems import Problem

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_VALUES = 20_000
# PostgreSQL stores any integer, but JavaScript and others don't read it.
MAX_BITS = 63

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def check_json(value: Any) -> Iterator[Problem]:
    """The first thing that is wrong with `value` as a whole, whatever it is.

    Does not recurse and stops at the limits, so that no value can exhaust the process.
    """
    if not _is_plain(value):
        yield from _check_any(value)


def _check_any(value: Any) -> Iterator[Problem]:
    waiting: list[tuple[Any, int]] = [(value, 0)]
    seen = size = 0
    problem: Problem | None = None
    while waiting and problem is None:
        item, depth = waiting.pop()
        seen += 1
        if seen > MAX_VALUES or size > MAX_BYTES:
            problem = _too_large()
        elif depth > MAX_DEPTH:
            problem = Problem("too_deep", _("The value is nested too deep."))
        elif isinstance(item, dict):
            waiting += [(inner, depth + 1) for pair in item.items() for inner in pair]
            if not all(isinstance(key, str) for key in item):
                problem = Problem("not_json", _("The keys must be strings."))
        elif isinstance(item, list):
            waiting += [(inner, depth + 1) for inner in item]
        else:
            problem = _check_plain(item)
            size += len(item) if isinstance(item, str) else 1
    if problem is not None:
        yield problem


def _is_plain(value: Any) -> bool:
    """A flat object of texts that is surely fine: what most tasks of an upload are."""
    if not isinstance(value, dict) or 2 * len(value) >= MAX_VALUES:
        return False
    if not all(type(inner) is str for pair in value.items() for inner in pair):
        return False
    whole = "\n".join((*value, *value.values()))
    return len(whole) <= MAX_BYTES and not _UNSTORABLE.search(whole)


def check_size(value: Any) -> Iterator[Problem]:
    """Whether `value`, which passed `check_json`, is short enough as JSON in UTF-8."""
    if len(json.dumps(value, ensure_ascii=False).encode()) > MAX_BYTES:
        yield _too_large()


def storable(text: str) -> str:
    """`text` with what can't be stored or sent replaced by a sign that something is missing."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _check_plain(item: Any) -> Problem | None:
    if isinstance(item, str):
        if _UNSTORABLE.search(item):
            return Problem(
                "bad_character",
                _("There is a character that can't be stored (NUL or half a pair). Remove it."),
            )
    elif isinstance(item, float):
        if not math.isfinite(item):
            return Problem("bad_number", _("NaN and infinity can't be stored."))
    elif isinstance(item, int):
        if item.bit_length() > MAX_BITS:
            return Problem("bad_number", _("A number is too large."))
    elif item is not None:
        return Problem("not_json", _("There is a value that is not JSON."))
    return None


def _too_large() -> Problem:
    message = _("This is longer than {limit} bytes of JSON. Shorten it.")
    return Problem("too_large", format_lazy(message, limit=MAX_BYTES))
