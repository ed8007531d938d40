"""Where a transaction begins: `@operation`, and nowhere else."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import connection, transaction

P = ParamSpec("P")
R = TypeVar("R")


def operation(function: Callable[P, R]) -> Callable[P, R]:
    """One business operation: the outermost transaction. Commits whole or not at all.

    Raises RuntimeError when another transaction is already open (`durable`).
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with transaction.atomic(durable=True):
            return function(*args, **kwargs)

    return run


def inside_operation(function: Callable[P, R]) -> Callable[P, R]:
    """A step that must share its caller's transaction; raises RuntimeError outside of one."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        # pytest's own enclosing block does not count, or a test would hide a missing transaction.
        blocks = [
            block
            for block in connection.atomic_blocks
            if not getattr(block, "_from_testcase", False)
        ]
        if not blocks:
            raise RuntimeError(f"{function.__qualname__} needs an open operation")
        return function(*args, **kwargs)

    return run


def rows(sql: str, params: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """All rows of one SQL statement, for the set-based steps the ORM cannot say."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []
