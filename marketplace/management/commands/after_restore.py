"""All that a restored backup needs before anybody may use it. See docs/operations.md."""

from typing import Any

from django.core.cache import cache
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from disputes.services import restoring
from marketplace import erasure


class Command(BaseCommand):
    """Run it while nothing else runs. Safe to repeat."""

    help = "Redoes erasures, puts results in order, deletes stray evidence, checks the books."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="The list of erasures; “-” reads standard input.")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("redo_erasures", options["file"], stdout=self.stdout)
        strays = list(erasure.files_of_nobody())
        for name in strays:
            default_storage.delete(name)
        self.stdout.write(f"{len(strays)} files of evidence deleted that no row names")
        count = restoring.reorder_results()
        self.stdout.write(f"{count} results put before those of this cluster")
        cache.clear()
        call_command("check_books", stdout=self.stdout)
