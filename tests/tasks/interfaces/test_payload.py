"""Which payloads can be a task."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.interfaces import json_values
from tasks.interfaces.parse import parse
from tasks.interfaces.variables import media_id
from tests.tasks.interfaces.samples import FULL, MEDIA, PAYLOAD, around, codes, patient

INTERFACE = parse(FULL)


@pytest.mark.parametrize(
    "payload",
    [
        PAYLOAD,
        PAYLOAD | {"text": ""},
        PAYLOAD | {"text": 7},
        PAYLOAD | {"text": 0.5},
        PAYLOAD | {"text": "سلام 😀 <script>"},
        PAYLOAD | {"other": {"nested": [None, True]}},
    ],
)
def test_check_payload_accepts(payload):
    assert INTERFACE.check_payload(payload) == []


@pytest.mark.parametrize(
    ("payload", "code", "name"),
    [
        (None, "not_an_object", ""),
        ([], "not_an_object", ""),
        ("text", "not_an_object", ""),
        ({"photo": MEDIA}, "missing_variable", "text"),
        ({"Text": "x", "photo": MEDIA}, "missing_variable", "text"),
        (PAYLOAD | {"text": None}, "wrong_type", "text"),
        (PAYLOAD | {"text": True}, "wrong_type", "text"),
        (PAYLOAD | {"text": ["a"]}, "wrong_type", "text"),
        (PAYLOAD | {"photo": 5}, "wrong_type", "photo"),
        (PAYLOAD | {"photo": "https://example.org/cat.jpg"}, "image_not_stored", "photo"),
        (PAYLOAD | {"photo": "http://localhost/"}, "image_not_stored", "photo"),
        (PAYLOAD | {"photo": "javascript:alert(1)"}, "image_not_stored", "photo"),
        (PAYLOAD | {"photo": "data:image/png;base64,AA=="}, "image_not_stored", "photo"),
        (PAYLOAD | {"photo": "/media/1.png"}, "image_not_stored", "photo"),
        (PAYLOAD | {"photo": "media:../../etc/passwd"}, "image_not_stored", "photo"),
        (PAYLOAD | {"photo": MEDIA + "\n"}, "image_not_stored", "photo"),
        (PAYLOAD | {"photo": MEDIA.upper()}, "image_not_stored", "photo"),
        (PAYLOAD | {"photo": ""}, "image_not_stored", "photo"),
        (PAYLOAD | {"text": "a\0b"}, "bad_character", ""),
        (PAYLOAD | {"text": "\ud800"}, "bad_character", ""),
        (PAYLOAD | {"other": {"deep": ["\0"]}}, "bad_character", ""),
        (PAYLOAD | {"\0": 1}, "bad_character", ""),
        (PAYLOAD | {"other": math.nan}, "bad_number", ""),
        (PAYLOAD | {"other": -math.inf}, "bad_number", ""),
        (PAYLOAD | {"other": 10**5_000}, "bad_number", ""),
        (PAYLOAD | {"other": {1: 2}}, "not_json", ""),
        (PAYLOAD | {"other": b"bytes"}, "not_json", ""),
        (PAYLOAD | {"other": [0] * json_values.MAX_VALUES}, "too_large", ""),
        (PAYLOAD | {"text": "a" * (json_values.MAX_BYTES + 1), "z": [1]}, "too_large", ""),
    ],
)
def test_check_payload_refuses(payload, code, name):
    (problem,) = INTERFACE.check_payload(payload)

    assert (problem.code, problem.name) == (code, name)
    assert problem.line == 0


def test_check_payload_lists_everything():
    assert codes(INTERFACE.check_payload({"photo": 1})) == ["missing_variable", "wrong_type"]


def test_check_payload_nested_too_deep():
    deep: list[object] = []
    for _level in range(5_000):
        deep = [deep]

    assert codes(INTERFACE.check_payload(PAYLOAD | {"deep": deep})) == ["too_deep"]


def test_check_payload_that_contains_itself():
    endless: list[object] = []
    endless += [endless, endless]

    assert codes(INTERFACE.check_payload(PAYLOAD | {"endless": endless})) == ["too_deep"]


def test_check_payload_of_an_interface_without_variables():
    interface = parse(around('<TextArea name="a" toName="t"/>', '<Text name="t" value="Write"/>'))

    assert interface.variables == {}
    assert interface.check_payload({}) == []


def test_check_payload_asks_for_every_variable_in_a_text():
    interface = parse(around('<TextArea name="a" toName="t" value="$guess"/>'))

    assert [p.name for p in interface.check_payload({})] == ["text", "guess"]


def test_media_id():
    assert media_id(MEDIA) == MEDIA.removeprefix("media:")
    assert media_id(None) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@patient
@given(JSON | st.dictionaries(st.sampled_from(["text", "photo"]), JSON))
def test_check_payload_never_raises(payload):
    for problem in INTERFACE.check_payload(payload):
        assert str(problem.message)
