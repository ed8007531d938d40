"""From Label Studio's XML to an `Interface`, with every problem found on the way."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from core.errors import Text
from tasks.interfaces.attributes import BadValue, Declared, declared
from tasks.interfaces.interface import Interface
from tasks.interfaces.nodes import ControlTag, NamedTag, ObjectTag, Tag
from tasks.interfaces.problems import InterfaceError, Problem
from tasks.interfaces.reader import Element, read
from tasks.interfaces.registry import (
    COMMON_IGNORED,
    COMMON_UNSUPPORTED,
    HTML_TAGS,
    TAGS,
    UNSUPPORTED_TAGS,
)
from tasks.interfaces.tags.layout import View

__all__ = ["Interface", "InterfaceError", "parse", "parse_cached"]

# Nobody reads more, and looking for suggestions takes time.
MAX_PROBLEMS = 200
# So much of a wrong value is repeated in a message.
SHOWN = 40
# So many names are listed where none is near.
LISTED = 12
OBJECT_TAGS = {name for name, tag in TAGS.items() if issubclass(tag, ObjectTag)}


def parse(xml: str) -> Interface:
    """The interface written in `xml`.

    Raises InterfaceError with all that is wrong, in the order of the lines. Problems of the XML
    itself stop the reading; those of tags, attributes and names are collected (MAX_PROBLEMS).
    """
    element = read(xml)
    builder = _Builder()
    root = builder.build(element)
    if not isinstance(root, View):
        builder.report("root_not_view", _("The outermost tag must be <View>."), element)
        raise InterfaceError(builder.in_order())
    interface = Interface(source=xml, root=root)
    builder.extend(_check_whole(interface, builder.refused_names))
    if builder.problems:
        raise InterfaceError(builder.in_order())
    return interface


@lru_cache(maxsize=128)
def parse_cached(xml: str) -> Interface:
    """As `parse`, remembered: for published interfaces, which never change."""
    return parse(xml)


# With how many names a wrong one is compared at most.
COMPARED = 40


class _Builder:
    """Turns elements into tags and collects what is wrong with each."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        # Names of elements that were refused: references to them are no further problem.
        # None stands for an element without one.
        self.refused_names: set[str | None] = set()

    def extend(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            if len(self.problems) == MAX_PROBLEMS:
                message = _("There are more problems. Correct these first.")
                raise InterfaceError([*self.in_order(), Problem("too_many_problems", message)])
            self.problems.append(problem)

    def in_order(self) -> list[Problem]:
        return sorted(self.problems, key=lambda problem: problem.line)

    def report(self, code: str, message: Text, element: Element, name: str = "") -> None:
        self.extend([Problem(code, message, element.line, element.tag, name)])

    def build(self, element: Element, parent: str | None = None) -> Tag | None:
        """The tag of `element` with its children; None, and reported, if there is no such tag."""
        kind = TAGS.get(element.tag)
        if kind is None:
            self._refuse_tag(element)
            self.refused_names.add(element.attributes.get("name"))
        elif parent is not None and parent in TAGS and parent not in kind.parents:
            message = _("<{tag}> can't stand in <{parent}>, only in {allowed}. Move it there.")
            allowed = ", ".join(f"<{name}>" for name in sorted(kind.parents))
            self.report(
                "misplaced_tag",
                format_lazy(message, tag=element.tag, parent=parent, allowed=allowed),
                element,
            )
        values = self._values(kind, element) if kind else {}
        children = [self.build(child, element.tag) for child in element.children]
        if kind is None:
            return None
        node = kind(
            line=element.line, children=tuple(child for child in children if child), **values
        )
        self.extend(node.check())
        return node

    def _refuse_tag(self, element: Element) -> None:
        tag = element.tag
        if tag in UNSUPPORTED_TAGS:
            message = format_lazy(
                _("<{tag}> isn't supported yet. Supported are: {tags}."),
                tag=tag,
                tags=", ".join(TAGS),
            )
            self.report("unsupported_tag", message, element)
            return
        known = {name.lower(): name for name in TAGS}
        if tag.lower() in HTML_TAGS and tag.lower() not in known:
            message = format_lazy(
                _("<{tag}> is HTML, which isn't allowed. Use <Header> or <Text> for text."),
                tag=tag,
            )
            self.report("html_tag", message, element)
            return
        message = format_lazy(_("There is no tag <{tag}>. {hint}"), tag=tag, hint=_hint(tag, known))
        self.report("unknown_tag", message, element)

    def _values(self, kind: type[Tag], element: Element) -> dict[str, Any]:
        """The attributes of `element`, read; those with a problem are left at their default."""
        given = self._given(kind, element)
        known = declared(kind)
        for key, (name, text) in given.items():
            if key not in known:
                self._refuse_attribute(kind, element, name, text)
        values: dict[str, Any] = {}
        for key, item in known.items():
            name, text = given.get(key, (item.name, ""))
            if text.strip():
                self._read(element, item, name, text, values)
            elif item.attribute.required:
                message = _("<{tag}> needs the attribute {name}, with a value. Add it.")
                message = format_lazy(message, tag=element.tag, name=item.name)
                self.report("missing_attribute", message, element, item.name)
        return values

    def _given(self, kind: type[Tag], element: Element) -> dict[str, tuple[str, str]]:
        """By name in lower case, the name as written and the text of each attribute."""
        given: dict[str, tuple[str, str]] = {}
        for name, text in element.attributes.items():
            if name.lower() in given:
                message = _("The attribute {name} of <{tag}> is given twice. Remove one.")
                message = format_lazy(message, name=name, tag=element.tag)
                self.report("duplicate_attribute", message, element, name)
            given.setdefault(name.lower(), (name, text))
        text = element.text.strip()
        if text and kind.text_attribute and kind.text_attribute not in given:
            given[kind.text_attribute] = (kind.text_attribute, text)
        elif text:
            message = format_lazy(
                _("Text isn't allowed here, in <{tag}>: “{text}”. Use <Header> or <Text> for it."),
                tag=element.tag,
                text=text[:SHOWN],
            )
            self.report("stray_text", message, element)
        return given

    def _read(
        self, element: Element, item: Declared, name: str, text: str, values: dict[str, Any]
    ) -> None:
        try:
            values[item.field] = item.attribute.read(text)
        except BadValue as error:
            message = format_lazy(
                _("<{tag} {name}=“{text}”>: {advice}"),
                tag=element.tag,
                name=name,
                text=text[:SHOWN],
                advice=error.message,
            )
            self.report(error.code, message, element, name)

    def _refuse_attribute(self, kind: type[Tag], element: Element, name: str, text: str) -> None:
        key = name.lower()
        if key in kind.ignored | COMMON_IGNORED:
            return
        if key in kind.unsupported | COMMON_UNSUPPORTED:
            # Switched off is what we do anyway.
            if text.lower() != "false":
                message = _("The attribute {name} of <{tag}> isn't supported yet. Remove it.")
                message = format_lazy(message, name=name, tag=element.tag)
                self.report("unsupported_attribute", message, element, name)
            return
        known = {key: item.name for key, item in declared(kind).items()}
        message = format_lazy(
            _("<{tag}> has no attribute {name}. {hint}"),
            tag=element.tag,
            name=name,
            hint=_hint(key, known),
        )
        self.report("unknown_attribute", message, element, name)


def _hint(word: str, known: dict[str, str]) -> Text:
    """What `word` may have been meant to be; `known` has the right spelling by lower case."""
    # Comparing with very many names is slow, and no help.
    near = get_close_matches(word.lower(), known, n=1) if len(known) <= COMPARED else []
    if near:
        return format_lazy(_("Did you mean {name}?"), name=known[near[0]])
    names = ", ".join(list(known.values())[:LISTED])
    return format_lazy(_("There are: {names}."), names=names)


def _check_whole(interface: Interface, refused_names: set[str | None]) -> Iterator[Problem]:
    """What no tag can know of itself. References to refused tags are not counted twice."""
    yield from _check_names(interface)
    for tag in interface.root.walk():
        if isinstance(tag, ControlTag):
            yield from _check_pair(tag, interface, refused_names)
    yield from _check_hotkeys(interface)
    yield from _check_variables(interface)
    if not refused_names:
        root = interface.root
        if not interface.objects:
            message = _("The interface shows nothing of the task. Add <Text> or <Image>.")
            yield root.problem("no_object", message)
        if not interface.controls:
            message = _("The interface asks nothing. Add a control such as <Choices>.")
            yield root.problem("no_control", message)


def _check_names(interface: Interface) -> Iterator[Problem]:
    seen: dict[str, NamedTag] = {}
    for tag in interface.root.walk():
        if not isinstance(tag, NamedTag) or not tag.name:
            continue
        first = seen.setdefault(tag.name, tag)
        if first is not tag:
            message = format_lazy(
                _("The name “{name}” is already used by <{tag}> in line {line}. Choose another."),
                name=tag.name,
                tag=first.tag,
                line=first.line,
            )
            yield tag.problem("duplicate_name", message, name=tag.name)


def _check_pair(
    control: ControlTag, interface: Interface, refused_names: set[str | None]
) -> Iterator[Problem]:
    """That `toName` leads to an object which this control can judge."""
    target = control.to_name
    found = interface.objects.get(target)
    if not target or (found is None and target in refused_names):
        return
    if "," in target and set(target.split(",")) <= interface.objects.keys():
        message = _("<{tag}> can't judge several objects (toName=“{name}”) yet. Name one.")
        message = format_lazy(message, tag=control.tag, name=target)
        yield control.problem("unsupported_value", message, name="toName")
    elif found is None and target not in interface.controls:
        message = format_lazy(
            _("toName=“{name}” of <{tag}> leads to nothing. {hint}"),
            name=target,
            tag=control.tag,
            hint=_hint(target, {name.lower(): name for name in interface.objects}),
        )
        yield control.problem("unknown_to_name", message, name=target)
    elif found is None or (control.judges is not None and found.tag not in control.judges):
        wrong = interface.controls[target].tag if found is None else found.tag
        message = format_lazy(
            _("<{tag}> can't judge <{wrong}>. Let toName=“{name}” lead to one of: {allowed}."),
            tag=control.tag,
            wrong=wrong,
            name=target,
            allowed=", ".join(sorted(control.judges or OBJECT_TAGS)),
        )
        yield control.problem("wrong_pair", message, name=target)


def _check_hotkeys(interface: Interface) -> Iterator[Problem]:
    seen: set[str] = set()
    for tag, key in interface.hotkeys:
        if key in seen:
            message = format_lazy(
                _("The hotkey “{key}” is given twice. Choose another, or leave it out."), key=key
            )
            yield tag.problem("duplicate_hotkey", message, name=key)
        seen.add(key)


def _check_variables(interface: Interface) -> Iterator[Problem]:
    for tag in interface.root.walk():
        for template in tag.templates():
            for name in template.names:
                if interface.variables[name] != template.kind:
                    message = format_lazy(
                        _("${name} can't be both a text and an image. Use two values of the task."),
                        name=name,
                    )
                    yield tag.problem("variable_conflict", message, name=name)
