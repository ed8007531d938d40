"""The picture of a run: how much each adversary kept, beside the model of today's platforms."""

import math
from collections.abc import Iterator, Sequence
from html import escape

from marketplace.simulate.draw import Draw
from marketplace.simulate.theft import OF_BATCH, OF_OPENED, Result, today

WIDTH, LABELS, RIGHT, TOP, ROW, BOTTOM = 800, 200, 36, 84, 30, 52
# Shares are shown by their logarithm, from a thousandth on; nothing at all has a place of its own.
LEAST, NONE_AT = 0.001, LABELS + 16
FIRST, LAST = LABELS + 60, WIDTH - RIGHT
TICKS = (0.001, 0.01, 0.1, 1.0)
STYLE = """
text { font: 14px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #231e20; }
.soft { fill: #5d5556; } .end { text-anchor: end; } .middle { text-anchor: middle; }
.paper { fill: #fff; } .line { stroke: #e0d9d2; } .bound { stroke: #5d5556; stroke-dasharray: 4 4; }
.batch { fill: #5c2751; } .opened { fill: #fff; stroke: #5c2751; stroke-width: 2; }
.today { fill: #982c13; } .small { font-size: 12px; }
@media (prefers-color-scheme: dark) {
  text { fill: #f3eeee; } .soft { fill: #bdb2b4; } .paper { fill: #1b1718; }
  .line { stroke: #3d3537; } .bound { stroke: #bdb2b4; }
  .batch { fill: #dda3cf; } .opened { fill: #1b1718; stroke: #dda3cf; } .today { fill: #f09a80; }
}
"""


def svg(results: Sequence[Result], draw: Draw) -> str:
    """An SVG document; the same run gives the same text."""
    height = TOP + ROW * len(results) + BOTTOM
    body = [*_legend(), *_axis(height), *_rows(results, draw), *_foot(results, draw, height)]
    title = "What adversaries kept without paying"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' width="{WIDTH}" height="{height}" role="img" aria-labelledby="title desc">',
            f'<title id="title">{title}</title>',
            f'<desc id="desc">{escape(_told(results, draw))}</desc>',
            f"<style>{STYLE}</style>",
            f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
            *body,
            "</svg>\n",
        ]
    )


def _told(results: Sequence[Result], draw: Draw) -> str:
    """The whole picture in words."""
    each = "; ".join(
        f"{one.name}: {one.total.leak:.2%} of the answers, {one.total.of_opened:.1%} of the opened"
        for one in results
    )
    return (
        "Shares of right answers that a client read and never paid for, on a logarithmic scale. "
        f"Here: {each}. On a modelled platform of today: {_least_today(results, draw):.0%} each."
    )


def _least_today(results: Sequence[Result], draw: Draw) -> float:
    return min((today(one, draw).leak for one in results), default=0.0)


def _at(share: float) -> float:
    """Where on the axis a share stands."""
    if share <= 0:
        return NONE_AT
    part = math.log10(max(share, LEAST) / LEAST) / math.log10(1 / LEAST)
    return round(FIRST + part * (LAST - FIRST), 1)


def _text(x: float, y: float, said: str, kind: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(said)}</text>'


def _circle(x: float, y: float) -> str:
    return f'<circle class="batch" cx="{x}" cy="{y}" r="5"/>'


def _diamond(x: float, y: float) -> str:
    return f'<path class="opened" d="M{x} {y - 9}l9 9l-9 9l-9 -9z"/>'


def _square(x: float, y: float) -> str:
    return f'<rect class="today" x="{x - 6}" y="{y - 6}" width="12" height="12"/>'


def _legend() -> Iterator[str]:
    for x, mark, said in (
        (16, _circle, "kept, of all answers"),
        (196, _diamond, "kept, of the opened"),
        (372, _square, "a platform of today, modelled: the client decides alone"),
    ):
        yield mark(x, 24)
        yield _text(x + 14, 29, said)


def _axis(height: int) -> Iterator[str]:
    end = height - BOTTOM
    for x, said in ((NONE_AT, "none"), *((_at(tick), f"{tick * 100:g} %") for tick in TICKS)):
        yield f'<line class="line" x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{end}"/>'
        yield _text(x, end + 18, said, "soft middle small")
    for share, said in ((OF_BATCH, "bound, of a large batch"), (OF_OPENED, "bound, of the opened")):
        x = _at(share)
        yield f'<line class="bound" x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{end}"/>'
        yield _text(x, TOP - 16, said, "soft middle small")


def _rows(results: Sequence[Result], draw: Draw) -> Iterator[str]:
    for number, one in enumerate(results):
        y = TOP + ROW * number + ROW // 2
        mark = "" if one.strategy.bounded else " *"
        yield _text(LABELS - 12, y + 5, one.name + mark, "end")
        yield _diamond(_at(one.total.of_opened), y)
        yield _circle(_at(one.total.leak), y)
        yield _square(_at(today(one, draw).leak), y)


def _foot(results: Sequence[Result], draw: Draw, height: int) -> Iterator[str]:
    said = (
        f"Workers contest {draw.contest:.0%}, adjudicators are right in {draw.accuracy:.0%}, "
        f"{draw.tasks:,} tasks, seed {draw.seed}."
    )
    if not all(one.strategy.bounded for one in results):
        said += " * limited only to three rejections a client in 30 days (R9)."
    yield _text(16, height - 12, said, "soft small")
