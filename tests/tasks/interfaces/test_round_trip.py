"""What the form shows is what it posts: `read_form` undoes `render`."""

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from tasks.interfaces.parse import parse
from tests.tasks.interfaces.samples import FULL, PAYLOAD, Browser, one, patient, render

INTERFACE = parse(FULL)


def again(interface, answer, payload=None):
    """What a browser posts when it is shown `answer` and nothing is changed."""
    return interface.read_form(Browser(render(interface, payload, answer=answer)).form)


@pytest.mark.parametrize(
    ("control", "query"),
    [
        ('<Choices name="c" toName="t"><Choice value="a &quot;b&quot;"/></Choices>', "a+%22b%22"),
        ('<Choices name="c" toName="t" layout="select"><Choice value=" a "/></Choices>', "+a+"),
        ('<Choices name="c" toName="t" choice="single-radio"><Choice value="x"/></Choices>', "x"),
        ('<Choices name="c" toName="t"><Choice value="x" alias="א"/></Choices>', "%D7%90"),
        ('<Rating name="c" toName="t" maxRating="20"/>', "20"),
        ('<TextArea name="c" toName="t"/>', "%0D%0A%0D%0A+first+line+empty%0D%0A"),
        ('<TextArea name="c" toName="t"/>', "%26lt%3B%3C%2Ftextarea%3E"),
        ('<Number name="c" toName="t"/>', "-0.000001"),
        ('<Number name="c" toName="t"/>', "123456789012345"),
    ],
)
def test_round_trip_of_a_control(control, query):
    interface = one(control)
    answer = interface.read_form(QueryDict(f"f-c={query}"))

    assert interface.check_result(answer, {}) == []
    assert again(interface, answer, {"text": ""}) == answer


def test_round_trip_of_a_control_with_a_strange_name():
    interface = one('<TextArea name="f-&lt;&amp; ü &quot;" toName="t"/>')
    answer = interface.read_form(QueryDict("f-f-%3C%26+%C3%BC+%22=text"))

    assert len(answer) == 1
    assert again(interface, answer, {"text": ""}) == answer


WRITTEN = st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")
FORMS = st.fixed_dictionaries(
    {},
    optional={
        "f-mood": st.sampled_from(["Glad", "-1"]).map(lambda word: [word]),
        "f-topics": st.sets(st.sampled_from(["Love & war", "سلام", "<b>"]), min_size=1).map(sorted),
        "f-place": st.sampled_from(["Indoors", "Outdoors"]).map(lambda word: [word]),
        "f-rating": st.integers(1, 7).map(lambda number: [str(number)]),
        "f-words": st.text(WRITTEN, max_size=50).map(lambda text: [text]),
        "f-count": st.floats(-1, 10).map(lambda number: [repr(number)]),
    },
)


@patient
@given(FORMS)
def test_round_trip(fields):
    form = QueryDict(mutable=True)
    for name, values in fields.items():
        form.setlist(name, values)
    answer = INTERFACE.read_form(form)

    shown = again(INTERFACE, answer)

    assert len(shown) == len(answer)
    assert INTERFACE.check_result(shown, PAYLOAD) == INTERFACE.check_result(answer, PAYLOAD)
    for before, after in zip(answer, shown, strict=True):
        # The order of several choices is the form's.
        assert {**after, "value": sorted_choices(after)} == {
            **before,
            "value": sorted_choices(before),
        }


def sorted_choices(entry):
    value = entry["value"]
    return {"choices": sorted(value["choices"])} if "choices" in value else value
