"""What is an interface, and every way not to be one."""

import pytest
from django.utils.functional import Promise
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DomainError
from tasks.interfaces import parse as parsing
from tasks.interfaces.parse import parse, parse_cached
from tasks.interfaces.problems import InterfaceError
from tests.tasks.interfaces.samples import FULL, around, codes, patient, problems_of, render

TEXT = '<Text name="t" value="$text"/>'
AREA = '<TextArea name="a" toName="t"/>'
TWO = '<Choice value="x"/><Choice value="y"/>'


def choices(inner: str = TWO, extra: str = "") -> str:
    return f'<Choices name="c" toName="t" {extra}>{inner}</Choices>'


def test_parse_full():
    interface = parse(FULL)

    assert list(interface.objects) == ["text", "photo"]
    assert list(interface.controls) == ["mood", "topics", "place", "rating", "words", "count"]
    assert interface.variables == {"text": "text", "photo": "image"}
    assert interface.source == FULL
    assert interface.root.tag == "View"


def test_parse_cached_returns_the_same_object():
    assert parse_cached(FULL) is parse_cached(FULL)


def test_parse_cached_refuses_each_time():
    for _attempt in range(2):
        with pytest.raises(InterfaceError):
            parse_cached("<View/>")


@pytest.mark.parametrize(
    ("xml", "code", "tag", "name"),
    [
        ("<Header>x</Header>", "root_not_view", "Header", ""),
        (around(AREA + "<Txt/>"), "unknown_tag", "Txt", ""),
        (around(AREA + "<view/>"), "unknown_tag", "view", ""),
        (around(AREA + "<Audio name='b' value='$b'/>"), "unsupported_tag", "Audio", ""),
        (around(AREA + "<Style>.a{}</Style>"), "unsupported_tag", "Style", ""),
        (around(AREA + "<script>alert(1)</script>"), "html_tag", "script", ""),
        (around(AREA + "<IMG src='x'/>"), "html_tag", "IMG", ""),
        (around(AREA + "<style>a{}</style>"), "html_tag", "style", ""),
        (around(AREA + "<Choice value='x'/>"), "misplaced_tag", "Choice", ""),
        (around(choices(TWO + "<View/>")), "misplaced_tag", "View", ""),
        (around(AREA + "hello"), "stray_text", "View", ""),
        (around(AREA + "<Header value='a'>b</Header>"), "stray_text", "Header", ""),
        (around('<TextArea name="a" toName="t" foo="1"/>'), "unknown_attribute", "TextArea", "foo"),
        (around(choices(extra='onclick="x()"')), "unknown_attribute", "Choices", "onclick"),
        (
            around(choices(extra='PerRegion="true"')),
            "unsupported_attribute",
            "Choices",
            "PerRegion",
        ),
        (
            around(AREA + "<View visibleWhen='choice-selected'/>"),
            "unsupported_attribute",
            "View",
            "visibleWhen",
        ),
        (around(choices(extra='value="$list"')), "unsupported_attribute", "Choices", "value"),
        (
            around(choices(extra='required="true" REQUIRED="false"')),
            "duplicate_attribute",
            "Choices",
            "REQUIRED",
        ),
        (around('<TextArea toName="t"/>'), "missing_attribute", "TextArea", "name"),
        (around('<TextArea name="a"/>'), "missing_attribute", "TextArea", "toName"),
        (around('<TextArea name=" " toName="t"/>'), "missing_attribute", "TextArea", "name"),
        (around(AREA, '<Text name="t"/>'), "missing_attribute", "Text", "value"),
        (around(AREA, TEXT + '<Text value="$x"/>'), "missing_attribute", "Text", "name"),
        (around(AREA + '<Image name="i"/>'), "missing_attribute", "Image", "value"),
        (around(AREA + "<Header/>"), "missing_attribute", "Header", "value"),
        (around(choices("<Choice/>")), "missing_attribute", "Choice", "value"),
        (around(choices(extra='choice="banana"')), "bad_value", "Choices", "choice"),
        (around(choices(extra='layout="grid"')), "bad_value", "Choices", "layout"),
        (around(choices(extra='required="maybe"')), "bad_value", "Choices", "required"),
        (
            around('<Rating name="r" toName="t" maxRating="-3"/>'),
            "bad_value",
            "Rating",
            "maxRating",
        ),
        (
            around('<Rating name="r" toName="t" maxRating="99"/>'),
            "bad_value",
            "Rating",
            "maxRating",
        ),
        (around('<Rating name="r" toName="t" maxRating="٥"/>'), "bad_value", "Rating", "maxRating"),
        (around('<Rating name="r" toName="t" icon="cow"/>'), "bad_value", "Rating", "icon"),
        (
            around('<TextArea name="a" toName="t" maxSubmissions="3"/>'),
            "bad_value",
            "TextArea",
            "maxSubmissions",
        ),
        (around('<Number name="n" toName="t" min="1e3"/>'), "bad_value", "Number", "min"),
        (around('<Number name="n" toName="t" max="NaN"/>'), "bad_value", "Number", "max"),
        (around(f'<TextArea name="{"a" * 101}" toName="t"/>'), "bad_value", "TextArea", "name"),
        (around('<TextArea name="a " toName="t"/>'), "bad_value", "TextArea", "name"),
        (around('<TextArea name="a&#9;b" toName="t"/>'), "bad_value", "TextArea", "name"),
        (around('<TextArea name="10" toName="t"/>'), "bad_value", "TextArea", "name"),
        (
            around(AREA, '<Text name="t" value="$a" valueType="url"/>'),
            "bad_value",
            "Text",
            "valueType",
        ),
        (around(choices('<Choice value="x" hotkey="a b"/>')), "bad_value", "Choice", "hotkey"),
        (
            around(choices('<Choice value="x" hotkey="Ctrl+Enter"/>')),
            "bad_value",
            "Choice",
            "hotkey",
        ),
        (
            around(
                choices('<Choice value="x" selected="true"/><Choice value="y" selected="true"/>')
            ),
            "bad_value",
            "Choices",
            "selected",
        ),
        (around(choices('<Choice value="$x"/>')), "unsupported_value", "Choice", "value"),
        (around(AREA, '<Text name="t" value="$a.b"/>'), "unsupported_value", "Text", "value"),
        (around(AREA, '<Text name="t" value="$a[0]"/>'), "unsupported_value", "Text", "value"),
        (around(AREA + '<Image name="i" value="http://x/y"/>'), "not_a_variable", "Image", "value"),
        (around(AREA + '<Image name="i" value="$a $b"/>'), "not_a_variable", "Image", "value"),
        (around(choices("")), "no_choices", "Choices", "c"),
        (
            around(choices('<Choice value="x"/><Choice value="x"/>')),
            "duplicate_choice",
            "Choice",
            "x",
        ),
        (
            around(choices('<Choice value="x"/><Choice value="y" alias="x"/>')),
            "duplicate_choice",
            "Choice",
            "y",
        ),
        (
            around(choices('<Choice value="x" alias="1"/><Choice value="x" alias="2"/>')),
            "duplicate_choice",
            "Choice",
            "x",
        ),
        (
            around(choices('<Choice value="x" hotkey="a"/><Choice value="y" hotkey="A"/>')),
            "duplicate_hotkey",
            "Choice",
            "a",
        ),
        (around(AREA + AREA), "duplicate_name", "TextArea", "a"),
        (around('<TextArea name="t" toName="t"/>'), "duplicate_name", "TextArea", "t"),
        (around('<TextArea name="a" toName="x"/>'), "unknown_to_name", "TextArea", "x"),
        (around(AREA + '<TextArea name="b" toName="a"/>'), "wrong_pair", "TextArea", "a"),
        (
            around('<TextArea name="a" toName="t,u"/>', TEXT + '<Text name="u" value="$u"/>'),
            "unsupported_value",
            "TextArea",
            "toName",
        ),
        (around('<Number name="n" toName="t" min="2" max="1"/>'), "bad_range", "Number", "min"),
        (around('<Number name="n" toName="t" step="0"/>'), "bad_range", "Number", "step"),
        (
            around('<Number name="n" toName="t" max="1" defaultValue="2"/>'),
            "bad_range",
            "Number",
            "defaultValue",
        ),
        (
            around('<Rating name="r" toName="t" maxRating="3" defaultValue="4"/>'),
            "bad_range",
            "Rating",
            "defaultValue",
        ),
        (around(AREA + '<Image name="i" value="$text"/>'), "variable_conflict", "Image", "text"),
        (f"<View>{TEXT}</View>", "no_control", "View", ""),
    ],
)
def test_parse_problem(xml, code, tag, name):
    (problem,) = problems_of(xml)

    assert (problem.code, problem.tag, problem.name) == (code, tag, name)
    assert problem.line == 1
    assert len(str(problem.message)) > 20


