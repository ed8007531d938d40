"""Tags that arrange and name: View, Header."""

from dataclasses import dataclass
from typing import ClassVar

from tasks.interfaces import attributes
from tasks.interfaces.nodes import Json, ShownTag
from tasks.interfaces.page import Page
from tasks.interfaces.variables import Template

SMALLEST_HEADER = 6


@dataclass(frozen=True, kw_only=True)
class View(ShownTag):
    """A block of other tags; the root of every interface."""

    tag: ClassVar[str] = "View"
    ignored: ClassVar[frozenset[str]] = frozenset({"display"})

    def context(self, page: Page) -> Json:
        shown = [child for child in self.children if isinstance(child, ShownTag)]
        return {"children": [child.render(page) for child in shown]}


@dataclass(frozen=True, kw_only=True)
class Header(ShownTag):
    """A heading. Directly above a control it becomes the control's question."""

    tag: ClassVar[str] = "Header"
    ignored: ClassVar[frozenset[str]] = frozenset({"name", "underline"})
    text_attribute: ClassVar[str] = "value"

    value: Template = attributes.template(required=True)
    size: int = attributes.whole(low=1, high=10, default=4)

    def context(self, page: Page) -> Json:
        page.heading_id = page.new_id(self.tag)
        return {
            "id": page.heading_id,
            "size": min(self.size, SMALLEST_HEADER),
            "text": self.value.fill(page.payload),
        }
