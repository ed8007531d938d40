"""The HTML: safe, accessible, and complete without JavaScript."""

import re

import pytest
from django.http import QueryDict
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from tasks.interfaces.nodes import ControlTag
from tasks.interfaces.parse import parse
from tasks.interfaces.problems import Problem
from tasks.interfaces.registry import TAGS
from tests.tasks.interfaces.samples import (
    FULL,
    MEDIA,
    PAYLOAD,
    Browser,
    around,
    item,
    one,
    patient,
    render,
)

INTERFACE = parse(FULL)
HTML_TAGS = {"div", "h3", "img", "p", "bdi", "fieldset", "legend", "span", "label", "input", "kbd"}
HTML_TAGS |= {"small", "select", "option", "textarea"}
NASTY = "\"'><script>alert(1)</script>&{{ x }}{% y %}"


def page(interface=INTERFACE, payload=None, **options) -> Browser:
    return Browser(render(interface, payload, **options))


def test_render_every_reference_leads_to_one_id():
    problems = INTERFACE.check_result([], PAYLOAD) + [Problem("x", "Broken", name="topics")]
    browser = page(problems=problems)
    ids = [element["id"] for _tag, element in browser.elements if element.get("id")]

    assert len(set(ids)) == len(ids)
    for _tag, element in browser.elements:
        for key in ("for", "aria-labelledby", "aria-describedby"):
            assert set((element.get(key) or "").split()) <= set(ids)


def test_render_every_field_has_a_label():
    html = render(INTERFACE)
    browser = Browser(html)
    labelled = {element["for"] for element in browser.find("label") if "for" in element}

    assert {element["id"] for element in browser.find("textarea")} <= labelled
    assert {element["id"] for element in browser.find("select")} <= labelled
    assert {element["id"] for element in browser.find("input", type="number")} <= labelled
    options = re.findall(r"<label class=\"fc-choice[^>]*>\s*<input type=\"(radio|checkbox)\"", html)
    assert len(options) == html.count('type="radio"') + html.count('type="checkbox"')
    assert html.count("<fieldset") == html.count("<legend") == 3


def test_render_no_inline_style_script_or_handler():
    browser = page()

    assert {tag for tag, _given in browser.elements} <= HTML_TAGS
    for _tag, element in browser.elements:
        assert not {key for key in element if key == "style" or key.startswith("on")}


def test_render_client_classes_and_styles_have_no_effect():
    html = render(INTERFACE)

    assert "color: red" not in html
    assert 'class="page"' not in html


def test_render_header_directly_above_names_the_control():
    browser = page()
    header = browser.find("h3", class_="fc-header fc-header-4")[0]["id"]

    (mood,) = browser.find("fieldset", role="radiogroup", aria_required="true")
    assert mood["aria-labelledby"] == f"{header} {mood['id']}-question"
    assert all("aria-labelledby" not in element for element in browser.find("select"))


def test_render_header_above_an_object_names_no_control():
    html = render(
        parse(
            around('<Header value="Text:"/>' + '<Text name="u" value="$text"/>')[:-7]
            + ('<TextArea name="a" toName="t"/></View>')
        )
    )

    assert "aria-labelledby" not in html


def test_render_problems_at_their_controls():
    problems = INTERFACE.check_result([], PAYLOAD) + [
        Problem("x", "Not a topic", name="topics"),
        Problem("y", "Too short", name="words"),
        Problem("z", "All wrong"),
        Problem("z", "Of an older version", name="gone"),
    ]

    html = render(INTERFACE, problems=problems)
    browser = Browser(html)

    (mood,) = browser.find("fieldset", role="radiogroup", aria_invalid="true")
    assert mood["aria-describedby"] == f"{mood['id']}-error"
    assert len(browser.find("input", type="checkbox", aria_invalid="true")) == 3
    (words,) = browser.find("textarea", aria_invalid="true")
    assert browser.find("div", class_="fc-error", id=words["aria-describedby"] or "")
    assert len(browser.find("div", class_="fc-error", role="alert")) == 1
    head = html[: html.index("fc-view")]
    assert "All wrong" in head
    assert "Of an older version" in head
    assert "Too short" not in head


def test_render_without_problems_is_not_invalid():
    html = render(INTERFACE)

    assert "fc-error" not in html
    assert "aria-invalid" not in html


def test_render_required_is_marked_in_words_and_attributes():
    interface = parse(
        around(
            '<Choices name="a" toName="t" required="true" layout="select"><Choice value="x"/>'
            '</Choices><Choices name="b" toName="t" required="true"><Choice value="x"/></Choices>'
            '<Rating name="c" toName="t" required="true"/>'
            '<TextArea name="d" toName="t" required="true"/>'
            '<Number name="e" toName="t" required="true"/>'
            '<Choices name="f" toName="t" required="true" choice="multiple"><Choice value="x"/>'
            "</Choices>"
        )
    )
    html = render(interface, {"text": ""})
    browser = Browser(html)

    assert html.count("(required)") == 6
    assert "No answer" not in html
    for tag in ("select", "textarea"):
        assert all("required" in element for element in browser.find(tag))
    assert all("required" in element for element in browser.find("input", type="radio"))
    assert all("required" in element for element in browser.find("input", type="number"))
    # A browser would want every one of them.
    assert all("required" not in element for element in browser.find("input", type="checkbox"))


