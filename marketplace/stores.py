"""Looks for texts in everything that is stored: tables, sessions, files, Redis. It only reads.

What cannot be seen from here: backups, the write-ahead log, logs of the system, and words that
are drawn or packed inside a file.
"""

import base64
import binascii
import html
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.files.storage import Storage, default_storage
from django.db import connection

from core.db import rows

MOST = 100
PAGE = 500


class Hit(NamedTuple):
    """A place that holds one of the texts: which store, which row of it, which column."""

    store: str
    key: str
    column: str = ""


def forms(text: str) -> set[str]:
    """How a text may be written down: as it is, as JSON, as JSON in JSON, as HTML."""
    once = {json.dumps(text, ensure_ascii=plain)[1:-1] for plain in (True, False)}
    twice = {json.dumps(one, ensure_ascii=plain)[1:-1] for one in once for plain in (True, False)}
    return {text, html.escape(text), *once, *twice}


# What means something to LIKE.
SPECIAL, BACKSLASH = re.compile(r"[\\%_]"), r"\\\g<0>"


class Needles:
    """The texts that are looked for, in every form."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = list(texts)
        written = sorted({form for text in self.texts for form in forms(text)})
        self.patterns = [f"%{SPECIAL.sub(BACKSLASH, form)}%" for form in written]
        wide = [text.encode(code) for text in self.texts for code in ("utf-16-be", "utf-16-le")]
        self.bytes = [*(form.encode() for form in written), *wide]
        self.hex_patterns = [f"%{needle.hex()}%" for needle in self.bytes]
        self.overlap = max(map(len, self.bytes), default=1) - 1

    def within(self, raw: bytes) -> bool:
        """Whether one of them stands in these bytes, also below base64 and deflate."""
        return any(needle in read for read in readings(raw) for needle in self.bytes)

    def within_chunks(self, chunks: Iterable[bytes]) -> bool:
        """The same for what comes in pieces, as it is."""
        tail = b""
        for chunk in chunks:
            tail += chunk
            if any(needle in tail for needle in self.bytes):
                return True
            tail = tail[-self.overlap :] if self.overlap else b""
        return False


ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{12,}")
URLSAFE = bytes.maketrans(b"-_", b"+/")
MOST_INFLATED = 10_000_000


def readings(raw: bytes) -> Iterator[bytes]:
    """The bytes, and what is in them by base64 (messages of jobs) and deflate (signed sessions)."""
    yield raw
    for found in ENCODED.findall(raw):
        try:
            decoded = base64.b64decode(found.translate(URLSAFE) + b"==")
        except binascii.Error:
            continue
        yield decoded
        try:
            yield zlib.decompressobj().decompress(decoded, MOST_INFLATED)
        except zlib.error:
            continue


# --- PostgreSQL ------------------------------------------------------------------------------

# Everything but numbers, dates and truth values can hold words.
TABLES = """
SELECT c.relname,
       array_agg(a.attname::text ORDER BY a.attnum)
           FILTER (WHERE t.typcategory NOT IN ('N', 'D', 'T', 'B') AND t.typname <> 'bytea'),
       array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE t.typname = 'bytea'),
       array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attnum = ANY(i.indkey))
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'm')
 GROUP BY c.relname ORDER BY c.relname
