"""The second process: runs the groups in the database that its environment names."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import django

from bench.measure import SIZES, Line, table
from dev.process import say


def main(arguments: Sequence[str]) -> int:
    """`PLACE SIZE GROUP…`: run each group and print the table of all."""
    place, size, *groups = arguments
    django.setup()
    lines: list[Line] = []
    for name in groups:
        say(f"{name}:")
        lines += importlib.import_module(f"bench.{name}").run(Path(place), SIZES[size])
    say(f"\n{table(lines)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
