"""Databases of the bench's own, on the configured server, that are gone when it ends."""

import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from django.core.management import call_command
from django.db import connection, connections
from psycopg2 import sql

# Nothing here has to outlive a crash.
HASTE = " -c synchronous_commit=off"


@contextmanager
def template() -> Iterator[str]:
    """A migrated, empty database: the name of what `copy` makes copies of.

    The sign-in must be allowed to make databases and roles. On leaving, every connection is as it
    was before.
    """
    before = dict(connection.settings_dict, OPTIONS=dict(connection.settings_dict["OPTIONS"]))
    name = f"fairclick_simulate_{os.getpid()}_{secrets.token_hex(4)}"
    with _server() as server, _database(server, name):
        try:
            _use(name, role="")
            call_command("make_roles", stdout=io.StringIO())
            _use(name, role="fairclick_owner")
            call_command("migrate", verbosity=0)
            connections.close_all()
            yield name
        finally:
            connections.close_all()
            connection.settings_dict.update(before)


@contextmanager
def copy(of: str) -> Iterator[None]:
    """Everything inside happens in a fresh copy, as the role of the product."""
    name = f"{of}_{secrets.token_hex(2)}"
    with _server() as server, _database(server, name, like=of):
        try:
            _use(name, role="fairclick_runtime")
            yield
        finally:
            connections.close_all()


def _use(name: str, *, role: str) -> None:
    """Lets every connection made from now on go to this database, and take on `role`."""
    connections.close_all()
    told = connection.settings_dict
    options = told["OPTIONS"].get("options", "").split(" -c role=")[0] + HASTE
    told["NAME"] = name
    told["OPTIONS"] = told["OPTIONS"] | {
        "options": f"{options} -c role={role}" if role else options
    }


@contextmanager
def _server() -> Iterator[Any]:
    """A cursor of the sign-in itself, in no database of ours."""
    at = connection.settings_dict
    opened = psycopg2.connect(
        dbname="postgres",
        user=at["USER"],
        password=at["PASSWORD"],
        host=at["HOST"],
        port=at["PORT"],
    )
    opened.autocommit = True
    try:
        with opened.cursor() as cursor:
            yield cursor
    finally:
        opened.close()


@contextmanager
def _database(server: Any, name: str, *, like: str = "template1") -> Iterator[None]:
    quoted = sql.Identifier(name)
    server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(quoted, sql.Identifier(like)))
    try:
        yield
    finally:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(quoted))
