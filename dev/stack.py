"""The running whole: services, schema, demonstration, web, jobs and the sandbox bank."""

import shutil
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from dev.environment import inherited, site_environment
from dev.errors import AlreadyHeld, DevError
from dev.interrupts import Interrupts
from dev.places import end_all_recorded
from dev.ports import LOCAL, free_port, require_free
from dev.process import Child, Command, exclusive, say, tail
from dev.running import already_running, is_ready, run_file, write_run_file
from dev.services import Services
from dev.supervisor import Supervisor

_READY_LIMIT = 180.0
_BANK_LIMIT = 60.0


class Stack:
    """Everything below one folder, on one port; `start` says each step in a line."""

    def __init__(
        self, var: Path, *, port: int, interrupts: Interrupts, debug: bool = False
    ) -> None:
        self.var = var
        self.base_url = f"http://{LOCAL}:{port}"
        self.environment: dict[str, str] = {}
        self.sign_ins = ""
        self._port = port
        self._debug = debug
        self._interrupts = interrupts
        self._logs = var / "log"
        self._supervisor = Supervisor()
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            self._claim(undo)
            services = undo.enter_context(Services(self.var, logs=self._logs))
            for line in services.lines():
                say(f"✓ {line}")
            undo.callback(self._supervisor.stop)
            if services.database is not None:
                self._supervisor.watch(services.database, vital=True)
            if services.cache is not None:
                self._supervisor.watch(services.cache, vital=False)
            self._start(services)
            undo.callback(run_file(self.var).unlink, missing_ok=True)
            write_run_file(self.var, self.base_url, self.environment)
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._undo.close()

    def watch(self) -> None:
        """Keep everything running until somebody asks to stop (Stopped) or it breaks (DevError)."""
        while True:
            self._supervisor.check()
            self._interrupts.sleep(0.3)

    def _claim(self, undo: ExitStack) -> None:
        """Be the only run in this folder, end what a killed one left, and have the port."""
        try:
            undo.enter_context(exclusive(self.var / "run.lock"))
        except AlreadyHeld:
            raise DevError(already_running(self.var)) from None
        leftovers = end_all_recorded(self.var)
        if leftovers:
            say(f"✓ Ended what a killed run had left: {', '.join(leftovers)}")
        run_file(self.var).unlink(missing_ok=True)
        require_free(self._port)
        # This run's logs, and those of the one before, which may have died of something.
        before = self.var / "log.before"
        if self._logs.exists():
            shutil.rmtree(before, ignore_errors=True)
            self._logs.rename(before)

    def _start(self, services: Services) -> None:
        bank_port = free_port()
        self.environment = site_environment(
            self.var, services, port=self._port, bank_port=bank_port, debug=self._debug
        )
        for folder in ("media", "static"):
            (self.var / folder).mkdir(parents=True, exist_ok=True)
        self._start_bank(bank_port)
        self._manage("Database roles", "make_roles", DATABASE_ROLE="")
        self._manage("Database schema", "migrate", DATABASE_ROLE="fairclick_owner")
        self._manage("Static files", "collectstatic", "--noinput")
        self.sign_ins = self._manage("Demonstration", "seed_demo")
        self._launch("Celery worker", "worker", _celery("worker", "--concurrency", "2"))
        schedule = str(self.var / "beat-schedule")
        self._launch("Celery beat", "beat", _celery("beat", "--schedule", schedule))
        self._launch("Web server", "web", self._web(), vital=True)
        self._wait_for(lambda: is_ready(self.base_url), _READY_LIMIT, "Web server", "web")
        say(f"✓ Web server and jobs on {self.base_url}")

    def _start_bank(self, port: int) -> None:
        data = str(self.var / "sandbox-bank.sqlite3")
        argv = [sys.executable, "-m", "dev.sandbox_bank", "--port", str(port), "--data", data]
        self._launch("Sandbox bank", "bank", argv)
        self._wait_for(lambda: _accepts(port), _BANK_LIMIT, "Sandbox bank", "bank")
        say(f"✓ Sandbox bank on {LOCAL}:{port}")

    def _web(self) -> list[str]:
        if self._debug:
            # Granian reloads only with a further package; Django's own server always does.
            return [sys.executable, "manage.py", "runserver", f"{LOCAL}:{self._port}"]
        argv = [sys.executable, "-m", "granian", "marketplace.wsgi:application"]
        argv += ["--interface", "wsgi", "--host", LOCAL, "--port", str(self._port)]
        return [*argv, "--workers", "2", "--blocking-threads", "2", "--respawn-failed-workers"]

    def _launch(self, name: str, short: str, argv: Sequence[str], *, vital: bool = False) -> None:
        self._interrupts.check()
        command = Command(
            name=name,
            argv=argv,
            env=inherited() | self.environment,
            log=self._logs / f"{short}.log",
            record=self.var / "run" / f"{short}.json",
        )
        self._supervisor.launch(Child(command), vital=vital)

    def _manage(self, title: str, name: str, *arguments: str, **env: str) -> str:
        """Run a management command to its end and return what it printed."""
        self._logs.mkdir(parents=True, exist_ok=True)
        log, output = self._logs / f"{name}.log", self._logs / f"{name}.out"
        child = Child(
            Command(
                name=name,
                argv=[sys.executable, "manage.py", name, *arguments],
                env=inherited() | self.environment | env,
                log=log,
                output=output,
                record=self.var / "run" / f"{name}.json",
            )
        )
        started = time.monotonic()
        try:
            child.start()
            while (code := child.poll()) is None:
                self._interrupts.sleep(0.1)
        finally:
            child.stop()
        if code:
            raise DevError(f"manage.py {name} failed.\n{tail(output)}\n{tail(log)}")
        say(f"✓ {title} ({time.monotonic() - started:.1f} s)")
        return output.read_text()

    def _wait_for(self, condition: Callable[[], bool], limit: float, name: str, short: str) -> None:
        deadline = time.monotonic() + limit
        while not condition():
            self._supervisor.check(starting=True)
            self._interrupts.sleep(0.2)
            if time.monotonic() > deadline:
                log = self._logs / f"{short}.log"
                raise DevError(
                    f"{name} is not ready after {limit:.0f} s. The end of {log}:\n{tail(log)}"
                )


def _celery(*arguments: str) -> list[str]:
    # Every job announces itself at INFO, several a second.
    return [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "marketplace",
        *arguments,
        "--loglevel",
        "WARNING",
    ]


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOCAL, port)) == 0
