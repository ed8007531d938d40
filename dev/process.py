"""Child processes that leave nothing behind, not even after a `kill -9` of their parent.

Every child writes a record (its number, its time of birth, how to stop it). A later start finds
the records of an earlier one, ends what still runs, and touches nothing else.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.errors import AlreadyHeld, DevError

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
_PROC = Path("/proc")
_PAUSE = 0.05


@dataclass(frozen=True, kw_only=True)
class Command:
    """How one child is started and stopped, and where its output goes."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    record: Path
    # Where standard output goes if it is not to be mixed into the log.
    output: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 10.0


class Child:
    """One process in a session of its own: a terminal's Ctrl-C reaches it only through us."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise DevError(f"{self.command.name} has not been started.")
        return self._process.pid

    def start(self) -> None:
        """Start the process and write its record; output is appended to the log."""
        self.command.log.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as files:
            log = files.enter_context(self.command.log.open("ab"))
            output = self.command.output
            self._process = subprocess.Popen(
                self.command.argv,
                cwd=ROOT,
                env=self.command.env,
                stdin=subprocess.DEVNULL,
                stdout=log if output is None else files.enter_context(output.open("wb")),
                stderr=log,
                start_new_session=True,
            )
        _write_record(self.command, self._process.pid)

    def poll(self) -> int | None:
        """The exit code, or None while it runs or has not been started."""
        return None if self._process is None else self._process.poll()

    def ask_to_stop(self) -> None:
        """Send the stop signal and return at once, so that several children stop together."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(self.command.stop_signal)

    def stop(self) -> None:
        """End the process and all that it started, by force when its patience is over."""
        process = self._process
        if process is None:
            return
        self.ask_to_stop()
        _finish(process.pid, lambda: process.poll() is not None, self.command.patience)
        self.command.record.unlink(missing_ok=True)
        self._process = None

    def tail(self) -> str:
        """The last lines of the log, for a message about a failure."""
        return tail(self.command.log)


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log, indented."""
    if not log.exists():
        return f"    ({log} was not written)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        text = file.read().decode(errors="replace")
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def birth(pid: int) -> str | None:
    """What tells a process from a later one of the same number; None if it has ended."""
    if not _PROC.joinpath("self/stat").exists():
        return _birth_by_ps(pid)
    fields = _stat(pid)
    if fields is None or fields[0] == "Z":
        return None
    boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{fields[19]}"


def end_recorded(record: Path) -> bool:
    """End what an earlier run left behind under this record; True if something was running."""
    if not record.exists():
        return False
    left = json.loads(record.read_text())
    pid = int(left["pid"])
    now = birth(pid)
    running: bool = now == left["birth"]
    if running:
        end_process(pid, signal.Signals(left["stop_signal"]), patience=float(left["patience"]))
    elif now is None:
        for stray in _strays(pid):
            _send(stray, signal.SIGKILL)
    record.unlink(missing_ok=True)
    return running


def end_process(pid: int, stop_signal: signal.Signals, *, patience: float) -> None:
    """End a process that is not our child, and its group."""
    known = birth(pid)
    _send(pid, stop_signal)
    _finish(pid, lambda: birth(pid) != known, patience)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file; the kernel lets go of it however this process ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except PermissionError as error:
        raise DevError(f"{error.filename} belongs to another account.") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyHeld(f"{path} is held by another process.") from None
        yield


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE)
    return True


def say(text: str) -> None:
    """One line for the person at the keyboard."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _write_record(command: Command, pid: int) -> None:
    record = {
        "pid": pid,
        "birth": birth(pid),
        "stop_signal": int(command.stop_signal),
        "patience": command.patience,
    }
    write_private(command.record, json.dumps(record))


def _finish(pid: int, gone: Callable[[], bool], patience: float) -> None:
    if not wait_until(gone, patience):
        _send_group(pid, signal.SIGKILL)
        if not wait_until(gone, 15):
            raise DevError(f"Process {pid} cannot be ended.")
    # Helpers that outlived their leader would keep ports and connections.
    _send_group(pid, signal.SIGKILL)


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _send_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the third on (the second may contain spaces)."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _strays(session: int) -> list[int]:
    """Helpers whose leader has ended: still in its session and at work in this checkout.

    A number is not given out again while a session of that number has members.
    """
    found = []
    for entry in _PROC.glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields is None or int(fields[3]) != session:
            continue
        try:
            at_work_here = (entry / "cwd").readlink() == ROOT
        except (FileNotFoundError, PermissionError):
            continue
        if at_work_here:
            found.append(int(entry.name))
    return found


def _birth_by_ps(pid: int) -> str | None:
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None
