"""The embedded servers start whatever an earlier run left, and keep what they must."""

import os
import signal
import subprocess
import sys
import time

import pytest
import redis

from dev.postgres import programs
from dev.process import birth, wait_until
from dev.services import Services


@pytest.fixture
def own_servers(monkeypatch):
    """The tests themselves run with servers named in the environment."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)


@pytest.fixture
def services(own_servers, tmp_path):
    """A way to describe the same servers again, as the next run would."""
    return lambda: Services(tmp_path, logs=tmp_path / "log")


def psql(url, statement):
    argv = [str(programs() / "psql"), url, "-X", "-A", "-t", "-c", statement]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def ask(url, statement):
    done = psql(url, statement)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_services_are_ended_on_leaving(services):
    with services() as running:
        assert ask(running.database_url, "SHOW server_version").startswith("18.")
        with redis.Redis.from_url(running.redis_url) as client:
            assert client.ping()
        pids = [running.database.pid, running.cache.pid]

    assert [birth(pid) for pid in pids] == [None, None]


def test_services_named_in_the_environment_are_used(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody@127.0.0.1:1/theirs")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")

    with Services(tmp_path, logs=tmp_path / "log") as running:
        assert running.database_url == "postgresql://somebody@127.0.0.1:1/theirs"
        assert (running.database, running.cache) == (None, None)
        assert "DATABASE_URL" in running.lines()[0]


def test_postgres_is_durable(services):
    with services() as running:
        assert ask(running.database_url, "SHOW fsync") == "on"
        assert ask(running.database_url, "SHOW synchronous_commit") == "on"
        assert ask(running.database_url, "SHOW server_encoding") == "UTF8"


def test_servers_refuse_a_wrong_password(services):
    with services() as running:
        refused = psql(running.database_url.replace("://postgres:", "://postgres:not"), "SELECT 1")
        assert "password authentication failed" in refused.stderr
        wrong = redis.Redis.from_url(running.redis_url.replace("://:", "://:not"))
        with wrong as client, pytest.raises(redis.AuthenticationError):
            client.ping()


def test_postgres_keeps_its_data_over_a_kill_of_the_server(services):
    with services() as running:
        ask(running.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(running.database.pid, signal.SIGKILL)
        assert wait_until(lambda: running.database.poll() is not None, 30)

    with services() as running:
        assert ask(running.database_url, "SELECT answer FROM kept") == "42"


def test_services_start_while_those_of_a_killed_run_are_still_alive(services, tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from dev.services import Services;"
        f"place = Path({str(tmp_path)!r});"
        "services = Services(place, logs=place / 'log'); services.__enter__();"
        "print(services.database.pid, services.cache.pid, flush=True);"
        "time.sleep(60)"
    )
    output = tmp_path / "pids"
    with output.open("w") as file:
        killed = subprocess.Popen([sys.executable, "-c", code], stdout=file)
    assert wait_until(lambda: output.read_text().endswith("\n"), 30)
    left = [int(pid) for pid in output.read_text().split()]
    killed.kill()
    killed.wait()
    assert all(birth(pid) for pid in left)

    with services() as running:
        assert ask(running.database_url, "SELECT 1") == "1"
        assert [birth(pid) for pid in left] == [None, None]


def test_postgres_starts_over_a_stale_pid_file_that_names_somebody_else(services, tmp_path):
    with services():
        pass
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    data = tmp_path / "postgres" / "data"
    (data / "postmaster.pid").write_text(
        f"{other.pid}\n{data}\n{int(time.time())}\n1\n\n\n\nready\n"
    )
    try:
        with services() as running:
            assert ask(running.database_url, "SELECT 1") == "1"
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_postgres_starts_over_an_interrupted_initdb(services, tmp_path):
    draft = tmp_path / "postgres" / "data.new"
    draft.mkdir(parents=True)
    (draft / "half").touch()

    with services() as running:
        assert ask(running.database_url, "SELECT 1") == "1"
