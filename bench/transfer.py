"""Large files in and out: tasks uploaded, results fetched."""

import io
import json
import uuid
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any

from bench import raw, seed
from bench.measure import Goal, Line, Size, compare, timed, told
from bench.seed import Market
from bench.servers import connect
from bench.web import API, PRODUCT, Server, server
from core.db import rows
from dev.ports import LOCAL
from tasks.models import Batch

MIB = 1024 * 1024
TEXT = (
    "Sentence number {}. It came on time and does what it says; the colour is another one than on "
    "the picture, and the box was open, yet I would buy it again."
)


def run(place: Path, size: Size) -> list[Line]:
    """Import, what it costs in memory, export."""
    raw.make()
    of = seed.market("Transfer")
    key = seed.key_of(of)
    with server(PRODUCT, place=place, workers=1) as web:
        return [*importing(of, key, web, size), exporting(of, key, web, size)]


def ask(web: Server, key: dict[str, str], path: str, body: IO[bytes] | None = None) -> int:
    """One request, its body streamed and its answer read in pieces; bytes of the answer."""
    connection = HTTPConnection(LOCAL, web.port, timeout=600)
    headers = dict(key)
    if body is not None:
        headers |= {
            "Content-Type": "application/x-ndjson",
            "Content-Length": str(body.seek(0, io.SEEK_END)),
            "Idempotency-Key": uuid.uuid4().hex,
        }
        body.seek(0)
    connection.request("GET" if body is None else "POST", path, body, headers)
    response = connection.getresponse()
    length = 0
    while piece := response.read(MIB):
        length += len(piece)
    connection.close()
    if response.status not in (200, 201):
        raise RuntimeError(f"{path}: {response.status}")
    return length


def ndjson(count: int) -> IO[bytes]:
    """So many tasks as a client's file."""
    file = io.BytesIO()
    for number in range(count):
        row = {"external_id": f"t{number}", "text": TEXT.format(number)}
        file.write(json.dumps(row).encode() + b"\n")
    return file


def copy_text(count: int) -> IO[str]:
    """The same tasks as COPY reads them."""
    file = io.StringIO()
    for number in range(count):
        payload = json.dumps({"text": TEXT.format(number)})
        file.write(f"1\t{number}\tt{number}\t{payload}\n")
    return file


def importing(of: Market, key: dict[str, str], web: Server, size: Size) -> list[Line]:
    drafts = (seed.draft(of, tasks=0) for _ in iter(int, 1))
    rest, copied = ndjson(size.imported), copy_text(size.imported)
    few = ndjson(1_000)
    upload(drafts, key, web, few)
    before = web.memory()
    line = compare(
        f"import of {size.imported:,} tasks over the API",
        "COPY of the same rows",
        Goal(least=0.4),
        ours=lambda: size.imported / timed(lambda: upload(drafts, key, web, rest)),
        theirs=lambda: size.imported / timed(lambda: copy_in(copied)),
        rounds=size.rounds,
        unit="rows/s",
    )
    grown = (web.memory("VmHWM") - before) / 1024
    goal = Goal(most=64, unit=" MiB")
    return [line, told(Line("memory that imports add", "", goal, "MiB", [grown], []))]


def upload(drafts: Iterator[Batch], key: dict[str, str], web: Server, body: IO[bytes]) -> None:
    ask(web, key, f"{API}/batches/{next(drafts).pk}/tasks", body)


def copy_in(text: IO[str]) -> None:
    """The same rows into a table with the same keys and indexes, empty before."""
    text.seek(0)
    connection = connect(raw.address())
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE raw.task")
        cursor.copy_expert(
            "COPY raw.task (batch_id, position, external_id, payload) FROM STDIN", text
        )
    connection.close()


class Sink(io.RawIOBase):
    """Takes everything and keeps nothing."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        return len(data)


def exporting(of: Market, key: dict[str, str], web: Server, size: Size) -> Line:
    [batch] = seed.unheld(of, tasks=size.imported)
    workers = seed.workers("transfer", 100)
    seed.done(batch, workers, first=0, last=batch.task_count, state="approved")
    raw.vacuum(*seed.WORK_TABLES)
    # Results end at the oldest running transaction: there must be none of ours.
    rows("SELECT 1")

    def export() -> float:
        path = f"{API}/batches/{batch.pk}/results"
        return size.imported / timed(lambda: ask(web, key, path))

    def copy_out() -> None:
        connection = connect(raw.address())
        with connection.cursor() as cursor:
            sql = seed.RESULTS.format(batch=batch.pk)
            cursor.copy_expert(f"COPY ({sql}) TO STDOUT", Sink())
        connection.close()

    return compare(
        f"export of {size.imported:,} results, JSON lines",
        "COPY (SELECT …) TO STDOUT",
        Goal(least=0.4),
        ours=export,
        theirs=lambda: size.imported / timed(copy_out),
        rounds=size.rounds,
        unit="rows/s",
    )
