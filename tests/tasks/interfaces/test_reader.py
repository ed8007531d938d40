"""XML that would hurt, or that is none."""

import pytest

from tasks.interfaces import reader
from tasks.interfaces.parse import parse
from tasks.interfaces.tags.layout import Header
from tests.tasks.interfaces.samples import around, codes, problems_of

CONTROL = '<TextArea name="a" toName="t"/>'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "xml",
    [
        pytest.param(
            f'<!DOCTYPE v [<!ENTITY l0 "ha">{LAUGHS}]><View>&l9;</View>', id="billion laughs"
        ),
        pytest.param(
            f'<!DOCTYPE v [<!ENTITY a "{"a" * 20_000}">]><View>{"&a;" * 9_000}</View>',
            id="quadratic",
        ),
        pytest.param(
            '<!DOCTYPE v [<!ENTITY f SYSTEM "file:///etc/passwd">]><View>&f;</View>',
            id="external entity",
        ),
        pytest.param(
            '<!DOCTYPE v [<!ENTITY % p SYSTEM "http://localhost/x.dtd">%p;]><View/>',
            id="parameter entity",
        ),
        pytest.param('<!DOCTYPE v SYSTEM "http://localhost/x.dtd"><View/>', id="external DTD"),
        pytest.param("<!DOCTYPE View><View/>", id="DTD"),
    ],
)
def test_read_refuses_document_types_and_entities(xml):
    (problem,) = problems_of(xml)

    assert problem.code == "forbidden_xml"
    assert problem.line == 1


@pytest.mark.parametrize(
    ("xml", "line"),
    [
        ("", 1),
        ("no xml", 1),
        ("<View>\n<Text></View>", 2),
        ("<View>\n\n<Text name=a/></View>", 3),
        ("<View>&nbsp;</View>", 1),
        ("<View/><View/>", 1),
        ("<View>\n<x:Text/></View>", 2),
        ('<View a="1" a="2"/>', 1),
        ("<View>\x01</View>", 1),
        ("<View>&#0;</View>", 1),
        ("<View>&#xD800;</View>", 1),
    ],
)
def test_read_malformed(xml, line):
    (problem,) = problems_of(xml)

    assert (problem.code, problem.line) == ("not_xml", line)


@pytest.mark.parametrize("bad", ["\0", "\ud800"], ids=["NUL", "half a pair"])
def test_read_what_cannot_be_stored(bad):
    (problem,) = problems_of(f"<View>\n<Header value='{bad}'/></View>")

    assert (problem.code, problem.line) == ("bad_character", 2)


def test_read_too_large_counts_bytes():
    padding = reader.MAX_BYTES - len(around(CONTROL)) - len("<!---->")

    parse(around(CONTROL) + f"<!--{'a' * padding}-->")
    (problem,) = problems_of(around(CONTROL) + f"<!--{'é' * padding}-->")

    assert problem.code == "too_large"


def test_read_too_deep():
    def nested(levels):
        return "<View>" * levels + around(CONTROL) + "</View>" * levels

    parse(nested(reader.MAX_DEPTH - 2))
    (problem,) = problems_of(nested(reader.MAX_DEPTH - 1))

    assert (problem.code, problem.tag) == ("too_deep", "Text")


def test_read_depth_of_thousands_does_not_recurse():
    assert codes(problems_of("<View>" * 9_000)) == ["too_deep"]


def test_read_too_many_elements():
    parse(around(CONTROL + "<View/>" * (reader.MAX_ELEMENTS - 3)))
    (problem,) = problems_of(around(CONTROL + "<View/>\n" * (reader.MAX_ELEMENTS - 2)))

    assert problem.code == "too_many_elements"
    assert problem.line == reader.MAX_ELEMENTS - 2


def test_read_declaration_comment_cdata_and_character_references():
    interface = parse(
        '<?xml version="1.0" encoding="latin-1"?><!-- é -->'
        + around("<Header><![CDATA[a < b]]> &#233;</Header>" + CONTROL)
    )

    header = next(tag for tag in interface.root.walk() if isinstance(tag, Header))
    assert header.value.source == "a < b é"
