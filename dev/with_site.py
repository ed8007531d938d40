"""`python -m dev.with_site -- COMMAND`: a command with the whole site to talk to.

The running `make run` of this checkout if there is one that answers; otherwise a site in a
throwaway folder, on a free port, for as long as the command takes. BASE_URL names it.
"""

import sys
from collections.abc import Sequence

from dev.environment import inherited
from dev.errors import DevError, Stopped
from dev.interrupts import Interrupts
from dev.places import throwaway
from dev.ports import free_port
from dev.process import VAR, say
from dev.running import is_ready, read_run_file
from dev.stack import Stack
from dev.with_services import foreground


def main(arguments: Sequence[str]) -> int:
    """Run the command after `--` and return its exit code."""
    command = list(arguments[1:] if arguments[:1] == ["--"] else arguments)
    if not command:
        sys.stderr.write("Usage: python -m dev.with_site -- COMMAND [ARGUMENT ...]\n")
        return 2
    interrupts = Interrupts()
    interrupts.listen()
    try:
        running = read_run_file(VAR)
        if running is not None and is_ready(running.base_url):
            say(f"✓ Using the site on {running.base_url}")
            return foreground(command, inherited() | running.environment, interrupts)
        say("✓ No `make run` answers: a site of its own for the time of this command")
        with (
            throwaway() as place,
            Stack(place, port=free_port(), interrupts=interrupts) as stack,
        ):
            return foreground(command, inherited() | stack.environment, interrupts)
    except Stopped:
        return 130
    except DevError as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