"""


class Table(NamedTuple):
    name: str
    texts: Sequence[str]
    binaries: Sequence[str]
    key: Sequence[str]


def tables() -> list[Table]:
    """Every table of ours, with the columns that can hold words."""
    return [Table(name, *(found or [] for found in rest)) for name, *rest in rows(TABLES)]


def in_table(
    table: Table, needles: Needles, *, where: str = "true", params: dict[str, Any] | None = None
) -> Iterator[Hit]:
    """The rows (a hundred at most) of a table that hold a text, each with the column."""
    hits = f"SELECT {_key(table)}, hit.name FROM {_matching(table)} AND {where} LIMIT {MOST}"
    for key, column in rows(hits, _params(needles) | (params or {})):
        yield Hit(table.name, key, column)


def count_in_table(table: Table, needles: Needles, *, where: str, params: dict[str, Any]) -> int:
    """How many rows of a table hold a text."""
    counted = f"SELECT count(DISTINCT {_key(table)}) FROM {_matching(table)} AND {where}"
    [(count,)] = rows(counted, _params(needles) | params)
    return int(count)


def _params(needles: Needles) -> dict[str, Any]:
    return {"patterns": needles.patterns, "hex": needles.hex_patterns}


def _key(table: Table) -> str:
    columns = [f"t.{_quoted(name)}" for name in table.key] or ["t.ctid"]
    return f"concat_ws('/', {', '.join(columns)})"


def _matching(table: Table) -> str:
    """The table beside each of its columns as text. A row is a hit once for each such column."""
    name = _quoted(table.name)
    said = [
        *(f"('{column}', t.{_quoted(column)}::text, false)" for column in table.texts),
        *(f"('{column}', encode(t.{_quoted(column)}, 'hex'), true)" for column in table.binaries),
    ] or ["(NULL, NULL, false)"]
    return (
        f"public.{name} t CROSS JOIN LATERAL (VALUES {', '.join(said)}) AS hit(name, said, raw)"
        " WHERE hit.said LIKE ANY (CASE WHEN hit.raw THEN %(hex)s::text[]"
        " ELSE %(patterns)s::text[] END)"
    )


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def in_sessions(needles: Needles) -> Iterator[Hit]:
    """Sessions whose content, packed in the table, holds a text."""
    last = ""
    while page := list(Session.objects.filter(pk__gt=last).order_by("pk")[:PAGE]):
        for one in page:
            if needles.within(one.session_data.encode()):
                yield Hit("django_session", one.pk, "session_data")
        last = page[-1].pk


# --- files -----------------------------------------------------------------------------------


def files(storage: Storage = default_storage, folder: str = "") -> Iterator[str]:
    """The name of every stored file."""
    if not storage.exists(folder or "."):
        return
    folders, names = storage.listdir(folder or ".")
    for name in sorted(names):
        yield f"{folder}{name}"
    for one in sorted(folders):
        yield from files(storage, f"{folder}{one}/")


def in_file(name: str, needles: Needles) -> bool:
    """Whether the file's name or bytes hold a text."""
    with default_storage.open(name) as file:
        return needles.within(name.encode()) or needles.within_chunks(file.chunks())


# --- Redis -----------------------------------------------------------------------------------


def redis_keys() -> Iterator[tuple[str, "redis.Redis", bytes]]:
    """(where, connection, key) of every key of every database: cache and queues of the jobs."""
    for number, address in _databases():
        with redis.Redis.from_url(address) as database:
            for key in database.scan_iter(count=PAGE):
                yield f"redis {number}", database, key


def _databases() -> Iterator[tuple[int, str]]:
    """(number, address) of every database in use on the servers of cache and jobs, each once."""
    given = [settings.REDIS_URL, settings.CELERY_BROKER_URL]
    given += [cache["LOCATION"] for cache in settings.CACHES.values()]
    for server in sorted({urlsplit(one)._replace(path="").geturl() for one in given}):
        with redis.Redis.from_url(server) as connected:
            used = connected.info("keyspace")
        for number in sorted(int(name.removeprefix("db")) for name in used):
            yield number, f"{server}/{number}"


def in_key(database: "redis.Redis", key: bytes, needles: Needles) -> bool:
    """Whether a key's name or anything in its value holds a text."""
    return needles.within(key) or any(map(needles.within, _values(database, key)))


def _values(database: Any, key: bytes) -> Iterator[bytes]:
    kind = database.type(key).decode()
    if kind == "none":  # gone meanwhile
        return iter(())
    if kind not in READERS:
        raise ValueError(f"Redis holds {key!r} of a kind that cannot be searched: {kind}")
    return READERS[kind](database, key)


def _elements(database: Any, key: bytes) -> Iterator[bytes]:
    start = 0
    while page := database.lrange(key, start, start + PAGE - 1):
        yield from page
        start += len(page)


def _entries(database: Any, key: bytes) -> Iterator[bytes]:
    start = "-"
    while page := database.xrange(key, min=start, count=PAGE):
        for _at, fields in page:
            yield from chain.from_iterable(fields.items())
        start = f"({page[-1][0].decode()}"


READERS: dict[str, Callable[[Any, bytes], Iterator[bytes]]] = {
    "string": lambda database, key: iter([database.get(key) or b""]),
    "hash": lambda database, key: chain.from_iterable(database.hscan_iter(key, count=PAGE)),
    "set": lambda database, key: database.sscan_iter(key, count=PAGE),
    "zset": lambda database, key: (one for one, _score in database.zscan_iter(key, count=PAGE)),
    "list": _elements,
    "stream": _entries,
}
