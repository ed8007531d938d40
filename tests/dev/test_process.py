"""Children leave nothing behind, and nothing that is not ours is touched."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from dev.errors import AlreadyHeld, DevError
from dev.ports import free_port, require_free
from dev.process import Child, Command, birth, end_recorded, exclusive, wait_until, write_private

SLEEP = "import time; time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); {SLEEP}"
WITH_HELPER = (
    f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', '{SLEEP}']);"
    "print(child.pid, flush=True); child.wait()"
)


@pytest.fixture
def make_child(tmp_path):
    made = []

    def make(code, patience=5.0):
        child = Child(
            Command(
                name="A child",
                argv=[sys.executable, "-u", "-c", code],
                env=dict(os.environ),
                log=tmp_path / "child.log",
                record=tmp_path / "child.json",
                patience=patience,
            )
        )
        made.append(child)
        child.start()
        return child

    yield make
    for child in made:
        child.stop()


def said(child):
    log = child.command.log
    assert wait_until(lambda: log.read_text().endswith("\n"), 30)
    return log.read_text().strip()


def test_stop_ends_the_process_and_its_record(make_child):
    child = make_child(SLEEP)
    pid = child.pid

    child.stop()

    assert birth(pid) is None
    assert not child.command.record.exists()


def test_stop_kills_a_process_that_does_not_listen(make_child):
    child = make_child(STUBBORN, patience=0.3)
    assert said(child) == "up"
    pid = child.pid

    child.stop()

    assert birth(pid) is None


def test_stop_ends_the_helpers_of_a_process(make_child):
    child = make_child(WITH_HELPER)
    helper = int(said(child))

    child.stop()

    assert wait_until(lambda: birth(helper) is None, 30)


def test_end_recorded_ends_what_a_killed_run_left(make_child):
    child = make_child(SLEEP)
    pid = child.pid

    assert end_recorded(child.command.record) is True

    child.poll()
    assert birth(pid) is None
    assert not child.command.record.exists()


def test_end_recorded_ends_helpers_of_a_leader_that_is_gone(make_child):
    child = make_child(WITH_HELPER)
    helper = int(said(child))
    os.kill(child.pid, signal.SIGKILL)
    assert wait_until(lambda: child.poll() is not None, 30)

    assert end_recorded(child.command.record) is False

    assert wait_until(lambda: birth(helper) is None, 30)


def test_end_recorded_leaves_a_later_process_of_the_same_number_alone(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
    record = tmp_path / "old.json"
    old = {"pid": other.pid, "birth": "another boot:1", "stop_signal": 15, "patience": 1}
    record.write_text(json.dumps(old))
    try:
        assert end_recorded(record) is False
        time.sleep(0.2)
        assert other.poll() is None
        assert not record.exists()
    finally:
        other.kill()
        other.wait()


def test_exclusive_refuses_a_second_holder_and_lets_go(tmp_path):
    lock = tmp_path / "held.lock"
    with exclusive(lock), pytest.raises(AlreadyHeld), exclusive(lock):
        pass
    with exclusive(lock):
        pass


def test_write_private_is_for_the_owner_only(tmp_path):
    write_private(tmp_path / "secret", "s3cret")

    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_require_free_names_the_way_out_for_a_taken_port():
    port = free_port()
    require_free(port)
    listener = subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def taken():
        try:
            require_free(port)
        except DevError as error:
            return "PORT=" in str(error) and str(port) in str(error)
        return False

    try:
        assert wait_until(taken, 30)
    finally:
        listener.terminate()
        listener.wait()
