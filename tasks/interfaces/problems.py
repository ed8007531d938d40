"""What is wrong with an interface, a payload or an answer: found all at once, not one by one."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from core.errors import Flaw, Invalid, Text


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. `message` says what, where and what to do, in the reader's language.

    `name` is what it is about: an attribute, an object, a control or a `$variable`.
    `line` is 0 where the problem is not in the XML.
    """

    code: str
    message: Text
    line: int = 0
    tag: str = ""
    name: str = ""

    def as_flaw(self, pointer: str | None = None) -> Flaw:
        """The same as an entry of the API's `errors`."""
        return Flaw(self.message, self.code, pointer=pointer, line=self.line or None)


class InterfaceError(Invalid):
    """The XML is not an interface. `problems` has everything that was found."""

    code, title = "invalid_interface", "Invalid task interface"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(
            _("The task interface can't be used. Correct what is listed and send it again."),
            field="interface",
            flaws=[problem.as_flaw() for problem in self.problems],
        )
