"""Tags that show something of the task: Text, Image."""

from dataclasses import dataclass
from typing import ClassVar

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from core.errors import Text as Message
from tasks.interfaces import attributes
from tasks.interfaces.nodes import Json, ObjectTag
from tasks.interfaces.page import Page
from tasks.interfaces.variables import Template, media_id


@dataclass(frozen=True, kw_only=True)
class Text(ObjectTag):
    """A text to read, with its line breaks and spaces kept."""

    tag: ClassVar[str] = "Text"
    ignored: ClassVar[frozenset[str]] = frozenset(
        {"granularity", "highlightcolor", "savetextresult", "selectionenabled", "showlabels"}
    )

    value: Template = attributes.template(required=True)
    value_type: str = attributes.one_of("text", default="text")
    encoding: str = attributes.one_of("none", default="none")

    def describe(self) -> Message:
        return format_lazy(_("Text: {name}"), name=self.name)

    def context(self, page: Page) -> Json:
        return {
            "id": page.new_id(self.tag),
            "description": self.describe(),
            "text": self.value.fill(page.payload),
        }


@dataclass(frozen=True, kw_only=True)
class Image(ObjectTag):
    """An image out of our own storage. `alt` and `title` are ours: Label Studio has neither."""

    tag: ClassVar[str] = "Image"
    ignored: ClassVar[frozenset[str]] = frozenset(
        {
            "brightnesscontrol",
            "contrastcontrol",
            "crossorigin",
            "crosshair",
            "defaultzoom",
            "grid",
            "gridcolor",
            "gridsize",
            "horizontalalignment",
            "maxwidth",
            "negativezoom",
            "rotatecontrol",
            "smoothing",
            "verticalalignment",
            "width",
            "zoom",
            "zoomby",
            "zoomcontrol",
        }
    )
    unsupported: ClassVar[frozenset[str]] = frozenset({"valuelist"})

    value: Template = attributes.image()
    alt: Template = attributes.template()
    title: Template = attributes.template()

    def describe(self) -> Message:
        return _("Image of this task")

    def context(self, page: Page) -> Json:
        (variable,) = self.value.names
        media = media_id(page.payload.get(variable))
        described = self.alt if self.alt.source else self.title
        return {
            "id": page.new_id(self.tag),
            # In a preview there may be no image yet: its variable is shown instead.
            "url": page.image_url(media) if media else "",
            "variable": self.value.source,
            "alt": described.fill(page.payload).strip() or self.describe(),
        }
