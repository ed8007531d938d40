"""The log of decisions, read and recomputed: apart from the database function that writes it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from core.db import rows
from core.errors import Text
from disputes.models import LogEntry

CHUNK = 1_000
# As PostgreSQL writes them: the seconds since 1970 with six decimals, and jsonb as text.
READ = """
SELECT number, kind, by_id, about_kind, about_id, data::text,
       extract(epoch FROM at)::text, previous, hash
  FROM disputes_logentry WHERE number > %(after)s ORDER BY number LIMIT %(chunk)s
"""


@dataclass(frozen=True)
class Wrong:
    """The first entry that is not as it was written, and why."""

    number: int
    why: str

    def __str__(self) -> str:
        return f"entry {self.number}: {self.why}"


@dataclass(frozen=True)
class Checked:
    """How many entries hold, the hash of the last of them, and the first that does not."""

    entries: int
    last: bytes
    wrong: Wrong | None = None


@dataclass(frozen=True)
class Line:
    """One entry as it is stored."""

    number: int
    kind: str
    by: int
    about_kind: str
    about: int
    data: str
    seconds: str
    previous: bytes
    hash: bytes

    def recomputed(self) -> bytes:
        """SHA-256 of the entry before it and of everything this one says."""
        said = ", ".join(
            (
                str(self.number),
                _quoted(self.kind),
                str(self.by),
                _quoted(self.about_kind),
                str(self.about),
                self.data,
                self.seconds,
            )
        )
        return sha256(self.previous + f"[{said}]".encode()).digest()


def verify() -> Checked:
    """Reads the whole log in order and recomputes it. What is added meanwhile is read too."""
    return _follow(_lines(after=0), Checked(0, b""), number=0)


def verify_page(entries: Sequence[LogEntry]) -> Checked:
    """Recomputes these neighbours, and that the oldest follows the one before it."""
    if not entries:
        return Checked(0, b"")
    newest, oldest = max(one.number for one in entries), min(one.number for one in entries)
    read = _lines(after=oldest - 2, most=newest - oldest + 2)
    found = [line for line in read if line.number <= newest]
    before = found[0] if found and found[0].number == oldest - 1 else None
    if before is None:
        # Where it is missing, it is named as missing.
        return _follow(iter(found), Checked(0, b""), number=max(oldest - 2, 0))
    return _follow(iter(found[1:]), Checked(0, before.hash), number=before.number)


def entries() -> QuerySet[LogEntry]:
    """The log for people, with who made each entry."""
    return LogEntry.objects.select_related("by")


KINDS: dict[str, Text] = {
    "decision": _("Case decided"),
    "report": _("Report decided"),
    "freeze_lifted": _("Freeze lifted"),
    "suspended": _("Person suspended"),
    "unsuspended": _("Suspension ended"),
}


@dataclass(frozen=True)
class Row:
    """An entry for people."""

    entry: LogEntry
    kind: Text
    hash: str
    previous: str


def shown(entry: LogEntry) -> Row:
    """The entry with its kind in words and its hashes as hexadecimal numbers."""
    kind = KINDS.get(entry.kind, entry.kind)
    return Row(entry, kind, bytes(entry.hash).hex(), bytes(entry.previous).hex())


def _follow(lines: Iterator[Line], so_far: Checked, *, number: int) -> Checked:
    """Each line has the next number, the hash of the one before it, and its own."""
    entries, last = so_far.entries, so_far.last
    for line in lines:
        why = _wrong(line, number=number + 1, last=last)
        if why:
            return Checked(entries, last, Wrong(line.number, why))
        entries, last, number = entries + 1, line.hash, line.number
    return Checked(entries, last)


def _wrong(line: Line, *, number: int, last: bytes) -> str:
    if line.number != number:
        return f"number {number} is missing before it"
    if line.previous != last:
        return "it does not follow the entry before it"
    return "" if line.recomputed() == line.hash else "it is not what was written"


def _lines(*, after: int, most: int | None = None) -> Iterator[Line]:
    """In order, a chunk at a time: the log may be long."""
    left = most
    while left is None or left > 0:
        chunk = CHUNK if left is None else min(CHUNK, left)
        found = rows(READ, {"after": after, "chunk": chunk})
        for number, kind, by, about_kind, about, data, seconds, previous, digest in found:
            said = (number, kind, by, about_kind, about, data, seconds)
            yield Line(*said, bytes(previous), bytes(digest))
        if len(found) < chunk:
            return
        after = found[-1][0]
        left = None if left is None else left - len(found)


def _quoted(text: str) -> str:
    """A string as PostgreSQL writes it in jsonb."""
    return json.dumps(text, ensure_ascii=False)
