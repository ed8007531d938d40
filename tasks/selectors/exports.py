"""Paid answers as files: JSON lines, CSV, Label Studio JSON. Streamed; pages and API use the same.

What goes in comes from `tasks.selectors.answers`, so that nothing but paid answers can be written.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, groupby
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import Client
from core.errors import Invalid, Text
from tasks.interfaces.interface import Interface
from tasks.interfaces.nodes import ControlTag
from tasks.interfaces.parse import parse_cached
from tasks.models import Batch
from tasks.selectors import answers
from tasks.selectors.answers import Result

# Characters a chunk of the answer has at least, the last one apart.
CHUNK = 32_768
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def jsonl(results: Iterable[Result]) -> Iterator[str]:
    """One JSON object a line. `cursor` of the last line is the `after` of the next request."""
    return _chunks(map(_line, results))


def _line(result: Result) -> str:
    """Spliced together, because what was stored as JSON is JSON already."""
    return (
        f'{{"cursor":"{result.cursor}","assignment":{result.assignment_id},'
        f'"external_id":{_dumped(result.external_id)},"payload":{result.payload_json},'
        f'"answer":{result.content_json},"worker":"{result.worker}",'
        f'"submitted_at":"{_time(result.submitted_at)}",'
        f'"approved_at":"{_time(result.approved_at)}","approved_by":"{_approver(result)}",'
        f'"active_seconds":{result.active_seconds}}}\n'
    )


def csv_rows(results: Iterable[Result], interface: Interface) -> Iterator[str]:
    """A head and a line for each answer: `data.…` of the task, `answer.…` of each control.

    Cells that a spreadsheet would run as a formula begin with an apostrophe.
    """
    head = [
        "external_id",
        *(f"data.{name}" for name in interface.variables),
        *(f"answer.{name}" for name in interface.controls),
        *("worker", "submitted_at", "approved_at", "approved_by", "active_seconds"),
        *("assignment", "cursor"),
    ]
    return csv_table(head, (_csv_cells(result, interface) for result in results))


def csv_table(head: list[str], lines: Iterable[list[Any]]) -> Iterator[str]:
    """CSV that no spreadsheet takes for formulas."""
    return _chunks(_csv_line(cells) for cells in chain([head], lines))


def labelstudio(results: Iterable[Result]) -> Iterator[str]:
    """One JSON array of tasks with annotations, as Label Studio exports and imports it.

    Neighbouring results of the same task become annotations of one task.
    """
    return _chunks(_labelstudio(results))


def _labelstudio(results: Iterable[Result]) -> Iterator[str]:
    before = "[\n"
    for external_id, found in groupby(results, key=lambda result: result.external_id):
        of_task = list(found)
        task = {
            "data": of_task[0].payload | {"external_id": external_id},
            "annotations": [_annotation(result) for result in of_task],
        }
        yield before + _dumped(task)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _annotation(result: Result) -> dict[str, Any]:
    return {
        "id": result.assignment_id,
        "result": result.content,
        "lead_time": result.active_seconds,
        "created_at": _time(result.submitted_at),
        # Label Studio takes imported annotations for ground truth unless told otherwise.
        "ground_truth": False,
        "was_cancelled": False,
        "worker": result.worker,
    }


def _csv_cells(result: Result, interface: Interface) -> list[Any]:
    values: dict[str, list[dict[str, Any]]] = {}
    for item in result.content:
        values.setdefault(item["from_name"], []).append(item["value"])
    payload = result.payload
    return [
        result.external_id,
        *(payload.get(name, "") for name in interface.variables),
        *(
            _csv_answer(control, values.get(name, []))
            for name, control in interface.controls.items()
        ),
        result.worker,
        _time(result.submitted_at),
        _time(result.approved_at),
        _approver(result),
        result.active_seconds,
        result.assignment_id,
        result.cursor,
    ]


def _csv_answer(control: ControlTag, values: list[dict[str, Any]]) -> Any:
    """The answer to one question: plain where only one can be given, else JSON."""
    if not values:
        return ""
    if len(values) > 1 or len(values[0]) != 1:
        return _dumped(values)
    (value,) = values[0].values()
    if not isinstance(value, list):
        return value
    return _dumped(value) if getattr(control, "multiple", False) else "\n".join(map(str, value))


def _csv_line(cells: list[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_harmless(cell) for cell in cells])
    return line.getvalue()


def _harmless(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; numbers stay as they are."""
    if isinstance(cell, str) and cell.startswith(FORMULA) and not NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def _approver(result: Result) -> str:
    return "clock" if result.approved_by_clock else "client"


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


# Made once: `json.dumps` would make one for each value.
_dumped = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _chunks(lines: Iterable[str]) -> Iterator[str]:
    """The same text in fewer pieces: each piece of an answer costs a round through the server."""
    waiting: list[str] = []
    size = 0
    for line in lines:
        waiting.append(line)
        size += len(line)
        if size >= CHUNK:
            yield "".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield "".join(waiting)


@dataclass(frozen=True)
class Format:
    """A kind of file that results can be had in."""

    name: str
    label: Text
    content_type: str
    ending: str
    write: Callable[[Iterable[Result], Interface], Iterator[str]]
    by_task: bool = False

    def stream(self, *, batch: Batch, client: Client, after: str) -> Iterator[str]:
        """The file, in chunks. Raises Invalid where `after` is no cursor or has no meaning."""
        if self.by_task and after:
            raise Invalid(
                _("This format puts all answers of a task together: it has no “after”."),
                field="after",
            )
        found = (
            answers.results_by_task(batch=batch, client=client)
            if self.by_task
            else answers.results(batch=batch, client=client, after=after)
        )
        return self.write(found, parse_cached(batch.interface))


FORMATS = {
    one.name: one
    for one in (
        Format(
            "jsonl",
            _("JSON lines"),
            "application/x-ndjson",
            "jsonl",
            lambda results, interface: jsonl(results),
        ),
        Format("csv", _("CSV"), "text/csv; charset=utf-8", "csv", csv_rows),
        Format(
            "labelstudio",
            _("Label Studio JSON"),
            "application/json",
            "json",
            lambda results, interface: labelstudio(results),
            by_task=True,
        ),
    )
}
