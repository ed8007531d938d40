"""`manage.py simulate theft`: adversaries against the real services, with a clock that moves."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor as Pool
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import money
from marketplace.simulate import plot, scratch, strategies, theft
from marketplace.simulate.draw import Draw
from marketplace.simulate.theft import Count, Result

AT_ONCE, FORK = 2, multiprocessing.get_context("fork")
COLUMNS = [
    "tasks",
    "submitted",
    "delivered",
    "opened",
    "rejected",
    "kept",
    "leak",
    "worst",
    "kept/opened",
]
MONEY = ["paid", "compensation", "fund"]


class Command(BaseCommand):
    """Prints a table of every strategy and of a model of today's platforms; exit 1 when a bound is
    broken. Works in databases of its own, which are dropped at the end; only with SANDBOX=1."""

    help = "Plays clients that steal, and shows how much they kept unpaid."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["theft"])
        parser.add_argument("--workers-contest", type=_chance, default=0.05, metavar="0..1")
        parser.add_argument("--adjudicator-accuracy", type=_chance, default=0.95, metavar="0..1")
        parser.add_argument("--tasks", type=int, default=1_000, help="Of a strategy's batch.")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--strategy", choices=list(strategies.BY_NAME), help="Only this one.")
        parser.add_argument("--plot", type=Path, help="Where to write the picture (SVG).")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SANDBOX:
            raise CommandError("Simulations need SANDBOX=1: they never run beside real money.")
        draw = Draw(
            contest=options["workers_contest"],
            accuracy=options["adjudicator_accuracy"],
            tasks=max(20, options["tasks"]),
            seed=options["seed"],
        )
        self.stdout.write(
            f"Workers contest {draw.contest:.0%} of rejections; adjudicators are right in "
            f"{draw.accuracy:.0%}; seed {draw.seed}. All answers are right."
        )
        results = self._play(draw, only=options["strategy"])
        if options["plot"]:
            options["plot"].write_text(plot.svg(results, draw), encoding="utf-8")
        self._judge(results)

    def _play(self, draw: Draw, *, only: str | None) -> list[Result]:
        started = time.monotonic()
        chosen = [name for name in strategies.BY_NAME if only in (None, name)]
        results = []
        self._line("strategy", [*COLUMNS, *MONEY])
        # Each strategy has a database of its own: two at a time, and none knows of another.
        with scratch.template() as database, Pool(AT_ONCE, mp_context=FORK) as pool:
            for result in pool.map(partial(_play, draw=draw, database=database), chosen):
                results.append(result)
                self._row(result)
        self._line("the same on today's platforms (a model)", COLUMNS)
        for result in results:
            then = theft.today(result, draw)
            self._line(result.strategy.name, _shown(then, worst=then.leak))
        self.stdout.write(f"{time.monotonic() - started:.0f} s")
        return results

    def _row(self, result: Result) -> None:
        amounts = [money.plain(one) for one in (result.paid, result.compensation, result.fund)]
        name = result.strategy.name + ("" if result.strategy.bounded else " *")
        self._line(name, [*_shown(result.total, worst=result.worst), *amounts])

    def _line(self, name: str, values: list[str]) -> None:
        self.stdout.write(f"{name:<26}" + "".join(f"{value:>13}" for value in values))

    def _judge(self, results: list[Result]) -> None:
        flaws = [flaw for one in results for flaw in one.flaws]
        for flaw in flaws:
            self.stderr.write(f"✗ {flaw}")
        broken = [said for one in results for said in one.broken()]
        for said in broken:
            self.stderr.write(f"✗ {said}")
        if flaws or broken:
            raise CommandError("the books do not balance" if flaws else "a bound is broken")
        self.stdout.write("books balance; every bound holds")


def _play(name: str, *, draw: Draw, database: str) -> Result:
    with scratch.copy(database):
        return theft.play(strategies.BY_NAME[name], draw)


def _chance(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


def _shown(one: Count, *, worst: float) -> list[str]:
    counts = (one.tasks, one.submitted, one.delivered, one.opened, one.rejected, one.kept)
    shares = (one.leak, worst, one.of_opened)
    return [*map(str, counts), *(f"{share:.2%}" for share in shares)]
