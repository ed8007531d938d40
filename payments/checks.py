"""What the database must be like for the books to be safe; asked by `check` and `migrate`."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import connections

FOUND = r"SELECT tgname, tgenabled FROM pg_trigger WHERE tgname LIKE 'payments\_%'"
INSERT_ONLY = ("journal", "transfer", "account", "edge", "checkpoint")
KEPT = (*INSERT_ONLY, "balance", "fund", "hold")
ADDED = ("account", "fund", "hold", "transfer", "checkpoint")

# What migration 0002 makes: A fires even in replica mode, O does not (a test's flush needs that).
GUARDS = (
    {f"payments_{table}_added": "A" for table in ADDED}
    | {f"payments_{table}_kept": "A" for table in KEPT}
    | {"payments_fund_fixed": "A", "payments_hold_fixed": "A"}
    | {f"payments_{table}_whole": "O" for table in KEPT}
)


def check_database(
    *, app_configs: Sequence[Any] | None, databases: Sequence[str] | None, **_: Any
) -> list[CheckMessage]:
    """Refuses a database that may lose an acknowledged payment, that writes what people answer
    into its log, or lacks a guard of the books.

    Silent where the guards were never made: before the first migration.
    """
    return [
        error
        for alias in databases or []
        if _migrated(alias)
        for error in (*_durability(alias), *_secrecy(alias), *_guards(alias))
    ]


def _fetch(alias: str, sql: str) -> list[tuple[Any, ...]]:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _migrated(alias: str) -> bool:
    [(made,)] = _fetch(alias, "SELECT to_regclass('payments_edge') IS NOT NULL")
    return bool(made)


def _durability(alias: str) -> list[CheckMessage]:
    [(commit,)] = _fetch(alias, "SHOW synchronous_commit")
    [(fsync,)] = _fetch(alias, "SHOW fsync")
    return [
        Error(
            f"The database runs with {name} = off: a crash would lose acknowledged payments.",
            hint=f"Set {name} = on.",
            id="payments.E001",
        )
        for name, value in (("synchronous_commit", commit), ("fsync", fsync))
        if value == "off"
    ]


def _secrecy(alias: str) -> list[CheckMessage]:
    [(logged,)] = _fetch(alias, "SHOW log_min_error_statement")
    if logged == "panic":
        return []
    return [
        Error(
            "The database writes failed statements into its log, and with them answers.",
            hint="Set log_min_error_statement = panic and log_error_verbosity = terse.",
            id="payments.E003",
        )
    ]


def _guards(alias: str) -> list[CheckMessage]:
    found = dict(_fetch(alias, FOUND))
    return [
        Error(
            f"The guard {name} of the books is missing or switched off.",
            hint="Find out who did that and why, then make it as in payments/migrations.",
            id="payments.E002",
        )
        for name, enabled in sorted(GUARDS.items())
        if found.get(name) != enabled
    ]