def test_render_optional_radios_can_be_taken_back():
    interface = one('<Rating name="r" toName="t"/>')
    fresh = page(interface, {"text": ""})
    element = page(interface, {"text": ""}, answer=[item("r", "rating", {"rating": 2})])

    assert fresh.posted == [("f-r", "")]
    assert element.posted == [("f-r", "2")]
    assert len(element.find("input", type="radio", value="")) == 1


def test_render_defaults_only_before_the_first_answer():
    interface = one(
        '<Choices name="a" toName="t"><Choice value="x" selected="true"/></Choices>'
        '<Rating name="b" toName="t" defaultValue="3"/>'
        '<TextArea name="c" toName="t" value="I think $text"/>'
        '<Number name="d" toName="t" defaultValue="2.50"/>'
        '<Choices name="e" toName="t" choice="multiple"><Choice value="y" selected="true"/>'
        "</Choices>"
    )

    fresh = interface.read_form(page(interface, {"text": "so"}).form)
    cleared = interface.read_form(page(interface, {"text": "so"}, answer=[]).form)

    assert [entry["value"] for entry in fresh] == [
        {"choices": ["x"]},
        {"rating": 3},
        {"text": ["I think so"]},
        {"number": 2.5},
        {"choices": ["y"]},
    ]
    assert cleared == []


def test_render_hotkeys_number_choices_around_given_ones():
    browser = page()
    keys = {
        element["value"]: element.get("data-hotkey")
        for element in browser.find("input")
        if element["type"] in ("radio", "checkbox") and element["name"] in ("f-mood", "f-topics")
    }

    assert keys == {"Glad": "1", "-1": "3", "Love & war": "4", "سلام": "5", "<b>": "2"}
    assert [
        element for _tag, element in browser.elements if element.get("data-hotkey") == "6"
    ] == []


def test_render_hotkeys_end_at_nine():
    choices = "".join(f'<Choice value="c{number}"/>' for number in range(12))
    html = render(one(f'<Choices name="c" toName="t">{choices}</Choices>'), {"text": ""})

    assert re.findall('data-hotkey="(.)"', html) == list("123456789")


def test_render_hotkeys_of_rating_and_number():
    browser = page(
        one(
            '<Rating name="r" toName="t" hotkey="R"/><Number name="n" toName="t" hotkey="shift+n"/>'
        ),
        {"text": ""},
    )

    assert len(browser.find("fieldset", data_hotkey="r")) == 1
    assert len(browser.find("input", type="number", data_hotkey="shift+n")) == 1


def test_render_several_choices_as_select_are_checkboxes():
    html = render(
        one(
            '<Choices name="c" toName="t" choice="multiple" layout="select"><Choice value="x"/>'
            "</Choices>"
        ),
        {"text": ""},
    )

    assert "<select" not in html
    assert 'type="checkbox"' in html


def test_render_id_prefix_keeps_two_apart():
    def ids(prefix):
        browser = page(id_prefix=prefix)
        return {element["id"] for _tag, element in browser.elements if "id" in element}

    assert not ids("a-") & ids("b-")


def test_render_number_is_written_for_html_in_every_language():
    interface = one('<Number name="n" toName="t" min="0.5" max="1000000" step="0.5"/>')
    answer = [item("n", "number", {"number": 1234.5})]

    with translation.override("fr"):
        (field,) = page(interface, {"text": ""}, answer=answer).find("input", type="number")

    assert (field["value"], field["min"], field["max"], field["step"]) == (
        "1234.5",
        "0.5",
        "1000000",
        "0.5",
    )


def test_render_number_without_step_takes_any():
    (field,) = page(one('<Number name="n" toName="t" min="0"/>'), {"text": ""}).find("input")

    assert (field["step"], field["min"], "max" in field) == ("any", "0", False)


def test_render_image_from_our_storage():
    (image,) = page().find("img")

    assert image["src"] == "/media/" + MEDIA.removeprefix("media:")
    assert image["alt"] == "Photo for Guten Tag"


@pytest.mark.parametrize(
    ("attributes", "alt"),
    [("", "Image of this task"), ('title="A cat"', "A cat"), ('title="A" alt="B"', "B")],
)
def test_render_image_alternative(attributes, alt):
    interface = parse(
        around('<TextArea name="a" toName="i"/>', f'<Image name="i" value="$i" {attributes}/>')
    )

    assert page(interface, {"i": MEDIA}).find("img")[0]["alt"] == alt


