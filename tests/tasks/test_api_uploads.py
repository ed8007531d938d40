"""Tasks and images over the API: all of a file or nothing, and what is wrong with it, by line."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import Member, User
from core import rules
from core.errors import Conflict
from tasks.models import Batch, Media, Task
from tasks.services import uploads
from tests import factories
from tests.api import Api, flaws, problem

NDJSON, CSV, JSON = "application/x-ndjson", "text/csv", "application/json"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
IMAGES = '<View><Image name="i" value="$pic"/><TextArea name="t" toName="i"/></View>'

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(ada: User) -> Api:
    return Api(ada)


@pytest.fixture
def draft(owner: Member) -> Batch:
    return factories.make_batch(owner, tasks=0)


@pytest.fixture(autouse=True)
def media_root(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


def send(api: Api, draft: Batch, raw: bytes, kind: str = NDJSON, **options: Any) -> Any:
    return api.post(f"/batches/{draft.pk}/tasks", raw=raw, kind=kind, **options)


def line(name: str, text: Any = "Hello.", **more: Any) -> str:
    return json.dumps({"external_id": name, "text": text} | more)


def stored(draft: Batch) -> list[tuple[int, str, Any]]:
    rows = Task.objects.filter(batch=draft).order_by("position")
    return list(rows.values_list("position", "external_id", "payload"))


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (NDJSON, f"{line('a')}\n\n{line('b')}\n"),
        (NDJSON, f"\ufeff{line('a')}\r\n{line('b')}"),
        ("application/jsonl; charset=utf-8", f"{line('a')}\n{line('b')}"),
        (JSON, f"[{line('a')}, {line('b')}]"),
        (JSON, f" \n[{line('a')}, {line('b')}]\n"),
        (CSV, "external_id,text\na,Hello.\nb,Hello.\n"),
        (CSV, '\ufefftext,external_id\r\n"Hello.",a\r\nHello.,b'),
    ],
)
def test_every_kind_of_file_is_stored_in_order(api: Api, draft: Batch, kind: str, raw: str) -> None:
    response = send(api, draft, raw.encode(), kind)
    assert (response.status_code, response.json()) == (201, {"count": 2})
    assert stored(draft) == [(0, "a", {"text": "Hello."}), (1, "b", {"text": "Hello."})]
    assert Batch.objects.get(pk=draft.pk).task_count == 2


def test_a_second_file_goes_behind_the_first(api: Api, draft: Batch) -> None:
    send(api, draft, line("a").encode())
    send(api, draft, line("b").encode())
    assert [row[:2] for row in stored(draft)] == [(0, "a"), (1, "b")]


def test_text_survives_whatever_is_in_it(api: Api, draft: Batch) -> None:
    text = "tab\t back\\slash \\N \\. new\nline \r “quotes” 😀 مرحبا \u2028"
    send(api, draft, line("a\tb\\.", text).encode())
    assert stored(draft) == [(0, "a\tb\\.", {"text": text})]


@pytest.mark.parametrize(
    ("kind", "raw", "found"),
    [
        (NDJSON, f"{line('a')}\n{{oops\n{line('b')}\n", {(2, "malformed")}),
        (NDJSON, f"{line('a')}\n[1]\n7\n", {(2, "not_an_object"), (3, "not_an_object")}),
        (NDJSON, '{"text": "x"}', {(1, "external_id")}),
        (NDJSON, line("x" * 201), {(1, "external_id")}),
        (NDJSON, '{"external_id": 7, "text": "x"}', {(1, "external_id")}),
        (NDJSON, '{"external_id": "a\\u0000", "text": "x"}', {(1, "nul")}),
        (NDJSON, '{"external_id": "a", "text": "x\\u0000"}', {(1, "bad_character")}),
        (NDJSON, '{"external_id": "a", "text": "\\ud800"}', {(1, "bad_character")}),
        (NDJSON, '{"external_id": "a", "text": "x", "n": 1e999}', {(1, "bad_number")}),
        (NDJSON, '{"external_id": "a", "text": "x", "n": NaN}', {(1, "malformed")}),
        (NDJSON, '{"external_id": "a", "n": ' + "9" * 5000 + "}", {(1, "malformed")}),
        (NDJSON, '{"external_id": "a", "n": ' + "[" * 5000, {(1, "malformed")}),
        (NDJSON, line("a", deep=json.loads("[" * 300 + "]" * 300)), {(1, "too_deep")}),
        (NDJSON, '{"external_id": "a", "other": "x"}', {(1, "missing_variable")}),
        (NDJSON, line("a", ["x"]), {(1, "wrong_type")}),
        (NDJSON, line("a", "x" * 300_000), {(1, "too_large")}),
        (NDJSON, f"{line('a')}\n{line('b')}\n{line('a')}\n", {(3, "duplicate_external_id")}),
        (JSON, f'[{line("a")}, {{"text": "x"}}]', {(2, "external_id")}),
        (JSON, f"[{line('a')}, {line('a')}]", {(2, "duplicate_external_id")}),
        (CSV, "id,text\na,b\n", {(1, "missing_column")}),
        (CSV, "external_id,text,text\na,b,c\n", {(1, "missing_column")}),
        (CSV, "external_id,text\na\nb,c\nd,e,f\n", {(2, "missing_column"), (4, "missing_column")}),
        (CSV, "external_id\na\n", {(2, "missing_variable")}),
        (CSV, "external_id,text\na,x\0\n", {(2, "bad_character")}),
    ],
)
def test_wrong_rows_are_named_by_line_and_nothing_is_stored(
    api: Api, draft: Batch, kind: str, raw: str, found: set[tuple[int, str]]
) -> None:
    assert flaws(problem(send(api, draft, raw.encode(), kind), 422, "bad_rows")) == found
    assert stored(draft) == []


def test_a_row_that_is_no_utf8_is_named(api: Api, draft: Batch) -> None:
    raw = line("a").encode() + b'\n{"external_id": "b", "text": "\xff"}\n'
    assert flaws(problem(send(api, draft, raw), 422, "bad_rows")) == {(2, "encoding")}


def test_a_name_of_the_batch_is_not_given_twice(api: Api, draft: Batch) -> None:
    send(api, draft, line("a").encode())
    found = problem(send(api, draft, f"{line('b')}\n{line('a')}".encode()), 422, "bad_rows")
    assert flaws(found) == {(2, "duplicate_external_id")}
    assert len(stored(draft)) == 1


def test_the_first_hundred_wrong_rows_are_named(api: Api, draft: Batch) -> None:
    found = problem(send(api, draft, b"7\n" * 300), 422, "bad_rows")
    assert [flaw["line"] for flaw in found["errors"]] == list(range(1, 101))


@pytest.mark.parametrize(
    ("kind", "raw", "code"),
    [
        (NDJSON, b"", "empty"),
        (NDJSON, b"\n\n", "empty"),
        (JSON, b"[]", "empty"),
        (CSV, b"", "empty"),
        (CSV, b"external_id,text\n", "empty"),
        (JSON, b"", "not_an_array"),
        (JSON, b'{"external_id": "a"}', "not_an_array"),
        (JSON, b"[1", "malformed"),
        (JSON, b"[] []", "malformed"),
        (JSON, b'[{"a": "\xff"}]', "malformed"),
        (JSON, b'[{"a": ' + b"9" * 5000 + b"}]", "malformed"),
        (CSV, b"external_id,text\na,\xff\n", "encoding"),
        (CSV, b'external_id,text\na,"x"y\n', "malformed"),
        (CSV, b'external_id,text\na,"x', "malformed"),
    ],
)
def test_a_file_that_is_none_is_refused(
    api: Api, draft: Batch, kind: str, raw: bytes, code: str
) -> None:
    problem(send(api, draft, raw, kind), 400, code)
    assert stored(draft) == []


@pytest.mark.parametrize(
    ("kind", "head", "tail"),
    [
        (NDJSON, b'{"external_id": "a", "text": "', b'"}'),
        (JSON, b'[{"external_id": "a", "text": "', b'"}]'),
        (CSV, b"external_id,text\na,", b"\n"),
        (CSV, b'external_id,text\na,"', b'"\n'),
        (CSV, b"external_id,", b"\n"),
    ],
)
def test_a_row_of_thirty_megabytes_is_refused(
    api: Api, draft: Batch, kind: str, head: bytes, tail: bytes
) -> None:
    raw = head + b"x" * 30_000_000 + tail
    problem(send(api, draft, raw, kind), 413, "too_large")
    assert stored(draft) == []


def test_a_file_over_the_limit_is_refused_unread(api: Api, draft: Batch) -> None:
    too_long = str(rules.MAX_UPLOAD_BYTES + 1)
    problem(send(api, draft, b"x", Content_Length=too_long), 413, "too_large")


def test_a_body_of_unknown_length_is_refused(api: Api, draft: Batch) -> None:
    response = send(api, draft, b"", Content_Length="", Transfer_Encoding="chunked")
    problem(response, 411, "length_required")


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", ""])
def test_another_kind_of_file_is_refused(api: Api, draft: Batch, kind: str) -> None:
    problem(send(api, draft, b"x", kind), 415, "unsupported_media_type")


def test_tasks_need_an_interface_first(api: Api, owner: Member) -> None:
    bare = factories.make_batch(owner, tasks=0, interface="")
    problem(send(api, bare, line("a").encode()), 409, "no_interface")


def test_a_published_batch_takes_no_tasks(api: Api, owner: Member) -> None:
    batch = factories.make_open_batch(owner)
    problem(send(api, batch, line("new").encode()), 409, "not_a_draft")
    problem(api.delete(f"/batches/{batch.pk}/tasks"), 409, "not_a_draft")


class Interrupted(io.BytesIO):
    """A file during whose reading somebody else adds a task."""

    def readline(self, size: int | None = -1, /) -> bytes:
        if self.tell() == 0:
            self.meanwhile()
        return super().readline(size)

    def meanwhile(self) -> None:
        raise NotImplementedError


def test_a_batch_that_changed_while_the_file_was_read_takes_none_of_it(
    owner: Member, draft: Batch
) -> None:
    body = Interrupted(line("a").encode())
    body.meanwhile = lambda: factories.upload(draft, by=owner, tasks=2)  # type: ignore[method-assign]
    with pytest.raises(Conflict) as refused:
        uploads.upload_tasks(
            batch_id=draft.pk, by=owner, body=body, content_type=NDJSON, now=factories.NOW
        )
    assert refused.value.code == "busy"
    assert [row[1] for row in stored(draft)] == ["t0", "t1"]


def test_the_same_file_under_the_same_key_is_stored_once(api: Api, draft: Batch) -> None:
    raw = line("a").encode()
    first, again = send(api, draft, raw, key="k"), send(api, draft, raw, key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json() == {"count": 1}
    assert len(stored(draft)) == 1


def test_another_file_under_the_same_key_is_refused(api: Api, draft: Batch) -> None:
    send(api, draft, line("a").encode(), key="k")
    again = send(api, draft, line("b").encode(), key="k")
    problem(again, 422, "idempotency_key_reused")
    problem(send(api, draft, line("a").encode(), CSV, key="k"), 422, "idempotency_key_reused")


def test_a_mended_file_may_reuse_the_key_of_the_refused_one(api: Api, draft: Batch) -> None:
    problem(send(api, draft, b"7", key="k"), 422, "bad_rows")
    assert send(api, draft, line("a").encode(), key="k").status_code == 201


def test_an_upload_needs_a_key(api: Api, draft: Batch) -> None:
    problem(send(api, draft, line("a").encode(), key=" "), 400, "idempotency_key_missing")


def test_deleted_tasks_are_counted_and_gone(api: Api, draft: Batch) -> None:
    send(api, draft, f"{line('a')}\n{line('b')}".encode())
    assert api.delete(f"/batches/{draft.pk}/tasks").json() == {"count": 2}
    assert stored(draft) == []


def test_memory_stays_flat_while_a_large_file_is_stored(
    owner: Member, draft: Batch, tmp_path: Path
) -> None:
    file = tmp_path / "large.ndjson"
    with file.open("w") as out:
        out.writelines(f"{line(f't{i}', 'x' * 1000)}\n" for i in range(20_000))
    with file.open("rb") as body:
        tracemalloc.start()
        count = uploads.upload_tasks(
            batch_id=draft.pk, by=owner, body=body, content_type=NDJSON, now=factories.NOW
        )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert count == 20_000
    assert peak < file.stat().st_size / 2


# --- images --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0" + b"x" * 50, "image/jpeg"),
        (b"GIF89a" + b"x" * 50, "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 " + b"x" * 50, "image/webp"),
    ],
)
def test_an_image_is_stored_and_named_by_us(
    api: Api, draft: Batch, media_root: Path, raw: bytes, kind: str
) -> None:
    url = f"/batches/{draft.pk}/media?name=../../etc/cat.exe"
    found = api.post(url, raw=raw, kind="text/html").json()
    assert found["reference"] == f"media:{found['id']}"
    assert (found["content_type"], found["size"], found["name"]) == (kind, len(raw), "cat.exe")
    [file] = [path for path in media_root.rglob("*") if path.is_file()]
    assert file.read_bytes() == raw
    assert file.stem == found["id"]


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x89PNG", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"RIFF1234WAVE"],
)
def test_what_is_no_image_is_refused(api: Api, draft: Batch, media_root: Path, raw: bytes) -> None:
    response = api.post(f"/batches/{draft.pk}/media", raw=raw, kind="image/png")
    problem(response, 415, "not_an_image")
    assert list(media_root.rglob("*")) == []


def test_an_image_over_ten_megabytes_is_refused(api: Api, draft: Batch) -> None:
    raw = PNG + b"x" * 10_000_000
    problem(api.post(f"/batches/{draft.pk}/media", raw=raw), 413, "too_large")


def test_a_published_batch_takes_no_images(api: Api, owner: Member, media_root: Path) -> None:
    batch = factories.make_open_batch(owner)
    problem(api.post(f"/batches/{batch.pk}/media", raw=PNG), 409, "not_a_draft")
    assert list(media_root.rglob("*")) == []


def test_tasks_name_the_images_of_their_batch(api: Api, owner: Member) -> None:
    draft = factories.make_batch(owner, tasks=0, interface=IMAGES)
    reference = api.post(f"/batches/{draft.pk}/media", raw=PNG).json()["reference"]
    good = json.dumps({"external_id": "a", "pic": reference})
    bad = json.dumps({"external_id": "b", "pic": "media:" + "0" * 8 + "-0000" * 3 + "-" + "0" * 12})
    found = problem(send(api, draft, f"{good}\n{bad}".encode()), 422, "bad_rows")
    assert flaws(found) == {(2, "unknown_image")}
    assert send(api, draft, good.encode()).status_code == 201


def test_images_of_another_batch_are_unknown(api: Api, owner: Member) -> None:
    other = factories.make_batch(owner, tasks=0)
    reference = api.post(f"/batches/{other.pk}/media", raw=PNG).json()["reference"]
    draft = factories.make_batch(owner, tasks=0, interface=IMAGES)
    row = json.dumps({"external_id": "a", "pic": reference}).encode()
    assert flaws(problem(send(api, draft, row), 422, "bad_rows")) == {(1, "unknown_image")}


@pytest.mark.django_db(transaction=True)
def test_files_go_with_their_deleted_batch(api: Api, draft: Batch, media_root: Path) -> None:
    api.post(f"/batches/{draft.pk}/media", raw=PNG)
    assert api.delete(f"/batches/{draft.pk}").status_code == 204
    assert not Media.objects.exists()
    assert [path for path in media_root.rglob("*") if path.is_file()] == []
