"""Requests to stop, answered only at places that can bear it."""

import signal
import threading
from types import FrameType

from dev.errors import Stopped


class Interrupts:
    """Remembers SIGINT, SIGTERM and SIGHUP; `check` and `sleep` raise Stopped afterwards.

    An exception out of a signal handler could come between starting a child and noting it.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()

    def listen(self) -> None:
        """Take over the signals; one that is ignored (nohup) stays ignored."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._remember)

    @property
    def asked(self) -> bool:
        """Whether somebody asked to stop."""
        return self._asked.is_set()

    def check(self) -> None:
        """Raise Stopped if somebody asked."""
        if self._asked.is_set():
            raise Stopped

    def sleep(self, seconds: float) -> None:
        """Wait, but not after a request to stop."""
        self._asked.wait(seconds)
        self.check()

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._asked.set()
