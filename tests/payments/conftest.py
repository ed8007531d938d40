"""The books without the work: holds here have no places, so that only the books are audited."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from accounts.models import User
from payments.selectors import audit
from tests.conftest import uses_database

SECRET = "the-secret-of-the-test-bank"


@pytest.fixture(autouse=True)
def books_balance(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test that touches the database leaves books that balance."""
    if not uses_database(request):
        yield
        return
    request.getfixturevalue("_django_db_helper")
    yield
    assert audit.audit_books() == []


@pytest.fixture
def bea(db: None) -> User:
    """A worker. She does not sign in here, so that she needs no password."""
    return User.objects.create_user("bea@example.org", name="Bea")


@pytest.fixture
def cem(db: None) -> User:
    """Another worker."""
    return User.objects.create_user("cem@example.org", name="Cem")


@dataclass
class BankProcess:
    """The sandbox bank as a process that can be frozen, killed and started again."""

    data: Path
    port: int = 0
    process: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dev.sandbox_bank", "--port", str(self.port)]
            + ["--data", str(self.data)],
            env=os.environ | {"SANDBOX_BANK_SECRET": SECRET},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self.process.stdout.readline().rpartition(":")[2])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def freeze(self) -> None:
        """It takes connections (its kernel does), and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def payouts(self) -> list[dict[str, Any]]:
        """What the bank has made for anybody."""
        connection = sqlite3.connect(self.data)
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute("SELECT * FROM payout")]
        connection.close()
        return found

    def wait_for(self, number: int) -> None:
        """Until it has made so many payouts; five seconds at most."""
        ends = time.monotonic() + 5
        while len(self.payouts()) < number:
            assert time.monotonic() < ends
            time.sleep(0.02)


@pytest.fixture
def bank(tmp_path: Path, settings: Any) -> Iterator[BankProcess]:
    bank = BankProcess(tmp_path / "bank.sqlite3")
    bank.start()
    settings.SANDBOX = True
    settings.SANDBOX_BANK_URL = bank.url
    settings.SANDBOX_BANK_SECRET = SECRET
    assert requests.get(f"{bank.url}/healthz", timeout=5).json() == {"status": "ok"}
    yield bank
    bank.thaw()
    bank.kill()
