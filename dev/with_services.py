"""`python -m dev.with_services -- COMMAND`: a command with servers of its own.

They live in a throwaway folder, on free ports, beside any `make run`, and end with the command.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import FrameType

from dev.environment import inherited, tool_environment
from dev.errors import DevError, Stopped
from dev.interrupts import Interrupts
from dev.places import throwaway
from dev.process import ROOT
from dev.services import Services


def main(arguments: Sequence[str]) -> int:
    """Run the command after `--` and return its exit code."""
    command = list(arguments[1:] if arguments[:1] == ["--"] else arguments)
    if not command:
        sys.stderr.write("Usage: python -m dev.with_services -- COMMAND [ARGUMENT ...]\n")
        return 2
    interrupts = Interrupts()
    interrupts.listen()
    try:
        with throwaway() as place, Services(place, logs=place / "log") as services:
            env = inherited() | tool_environment(place, services)
            roles = [sys.executable, "manage.py", "make_roles"]
            # The roles cannot be taken on before they exist.
            code = foreground(roles, env | {"DATABASE_ROLE": ""}, interrupts)
            return code or foreground(command, env, interrupts)
    except Stopped:
        return 130
    except DevError as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1


def foreground(command: Sequence[str], env: Mapping[str, str], interrupts: Interrupts) -> int:
    """Run a command on this terminal, pass signals on to it, and return its exit code."""
    interrupts.check()
    try:
        process = subprocess.Popen(command, cwd=ROOT, env=env)
    except OSError as error:
        raise DevError(f"{command[0]}: {error.strerror}") from None

    def pass_on(number: int, frame: FrameType | None) -> None:
        # A terminal sends Ctrl-C to the command as well; twice would cut its clean-up short.
        if number != signal.SIGINT or not os.isatty(0):
            process.send_signal(number)

    before = {
        number: signal.signal(number, pass_on)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        if interrupts.asked:
            process.terminate()
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
