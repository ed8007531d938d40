"""`make run`: the whole site on this machine, with a demonstration in it.

PORT (8000) chooses the port; DEBUG=1 runs Django's own server, which reloads changed code.
"""

import os
import sys
import textwrap

from dev.errors import DevError, Stopped
from dev.interrupts import Interrupts
from dev.process import VAR, say
from dev.stack import Stack


def main() -> int:
    """Run until Ctrl-C (0) or until something vital ends (1)."""
    interrupts = Interrupts()
    interrupts.listen()
    try:
        stack = Stack(VAR, port=port(), debug=debug(), interrupts=interrupts)
        with stack:
            say(welcome(stack))
            stack.watch()
    except Stopped:
        say("✓ Everything has been stopped")
    except DevError as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1
    return 0


def port() -> int:
    """The port that PORT names."""
    raw = os.environ.get("PORT") or "8000"
    if not raw.isdecimal() or not 0 < int(raw) < 65536:
        raise DevError(f"PORT is a number from 1 to 65535, not {raw!r}.")
    return int(raw)


def debug() -> bool:
    """Whether DEBUG asks for Django's debug mode."""
    raw = os.environ.get("DEBUG") or "0"
    if raw not in ("0", "1"):
        raise DevError(f"DEBUG is 0 or 1, not {raw!r}.")
    return raw == "1"


def welcome(stack: Stack) -> str:
    """Where to look and as whom."""
    return "\n".join(
        [
            "",
            f"  Fairclick   {stack.base_url}/",
            f"  The rules   {stack.base_url}/rules/",
            f"  API         {stack.base_url}/api/docs/",
            f"  Logs, mail  {stack.var / 'log'}",
            "",
            textwrap.indent(stack.sign_ins.rstrip(), "  "),
            "",
            "  Ctrl-C stops everything.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
