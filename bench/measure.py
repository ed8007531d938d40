"""Rounds in turn, their medians and ratios, and the table they make."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from dev.process import say

Measure = Callable[[], float]


@dataclass(frozen=True)
class Size:
    """How much is measured; `quick` proves only that it runs."""

    rounds: int
    seconds: float
    claims: int
    bulk: int
    imported: int
    few: int
    many: int
    done: int
    acts: int


SIZES = {
    "quick": Size(2, 0.3, 20_000, 8_000, 2_000, 500, 2_000, 500, 40),
    "usual": Size(5, 2.0, 120_000, 100_000, 100_000, 10_000, 1_000_000, 100_000, 250),
    "full": Size(7, 4.0, 400_000, 100_000, 1_000_000, 10_000, 10_000_000, 100_000, 500),
}


@dataclass(frozen=True)
class Goal:
    """What a number has to reach: at `least`, or at `most`."""

    least: float | None = None
    most: float | None = None
    unit: str = ""

    def met(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )

    def __str__(self) -> str:
        if self.least is not None:
            return f"≥ {self.least:g}{self.unit}"
        return "–" if self.most is None else f"≤ {self.most:g}{self.unit}"


NO_GOAL = Goal()


@dataclass(frozen=True)
class Line:
    """One row of the table. Without `theirs` the goal is about `ours` itself."""

    what: str
    against: str
    goal: Goal
    unit: str
    ours: list[float]
    theirs: list[float]

    @property
    def ratios(self) -> list[float]:
        return [mine / other for mine, other in zip(self.ours, self.theirs, strict=False)]

    @property
    def verdict(self) -> str:
        if self.goal == NO_GOAL:
            return ""
        return "yes" if self.goal.met(median(self.ratios or self.ours)) else "NO"

    def cells(self) -> list[str]:
        """What, ours, against, ratio, goal, met?"""
        theirs = f"{shown(median(self.theirs))} {self.unit} {self.against}" if self.theirs else "–"
        ratio = spread(self.ratios) if self.ratios else "–"
        ours = f"{shown(median(self.ours))} {self.unit}"
        return [self.what, ours, theirs, ratio, str(self.goal), self.verdict]


def shown(value: float) -> str:
    """Three significant figures."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def spread(ratios: Sequence[float]) -> str:
    """Median and quartiles."""
    if len(ratios) < 3:
        return f"{median(ratios):.2f}"
    low, _middle, high = quantiles(ratios, n=4, method="inclusive")
    return f"{median(ratios):.2f} [{low:.2f}–{high:.2f}]"


def p95(seconds: Sequence[float]) -> float:
    """The 95th percentile, in milliseconds."""
    return quantiles(seconds, n=20, method="inclusive")[-1] * 1000


def compare(
    what: str,
    against: str,
    goal: Goal,
    *,
    ours: Measure,
    theirs: Measure,
    rounds: int,
    unit: str = "/s",
) -> Line:
    """Measures both in turn (A B, B A, A B …), so that what slows the machine slows both."""
    mine: list[float] = []
    others: list[float] = []
    for number in range(rounds):
        turn = [(mine, ours), (others, theirs)]
        for values, measure in turn if number % 2 == 0 else reversed(turn):
            values.append(measure())
    return told(Line(what, against, goal, unit, mine, others))


def told(line: Line) -> Line:
    """Says a line as soon as it is known; returns it."""
    cells = line.cells()
    say(f"  {cells[0]}: {cells[1]}, against {cells[2]}; {cells[3]} (goal {cells[4]}) {cells[5]}")
    return line


def timed(run: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def table(lines: Sequence[Line]) -> str:
    """All lines as a Markdown table."""
    head = ["what", "ours", "against", "ratio", "goal", "met?"]
    rows = [head, *(line.cells() for line in lines)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)
