"""`$variables`: where an interface takes a value from the task's payload, and what may stand there.

A new kind of value (audio, a list, …) is one function here and one row of `KINDS`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from tasks.interfaces.problems import Problem

TEXT = "text"
IMAGE = "image"

VARIABLE = re.compile(r"\$([^\W\d]\w*)")
NESTED = re.compile(r"\$[^\W\d]\w*(?:\.\w|\[)")
MEDIA = re.compile(r"media:([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})")


@dataclass(frozen=True)
class Template:
    """Client-written text in which `$name` stands for a value of the payload."""

    source: str
    kind: str = TEXT

    @property
    def names(self) -> list[str]:
        return VARIABLE.findall(self.source)

    def fill(self, payload: Mapping[str, Any]) -> str:
        """The text with its values. A variable without a value stays visible as `$name`.

        Values are not searched for variables again.
        """

        def value(match: re.Match[str]) -> str:
            found = payload.get(match[1])
            return str(found) if _is_text(found) else match[0]

        return VARIABLE.sub(value, self.source)


def media_id(value: object) -> str | None:
    """The UUID in a reference to one of our stored files (`media:<uuid>`), or None."""
    match = MEDIA.fullmatch(value) if isinstance(value, str) else None
    return match[1] if match else None


def check(name: str, kind: str, payload: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the payload's value for the variable `name`."""
    if name not in payload:
        message = format_lazy(
            _("The interface uses ${name}, but the task has no “{name}”. Add it to the task."),
            name=name,
        )
        yield Problem("missing_variable", message, name=name)
    else:
        yield from KINDS[kind](name, payload[name])


def _is_text(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _check_text(name: str, value: object) -> Iterator[Problem]:
    if not _is_text(value):
        message = format_lazy(
            _("“{name}” is shown as text, so it must be a string or a number."), name=name
        )
        yield Problem("wrong_type", message, name=name)


def _check_image(name: str, value: object) -> Iterator[Problem]:
    if not isinstance(value, str):
        message = format_lazy(
            _("“{name}” is shown as an image, so it must be a string: media:<uuid>."), name=name
        )
        yield Problem("wrong_type", message, name=name)
    elif media_id(value) is None:
        message = format_lazy(
            _(
                "“{name}” must name an image stored here: media:<uuid>. Images from other places "
                "aren't shown to workers. Upload it first, then use the reference you get."
            ),
            name=name,
        )
        yield Problem("image_not_stored", message, name=name)


KINDS: dict[str, Callable[[str, object], Iterator[Problem]]] = {
    TEXT: _check_text,
    IMAGE: _check_image,
}
