"""Erases in a restored backup what was erased after it was made."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.jobs import each
from disputes.services import restoring
from marketplace import erasure


@contextmanager
def opened(name: str) -> Iterator[TextIO]:
    """The file of this name; “-” is the standard input."""
    if name == "-":
        yield sys.stdin
        return
    with Path(name).open() as file:
        yield file


class Command(BaseCommand):
    """Prints what became of each entry. Safe to repeat; exit 1 if one could not be done."""

    help = "Redoes the erasures of a list made by list_erasures."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="The list; “-” reads it from standard input.")

    def handle(self, *args: Any, **options: Any) -> None:
        done = total = 0
        with opened(options["file"]) as lines:
            for assignment_id, digest, outcome in erasure.read_list(lines):
                total += 1
                done += self._redo(assignment_id, digest, outcome)
        self.stdout.write(f"{done} of {total} erasures looked at")
        if done < total:
            raise CommandError("some could not be done: the log says why")

    def _redo(self, assignment_id: int, digest: bytes, outcome: str) -> int:
        def step(one: int) -> int:
            said = restoring.redo(
                assignment_id=one, digest=digest, outcome=outcome, now=timezone.now()
            )
            self.stdout.write(f"assignment {one}: {said}")
            return 1

        return each([assignment_id], step, what="erasure")
