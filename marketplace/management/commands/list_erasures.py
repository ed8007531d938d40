"""Prints what was erased: the list that a restored backup needs. It holds no content."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from marketplace import erasure


def instant(said: str) -> datetime:
    """A time in ISO 8601; without a zone it is UTC."""
    at = datetime.fromisoformat(said)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


class Command(BaseCommand):
    """A line of JSON for each: assignment, digest, outcome, at. See docs/operations.md."""

    help = "Lists erasures, oldest first. Keep the list outside of the database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since", type=instant, default=datetime.min.replace(tzinfo=UTC), help="ISO 8601."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for line in erasure.erased_since(options["since"]):
            self.stdout.write(line)
