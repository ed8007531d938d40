"""TCP ports of this machine."""

import errno
import socket

from dev.errors import DevError

LOCAL = "127.0.0.1"


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        return int(probe.getsockname()[1])


def require_free(port: int) -> None:
    """Raise a DevError that says how to choose another port if this one cannot be had."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCAL, port))
        except OSError as error:
            why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had ({error})"
            raise DevError(f"Port {port} {why}. Choose another: make run PORT=8001") from None