def test_parse_without_object():
    assert codes(problems_of(f"<View>{AREA}</View>")) == ["unknown_to_name", "no_object"]


def test_parse_empty_view():
    assert codes(problems_of("<View/>")) == ["no_object", "no_control"]


@pytest.mark.parametrize(
    ("xml", "hint"),
    [
        (around(AREA + "<Choises/>"), "Did you mean Choices?"),
        (around('<TextArea name="a" toNme="t" toName="t"/>'), "Did you mean toName?"),
        (around('<TextArea name="a" toName="T"/>'), "Did you mean t?"),
        (around('<Number name="a" toName="t" xyz="1"/>'), "There are: name, toName, required"),
    ],
)
def test_parse_suggests(xml, hint):
    (problem,) = problems_of(xml)

    assert hint in str(problem.message)


def test_parse_lists_everything_at_once_with_lines():
    xml = """<View>
      <Txt/>
      <Text name="t" value="$text" colour="red"/>
      <Choices name="c" toName="nothing" choice="many" perRegion="true">
        <Choice value="x" hotkey="1"/>
        <Choice value="x" hotkey="1"/>
        <p>paragraph</p>
      </Choices>
      <Rating name="c" toName="t" maxRating="0"/>
      stray
    </View>"""

    found = [(problem.line, problem.code) for problem in problems_of(xml)]

    assert found == [
        (1, "stray_text"),
        (2, "unknown_tag"),
        (3, "unknown_attribute"),
        (4, "unsupported_attribute"),
        (4, "bad_value"),
        (4, "unknown_to_name"),
        (6, "duplicate_choice"),
        (6, "duplicate_hotkey"),
        (7, "html_tag"),
        (9, "bad_value"),
        (9, "duplicate_name"),
    ]


