"""A small bank for the sandbox: a real HTTP service that pays out play money.

    SANDBOX_BANK_SECRET=… python -m dev.sandbox_bank --port 8090 --data var/bank.sqlite3

    POST /payouts                Idempotency-Key; {reference, amount, currency, destination} → 201
    GET  /payouts?reference=…    {"results": […]}
    GET  /payouts/{id}
    GET  /healthz

It keeps the first answer to each key and repeats it. A payout settles a second after it was made.
Every request but /healthz needs `Authorization: Bearer <secret>`. Standard library only.
"""

import argparse
import contextlib
import hmac
import json
import os
import re
import signal
import sqlite3
import sys
import threading
import time
import uuid
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

SETTLES_AFTER_SECONDS = 1.0
MAX_BODY_BYTES = 10_000
AMOUNT = re.compile(r"\d{1,9}\.\d{2}")
# The bank knows the accounts of the sandbox's people and no others.
DESTINATION = re.compile(r"sandbox-\d{1,18}")
FIELDS = ("reference", "amount", "currency", "destination")

SCHEMA = """
CREATE TABLE IF NOT EXISTS payout (
    id TEXT PRIMARY KEY,
    reference TEXT NOT NULL,
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    destination TEXT NOT NULL,
    created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS payout_reference ON payout (reference);
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class Reply:
    status: int
    body: dict[str, Any]


def problem(status: HTTPStatus, detail: str) -> Reply:
    return Reply(status, {"title": status.phrase, "detail": detail})


class Bank:
    """The accounts of the bank: a file. Safe for many threads, and for being killed."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with closing(self._connect()) as connection:
            connection.executescript(SCHEMA)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.data, timeout=10, isolation_level=None)
        connection.row_factory = sqlite3.Row
        return connection

    def make(self, key: str, request: dict[str, Any]) -> Reply:
        """Makes a payout, or repeats what was answered to `key` before."""
        told = json.dumps(request, sort_keys=True)
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            first = connection.execute("SELECT * FROM answer WHERE key = ?", (key,)).fetchone()
            if first is None:
                reply = self._make(connection, request)
                connection.execute(
                    "INSERT INTO answer VALUES (?, ?, ?, ?)",
                    (key, told, reply.status, json.dumps(reply.body)),
                )
            elif first["request"] != told:
                reply = problem(HTTPStatus.CONFLICT, "This key was used for another request.")
            else:
                reply = Reply(first["status"], json.loads(first["body"]))
            connection.execute("COMMIT")
        return reply

    def _make(self, connection: sqlite3.Connection, request: dict[str, Any]) -> Reply:
        flaw = self._flaw(request)
        if flaw:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, flaw)
        payout = {"id": f"po_{uuid.uuid4().hex}"} | {name: request[name] for name in FIELDS}
        payout["created_at"] = time.time()
        connection.execute(
            "INSERT INTO payout (id, reference, amount, currency, destination, created_at)"
            " VALUES (:id, :reference, :amount, :currency, :destination, :created_at)",
            payout,
        )
        return Reply(HTTPStatus.CREATED, self._shown(payout))

    def _flaw(self, request: dict[str, Any]) -> str:
        """What is wrong with a request; empty if nothing is."""
        if any(not isinstance(request.get(name), str) or not request[name] for name in FIELDS):
            return f"Needed, as text: {', '.join(FIELDS)}."
        if not AMOUNT.fullmatch(request["amount"]) or not float(request["amount"]):
            return "The amount is whole cents, more than 0."
        if not DESTINATION.fullmatch(request["destination"]):
            return "There is no such account."
        return ""

    def find(self, reference: str) -> Reply:
        with closing(self._connect()) as connection:
            found = connection.execute(
                "SELECT * FROM payout WHERE reference = ? ORDER BY created_at", (reference,)
            ).fetchall()
        return Reply(HTTPStatus.OK, {"results": [self._shown(dict(row)) for row in found]})

    def get(self, payout_id: str) -> Reply:
        with closing(self._connect()) as connection:
            row = connection.execute("SELECT * FROM payout WHERE id = ?", (payout_id,)).fetchone()
        if row is None:
            return problem(HTTPStatus.NOT_FOUND, "There is no such payout.")
        return Reply(HTTPStatus.OK, self._shown(dict(row)))

    def _shown(self, payout: dict[str, Any]) -> dict[str, Any]:
        settled = time.time() - payout["created_at"] >= SETTLES_AFTER_SECONDS
        return payout | {"state": "settled" if settled else "pending"}


class Server(ThreadingHTTPServer):
    """The bank at a port of this machine (0: any free one)."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], bank: Bank, secret: str) -> None:
        super().__init__(address, Handler)
        self.bank = bank
        self.secret = secret


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/healthz":
            self._answer(Reply(HTTPStatus.OK, {"status": "ok"}))
        elif not self._known():
            self._answer(problem(HTTPStatus.UNAUTHORIZED, "Say who you are."))
        elif url.path == "/payouts":
            reference = parse_qs(url.query).get("reference", [""])[0]
            self._answer(self.server.bank.find(reference))
        elif url.path.startswith("/payouts/"):
            self._answer(self.server.bank.get(url.path.removeprefix("/payouts/")))
        else:
            self._answer(problem(HTTPStatus.NOT_FOUND, "There is nothing here."))

    def do_POST(self) -> None:
        # Read whatever comes next, or it would be taken for the connection's next request.
        body = self._body()
        key = self.headers.get("Idempotency-Key", "")
        if not self._known():
            self._answer(problem(HTTPStatus.UNAUTHORIZED, "Say who you are."))
        elif urlsplit(self.path).path != "/payouts":
            self._answer(problem(HTTPStatus.NOT_FOUND, "There is nothing here."))
        elif not key or body is None:
            self._answer(
                problem(HTTPStatus.BAD_REQUEST, "Send a JSON object and an Idempotency-Key.")
            )
        else:
            self._answer(self.server.bank.make(key, body))

    def _known(self) -> bool:
        expected = f"Bearer {self.server.secret}"
        said = self.headers.get("Authorization", "")
        return hmac.compare_digest(said.encode(), expected.encode())

    def _body(self) -> dict[str, Any] | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            return None
        try:
            body = json.loads(self.rfile.read(int(length)))
        except ValueError:
            return None
        return body if isinstance(body, dict) else None

    def _answer(self, reply: Reply) -> None:
        content = json.dumps(reply.body).encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: a request line would carry references to a terminal nobody reads."""


def main() -> None:
    parser = argparse.ArgumentParser(description="The sandbox bank.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="SQLite file, made if missing")
    options = parser.parse_args()
    secret = os.environ.get("SANDBOX_BANK_SECRET", "")
    if len(secret) < 16:
        sys.exit("SANDBOX_BANK_SECRET must be set, to at least 16 characters.")
    options.data.parent.mkdir(parents=True, exist_ok=True)
    server = Server((options.host, options.port), Bank(options.data), secret)
    # shutdown() waits for serve_forever(), which runs in this very thread.
    stop = threading.Thread(target=server.shutdown)
    signal.signal(signal.SIGTERM, lambda *_: stop.start())
    print(f"sandbox bank at http://{options.host}:{server.server_address[1]}", flush=True)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
    finally:
        server.server_close()


if __name__ == "__main__":
    main()
