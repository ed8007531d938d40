"""Throwaway folders under var/test, removed at the end or, after a `kill -9`, by the next one."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dev.errors import AlreadyHeld
from dev.process import VAR, end_recorded, exclusive, wait_until


@contextmanager
def throwaway(parent: Path = VAR / "test") -> Iterator[Path]:
    """A new folder of this run's own; several runs can go on side by side."""
    parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as undo:
        with ExitStack() as door:
            # Between making and locking a folder nobody else may look for unlocked ones.
            wait_until(lambda: _entered(door, parent / "door.lock"), 60)
            sweep(parent)
            place = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
            undo.enter_context(exclusive(place / "held.lock"))
            undo.callback(shutil.rmtree, place, ignore_errors=True)
        yield place


def _entered(door: ExitStack, lock: Path) -> bool:
    try:
        door.enter_context(exclusive(lock))
    except AlreadyHeld:
        return False
    return True


def sweep(parent: Path) -> None:
    """End and remove what killed runs left; what a living run holds stays."""
    for place in parent.glob("run-*"):
        try:
            with exclusive(place / "held.lock"):
                end_all_recorded(place)
                shutil.rmtree(place, ignore_errors=True)
        except AlreadyHeld:
            continue


def end_all_recorded(var: Path) -> list[str]:
    """End every process that a killed run left below this folder; their names."""
    records = [*var.glob("run/*.json"), *var.glob("redis/*.json"), *var.glob("postgres/*.json")]
    return [record.stem for record in records if end_recorded(record)]
