"""A dead helper is started again, a dead vital child ends the run."""

import os
import signal
import sys

import pytest

from dev.errors import DevError
from dev.process import Child, Command, birth, wait_until
from dev.supervisor import Supervisor


@pytest.fixture
def supervisor():
    made = Supervisor()
    yield made
    made.stop()


@pytest.fixture
def child(tmp_path):
    code = "print('I am up', flush=True); import time; time.sleep(60)"
    return Child(
        Command(
            name="The helper",
            argv=[sys.executable, "-c", code],
            env=dict(os.environ),
            log=tmp_path / "helper.log",
            record=tmp_path / "helper.json",
        )
    )


def kill(child):
    assert wait_until(lambda: "up" in child.command.log.read_text(), 30)
    os.kill(child.pid, signal.SIGKILL)
    assert wait_until(lambda: child.poll() is not None, 30)


def test_a_helper_is_started_again_after_a_pause(supervisor, child, capsys):
    supervisor.launch(child)
    first = child.pid
    kill(child)

    def alive_again():
        supervisor.check()
        return child.command.record.exists() and child.poll() is None

    assert wait_until(alive_again, 30)
    assert child.pid != first
    assert "The helper was killed by SIGKILL" in capsys.readouterr().out


def test_a_vital_child_ends_the_run_with_the_end_of_its_log(supervisor, child):
    supervisor.launch(child, vital=True)
    kill(child)

    with pytest.raises(DevError, match="I am up"):
        supervisor.check()


def test_stop_ends_all(supervisor, child):
    supervisor.launch(child)
    pid = child.pid

    supervisor.stop()

    assert birth(pid) is None
