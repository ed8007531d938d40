"""`manage.py replay bluebirds`: a recorded crowd does a real batch, over HTTP."""

import os
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import money
from marketplace.replay import crowds, play


class Command(BaseCommand):
    """Prints a table of what came of it, then the verdict of check_books; exit 1 on any flaw."""

    help = "Replays a recorded crowd over HTTP and checks the books afterwards."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("data", choices=sorted(crowds.CROWDS))
        parser.add_argument("--url", default=os.environ.get("BASE_URL", settings.BASE_URL))
        parser.add_argument("--limit", type=int, help="Only so many tasks.")
        parser.add_argument(
            "--error-rate", type=float, default=0.15, help="Of synthetic workers: 0 to 1."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        crowd = crowds.load(
            options["data"], limit=options["limit"], error_rate=options["error_rate"]
        )
        self.stdout.write(f"{crowd.wanted} answers wanted from {crowd.workers} people")
        outcome = play.play(crowd, base=options["url"])
        self._table(outcome)
        for flaw in outcome.flaws():
            self.stderr.write(f"✗ {flaw}")
        call_command("check_books", stdout=self.stdout)
        if outcome.flaws():
            raise CommandError("the replay did not end as it should")

    def _table(self, outcome: play.Outcome) -> None:
        accuracy = "–" if outcome.accuracy is None else f"{outcome.accuracy:.1%}"
        payouts = ", ".join(f"{n} {state}" for state, n in sorted(outcome.payouts.items()))
        rows = [
            ("tasks", outcome.tasks),
            ("answers", outcome.answers),
            ("opened unpaid", outcome.review.opened),
            ("rejected", outcome.review.rejected),
            ("contested", outcome.review.contested),
            ("overturned", outcome.review.overturned),
            ("upheld, also on appeal", outcome.review.upheld),
            ("withdrawn", outcome.review.withdrawn),
            ("approved", outcome.approved),
            ("delivered", outcome.delivered),
            ("paid to workers", money.plain(outcome.earned)),
            ("spent with fees", money.plain(outcome.spent)),
            ("refunded", money.plain(outcome.refunded)),
            ("escrow left", money.plain(outcome.escrow_left)),
            ("payouts", payouts),
            ("majority accuracy", accuracy),
            ("wall time", f"{outcome.seconds:.1f} s"),
            ("answers a second", f"{outcome.answers / outcome.seconds:.1f}"),
        ]
        for name, value in rows:
            self.stdout.write(f"  {name:<24} {value:>20}")
