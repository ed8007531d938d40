"""Which results can be an answer, and which answers are equal."""

import json
import math

import jsonschema  # type: ignore[import-untyped]
import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from tasks.interfaces import json_values
from tasks.interfaces.interface import MAX_PROBLEMS
from tasks.interfaces.parse import parse
from tasks.interfaces.tags.text_area import MAX_TEXT
from tests.tasks.interfaces.samples import FULL, PAYLOAD, codes, item, one, patient, posted

INTERFACE = parse(FULL)
MOOD = item("mood", "choices", {"choices": ["Glad"]}, "text")

CHOICES = '<Choice value="x"/><Choice value="y" alias="Y"/>'
SINGLE = one(f'<Choices name="c" toName="t">{CHOICES}</Choices>')
MULTIPLE = one(f'<Choices name="c" toName="t" choice="multiple">{CHOICES}</Choices>')
RATING = one('<Rating name="c" toName="t"/>')
AREA = one('<TextArea name="c" toName="t"/>')
NUMBER = one('<Number name="c" toName="t" min="-1" max="10" step="0.1"/>')
FREE_NUMBER = one('<Number name="c" toName="t"/>')


def check(interface, value):
    kind = next(iter(interface.controls.values())).result_type
    return codes(interface.check_result([item("c", kind, value)], {}))


def test_check_result_accepts_what_the_form_gives():
    answer = INTERFACE.read_form(
        QueryDict(
            "f-mood=-1&f-topics=%3Cb%3E&f-topics=Love+%26+war&f-place=&f-rating=7"
            "&f-words=one%0D%0Atwo&f-count=0.5"
        )
    )

    assert INTERFACE.check_result(answer, PAYLOAD) == []
    assert [(entry["from_name"], entry["type"], entry["value"]) for entry in answer] == [
        ("mood", "choices", {"choices": ["-1"]}),
        ("topics", "choices", {"choices": ["<b>", "Love & war"]}),
        ("rating", "rating", {"rating": 7}),
        ("words", "textarea", {"text": ["one\ntwo"]}),
        ("count", "number", {"number": 0.5}),
    ]
    assert answer[0]["to_name"] == "text"


def test_read_form_gives_the_same_ids_every_time():
    form = QueryDict("f-mood=Glad&f-rating=1&csrfmiddlewaretoken=x&f-unknown=1")

    assert INTERFACE.read_form(form) == INTERFACE.read_form(form)
    assert len({entry["id"] for entry in INTERFACE.read_form(form)}) == 2


