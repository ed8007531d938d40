"""Several clients at once, each a process with its own connections."""

import multiprocessing
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Protocol

from django.db import connections

from bench.measure import p95

WARM_UP = 0.3
fork = multiprocessing.get_context("fork")


class Client(Protocol):
    """`act` is measured; `between` makes ready for the next and is not.

    StopIteration says that nothing is left to do.
    """

    def act(self) -> None: ...

    def between(self) -> None: ...


@dataclass(frozen=True)
class Sample:
    """What all clients did: seconds of every act, by client."""

    acts: list[list[float]]

    @property
    def rate(self) -> float:
        """Acts a second of all clients together, the time between acts left out."""
        return sum(len(seconds) / sum(seconds) for seconds in self.acts)

    @property
    def p95(self) -> float:
        """Milliseconds."""
        return p95([one for seconds in self.acts for one in seconds])


def together(make: Callable[[int], Client], *, clients: int, seconds: float) -> Sample:
    """Lets `clients` processes act for so long; the first moments of each are not counted.

    `make(number)` builds a client inside its process. What one raises is raised here.
    """
    connections.close_all()
    start = fork.Barrier(clients)
    pipes = [fork.Pipe(duplex=False) for _ in range(clients)]
    processes = [
        fork.Process(target=_run, args=(make, number, seconds, start, pipe[1]), daemon=True)
        for number, pipe in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    for _receive, send in pipes:
        send.close()
    try:
        acts = [receive.recv() for receive, _send in pipes]
    except EOFError:
        raise RuntimeError("a client of the bench died; its error stands above") from None
    for process in processes:
        process.join()
    return Sample(acts)


def _run(
    make: Callable[[int], Client], number: int, seconds: float, start: Barrier, answer: Connection
) -> None:
    try:
        client = make(number)
    except BaseException:
        start.abort()
        raise
    start.wait()
    act_for(client, WARM_UP)
    answer.send(act_for(client, seconds))
    connections.close_all()


def act_for(client: Client, seconds: float) -> list[float]:
    """Acts until the time is over; returns the seconds of each act."""
    taken: list[float] = []
    end = time.perf_counter() + seconds
    with suppress(StopIteration):
        while time.perf_counter() < end or not taken:
            taken.append(act_once(client))
    return taken


def act_once(client: Client) -> float:
    """The seconds of one act; what makes ready for the next is left out."""
    begin = time.perf_counter()
    client.act()
    end = time.perf_counter()
    client.between()
    return end - begin
