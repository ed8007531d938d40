"""What every tag can do: the base classes. One tag is one class in `tags/`, listed in `registry`.

A tag declares its XML attributes as fields (see `attributes`), says what is wrong with itself
(`check`), renders itself through a template of its own and describes itself for screen readers.
A control also reads its answer from a form, judges it, and gives its JSON Schema.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from core.errors import Text
from tasks.interfaces import attributes
from tasks.interfaces.page import Page
from tasks.interfaces.problems import Problem
from tasks.interfaces.variables import Template

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Tag(ABC):
    """One element of an interface, read and typed."""

    tag: ClassVar[str]
    # The tags it may stand in.
    parents: ClassVar[frozenset[str]] = frozenset({"View"})
    # Label Studio's attributes that only change looks (in lower case): accepted, without effect.
    ignored: ClassVar[frozenset[str]] = frozenset()
    # Label Studio's attributes that change meaning and that we don't have yet: refused.
    unsupported: ClassVar[frozenset[str]] = frozenset()
    # The attribute that text between the tags stands for; other tags refuse such text.
    text_attribute: ClassVar[str] = ""

    line: int
    children: tuple["Tag", ...] = ()

    def walk(self) -> Iterator["Tag"]:
        """This tag and everything in it, in the order of the document."""
        yield self
        for child in self.children:
            yield from child.walk()

    def templates(self) -> Iterator[Template]:
        """Every text of this tag that may contain variables."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Template):
                yield value

    def check(self) -> Iterator[Problem]:
        """What is wrong with this tag that no single attribute shows."""
        yield from ()

    def problem(self, code: str, message: Text, *, name: str = "") -> Problem:
        """A problem at this tag."""
        return Problem(code, message, self.line, self.tag, name)


@dataclass(frozen=True, kw_only=True)
class ShownTag(Tag):
    """A tag with HTML of its own. Others (a Choice) are shown by the tag they stand in."""

    def template_name(self) -> str:
        return f"tasks/interface/{self.tag.lower()}.html"

    @abstractmethod
    def context(self, page: Page) -> Json:
        """What its template needs."""

    def render(self, page: Page) -> SafeString:
        """Its HTML, everything from outside escaped."""
        return render_to_string(self.template_name(), self.context(page))


@dataclass(frozen=True, kw_only=True)
class NamedTag(ShownTag):
    """A tag that answers or other tags refer to."""

    name: str = attributes.name()

    @abstractmethod
    def describe(self) -> Text:
        """What this is or asks for, in a few words: read out by screen readers."""


@dataclass(frozen=True, kw_only=True)
class ObjectTag(NamedTag):
    """Something of the task that is shown and judged."""

    def render(self, page: Page) -> SafeString:
        # A header names what follows it directly: after an object it names no control.
        page.heading_id = ""
        return super().render(page)


@dataclass(frozen=True, kw_only=True)
class ControlTag(NamedTag):
    """Something the worker answers. An answer is any number of Label Studio result items."""

    # The object tags it can judge; None is all.
    judges: ClassVar[frozenset[str] | None] = None

    to_name: str = attributes.name()
    required: bool = attributes.flag()
    required_message: str = attributes.plain()

    @property
    def result_type(self) -> str:
        """Label Studio's `type` of its result items."""
        return self.tag.lower()

    @property
    def field(self) -> str:
        """The name of its form field."""
        return f"f-{self.name}"

    @abstractmethod
    def read_form(self, data: QueryDict) -> list[Json]:
        """The `value` objects in a posted form; what can't be read is kept for `check_answer`."""

    @abstractmethod
    def check_answer(self, values: list[Json]) -> Iterator[Problem]:
        """What is wrong with its answer, given as `value` objects (possibly none)."""

    @abstractmethod
    def canonical(self, values: list[Json]) -> Any:
        """The answer such that equal answers are equal JSON. Only for answers without problems."""

    @abstractmethod
    def value_schema(self) -> Json:
        """JSON Schema of one `value` object."""

    def missing(self) -> Problem:
        """The problem of leaving it out although it is required."""
        return self.answer_problem(
            "required", self.required_message or _("Please answer this question.")
        )

    def answer_problem(self, code: str, message: Text) -> Problem:
        """A problem with the answer: about this control, at no line."""
        return Problem(code, message, tag=self.tag, name=self.name)

    def context(self, page: Page) -> Json:
        heading, page.heading_id = page.heading_id, ""
        return {
            "control": self,
            "id": page.new_id(self.tag),
            "heading_id": heading,
            "instruction": self.describe(),
            "problems": page.problems.get(self.name, []),
        }


@dataclass(frozen=True, kw_only=True)
class SingleAnswer(ControlTag):
    """A control with at most one result item, whose `value` has one key: all plain form fields."""

    value_key: ClassVar[str]

    @abstractmethod
    def read_posted(self, posted: list[str]) -> Any:
        """The value of the posted strings, None if nothing was answered."""

    @abstractmethod
    def check_value(self, value: Any) -> Iterator[Problem]:
        """What is wrong with the value, which may be any JSON."""

    def canonical_value(self, value: Any) -> Any:
        """As `canonical`, for the one value."""
        return value

    @abstractmethod
    def schema(self) -> Json:
        """JSON Schema of the one value."""

    @abstractmethod
    def default(self, payload: Mapping[str, Any]) -> Any:
        """The value before anything was answered, None for none."""

    def read_form(self, data: QueryDict) -> list[Json]:
        value = self.read_posted([str(item) for item in data.getlist(self.field)])
        return [] if value is None else [{self.value_key: value}]

    def check_answer(self, values: list[Json]) -> Iterator[Problem]:
        if len(values) > 1:
            yield self.answer_problem("duplicate_answer", _("Give one answer to this question."))
        for value in values:
            if set(value) == {self.value_key}:
                yield from self.check_value(value[self.value_key])
            else:
                yield self.answer_problem(
                    "bad_value_keys",
                    format_lazy(
                        _("The value must have the key “{key}” and no other."), key=self.value_key
                    ),
                )

    def canonical(self, values: list[Json]) -> Any:
        return self.canonical_value(values[0][self.value_key])

    def value_schema(self) -> Json:
        return {
            "type": "object",
            "properties": {self.value_key: self.schema()},
            "required": [self.value_key],
            "additionalProperties": False,
        }

    def wrong_type(self, message: Text) -> Problem:
        """The problem of a value of another type."""
        return self.answer_problem("wrong_type", message)

    def shown_value(self, page: Page) -> Any:
        """The value to show: the answer's, the default where there is none yet, or None."""
        if page.answers is None:
            return self.default(page.payload)
        values = page.answers.get(self.name) or [{}]
        return values[0].get(self.value_key)
