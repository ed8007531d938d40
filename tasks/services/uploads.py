"""Tasks of a draft: a JSON array, NDJSON or CSV, streamed into COPY. All of a file or nothing.

Memory stays flat: rows are read one at a time off a spooled body, checked, and written as COPY
text to a spooled file that PostgreSQL then reads.
"""

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, cast

import ijson
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Member
from core import events, rules, text
from core.db import operation, rows
from core.errors import Conflict, Flaw, Invalid, RuleBroken, TooLarge, UnsupportedMedia
from tasks.interfaces import parse as interfaces
from tasks.interfaces.variables import IMAGE
from tasks.models import Batch
from tasks.services import batches

TYPES = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "text/csv": "csv",
}
ID = "external_id"
SPOOL = 4 * 1024 * 1024
BUFFER = 64 * 1024
# Made once: json.loads and json.dumps would make a new one for every row. What is encoded was read
# from JSON and checked: it has no circles, and no control characters outside of escapes.
ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
# The module's own limit is an eighth of ours; one setting for the whole process.
csv.field_size_limit(rules.MAX_ROW_BYTES)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


class BadRows(RuleBroken):
    code = "bad_rows"


class NoInterface(Conflict):
    code = "no_interface"


@dataclass
class Row:
    """One row of an upload: where it stands, and what is wrong with it or its payload."""

    line: int
    payload: dict[str, Any] | None = None
    flaw: Flaw | None = None
    external_id: str = ""


def format_of(content_type: str) -> str:
    """The kind of upload that a Content-Type names. Raises UnsupportedMedia 415."""
    kind = TYPES.get(content_type.partition(";")[0].strip().lower())
    if kind is None:
        raise UnsupportedMedia(
            _("Send application/json (an array), application/x-ndjson or text/csv.")
        )
    return kind


def upload_tasks(
    *, batch_id: int, by: Member, body: IO[bytes], content_type: str, now: datetime
) -> int:
    """Adds every row of `body` to a draft, in order; returns how many. Bad rows: none is stored.

    Each row is an object (in CSV: a line under named columns); `external_id` names the task, the
    rest is its payload. Raises BadRows 422 with the lines of the first hundred, TooLarge 413,
    UnsupportedMedia 415, NoInterface 409. Reading may take minutes: it holds no transaction open.
    """
    reader = {"json": read_json, "ndjson": read_ndjson, "csv": read_csv}[format_of(content_type)]
    seen = _look(batch_id=batch_id, by=by)
    with tempfile.SpooledTemporaryFile(SPOOL, "w+", encoding="utf-8", newline="") as copy:
        count = _write_copy(seen, reader(body), copy)
        copy.seek(0)
        _store(seen, copy, count, by=by, now=now)
    return count


@operation
def _look(*, batch_id: int, by: Member) -> Batch:
    batch = batches.lock_draft(batch_id=batch_id, by=by)
    if not batch.interface:
        raise NoInterface(
            _("Give the batch its interface first: tasks are checked against it."),
            field="interface",
        )
    return batch


@operation
def _store(seen: Batch, copy: Any, count: int, *, by: Member, now: datetime) -> None:
    """Writes the checked rows, unless what they were checked against is another by now."""
    batch = batches.lock_draft(batch_id=seen.pk, by=by)
    if (batch.interface, batch.task_count) != (seen.interface, seen.task_count):
        raise Conflict(
            _("Somebody changed this batch while the file was read. Send it again."),
            code="busy",
            retry_after=1,
        )
    _copy_in(batch, copy)
    _check_images(batch)
    Batch.objects.filter(pk=batch.pk).update(
        task_count=batch.task_count + count, revision=batch.revision + 1
    )
    events.record("batch.tasks_uploaded", by=by.user, about=batch, now=now, count=count)


