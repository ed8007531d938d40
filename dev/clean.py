"""`make clean`, the part that needs care: end what killed runs left, then remove var/."""

import shutil
import sys

from dev.errors import AlreadyHeld, DevError
from dev.places import end_all_recorded, sweep
from dev.process import VAR, exclusive
from dev.running import already_running


def main() -> int:
    """Remove var/ unless something is at work in it."""
    if not VAR.exists():
        return 0
    try:
        with exclusive(VAR / "run.lock"):
            end_all_recorded(VAR)
            sweep(VAR / "test")
            if any((VAR / "test").glob("run-*")):
                raise DevError("A test run or a benchmark of this checkout is still going on.")
            shutil.rmtree(VAR)
    except AlreadyHeld:
        sys.stderr.write(f"✗ {already_running(VAR)}\n")
        return 1
    except DevError as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
