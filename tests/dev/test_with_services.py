"""A command with servers of its own: its exit code is ours, and nothing of it remains."""

import os
import signal
import subprocess
import sys

import pytest

from dev.process import VAR, birth, wait_until


@pytest.fixture
def with_services():
    env = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}

    def start(*command):
        argv = [sys.executable, "-m", "dev.with_services", "--", *command]
        return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True)

    return start


def test_a_command_has_its_servers_and_its_exit_code_is_ours(with_services):
    process = with_services("sh", "-c", 'echo "$DATABASE_URL" "$MEDIA_ROOT"; exit 7')
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 7
    url, media = said.splitlines()[-1].split()
    assert url.startswith("postgresql://postgres:")
    assert media.startswith(str(VAR / "test"))
    assert not os.path.exists(os.path.dirname(media))


def test_sigterm_is_passed_on_and_the_servers_end(with_services):
    process = with_services("sh", "-c", "echo $$; exec sleep 60")
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or lines[-1].startswith("roles"):
        lines.append(process.stdout.readline().strip())
    sleeper = int(lines[-1])
    assert birth(sleeper)

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    assert process.returncode == 128 + signal.SIGTERM
    assert wait_until(lambda: birth(sleeper) is None, 30)
