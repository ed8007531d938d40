"""What every test stands on: real PostgreSQL with its roles, real Redis, and books that balance.

The database is migrated by the owner role; the tests run as the runtime role, so that a missing
privilege fails here. After each test that used the database the books and the work are audited.
"""

import atexit
import io
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, connections
from django.test import TransactionTestCase
from psycopg2 import sql

from accounts.models import Client, Member, User
from disputes.selectors import audit as disputes
from payments.selectors import audit as books
from tasks.selectors import audit as work
from tests import factories

# Filled by migrations: kept when a test's rows are cleared away.
KEPT = {"django_migrations", "django_content_type", "auth_permission", "payments_edge"}


def pytest_configure() -> None:
    """Static files come straight from the source: nothing has to be collected before a test."""
    folder = tempfile.mkdtemp(prefix="fairclick-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": plain}}
    # Argon2 is slow on purpose; what it protects is no test's subject.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    settings.STATIC_ROOT, settings.MEDIA_ROOT = f"{folder}/static", f"{folder}/media"
    os.mkdir(settings.STATIC_ROOT)


def admin_connection(name: str) -> Any:
    """A connection of the sign-in itself, with no role taken on: a superuser in tests."""
    at = connection.settings_dict
    admin = psycopg2.connect(
        dbname=name, user=at["USER"], password=at["PASSWORD"], host=at["HOST"], port=at["PORT"]
    )
    admin.autocommit = True
    return admin


def become(role: str) -> None:
    """Lets every connection made from now on take on `role`."""
    connections.close_all()
    options = connection.settings_dict["OPTIONS"]["options"].split(" -c role=")[0]
    connection.settings_dict["OPTIONS"]["options"] = (
        f"{options} -c role={role}" if role else options
    )


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """A database of its own, dropped at the end."""
    suffix = os.environ.get("PYTEST_XDIST_WORKER", os.environ.get("PYTEST_DB_SUFFIX", "main"))
    name = f"test_fairclick_{suffix}"
    database = sql.Identifier(name)
    with django_db_blocker.unblock():
        server = admin_connection("postgres")
        with server.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(database))
        connection.settings_dict["NAME"] = name
        become("")
        call_command("make_roles", stdout=io.StringIO())
        become("fairclick_owner")
        call_command("migrate", verbosity=0)
        become("fairclick_runtime")
        yield
        connections.close_all()
        with server.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
        server.close()


def clear_rows(self: TransactionTestCase) -> None:
    """Replaces Django's flush, which the books refuse: as superuser, triggers of TRUNCATE off."""
    admin = admin_connection(connection.settings_dict["NAME"])
    with admin.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = sorted({row[0] for row in cursor.fetchall()} - KEPT)
        cursor.execute("SET session_replication_role = replica")
        names = sql.SQL(", ").join(map(sql.Identifier, tables))
        cursor.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(names))
    admin.close()


TransactionTestCase._fixture_teardown = clear_rows


def uses_database(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("django_db") is not None or bool(
        {"db", "transactional_db", "live_server"} & set(request.fixturenames)
    )


@pytest.fixture(autouse=True)
def books_balance(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test that touches the database leaves books that balance and work that agrees."""
    if not uses_database(request):
        yield
        return
    request.getfixturevalue("_django_db_helper")
    cache.clear()
    yield
    found = [*books.audit_books(), *work.audit_work(), *disputes.audit_disputes()]
    assert found == []


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuses connections to anywhere but this machine."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test connects to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture
def now() -> datetime:
    """The time in a test: fixed, passed on to services like in production."""
    return datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def dia(db: None) -> User:
    """Adjudicator and staff."""
    return factories.make_user("dia", role="adjudicator", is_staff=True)


@pytest.fixture
def acme(dia: User) -> Client:
    """A verified client; its owner is Ada."""
    return factories.make_client("Acme", owner="ada", verified_by=dia)


@pytest.fixture
def ada(acme: Client) -> User:
    """Owner of the client Acme."""
    return User.objects.select_related("member__client").get(email="ada@example.org")


@pytest.fixture
def owner(ada: User) -> Member:
    """Ada's membership."""
    return ada.member


@pytest.fixture
def bea(db: None) -> User:
    """A worker."""
    return factories.make_user("bea")


@pytest.fixture
def cem(db: None) -> User:
    """Another worker: a stranger to everything Bea does."""
    return factories.make_user("cem")
