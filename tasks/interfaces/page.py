"""The state of one rendering: what is shown, and what has been handed out (ids, hotkeys)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tasks.interfaces.problems import Problem


@dataclass
class Page:
    """Passed from tag to tag in the order of the document."""

    payload: Mapping[str, Any]
    # The `value` objects by control name; None where nothing was answered yet.
    answers: dict[str, list[dict[str, Any]]] | None
    problems: dict[str, list[Problem]]
    image_url: Callable[[str], str]
    id_prefix: str
    # Keys that nobody has claimed, in Label Studio's order.
    free_hotkeys: Iterator[str]
    # The header directly above, which names the next control.
    heading_id: str = ""
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def new_id(self, tag: str) -> str:
        """An HTML id that no other element has (on the page, given a different prefix)."""
        return f"{self.id_prefix}{tag.lower()}-{next(self._numbers)}"
