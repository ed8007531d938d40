"""Over the API: files of a dispute, what they may be, and who opens them."""

import io
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from accounts.models import Member, User
from core import rules
from disputes.api.cases import EvidenceOf
from disputes.models import Dispute, Evidence
from tasks.models import Assignment, Batch
from tests import factories
from tests.api import Api, flaws, problem

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 50
JPEG = b"\xff\xd8\xff\xe0" + b"x" * 50
PDF = b"%PDF-1.7\n" + b"x" * 50
HTML = b"<html><script>alert(1)</script></html>"
EDGE = "edge"
FORM = f"multipart/form-data; boundary={EDGE}"
REASON = {"category": "instructions", "criterion": 1, "explanation": factories.EXPLANATION}


@pytest.fixture
def media_root(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


@pytest.fixture
def api(ada: User) -> Api:
    return Api(ada)


@pytest.fixture
def worker(bea: User) -> Api:
    return Api(bea)


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=30)


@pytest.fixture
def dispute(api: Api, worker: Api, bea: User, batch: Batch, media_root: Path) -> int:
    """Of an answer of Bea's, waiting for the client's reply."""
    return disputed(api, worker, bea, batch)


def disputed(api: Api, worker: Api, hand: User, batch: Batch) -> int:
    one = factories.make_assignment(worker=hand, batch=batch, state="opened", now=timezone.now())
    api.post(f"/assignments/{one.pk}/reject", REASON)
    number: int = worker.post(f"/work/assignments/{one.pk}/contest", {}).json()["dispute"]
    return number


def form(raw: bytes | None = PNG, /, *, name: str = "shot.png", **fields: str) -> bytes:
    parts = [
        f'--{EDGE}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    if raw is not None:
        head = f'--{EDGE}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        parts += [head.encode(), b"Content-Type: text/html\r\n\r\n", raw, b"\r\n"]
    return b"".join([*parts, f"--{EDGE}--\r\n".encode()])


def send(api: Api, dispute: int, raw: bytes | None = None, *, kind: str = FORM) -> HttpResponse:
    return api.post(f"/disputes/{dispute}/evidence", raw=form() if raw is None else raw, kind=kind)


def files(media_root: Path) -> list[Path]:
    return [path for path in media_root.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("raw", "kind"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (PDF, "application/pdf")]
)
def test_a_file_is_known_by_its_first_bytes_and_stored_under_a_name_of_ours(
    worker: Api, dispute: int, media_root: Path, raw: bytes, kind: str
) -> None:
    made = send(worker, dispute, form(raw, name="../../etc/ev il.html"))
    assert made.status_code == 201
    found = made.json()
    assert (found["content_type"], found["size"]) == (kind, len(raw))
    assert (found["name"], found["side"], found["shared"]) == ("ev il.html", "worker", False)
    [file] = files(media_root)
    assert file.stem == found["id"]
    response = worker.get(found["url"].removeprefix("/api/v1"))
    assert b"".join(response) == raw
    assert response["Content-Type"] == kind
    assert response["Content-Disposition"] == 'attachment; filename="ev il.html"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("raw", [HTML, b"GIF89a" + b"x" * 50, b"\x89PN", b"PK\x03\x04zip"])
def test_what_runs_or_cannot_be_looked_at_is_refused(
    worker: Api, dispute: int, media_root: Path, raw: bytes
) -> None:
    problem(send(worker, dispute, form(raw)), 415, "not_evidence")
    assert files(media_root) == []


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (form(None), ("/file", "required")),
        (form(None, file="text"), ("/file", "invalid")),
        (form(b""), ("/file", "empty")),
        (form(shared="perhaps"), ("/shared", "invalid")),
        (form(worker="7"), ("/worker", "unknown_field")),
    ],
)
def test_a_form_has_a_file_and_says_whether_it_is_shared(
    worker: Api, dispute: int, raw: bytes, found: tuple[str, str]
) -> None:
    assert found in flaws(problem(send(worker, dispute, raw), 400, "invalid"))
    assert not Evidence.objects.exists()


@pytest.mark.parametrize(
    ("raw", "kind", "status", "code"),
    [
        (PNG, "image/png", 415, "unsupported_media_type"),
        (b"{}", "application/json", 415, "unsupported_media_type"),
        (b"no form", "multipart/form-data", 400, "malformed"),
        (form(**{f"f{i}": "x" for i in range(1_100)}), FORM, 400, "malformed"),
    ],
)
def test_what_is_no_form_is_refused(
    worker: Api, dispute: int, raw: bytes, kind: str, status: int, code: str
) -> None:
    problem(send(worker, dispute, raw, kind=kind), status, code)


def test_a_file_of_some_megabytes_is_taken(worker: Api, dispute: int) -> None:
    raw = PNG + b"x" * 5_000_000
    assert send(worker, dispute, form(raw)).json()["size"] == len(raw)


