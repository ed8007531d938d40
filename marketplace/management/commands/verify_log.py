"""Proves that the log of decisions is as it was written."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from disputes.selectors import log


class Command(BaseCommand):
    """Prints how many entries hold and the last hash; exits with 1 at the first that is wrong.

    Entries taken off the end leave a chain that holds: keep the last number and hash elsewhere,
    and compare.
    """

    help = "Recomputes every hash of the log of decisions and follows its chain."
    requires_migrations_checks = True

    def handle(self, *args: Any, **options: Any) -> None:
        checked = log.verify()
        if checked.wrong:
            raise CommandError(f"{checked.entries} entries hold, then {checked.wrong}")
        self.stdout.write(f"{checked.entries} entries hold, last hash {checked.last.hex() or '-'}")
