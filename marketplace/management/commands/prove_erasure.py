"""Proves that a refused answer is nowhere but in its worker's archive; or shows where it is."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace import erasure
from marketplace.stores import Hit, Needles
from tasks.models import Assignment, Erasure
from tasks.states import AssignmentState

FOUND, NOT_REFUSED = 1, 2


class Command(BaseCommand):
    """Exit 0: nothing found elsewhere. 1: found, with table, row, column. 2: not refused."""

    help = "Looks for an answer by its rows and by its words, in every table, file and Redis."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("assignment", type=int, help="Its number.")
        parser.add_argument(
            "--canary", nargs="+", default=[], metavar="TEXT", help="Look for these as well."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = Assignment.objects.select_related("batch", "task")
        assignment = found.filter(pk=options["assignment"]).first()
        if assignment is None:
            raise CommandError("there is no such assignment", returncode=NOT_REFUSED)
        self._heading(assignment)
        elsewhere = self._report("by the ids of rows", erasure.rows_left(assignment))
        content = erasure.copy_of(assignment)
        texts = [*erasure.own_words(assignment, content), *filter(None, options["canary"])]
        elsewhere += self._by_words(assignment, texts)
        self._nobody()
        self._verdict(assignment, elsewhere)

    def _heading(self, assignment: Assignment) -> None:
        self.stdout.write(f"assignment {assignment.pk}: {assignment.state}")
        erased = Erasure.objects.filter(assignment=assignment).first()
        if erased is None:
            self.stdout.write("  erasure: none")
            return
        said = {
            True: "its digest is that of the worker's copy",
            False: "its digest is NOT that of the worker's copy",
            None: "the worker has no copy",
        }[erasure.digest_matches(assignment)]
        self.stdout.write(f"  erasure: {erased.at:%Y-%m-%d %H:%M:%S} UTC; {said}")

    def _by_words(self, assignment: Assignment, texts: list[str]) -> int:
        """Looks for the texts everywhere and returns how often they were found elsewhere."""
        if not texts:
            self.stdout.write("by words: it has none of its own (choices, numbers)")
            return 0
        needles = Needles(texts)
        self.stdout.write(f"by words: {len(texts)} texts of it, not printed here")
        count = self._report("tables", erasure.in_tables(assignment, needles))
        count += self._report("files", erasure.in_files(needles))
        count += self._report("Redis: cache, sessions, queues", erasure.in_redis(needles))
        others = erasure.in_other_answers(assignment, needles)
        if others:
            self.stdout.write(f"  other answers that say the same: {others} (not this one)")
        return count

    def _report(self, title: str, hits: Iterator[Hit]) -> int:
        """Prints each place; the worker's archive, where it has to be, is not counted."""
        self.stdout.write(f"  {title}:")
        count = seen = 0
        for hit in hits:
            seen += 1
            kept = erasure.is_archive(hit)
            count += not kept
            note = "  the worker's archive, where it must be" if kept else ""
            self.stdout.write(f"    {hit.store} {hit.key} {hit.column}".rstrip() + note)
        if not seen:
            self.stdout.write("    nothing")
        return count

    def _nobody(self) -> None:
        for name in erasure.files_of_nobody():
            self.stdout.write(f"  a file that no row names, look at it: {name}")

    def _verdict(self, assignment: Assignment, elsewhere: int) -> None:
        if assignment.state != AssignmentState.REFUSED:
            raise CommandError(
                f"not refused: its content is in {elsewhere} places", returncode=NOT_REFUSED
            )
        if elsewhere:
            raise CommandError(
                f"NOT erased: found in {elsewhere} places outside the worker's archive",
                returncode=FOUND,
            )
        if erasure.digest_matches(assignment) is not True:
            raise CommandError("NOT proved: the worker's copy is not there", returncode=FOUND)
        self.stdout.write("erased: nothing found outside the worker's archive")