def test_render_preview_without_values_shows_the_variables():
    browser = page(payload={})
    html = render(INTERFACE, {"photo": "https://example.org/x.png"})

    assert browser.find("img") == []
    assert "$text" in html
    assert "$photo" in html
    assert "example.org" not in html


def test_render_values_are_not_searched_for_variables():
    html = render(parse(around('<TextArea name="a" toName="t"/>')), {"text": "$text $secret"})

    assert "$text $secret" in html


def test_render_escapes_everything_from_outside():
    quoted = NASTY.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    interface = parse(
        f"""<View><Header value="{quoted}"/><Text name="t" value="$text"/>
        <Image name="i" value="$i" alt="{quoted}$text"/>
        <Choices name="{quoted}" toName="t" required="true" requiredMessage="{quoted}">
          <Choice value="{quoted}" hint="{quoted}"/><Choice value="b" alias="{quoted}2"/></Choices>
        <Choices name="s" toName="t" layout="select"><Choice value="{quoted}" hint="{quoted}"/>
        </Choices><TextArea name="a" toName="t" placeholder="{quoted}" value="{quoted}"/></View>"""
    )
    answer = [item("a", "textarea", {"text": [NASTY + "</textarea><script>"]})]

    for element in (None, answer):
        html = render(
            interface,
            {"text": NASTY, "i": MEDIA},
            answer=element,
            problems=[*interface.check_result([], {}), Problem("x", NASTY)],
            id_prefix=NASTY,
        )
        assert "<script" not in html
        assert {tag for tag, _given in Browser(html).elements} <= HTML_TAGS
        assert html.count("alert(1)") > 10


def test_render_every_client_string_finds_its_own_direction():
    interface = parse(
        """<View><Header value="CLIENT"/><Text name="t" value="CLIENT"/>
        <Choices name="CLIENT a" toName="t" required="true" requiredMessage="CLIENT">
          <Choice value="CLIENT" hint="CLIENT"/></Choices>
        <Choices name="CLIENT b" toName="t" layout="select"><Choice value="CLIENT c"/></Choices>
        <TextArea name="CLIENT d" toName="t" value="CLIENT"/></View>"""
    )
    problems = interface.check_result([], {})

    html = render(interface, {}, problems=problems)

    shown = re.findall(r"<(\w+)([^>]*)>\s*CLIENT", html)
    assert len(shown) == 10
    assert [tag for tag, attributes in shown if 'dir="auto"' not in attributes] == []


def test_render_what_cannot_be_sent_is_replaced():
    interface = parse(around('<TextArea name="a" toName="t"/>'))
    answer = [item("a", "textarea", {"text": ["a\0b\ud800"]})]

    html = render(interface, {"text": "\udfff"}, answer=answer)

    assert "\n\ufffd" not in html.split("fc-text")[0]
    assert "a\ufffdb\ufffd" in html
    html.encode()


def test_render_huge_text():
    html = render(INTERFACE, PAYLOAD | {"text": "<" * 200_000})

    assert html.count("&lt;") >= 200_000


def test_render_shows_what_was_typed_wrongly():
    interface = one('<Number name="n" toName="t"/>')
    answer = interface.read_form(QueryDict("f-n=abc"))
    problems = interface.check_result(answer, {})

    (field,) = page(interface, {"text": ""}, answer=answer, problems=problems).find("input")

    assert field["value"] == "abc"
    assert field["aria-invalid"] == "true"


def test_every_control_describes_itself():
    for control in INTERFACE.controls.values():
        assert str(control.describe()) in render(INTERFACE)
    assert all(isinstance(control, ControlTag) for control in INTERFACE.controls.values())


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ("", "Enter a number"),
        ('min="1"', "Enter a number of at least 1"),
        ('max="0.5"', "Enter a number of at most 0.5"),
        ('min="1" max="2"', "Enter a number from 1 to 2"),
    ],
)
def test_describe_number(attributes, words):
    interface = one(f'<Number name="n" toName="t" {attributes}/>')

    assert str(interface.controls["n"].describe()) == words


def test_registry_names_every_tag_as_its_class():
    assert all(tag.__name__ == name for name, tag in TAGS.items())


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
DRAFTS = st.lists(
    ANYTHING
    | st.fixed_dictionaries(
        {
            "from_name": st.sampled_from(list(INTERFACE.controls)),
            "value": st.dictionaries(
                st.sampled_from(["choices", "rating", "text", "number"]), ANYTHING, max_size=2
            ),
        }
    ),
    max_size=5,
)


@patient
@given(DRAFTS, st.dictionaries(st.sampled_from(["text", "photo"]), ANYTHING))
def test_render_any_draft_and_payload_is_safe(draft, payload):
    html = render(INTERFACE, payload, answer=draft)

    html.encode()
    assert "\0" not in html
    assert {tag for tag, _given in Browser(html).elements} <= HTML_TAGS