def test_read_form_empty_answers_nothing():
    form = QueryDict("f-mood=&f-place=&f-rating=&f-words=+%0D%0A&f-count=")

    assert INTERFACE.read_form(form) == []


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, ["not_a_list"]),
        ({}, ["not_a_list"]),
        ("[]", ["not_a_list"]),
        ([], ["required"]),
        ([None], ["bad_item", "required"]),
        ([{}], ["bad_item", "required"]),
        ([MOOD, 5], ["bad_item"]),
        ([MOOD | {"origin": "manual"}], ["bad_item", "required"]),
        ([{key: value for key, value in MOOD.items() if key != "id"}], ["bad_item", "required"]),
        ([MOOD | {"from_name": "nobody"}], ["unknown_name", "required"]),
        ([MOOD | {"from_name": ["mood"]}], ["unknown_name", "required"]),
        ([MOOD | {"from_name": "text"}], ["unknown_name", "required"]),
        ([MOOD | {"to_name": "photo"}], ["wrong_to_name"]),
        ([MOOD | {"to_name": {}}], ["wrong_to_name"]),
        ([MOOD | {"type": "rating"}], ["wrong_item_type"]),
        ([MOOD | {"id": ""}], ["bad_id"]),
        ([MOOD | {"id": 7}], ["bad_id"]),
        ([MOOD | {"id": "a" * 65}], ["bad_id"]),
        ([MOOD | {"value": ["Glad"]}], ["wrong_type"]),
        ([MOOD | {"value": {}}], ["bad_value_keys"]),
        ([MOOD | {"value": {"choices": ["Glad"], "more": 1}}], ["bad_value_keys"]),
        ([MOOD | {"value": {"rating": 1}}], ["bad_value_keys"]),
        ([MOOD, MOOD | {"id": "y"}], ["duplicate_answer"]),
        ([MOOD | {"id": "\0"}], ["bad_character"]),
        ([MOOD | {"\udc00": 1}], ["bad_character"]),
        ([math.nan], ["bad_number"]),
        ([10**100], ["bad_number"]),
        ([object()], ["not_json"]),
        ([[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]]], ["too_deep"]),
        ([0] * (json_values.MAX_VALUES + 1), ["too_large"]),
        ([MOOD, "é" * (json_values.MAX_BYTES // 2 + 1)], ["too_large"]),
    ],
)
def test_check_result_form(result, expected):
    assert codes(INTERFACE.check_result(result, PAYLOAD)) == expected


@pytest.mark.parametrize(
    ("interface", "value", "expected"),
    [
        (SINGLE, {"choices": ["x"]}, []),
        (SINGLE, {"choices": ["Y"]}, []),
        (SINGLE, {"choices": ["y"]}, ["unknown_choice"]),
        (SINGLE, {"choices": ["x", "Y"]}, ["too_many_values"]),
        (SINGLE, {"choices": []}, ["empty_value"]),
        (SINGLE, {"choices": "x"}, ["wrong_type"]),
        (SINGLE, {"choices": None}, ["wrong_type"]),
        (SINGLE, {"choices": [["x"]]}, ["wrong_type"]),
        (SINGLE, {"choices": {"x": 1}}, ["wrong_type"]),
        (MULTIPLE, {"choices": ["Y", "x"]}, []),
        (MULTIPLE, {"choices": ["x", "x"]}, ["duplicate_value"]),
        (MULTIPLE, {"choices": ["x", "q", "q"]}, ["unknown_choice", "duplicate_value"]),
        (RATING, {"rating": 1}, []),
        (RATING, {"rating": 5}, []),
        (RATING, {"rating": 0}, ["out_of_range"]),
        (RATING, {"rating": 6}, ["out_of_range"]),
        (RATING, {"rating": 2.5}, ["wrong_type"]),
        (RATING, {"rating": True}, ["wrong_type"]),
        (RATING, {"rating": "3"}, ["wrong_type"]),
        (RATING, {"rating": [3]}, ["wrong_type"]),
        (AREA, {"text": ["سلام <b>"]}, []),
        (AREA, {"text": []}, ["empty_value"]),
        (AREA, {"text": [" \n"]}, ["empty_value"]),
        (AREA, {"text": ["a", "b"]}, ["too_many_values"]),
        (AREA, {"text": "a"}, ["wrong_type"]),
        (AREA, {"text": [1]}, ["wrong_type"]),
        (AREA, {"text": ["a" * MAX_TEXT]}, []),
        (AREA, {"text": ["a" * (MAX_TEXT + 1)]}, ["text_too_long"]),
        (NUMBER, {"number": -1}, []),
        (NUMBER, {"number": 0.3}, []),
        (NUMBER, {"number": 10.0}, []),
        (NUMBER, {"number": 0.35}, ["not_a_step"]),
        (NUMBER, {"number": 10.1}, ["out_of_range"]),
        (NUMBER, {"number": -2}, ["out_of_range"]),
        (NUMBER, {"number": False}, ["wrong_type"]),
        (NUMBER, {"number": "1"}, ["wrong_type"]),
        (NUMBER, {"number": None}, ["wrong_type"]),
        (FREE_NUMBER, {"number": 1e-300}, []),
        (FREE_NUMBER, {"number": 1e300}, ["out_of_range"]),
        (FREE_NUMBER, {"number": 10**15}, ["out_of_range"]),
    ],
)
def test_check_result_value(interface, value, expected):
    assert check(interface, value) == expected


def test_check_result_required_says_what_the_client_wrote():
    interface = one('<TextArea name="a" toName="t" required="true" requiredMessage="Say why."/>')

    (problem,) = interface.check_result([], {})

    assert (problem.code, problem.name, problem.message) == ("required", "a", "Say why.")


def test_check_result_lists_everything():
    result = [
        item("rating", "rating", {"rating": 9}, "photo"),
        item("words", "textarea", {"text": []}, "text"),
        item("count", "number", {"number": 0.3}, "photo"),
    ]

    problems = INTERFACE.check_result(result, PAYLOAD)

    assert [(problem.name, problem.code) for problem in problems] == [
        ("mood", "required"),
        ("rating", "out_of_range"),
        ("words", "empty_value"),
        ("count", "not_a_step"),
    ]


def test_check_result_stops_listing_at_the_limit():
    assert len(INTERFACE.check_result([0] * 15_000, PAYLOAD)) == MAX_PROBLEMS


def test_check_result_size_counts_the_json():
    # Short as values, long as JSON: every quotation mark is written as two characters.
    quotes = ['"' * 20_000] * 8

    assert codes(INTERFACE.check_result([MOOD, *quotes], PAYLOAD)) == ["too_large"]


@pytest.mark.parametrize("typed", ["abc", "1,5", "0x1", "1_0", "NaN", "inf", "1e999", "9" * 400])
def test_read_form_keeps_what_is_no_number(typed):
    answer = FREE_NUMBER.read_form(posted(c=typed))

    assert answer[0]["value"] == {"number": typed}
    assert codes(FREE_NUMBER.check_result(answer, {})) == ["wrong_type"]


@pytest.mark.parametrize(
    ("typed", "number"),
    [(" 7 ", 7), ("-0", 0), ("+1.50", 1.5), (".5", 0.5), ("2.", 2), ("1e3", 1000)],
)
def test_read_form_number(typed, number):
    assert FREE_NUMBER.read_form(posted(c=typed))[0]["value"] == {"number": number}


@pytest.mark.parametrize(
    ("interface", "query", "expected"),
    [
        (SINGLE, "f-c=x&f-c=Y", ["too_many_values"]),
        (SINGLE, "f-c=forged", ["unknown_choice"]),
        (RATING, "f-c=6", ["out_of_range"]),
        (RATING, "f-c=3.0", ["wrong_type"]),
        (RATING, "f-c=%D9%A3", ["wrong_type"]),
        (RATING, "f-c=1&f-c=2", ["wrong_type"]),
        (AREA, "f-c=a&f-c=b", ["too_many_values"]),
        (AREA, "f-c=a%00b", ["bad_character"]),
        (NUMBER, "f-c=1&f-c=2", ["wrong_type"]),
    ],
)
def test_check_result_of_forged_forms(interface, query, expected):
    assert codes(interface.check_result(interface.read_form(QueryDict(query)), {})) == expected


@pytest.mark.parametrize(
    ("interface", "one_value", "same_value"),
    [
        (MULTIPLE, {"choices": ["x", "Y"]}, {"choices": ["Y", "x"]}),
        (NUMBER, {"number": 1}, {"number": 1.0}),
        (NUMBER, {"number": 0}, {"number": -0.0}),
        (AREA, {"text": ["caf\u00e9 "]}, {"text": ["cafe\u0301"]}),
        (AREA, {"text": ["a\r\nb\n"]}, {"text": ["a\nb"]}),
    ],
)
def test_canonical_equal_answers(interface, one_value, same_value):
    kind = interface.controls["c"].result_type
    answers = [[item("c", kind, value) | {"id": str(value)}] for value in (one_value, same_value)]

    assert interface.canonical(answers[0]) == interface.canonical(answers[1])


def test_canonical_does_not_depend_on_the_order_of_items():
    answer = INTERFACE.read_form(QueryDict("f-mood=Glad&f-rating=3&f-count=2"))

    assert INTERFACE.canonical(answer) == INTERFACE.canonical(answer[::-1])
    assert json.loads(INTERFACE.canonical(answer)) == {"mood": ["Glad"], "rating": 3, "count": 2}


@pytest.mark.parametrize(
    ("interface", "one_value", "other_value"),
    [
        (SINGLE, {"choices": ["x"]}, {"choices": ["Y"]}),
        (RATING, {"rating": 1}, {"rating": 2}),
        (NUMBER, {"number": 0.1}, {"number": 0.2}),
        (AREA, {"text": ["a b"]}, {"text": ["ab"]}),
        (AREA, {"text": ["a"]}, {"text": ["A"]}),
    ],
)
def test_canonical_different_answers(interface, one_value, other_value):
    kind = interface.controls["c"].result_type
    first, second = (interface.canonical([item("c", kind, v)]) for v in (one_value, other_value))

    assert first != second


def test_result_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(INTERFACE.result_schema())
    json.dumps(INTERFACE.result_schema())


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=15,
)
WORDS = st.sampled_from(["Glad", "-1", "Indoors", "سلام", "<b>", "Nowhere"])
VALUES = st.dictionaries(
    st.sampled_from(["choices", "rating", "text", "number"]),
    st.lists(WORDS, max_size=2) | st.integers(-2, 12) | st.sampled_from([0.5, 0.1, 2.0]) | JSON,
    min_size=1,
    max_size=2,
)
NAMES = st.sampled_from([*INTERFACE.controls, *INTERFACE.objects, "nobody"])
TYPES = st.sampled_from(["choices", "rating", "textarea", "number"])
ITEMS = st.fixed_dictionaries(
    {
        "id": st.just("a") | JSON,
        "from_name": NAMES | JSON,
        "to_name": st.sampled_from(["text", "photo"]) | JSON,
        "type": TYPES | JSON,
        "value": VALUES | JSON,
    }
)