def _write_copy(batch: Batch, found: Iterator[Row], copy: Any) -> int:
    """Checks each row and writes it in COPY's text format; returns their number."""
    interface = interfaces.parse_cached(batch.interface)
    flaws: list[Flaw] = []
    count = 0
    for row in found:
        count += 1
        if count > rules.MAX_UPLOAD_ROWS:
            raise TooLarge(_("At most ten million tasks in one file."))
        flaw = row.flaw or _check(row, interface)
        if flaw is None:
            payload = ENCODER.encode(row.payload).replace("\\", "\\\\")
            position = batch.task_count + count - 1
            copy.write(f"{batch.pk}\t{position}\t{_escaped(row.external_id)}\t{payload}\n")
        else:
            flaws.append(flaw)
            if len(flaws) >= rules.MAX_REPORTED_FLAWS:
                break
    if flaws:
        raise BadRows(_("Some rows are wrong; nothing was stored. Mend them."), flaws=flaws)
    if not count:
        raise Invalid(_("The file holds no task."), code="empty")
    return count


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _check(row: Row, interface: interfaces.Interface) -> Flaw | None:
    """What is wrong with a row; if nothing is, `external_id` has moved out of its payload."""
    payload = row.payload
    if not isinstance(payload, dict):
        return Flaw(_("A task is an object."), "not_an_object", line=row.line)
    external_id = payload.pop(ID, None)
    if not isinstance(external_id, str) or not 1 <= len(external_id) <= 200:
        return Flaw(
            _("Give “external_id”: a text of 1 to 200 characters, your own name of the task."),
            "external_id",
            line=row.line,
        )
    if text.unstorable(external_id):
        return Flaw(_("NUL characters and broken Unicode are not allowed."), "nul", line=row.line)
    row.external_id = external_id
    problems = interface.check_payload(payload)
    if problems:
        said = " ".join(str(problem.message) for problem in problems)
        return Flaw(said, problems[0].code, line=row.line)
    return None


def _copy_in(batch: Batch, copy: Any) -> None:
    """Streams the checked rows into the table. A name used twice is refused with its lines."""
    sql = "COPY tasks_task (batch_id, position, external_id, payload) FROM STDIN"
    try:
        with transaction.atomic(), connection.cursor() as cursor, connection.wrap_database_errors:
            cursor.copy_expert(sql, copy)
    except IntegrityError as error:
        copy.seek(0)
        raise BadRows(
            _("Some names are used twice; nothing was stored."), flaws=_repeated(batch, copy)
        ) from error


def _check_images(batch: Batch) -> None:
    """Refuses new tasks that name an image which is not one of the batch's."""
    interface = interfaces.parse_cached(batch.interface)
    found = rows(
        """
        SELECT t.position - %(start)s + 1, variable
          FROM tasks_task t, unnest(%(names)s::text[]) AS variable
         WHERE t.batch_id = %(batch)s AND t.position >= %(start)s
           AND NOT EXISTS (SELECT FROM tasks_media m WHERE m.batch_id = %(batch)s
                             AND 'media:' || m.id = t.payload ->> variable)
         ORDER BY t.position LIMIT %(most)s
        """,
        {
            "start": batch.task_count,
            "batch": batch.pk,
            "most": rules.MAX_REPORTED_FLAWS,
            "names": [name for name, kind in interface.variables.items() if kind == IMAGE],
        },
    )
    if found:
        said = _("“%(name)s” names an image that was not uploaded to this batch.")
        raise BadRows(
            _("Some images are missing; nothing was stored. Upload them first."),
            flaws=[Flaw(said % {"name": name}, "unknown_image", line=row) for row, name in found],
        )


