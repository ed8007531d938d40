"""What a running demonstration says about itself, and whether it answers."""

import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dev.process import write_private


@dataclass(frozen=True)
class Running:
    """The run that wrote the file: its process, its address, its variables."""

    pid: int
    base_url: str
    environment: dict[str, str]


def run_file(var: Path) -> Path:
    """Where a run describes itself; private, since it holds the secrets of its services."""
    return var / "run.json"


def write_run_file(var: Path, base_url: str, environment: Mapping[str, str]) -> None:
    """Describe this process' run."""
    content = {"pid": os.getpid(), "base_url": base_url, "environment": dict(environment)}
    write_private(run_file(var), json.dumps(content, indent=2))


def read_run_file(var: Path) -> Running | None:
    """The description that stands there, whether or not the run is still alive."""
    try:
        content = json.loads(run_file(var).read_text())
    except FileNotFoundError:
        return None
    return Running(int(content["pid"]), content["base_url"], content["environment"])


def already_running(var: Path) -> str:
    """What to tell somebody who starts a second run."""
    running = read_run_file(var)
    if running is None:
        return "This checkout is being started already, by another `make run`."
    return (
        f"This checkout is running already, on {running.base_url}. "
        f"Stop it with Ctrl-C where it was started, or with: kill {running.pid}"
    )


def is_ready(base_url: str) -> bool:
    """Whether the site, its database and its Redis answer."""
    address = urlsplit(base_url)
    # No urllib: it would ask a proxy named in the environment.
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
