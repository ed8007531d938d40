"""PostgreSQL and Redis for one run: those that the environment names, or our own."""

import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from dev.ports import LOCAL
from dev.postgres import Postgres
from dev.process import Child
from dev.redis_server import RedisServer


class Services:
    """Started on entering, ended on leaving: Redis first, the database last.

    Where DATABASE_URL or REDIS_URL is set, that server is used and none is started.
    """

    def __init__(self, folder: Path, *, logs: Path) -> None:
        self.database_url = os.environ.get("DATABASE_URL", "")
        self.redis_url = os.environ.get("REDIS_URL", "")
        self._postgres = Postgres(folder / "postgres", log=logs / "postgres.log")
        self._redis = RedisServer(folder / "redis", log=logs / "redis.log")
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            if not self.database_url:
                undo.callback(self._postgres.stop)
                self._postgres.start()
                self.database_url = self._postgres.url
            if not self.redis_url:
                undo.callback(self._redis.stop)
                self._redis.start()
                self.redis_url = self._redis.url
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._undo.close()

    @property
    def database(self) -> Child | None:
        """The database's process, if it is ours."""
        return self._postgres.child

    @property
    def cache(self) -> Child | None:
        """Redis' process, if it is ours."""
        return self._redis.child

    def lines(self) -> list[str]:
        """Which servers are in use, for people."""
        postgres, cache = "PostgreSQL as DATABASE_URL says", "Redis as REDIS_URL says"
        if self._postgres.child is not None:
            postgres = f"PostgreSQL {self._postgres.version} on {LOCAL}:{self._postgres.port}"
        if self._redis.child is not None:
            cache = f"Redis on {LOCAL}:{self._redis.port}"
        return [postgres, cache]
