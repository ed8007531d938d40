"""The database to measure: durable or not at all, and a database of the bench's own in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from dev.process import say
from dev.services import Services

GROUPS = ("claims", "ledger", "transfer", "sizes")
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


class Refused(Exception):
    """Nothing is measured here; the text says why."""


def connect(url: str) -> Any:
    """A connection of the sign-in itself, with no role taken on; each statement commits."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    return connection


def lax(url: str) -> list[str]:
    """What a server leaves out that a commit needs to survive a loss of power."""
    connection = connect(url)
    try:
        with connection.cursor() as cursor:
            return [name for name in DURABLE if not _is_on(cursor, name)]
    finally:
        connection.close()


def _is_on(cursor: Any, name: str) -> bool:
    cursor.execute(sql.SQL("SHOW {}").format(sql.Identifier(name)))
    return bool(cursor.fetchone()[0] == "on")


@contextmanager
def durable_services(place: Path) -> Iterator[Services]:
    """The servers of the environment, if their commits are durable; else a PostgreSQL of our own.

    Tests run on one that gives up durability: numbers from there would flatter everybody.
    """
    given = os.environ.get("DATABASE_URL", "")
    if given and lax(given):
        say("✓ A PostgreSQL of its own: the one at hand does not wait for the disk")
        del os.environ["DATABASE_URL"]
    with Services(place / "bench", logs=place / "log") as services:
        if missing := lax(services.database_url):
            raise Refused(f"PostgreSQL runs without {', '.join(missing)}: nothing is measured.")
        yield services


@contextmanager
def bench_database(url: str) -> Iterator[str]:
    """A new database on the server at `url`, dropped at the end; yields its address."""
    name = f"fairclick_bench_{os.getpid()}"
    server = connect(url)
    database = sql.Identifier(name)
    try:
        with server.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(database))
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        with server.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
        server.close()
