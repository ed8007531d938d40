"""A batch as a worker will see it, before there is one: for its editor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from core import rules
from tasks.interfaces import parse as interfaces
from tasks.interfaces.interface import Interface
from tasks.interfaces.problems import InterfaceError, Problem
from tasks.interfaces.variables import TEXT

HOUR = 3600


@dataclass(frozen=True)
class Pay:
    """What a reward pays, in micros, for so many declared seconds."""

    reward: int
    fee: int
    hourly: int
    floor: int

    @property
    def total(self) -> int:
        return self.reward + self.fee

    @property
    def fair(self) -> bool:
        return self.reward >= self.floor


def pay(*, reward: int | None, seconds: int | None) -> Pay | None:
    """The pay of one answer; None while the time is missing."""
    if not seconds:
        return None
    reward = reward or 0
    return Pay(
        reward=reward,
        fee=rules.fee(reward),
        hourly=reward * HOUR // seconds,
        floor=rules.floor_reward(seconds),
    )


@dataclass(frozen=True)
class Preview:
    """The interface as HTML, or what is wrong with it. `made_up`: no task of the batch is in it."""

    html: SafeString | None = None
    problems: list[Problem] = field(default_factory=list)
    made_up: bool = False


def preview(
    xml: str, *, payload: Mapping[str, Any] | None, image_url: Callable[[str], str]
) -> Preview | None:
    """How a task looks in the interface written in `xml`; None where nothing is written yet."""
    if not xml.strip():
        return None
    try:
        interface = interfaces.parse(xml)
    except InterfaceError as error:
        return Preview(problems=error.problems)
    shown = sample_payload(interface) if payload is None else payload
    html = interface.render(shown, image_url=image_url, id_prefix="preview")
    return Preview(html=html, made_up=payload is None)


def sample_payload(interface: Interface) -> dict[str, str]:
    """A text for each variable that is one; images are left to the interface's own sign."""
    return {
        name: _("Here stands “%(name)s” of each task.") % {"name": name}
        for name, kind in interface.variables.items()
        if kind == TEXT
    }