def test_parse_stops_listing_at_the_limit():
    attributes = " ".join(f'a{number}="1"' for number in range(2_000))

    problems = problems_of(around(f'<TextArea name="a" toName="t" {attributes}/>'))

    assert len(problems) == parsing.MAX_PROBLEMS + 1
    assert codes(problems)[-1] == "too_many_problems"


def test_parse_refused_tag_is_not_blamed_twice():
    xml = '<View><Audio name="s" value="$s"/><Choices name="c" toName="s">' + TWO

    assert codes(problems_of(xml + "</Choices></View>")) == ["unsupported_tag"]


def test_parse_namespaces_are_no_way_around():
    assert codes(problems_of('<View xmlns="http://www.w3.org/1999/xhtml"/>')) == [
        "unknown_tag",
        "root_not_view",
    ]


def test_parse_reads_attribute_names_without_regard_to_case():
    interface = parse(
        around('<Choices NAME="c" toname="t" showinline="TRUE">' + TWO + "</Choices>")
    )

    assert "fc-inline" in render(interface)


def test_parse_accepts_looks_and_what_is_switched_off():
    parse(
        around(
            choices(extra='style="x" className="y" perRegion="false" selection="checkbox"'),
            '<Text name="t" value="$a" granularity="word" highlightColor="red"/>'
            '<Image name="i" value="$b" zoom="true" maxWidth="9px"/>',
        )
    )


def test_parse_text_may_mix_words_and_variables():
    interface = parse(around(AREA, '<Text name="t" value="$a costs $5, says $b_1."/>'))

    assert interface.variables == {"a": "text", "b_1": "text"}


def test_interface_error_is_a_refusal_of_the_api():
    with pytest.raises(DomainError) as caught:
        parse("<View>\n<Txt/></View>")

    (flaw,) = caught.value.flaws
    assert flaw.as_dict() == {
        "code": "unknown_tag",
        "detail": "There is no tag <Txt>. Did you mean Text?",
        "line": 2,
    }


def test_problem_is_translated_when_it_is_read():
    (problem,) = problems_of(around('<Choices name="c" toName="t"/>'))

    assert isinstance(problem.message, Promise)


@patient
@given(st.text(max_size=200))
def test_parse_any_text_is_refused_in_words(text):
    with pytest.raises(InterfaceError):
        parse(text)


PIECES = st.lists(
    st.sampled_from(
        ["<View>", "</View>", TEXT, AREA, "<Choices>", "</Choices>", TWO, "<Header>", "</Header>"]
        + ["&amp;", "<!-- -->", "<![CDATA[", "]]>", "<?x y?>", "<!DOCTYPE View>", "a", "\n", "<b/>"]
    ),
    max_size=12,
)


@patient
@given(PIECES)
def test_parse_any_pieces_end_in_an_interface_or_a_refusal(pieces):
    try:
        interface = parse("<View>" + "".join(pieces) + "</View>")
    except InterfaceError as error:
        problems = error.problems
    else:
        problems = []
        assert interface.controls
    assert all(str(problem.message) for problem in problems)