@patient
@given(JSON | st.lists(ITEMS | JSON, max_size=4))
def test_check_result_never_raises(result):
    for problem in INTERFACE.check_result(result, PAYLOAD):
        assert str(problem.message)


RIGHT_VALUES = {
    "mood": st.lists(st.sampled_from(["Glad", "-1"]), max_size=2).map(lambda v: {"choices": v}),
    "topics": st.lists(WORDS, max_size=3).map(lambda v: {"choices": v}),
    "place": st.lists(WORDS, max_size=1).map(lambda v: {"choices": v}),
    "rating": st.integers(0, 8).map(lambda v: {"rating": v}),
    "words": st.lists(st.text(max_size=5), max_size=2).map(lambda v: {"text": v}),
    "count": (st.integers(-2, 11) | st.floats(-2, 11)).map(lambda v: {"number": v}),
}
NEARLY_RIGHT = st.fixed_dictionaries({}, optional=RIGHT_VALUES)


@patient
@given(NEARLY_RIGHT)
def test_check_result_accepts_only_what_the_schema_does(values):
    result = [
        item(name, control.result_type, values[name], control.to_name)
        for name, control in INTERFACE.controls.items()
        if name in values
    ]

    if not INTERFACE.check_result(result, PAYLOAD):
        jsonschema.validate(result, INTERFACE.result_schema())
        assert json.loads(INTERFACE.canonical(result)).keys() == values.keys()
