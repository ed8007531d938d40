"""Throwaway folders go away, after a kill at the latest with the next one."""

import os
import sys

from dev.places import throwaway
from dev.process import Child, Command, birth


def test_throwaway_is_removed_at_the_end(tmp_path):
    with throwaway(tmp_path) as place:
        (place / "file").touch()

    assert not place.exists()


def test_throwaway_leaves_a_neighbour_at_work_alone(tmp_path):
    with throwaway(tmp_path) as neighbour, throwaway(tmp_path):
        assert neighbour.exists()


def test_throwaway_ends_and_removes_what_a_killed_run_left(tmp_path):
    left = tmp_path / "run-killed"
    child = Child(
        Command(
            name="left",
            argv=[sys.executable, "-c", "import time; time.sleep(60)"],
            env=dict(os.environ),
            log=left / "log" / "left.log",
            record=left / "run" / "left.json",
        )
    )
    child.start()
    pid = child.pid

    with throwaway(tmp_path):
        assert not left.exists()

    child.poll()
    assert birth(pid) is None
