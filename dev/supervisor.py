"""Keeps children alive: a dead helper is started again, a dead vital one ends the run."""

import signal
import time
from dataclasses import dataclass

from dev.errors import DevError
from dev.process import Child, say

_LONGEST_PAUSE = 30.0
# Alive for this long, a helper's earlier deaths no longer count.
_HEALTHY_AFTER = 60.0


@dataclass
class _Watched:
    child: Child
    vital: bool
    started: float
    deaths: int = 0
    again_at: float | None = None


class Supervisor:
    """Watches children; those that it launched it also stops."""

    def __init__(self) -> None:
        self._watched: list[_Watched] = []
        self._launched: list[Child] = []

    def launch(self, child: Child, *, vital: bool = False) -> None:
        """Start a child and watch it."""
        self._launched.append(child)
        child.start()
        self.watch(child, vital=vital)

    def watch(self, child: Child, *, vital: bool) -> None:
        """Watch a child that somebody else starts and stops."""
        self._watched.append(_Watched(child, vital, time.monotonic()))

    def check(self, *, starting: bool = False) -> None:
        """One look at everybody; a DevError if a vital child has ended (or any, while starting)."""
        for watched in self._watched:
            now = time.monotonic()
            if watched.again_at is not None:
                if now >= watched.again_at:
                    watched.again_at, watched.started = None, now
                    watched.child.start()
            elif watched.child.poll() is not None:
                self._bury(watched, now, fatal=starting or watched.vital)

    def stop(self) -> None:
        """End all launched children at the same time."""
        for child in self._launched:
            child.ask_to_stop()
        for child in reversed(self._launched):
            child.stop()

    def _bury(self, watched: _Watched, now: float, *, fatal: bool) -> None:
        child = watched.child
        code = child.poll() or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        notice = f"{child.command.name} {how}. The end of {child.command.log}:\n{child.tail()}"
        # Its helpers may live on and hold its port.
        child.stop()
        if fatal:
            raise DevError(notice)
        watched.deaths = 1 if now - watched.started > _HEALTHY_AFTER else watched.deaths + 1
        pause = min(_LONGEST_PAUSE, 2.0 ** (watched.deaths - 1))
        watched.again_at = now + pause
        say(f"✗ {notice}\n  It is started again in {pause:.0f} s.")
