"""Interfaces and values that several tests use, and a browser small enough to read."""

from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import urlencode

from django.http import QueryDict
from hypothesis import HealthCheck, settings

from tasks.interfaces.interface import Interface
from tasks.interfaces.parse import parse
from tasks.interfaces.problems import InterfaceError, Problem

MEDIA = "media:123e4567-e89b-12d3-a456-426614174000"
PAYLOAD = {"text": "Guten Tag", "photo": MEDIA}

# Rendering takes longer than Hypothesis expects of a function on a busy machine.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

FULL = """
<View className="page">
  <Header value="Read this" size="2"/>
  <Text name="text" value="$text"/>
  <Image name="photo" value="$photo" alt="Photo for $text"/>
  <Header>How does it sound?</Header>
  <Choices name="mood" toName="text" choice="single-radio" required="true">
    <Choice value="Glad" hint="smiles"/>
    <Choice value="Sad" alias="-1"/>
  </Choices>
  <View style="color: red">
    <Choices name="topics" toName="text" choice="multiple" showInLine="true">
      <Choice value="Love &amp; war"/>
      <Choice value="سلام"/>
      <Choice value="&lt;b&gt;" hotkey="2"/>
    </Choices>
    <Choices name="place" toName="photo" layout="select">
      <Choice value="Indoors"/>
      <Choice value="Outdoors"/>
    </Choices>
  </View>
  <Rating name="rating" toName="photo" maxRating="7" icon="heart"/>
  <TextArea name="words" toName="text" rows="3" placeholder="Your words" maxSubmissions="1"/>
  <Number name="count" toName="photo" min="-1" max="10" step="0.5"/>
</View>
"""


def around(controls: str, objects: str = '<Text name="t" value="$text"/>') -> str:
    """A whole interface around some controls."""
    return f"<View>{objects}{controls}</View>"


def one(control: str) -> Interface:
    """An interface that asks one thing."""
    return parse(around(control))


def problems_of(xml: str) -> list[Problem]:
    """What `parse` says against `xml`, which must be wrong."""
    try:
        parse(xml)
    except InterfaceError as error:
        return error.problems
    raise AssertionError("this is an interface without problems")


def codes(problems: list[Problem]) -> list[str]:
    return [problem.code for problem in problems]


def posted(**fields: str) -> QueryDict:
    """A form with one value per control, by the control's name."""
    return QueryDict(urlencode({f"f-{name}": value for name, value in fields.items()}))


def item(name: str, kind: str, value: object, to_name: str = "t") -> dict[str, object]:
    """A result item."""
    return {"id": "x", "from_name": name, "to_name": to_name, "type": kind, "value": value}


def render(interface: Interface, payload: Mapping[str, object] | None = None, **options) -> str:
    return interface.render(
        PAYLOAD if payload is None else payload,
        image_url=lambda media: f"/media/{media}",
        **options,
    )


class Browser(HTMLParser):
    """Reads a page as a browser does: its elements, its ids, and what its form would post."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.posted: list[tuple[str, str]] = []
        self._select: str | None = None
        self._textarea: str | None = None
        self._text = ""
        self.feed(html.replace("\r\n", "\n").replace("\r", "\n"))
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        assert len(given) == len(attributes), f"an attribute is there twice: {attributes}"
        self.elements.append((tag, given))
        if tag == "input" and (given["type"] not in ("radio", "checkbox") or "checked" in given):
            self.posted.append((given["name"] or "", given["value"] or ""))
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and "selected" in given:
            self.posted.append((self._select or "", given["value"] or ""))
        elif tag == "textarea":
            self._textarea, self._text = given["name"], ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._textarea is not None:
            text = self._text.removeprefix("\n").replace("\n", "\r\n")
            self.posted.append((self._textarea, text))
            self._textarea = None

    def handle_data(self, data: str) -> None:
        self._text += data

    @property
    def form(self) -> QueryDict:
        return QueryDict(urlencode(self.posted))

    def find(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        """The attributes of all elements like this; `_` stands for `-` in attribute names."""
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        return [
            given
            for name, given in self.elements
            if name == tag and wanted.items() <= given.items()
        ]
