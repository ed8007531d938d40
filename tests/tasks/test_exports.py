"""Paid answers as files, without a database: what a line, a cell, a task looks like."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tasks.interfaces.parse import parse
from tasks.selectors import exports
from tasks.selectors.answers import Result

XML = """<View>
  <Text name="t" value="$text"/>
  <Choices name="one" toName="t" choice="single"><Choice value="a"/><Choice value="b"/></Choices>
  <Choices name="some" toName="t" choice="multiple"><Choice value="a"/><Choice value="b"/></Choices>
  <TextArea name="why" toName="t"/>
  <Rating name="stars" toName="t"/>
</View>"""
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def item(name: str, kind: str, **value: Any) -> dict[str, Any]:
    return {"id": name, "from_name": name, "to_name": "t", "type": kind, "value": value}


def result(number: int = 1, *, external_id: str = "t1", **changes: Any) -> Result:
    values: dict[str, Any] = {
        "cursor": f"7-{number}",
        "assignment_id": number,
        "external_id": external_id,
        "payload": {"text": "Hello"},
        "content": [item("one", "choices", choices=["a"])],
        "worker": "w_x",
        "submitted_at": AT,
        "approved_at": AT,
        "approved_by_clock": False,
        "active_seconds": 12,
    }
    values |= changes
    for name in ("payload", "content"):
        values[f"{name}_json"] = json.dumps(values.pop(name), ensure_ascii=False)
    return Result(**values)


def table(*results: Result) -> list[dict[str, str]]:
    text = "".join(exports.csv_rows(results, parse(XML)))
    return list(csv.DictReader(io.StringIO(text)))


def test_a_line_of_json_holds_everything_about_one_answer() -> None:
    [line] = "".join(exports.jsonl([result(approved_by_clock=True)])).splitlines()
    assert json.loads(line) == {
        "cursor": "7-1",
        "assignment": 1,
        "external_id": "t1",
        "payload": {"text": "Hello"},
        "answer": [item("one", "choices", choices=["a"])],
        "worker": "w_x",
        "submitted_at": "2026-03-02T09:00:00Z",
        "approved_at": "2026-03-02T09:00:00Z",
        "approved_by": "clock",
        "active_seconds": 12,
    }


def test_line_breaks_of_an_answer_stay_inside_its_line() -> None:
    text = "two\nlines\u2028and more"
    lines = "".join(exports.jsonl([result(payload={"text": text})])).split("\n")
    assert json.loads(lines[0])["payload"]["text"] == text
    assert lines[1:] == [""]


def test_csv_has_a_column_for_each_value_of_the_task_and_each_question() -> None:
    content = [
        item("one", "choices", choices=["b"]),
        item("some", "choices", choices=["a"]),
        item("why", "textarea", text=["Because,\n“so”."]),
        item("stars", "rating", rating=4),
    ]
    [row] = table(result(content=content))
    assert row["data.text"] == "Hello"
    assert row["answer.one"] == "b"
    assert row["answer.some"] == '["a"]'
    assert row["answer.why"] == "Because,\n“so”."
    assert row["answer.stars"] == "4"
    assert row["approved_by"] == "client"


def test_csv_leaves_unanswered_questions_and_missing_values_empty() -> None:
    [row] = table(result(payload={}, content=[]))
    assert row["data.text"] == row["answer.one"] == row["answer.stars"] == ""


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1+1", "'+1+1"),
        ("-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("＝1", "'＝1"),
        ("-5", "-5"),
        ("+3.25", "+3.25"),
        ("plain", "plain"),
    ],
)
def test_csv_never_begins_a_cell_with_a_formula(text: str, cell: str) -> None:
    [row] = table(result(payload={"text": text}, external_id=text))
    assert row["data.text"] == cell
    assert row["external_id"] == cell


def test_label_studio_gets_one_task_for_neighbouring_answers_to_it() -> None:
    found = [result(1), result(2), result(3, external_id="t2")]
    tasks = json.loads("".join(exports.labelstudio(found)))
    assert [task["data"]["external_id"] for task in tasks] == ["t1", "t2"]
    assert [one["id"] for one in tasks[0]["annotations"]] == [1, 2]
    first = tasks[0]["annotations"][0]
    assert first["result"] == [item("one", "choices", choices=["a"])]
    assert first["ground_truth"] is False


@pytest.mark.parametrize("wanted", ["jsonl", "csv", "labelstudio"])
def test_nothing_paid_is_a_valid_file_all_the_same(wanted: str) -> None:
    text = "".join(exports.FORMATS[wanted].write([], parse(XML)))
    assert (json.loads(text) if wanted == "labelstudio" else table()) == []


def test_files_are_written_while_they_are_read() -> None:
    taken = 0

    def many() -> Iterator[Result]:
        nonlocal taken
        while True:
            taken += 1
            yield result(taken)

    next(exports.jsonl(many()))
    assert taken < 1_000
