"""Proves, at any second, that the books balance and that the work agrees with them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from disputes.selectors.audit import audit_disputes
from payments.selectors.audit import audit_books
from tasks.selectors.audit import audit_work


class Command(BaseCommand):
    """Prints each row that breaks an invariant and exits with 1, or says that there is none."""

    help = "Checks every invariant of the books, of the work and of disputes."
    requires_migrations_checks = True

    def handle(self, *args: Any, **options: Any) -> None:
        breaks = [*audit_books(), *audit_work(), *audit_disputes()]
        for found in breaks:
            self.stdout.write(str(found))
        if breaks:
            raise CommandError(f"{len(breaks)} rows break an invariant")
        self.stdout.write("books balance")
