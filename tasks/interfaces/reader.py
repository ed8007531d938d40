"""From untrusted XML to a tree of elements that know their line. Knows no tag.

DTDs, entities and external references are refused before anything is expanded; size, depth and
number of elements are limited while reading, so nothing large is ever built.
"""

from dataclasses import dataclass, field

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from core.errors import Text
from tasks.interfaces.problems import InterfaceError, Problem

MAX_BYTES = 64 * 1024
MAX_DEPTH = 20
MAX_ELEMENTS = 500


@dataclass
class Element:
    """One XML element as written."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list["Element"] = field(default_factory=list)
    text: str = ""


class _Tree:
    """The parser's target: builds elements and stops at the limits."""

    def __init__(self) -> None:
        self.parser = DefusedXMLParser(
            target=self, forbid_dtd=True, forbid_entities=True, forbid_external=True
        )
        # What is open, the outermost first; at the bottom the document itself.
        self.open = [Element("", {}, 0)]
        self.count = 0

    @property
    def line(self) -> int:
        # ElementTree keeps no line numbers; the expat parser under it knows where it is.
        line: int = self.parser.parser.CurrentLineNumber
        return line

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, self.line)
        self.count += 1
        if self.count > MAX_ELEMENTS:
            raise _refused(
                "too_many_elements",
                format_lazy(
                    _("The interface has more than {limit} elements. Make it smaller."),
                    limit=MAX_ELEMENTS,
                ),
                element,
            )
        if len(self.open) > MAX_DEPTH:
            raise _refused(
                "too_deep",
                format_lazy(
                    _("<{tag}> is nested more than {limit} levels deep. Nest less."),
                    tag=element.tag,
                    limit=MAX_DEPTH,
                ),
                element,
            )
        self.open[-1].children.append(element)
        self.open.append(element)

    def end(self, tag: str) -> None:
        self.open.pop()

    def data(self, text: str) -> None:
        self.open[-1].text += text

    def close(self) -> None:
        """Part of the target's interface; the tree is taken from `open`."""


def read(xml: str) -> Element:
    """The root element of `xml`. Raises InterfaceError if it is unsafe, too big or not XML."""
    _check_characters(xml)
    tree = _Tree()
    try:
        tree.parser.feed(xml)
        tree.parser.close()
    except DefusedXmlException as error:
        message = _(
            "A document type (<!DOCTYPE …>), entity or external reference isn't allowed. "
            "Remove it and write the characters themselves."
        )
        raise InterfaceError([Problem("forbidden_xml", message, tree.line)]) from error
    except ParseError as error:
        message = format_lazy(
            _("This isn't well-formed XML: {reason}. Check that every tag is closed and quoted."),
            reason=str(error).partition(":")[0],
        )
        raise InterfaceError([Problem("not_xml", message, error.position[0])]) from error
    # expat accepts no document without exactly one root element.
    return tree.open[0].children[0]


def _check_characters(xml: str) -> None:
    """Size, and what can be neither XML nor stored as text."""
    try:
        size = len(xml.encode())
    except UnicodeEncodeError as error:
        line = xml.count("\n", 0, error.start) + 1
        raise InterfaceError([_bad_character(line)]) from error
    if "\0" in xml:
        raise InterfaceError([_bad_character(xml.count("\n", 0, xml.index("\0")) + 1)])
    if size > MAX_BYTES:
        message = format_lazy(
            _("The interface has {size} bytes; at most {limit} are allowed. Make it smaller."),
            size=size,
            limit=MAX_BYTES,
        )
        raise InterfaceError([Problem("too_large", message)])


def _bad_character(line: int) -> Problem:
    message = _("There is a character here that can't be stored (NUL or half a pair). Remove it.")
    return Problem("bad_character", message, line)


def _refused(code: str, message: Text, element: Element) -> InterfaceError:
    return InterfaceError([Problem(code, message, element.line, element.tag)])
