"""The kinds of XML attributes: how the text of each becomes a value.

A tag declares its attributes as dataclass fields made by these functions; the field `max_rating`
is read from `maxRating`, without regard to case.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from core.errors import Text
from tasks.interfaces import variables
from tasks.interfaces.variables import IMAGE, NESTED, VARIABLE, Template

KEY = "attribute"
MAX_NAME = 100
# What the task page itself listens to: send the answer, list the keys.
RESERVED_HOTKEYS = {"ctrl+enter", "?"}

_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_NO_NAME = re.compile(r"[-+.\d_]+(e[-+\d_]+)?|[-+]?(nan|inf|infinity)|true|false")
_HOTKEY = re.compile(r"((ctrl|alt|shift|meta)\+)*([^\s\W]|[^\s\w]|[a-z]{2,12})")


class BadValue(ValueError):
    """The text can't be this attribute's value; `message` says what to write instead."""

    def __init__(self, message: Text, code: str = "bad_value") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass(frozen=True)
class Attribute:
    """How one attribute is read; `read` raises BadValue."""

    read: Callable[[str], Any]
    required: bool = False


@dataclass(frozen=True)
class Declared:
    """An attribute of a tag: the field it fills, and its name as Label Studio writes it."""

    field: str
    name: str
    attribute: Attribute


def declared(tag: type[Any]) -> dict[str, Declared]:
    """The attributes that the class `tag` declares, by name in lower case."""
    found = [
        Declared(item.name, xml_name(item.name), item.metadata[KEY])
        for item in fields(tag)
        if KEY in item.metadata
    ]
    return {item.name.lower(): item for item in found}


def xml_name(field_name: str) -> str:
    """`max_rating` as it is written in XML: `maxRating`."""
    first, *rest = field_name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _attribute(read: Callable[[str], Any], default: object, required: bool = False) -> Any:
    return field(default=default, metadata={KEY: Attribute(read, required)})


def plain(*, required: bool = False) -> Any:
    """Text shown or stored as it is."""
    return _attribute(str, "", required)


def fixed(*, required: bool = False) -> Any:
    """Text that may not come from the payload: it is part of the answer."""
    return _attribute(_read_fixed, "", required)


def name(*, required: bool = True) -> Any:
    """The name of an object or control."""
    return _attribute(_read_name, "", required)


def template(*, required: bool = False) -> Any:
    """Text in which `$name` stands for a value of the payload."""
    return _attribute(_read_template, Template(""), required)


def image() -> Any:
    """Exactly one variable whose value is a stored image."""
    return _attribute(_read_image, Template("", IMAGE), True)


def flag() -> Any:
    """`true` or `false`; not given is `false`."""
    return _attribute(_read_flag, False)


def one_of(*values: str, default: str = "") -> Any:
    """One of a few words."""

    def read(text: str) -> str:
        if text.lower() not in values:
            raise BadValue(
                format_lazy(_("use one of these instead: {values}."), values=", ".join(values))
            )
        return text.lower()

    return _attribute(read, default)


def whole(*, low: int, high: int, default: int) -> Any:
    """A whole number from `low` to `high`."""

    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
            raise BadValue(
                format_lazy(
                    _("use a whole number from {low} to {high} instead."), low=low, high=high
                )
            )
        return int(text)

    return _attribute(read, default)


def decimal() -> Any:
    """A number like 0.5 (no exponent), or None if not given."""
    return _attribute(_read_decimal, None)


def hotkey() -> Any:
    """A key, or keys joined by `+`, in lower case."""
    return _attribute(_read_hotkey, "")


def _read_fixed(text: str) -> str:
    if VARIABLE.search(text):
        raise BadValue(
            _("$variables aren't supported here yet. Write the value itself."),
            "unsupported_value",
        )
    return text


def _read_name(text: str) -> str:
    if text != text.strip() or len(text) > MAX_NAME or not text.isprintable():
        raise BadValue(
            format_lazy(
                _("use at most {limit} visible characters, without spaces at the ends, instead."),
                limit=MAX_NAME,
            )
        )
    if _NO_NAME.fullmatch(text.lower()):
        raise BadValue(_("use a word: Label Studio's own tools read this as a number or a flag."))
    return text


def _read_template(text: str) -> Template:
    if NESTED.search(text):
        raise BadValue(
            _(
                "a part of a value ($a.b or $a[0]) isn't supported yet. "
                "Give the task a value of its own and use that."
            ),
            "unsupported_value",
        )
    return Template(text)


def _read_image(text: str) -> Template:
    if not VARIABLE.fullmatch(text):
        raise BadValue(
            _("use one $variable, such as $image, whose value in the task is media:<uuid>."),
            "not_a_variable",
        )
    return Template(text, variables.IMAGE)


def _read_flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise BadValue(_("use true or false instead."))
    return text.lower() == "true"


def _read_decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise BadValue(_("use a number such as 10 or 0.5 instead."))
    return Decimal(text)


def _read_hotkey(text: str) -> str:
    key = text.lower()
    if not _HOTKEY.fullmatch(key) or key in RESERVED_HOTKEYS:
        raise BadValue(
            _(
                "use one key such as a or 1, or keys joined by + such as shift+a, instead "
                "(ctrl+enter and ? belong to the page)."
            )
        )
    return key