def test_a_file_over_ten_megabytes_is_refused(worker: Api, dispute: int, media_root: Path) -> None:
    raw = PNG + b"x" * rules.MAX_EVIDENCE_BYTES
    problem(send(worker, dispute, form(raw)), 413, "too_large")
    assert files(media_root) == []


def test_two_hundred_megabytes_are_refused_before_a_byte_is_read(worker: Api, dispute: int) -> None:
    huge = {"CONTENT_LENGTH": str(200 * 1024 * 1024), "CONTENT_TYPE": FORM}
    path = f"/api/v1/disputes/{dispute}/evidence"
    problem(worker.client.post(path, headers=worker.headers, **huge), 413, "too_large")


def test_the_endpoint_itself_reads_nothing_of_what_is_too_large(bea: User) -> None:
    class Untouched(io.BytesIO):
        def read(self, *_size: int | None) -> bytes:
            raise AssertionError("the body was read")

    request = RequestFactory().post("/", content_type=FORM)
    request.META["CONTENT_LENGTH"] = str(200 * 1024 * 1024)
    request._stream = Untouched()
    request.user = bea
    response = EvidenceOf.as_view()(request, dispute_id=1)
    assert response.status_code == 413


def test_a_side_adds_five_files_at_most(api: Api, worker: Api, dispute: int) -> None:
    for _each in range(5):
        assert send(worker, dispute).status_code == 201
    problem(send(worker, dispute), 409, "too_many_files")
    assert send(api, dispute).status_code == 201


def test_a_decided_case_takes_no_files(
    api: Api, worker: Api, dispute: int, media_root: Path
) -> None:
    pk = Assignment.objects.get(state="disputed").pk
    api.post(f"/assignments/{pk}/withdraw")
    assert Dispute.objects.get(pk=dispute).state == "closed"
    problem(send(worker, dispute), 409, "not_undecided")
    assert files(media_root) == []


def test_a_workers_file_is_the_judges_unless_she_shares_it(
    api: Api, worker: Api, dispute: int, dia: User
) -> None:
    own = send(worker, dispute).json()
    shared = send(worker, dispute, form(PDF, shared="true")).json()
    judge = Api(dia)
    for one, readers, others in (
        (own, (worker, judge), (api,)),
        (shared, (worker, judge, api), ()),
    ):
        url = f"/evidence/{one['id']}"
        assert [reader.get(url).status_code for reader in readers] == [200] * len(readers)
        for other in others:
            problem(other.get(url), 404, "not_found")
    listed = api.get(f"/disputes/{dispute}").json()["evidence"]
    assert [one["id"] for one in listed] == [shared["id"]]
    assert len(worker.get(f"/disputes/{dispute}").json()["evidence"]) == 2
    assert len(judge.get(f"/disputes/{dispute}").json()["evidence"]) == 2


def test_a_clients_file_is_always_shared(api: Api, worker: Api, dispute: int) -> None:
    made = send(api, dispute, form(shared="false")).json()
    assert (made["side"], made["shared"]) == ("client", True)
    assert worker.get(f"/evidence/{made['id']}").status_code == 200


def test_strangers_neither_add_nor_open(
    worker: Api, dispute: int, dia: User, cem: User, media_root: Path
) -> None:
    made = send(worker, dispute, form(shared="true")).json()
    factories.make_client("Rival", owner="eve", verified_by=dia)
    for stranger in (Api(cem), Api(User.objects.get(email="eve@example.org"))):
        problem(send(stranger, dispute), 404, "not_found")
        problem(stranger.get(f"/evidence/{made['id']}"), 404, "not_found")
    problem(send(Api(dia), dispute), 403, "forbidden")
    problem(worker.get(f"/evidence/{uuid.uuid4()}"), 404, "not_found")
    problem(Api(None).get(f"/evidence/{made['id']}"), 401, "not_authenticated")
    assert len(files(media_root)) == 1


def test_another_worker_of_the_client_opens_nothing_of_it(
    api: Api, worker: Api, dispute: int, batch: Batch, cem: User
) -> None:
    other = disputed(api, Api(cem), cem, batch)
    mine = send(worker, dispute, form(shared="true")).json()
    clients = send(api, dispute).json()
    for one in (mine, clients):
        problem(Api(cem).get(f"/evidence/{one['id']}"), 404, "not_found")
    assert Api(cem).get(f"/disputes/{other}").json()["evidence"] == []


def test_a_session_sends_its_token_with_the_form(bea: User, dispute: int) -> None:
    browser = Api(None)
    browser.client.handler.enforce_csrf_checks = True
    browser.client.force_login(bea)
    problem(send(browser, dispute), 403, "forbidden")
    browser.client.get("/work/settings/")
    token = browser.client.cookies["csrftoken"].value
    sent = form(csrfmiddlewaretoken=token)
    browser.headers["X-CSRFToken"] = token
    assert send(browser, dispute).status_code == 201
    assert flaws(problem(send(browser, dispute, sent), 400, "invalid")) == {
        ("/csrfmiddlewaretoken", "unknown_field")
    }
