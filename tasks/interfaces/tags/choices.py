"""Choices and Choice: one or several of a list."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from core.errors import Text
from tasks.interfaces import attributes
from tasks.interfaces.nodes import Json, SingleAnswer, Tag
from tasks.interfaces.page import Page
from tasks.interfaces.problems import Problem


@dataclass(frozen=True, kw_only=True)
class Choice(Tag):
    """One of the choices. Its alias, if any, is the answer in place of its value."""

    tag: ClassVar[str] = "Choice"
    parents: ClassVar[frozenset[str]] = frozenset({"Choices"})
    ignored: ClassVar[frozenset[str]] = frozenset({"background", "color"})
    unsupported: ClassVar[frozenset[str]] = frozenset({"html"})

    value: str = attributes.fixed(required=True)
    alias: str = attributes.fixed()
    hint: str = attributes.plain()
    hotkey: str = attributes.hotkey()
    selected: bool = attributes.flag()

    @property
    def answer(self) -> str:
        """What choosing it writes into the result."""
        return self.alias or self.value


@dataclass(frozen=True, kw_only=True)
class Choices(SingleAnswer):
    """Radio buttons, checkboxes or a list to open.

    Several of `layout="select"` are checkboxes: a list of which one marks several with the
    keyboard is a trap.
    """

    tag: ClassVar[str] = "Choices"
    value_key: ClassVar[str] = "choices"
    ignored: ClassVar[frozenset[str]] = frozenset({"selection"})
    unsupported: ClassVar[frozenset[str]] = frozenset({"value", "allownested", "randomize"})

    choice: str = attributes.one_of("single", "single-radio", "multiple", default="single")
    layout: str = attributes.one_of("select", "inline", "vertical", default="vertical")
    show_inline: bool = attributes.flag()

    @property
    def options(self) -> list[Choice]:
        return [child for child in self.children if isinstance(child, Choice)]

    @property
    def multiple(self) -> bool:
        return self.choice == "multiple"

    @property
    def as_list(self) -> bool:
        """Whether it is a list to open."""
        return self.layout == "select" and not self.multiple

    @property
    def direction(self) -> str:
        return "inline" if self.show_inline or self.layout == "inline" else "vertical"

    def describe(self) -> Text:
        return _("Choose all that apply") if self.multiple else _("Choose one")

    def check(self) -> Iterator[Problem]:
        if not self.options:
            yield self.problem(
                "no_choices", _("<Choices> has no <Choice>. Add at least one."), name=self.name
            )
        seen: set[str] = set()
        for option in self.options:
            # Two that read alike can't be told apart, two that answer alike are one.
            words = {option.value, option.answer}
            if words & seen - {""}:
                yield option.problem(
                    "duplicate_choice",
                    format_lazy(
                        _("“{value}” is in <Choices name=“{name}”> twice. Remove or rename one."),
                        value=option.value,
                        name=self.name,
                    ),
                    name=option.value,
                )
            seen |= words
        if not self.multiple and sum(option.selected for option in self.options) > 1:
            yield self.problem(
                "bad_value",
                format_lazy(
                    _(
                        "Several choices of “{name}” are selected, but only one can be. "
                        'Keep one selected="true" or set choice="multiple".'
                    ),
                    name=self.name,
                ),
                name="selected",
            )

    def default(self, payload: Mapping[str, Any]) -> list[str]:
        return [option.answer for option in self.options if option.selected]

    def read_posted(self, posted: list[str]) -> list[str] | None:
        return [item for item in posted if item] or None

    def check_value(self, value: Any) -> Iterator[Problem]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            yield self.wrong_type(_("The choices must be a list of strings."))
            return
        if not value:
            yield self.answer_problem("empty_value", _("Choose something or leave it out."))
        known = {option.answer for option in self.options}
        for item in dict.fromkeys(value):
            if item not in known:
                yield self.answer_problem(
                    "unknown_choice",
                    format_lazy(_("“{value}” is not one of the choices."), value=item[:100]),
                )
        if len(set(value)) < len(value):
            yield self.answer_problem("duplicate_value", _("A choice is given twice."))
        if not self.multiple and len(value) > 1:
            yield self.answer_problem("too_many_values", _("Choose only one."))

    def canonical_value(self, value: Any) -> list[str]:
        return sorted(value)

    def schema(self) -> Json:
        items = {"type": "string", "enum": [option.answer for option in self.options]}
        limit = {} if self.multiple else {"maxItems": 1}
        return {"type": "array", "items": items, "minItems": 1, "uniqueItems": True} | limit

    def template_name(self) -> str:
        return "tasks/interface/choices_list.html" if self.as_list else super().template_name()

    def context(self, page: Page) -> Json:
        shown = self.shown_value(page)
        chosen = shown if isinstance(shown, list) else []
        context = super().context(page)
        options = [
            {
                "choice": option,
                "id": f"{context['id']}-{number}",
                "hotkey": "" if self.as_list else option.hotkey or next(page.free_hotkeys, ""),
                "checked": option.answer in chosen,
            }
            for number, option in enumerate(self.options, start=1)
        ]
        return context | {
            "options": options,
            "nothing_checked": not any(option["checked"] for option in options),
        }
