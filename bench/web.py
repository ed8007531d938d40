"""A web server for the time of a bench, started as `make run` starts it, and a lean client."""

import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.servers import Refused
from dev.ports import LOCAL, free_port
from dev.process import Child, Command, wait_until

READY_WITHIN = 60.0
API = "/api/v1"
PRODUCT, BARE = "marketplace.wsgi:application", "bench.bare:application"


@dataclass(frozen=True)
class Server:
    """Where it answers, and its processes."""

    port: int
    pid: int

    def memory(self, what: str = "VmRSS") -> int:
        """KiB of all its processes together (`VmHWM`: the most they ever had)."""
        tasks = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return sum(_status(int(pid), what) for pid in (str(self.pid), *tasks))


def _status(pid: int, what: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


@contextmanager
def server(application: str, *, place: Path, workers: int = 2, **env: str) -> Iterator[Server]:
    """Granian with `application`, answering; ended on leaving."""
    port = free_port()
    name = application.partition(".")[0]
    argv = [sys.executable, "-m", "granian", application]
    argv += ["--interface", "wsgi", "--host", LOCAL, "--port", str(port)]
    argv += ["--workers", str(workers), "--blocking-threads", "2"]
    log = place / "log" / f"web-{name}.log"
    record = place / "run" / f"web-{name}.json"
    child = Child(
        Command(name=application, argv=argv, env={**os.environ, **env}, log=log, record=record)
    )
    child.start()
    try:
        wait_until(lambda: child.poll() is not None or _answers(port), READY_WITHIN)
        if child.poll() is not None or not _answers(port):
            raise Refused(f"{application} does not answer.\n{child.tail()}")
        yield Server(port, child.pid)
    finally:
        child.stop()


def _answers(port: int) -> bool:
    try:
        Http(port).get("/healthz")
    except OSError:
        return False
    return True


class Http:
    """One connection, kept open. Python's own client costs as much as what is measured."""

    def __init__(self, port: int, headers: Mapping[str, str] | None = None) -> None:
        told = {"Host": f"{LOCAL}:{port}"} | dict(headers or {})
        self._head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        self._socket = socket.create_connection((LOCAL, port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        return self._ask(f"GET {path} HTTP/1.1\r\n{self._head}\r\n".encode())

    def post(self, path: str, value: Any = None) -> tuple[int, bytes]:
        """Status and body of a POST with a JSON body."""
        body = b"" if value is None else json.dumps(value).encode()
        kind = "Content-Type: application/json\r\n" if body else ""
        head = f"POST {path} HTTP/1.1\r\n{self._head}{kind}Content-Length: {len(body)}\r\n\r\n"
        return self._ask(head.encode() + body)

    def _ask(self, request: bytes) -> tuple[int, bytes]:
        self._socket.sendall(request)
        received = self._read(b"")
        while (end := received.find(b"\r\n\r\n")) < 0:
            received = self._read(received)
        head = received[:end].lower()
        at = head.find(b"content-length:")
        if at < 0:
            raise OSError("an answer without its length")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        while len(received) < end + 4 + length:
            received = self._read(received)
        return int(head[9:12]), received[end + 4 :]

    def _read(self, before: bytes) -> bytes:
        piece = self._socket.recv(65_536)
        if not piece:
            raise OSError("the server closed the connection")
        return before + piece


def expect(status: int, answer: tuple[int, bytes]) -> bytes:
    """The body, if the status is the wanted one; a bench must not measure refusals."""
    if answer[0] != status:
        raise RuntimeError(f"{answer[0]} instead of {status}: {answer[1][:500]!r}")
    return answer[1]