def _repeated(batch: Batch, copy: Any) -> list[Flaw]:
    """Which rows repeat an `external_id` of this file or of the batch. Only after a refusal."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE upload (batch_id bigint, position int, external_id text, payload"
            " text) ON COMMIT DROP"
        )
        cursor.copy_expert("COPY upload FROM STDIN", copy)
    found = rows(
        """
        SELECT position - %(start)s + 1, external_id FROM (
            SELECT position, external_id,
                   row_number() OVER (PARTITION BY external_id ORDER BY position) AS nth
              FROM upload) AS numbered
         WHERE nth > 1 OR EXISTS (SELECT FROM tasks_task t WHERE t.batch_id = %(batch)s
                                    AND t.external_id = numbered.external_id)
         ORDER BY position LIMIT %(most)s
        """,
        {"start": batch.task_count, "batch": batch.pk, "most": rules.MAX_REPORTED_FLAWS},
    )
    return [
        Flaw(
            _("“%(name)s” names another task already.") % {"name": name},
            "duplicate_external_id",
            line=row,
        )
        for row, name in found
    ]


# --- readers -------------------------------------------------------------------------------


def read_ndjson(body: IO[bytes]) -> Iterator[Row]:
    """One JSON object a line; empty lines are passed over but counted."""
    number = 0
    while line := body.readline(rules.MAX_ROW_BYTES + 1):
        number += 1
        if len(line) > rules.MAX_ROW_BYTES:
            raise TooLarge(_row_too_large(number))
        if line.strip():
            yield _decoded(line, number)


def _decoded(line: bytes, number: int) -> Row:
    try:
        return Row(number, DECODER.decode(line.decode("utf-8-sig")))
    except UnicodeDecodeError:
        return Row(number, flaw=Flaw(_("This row is not UTF-8."), "encoding", line=number))
    except (ValueError, RecursionError) as error:
        said = _("This row is not JSON: %(error)s.") % {"error": error}
        return Row(number, flaw=Flaw(said, "malformed", line=number))


def read_json(body: IO[bytes]) -> Iterator[Row]:
    """The items of one array. `line` counts items from 1."""
    try:
        if body.read(1) not in (b"[", b" ", b"\n", b"\r", b"\t"):
            raise Invalid(_("Send an array of objects."), code="not_an_array")
        body.seek(0)
        metered = _Metered(body)
        found = ijson.items(metered, "item", use_float=True, buf_size=BUFFER)
        for number, item in enumerate(found, start=1):
            metered.next_row()
            yield Row(number, item)
    # ValueError: a number of thousands of digits.
    except (ijson.JSONError, ValueError) as error:
        raise Invalid(
            _("The body is not one JSON array in UTF-8: %(error)s.") % {"error": error},
            code="malformed",
        ) from error


def read_csv(body: IO[bytes]) -> Iterator[Row]:
    """Lines under a head of column names; every payload value is text."""
    metered = _Metered(body)
    stream = io.TextIOWrapper(cast(IO[bytes], metered), encoding="utf-8-sig", newline="")
    reader = csv.reader(stream, strict=True)
    try:
        head = next(reader, None)
        if head is None:
            return
        if ID not in head or len(set(head)) != len(head):
            raise BadRows(
                _("The first line names the columns."),
                flaws=[
                    Flaw(
                        _("There must be a column “external_id”, and no name twice."),
                        "missing_column",
                        line=1,
                    )
                ],
            )
        for cells in reader:
            metered.next_row()
            if cells:
                yield _csv_row(head, cells, reader.line_num)
    except UnicodeDecodeError as error:
        raise Invalid(_("The file is not UTF-8."), code="encoding") from error
    except csv.Error as error:
        said = _("Line %(line)d is not CSV: %(error)s.")
        raise Invalid(said % {"line": reader.line_num, "error": error}, code="malformed") from error
    finally:
        stream.detach()


def _csv_row(head: list[str], cells: list[str], line: int) -> Row:
    if len(cells) != len(head):
        said = _("%(found)d cells under %(wanted)d columns.")
        flaw = Flaw(said % {"found": len(cells), "wanted": len(head)}, "missing_column", line=line)
        return Row(line, flaw=flaw)
    if sum(map(len, cells)) > rules.MAX_ROW_BYTES:
        raise TooLarge(_row_too_large(line))
    return Row(line, dict(zip(head, cells, strict=True)))


class _Metered(io.RawIOBase):
    """A body read in pieces, that refuses to be read on while one row never ends."""

    def __init__(self, body: IO[bytes]) -> None:
        self.body = body
        self.rows = self.since_row = 0

    def next_row(self) -> None:
        self.rows += 1
        self.since_row = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        piece = self.body.read(size)
        self.since_row += len(piece)
        # A piece may hold the end of one row and the beginning of the next.
        if self.since_row > rules.MAX_ROW_BYTES + 2 * BUFFER:
            raise TooLarge(_row_too_large(self.rows + 1))
        return piece

    read1 = read

    def readinto(self, buffer: Any, /) -> int:
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def _row_too_large(number: int) -> str:
    return str(_("Row %(row)d is larger than 1 MiB.") % {"row": number})
