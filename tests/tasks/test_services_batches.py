"""Drafts, prices and publication: the money is locked first, or nothing happens (R1, R14, R15)."""

import io
import json

import pytest

from accounts.models import Client, Member, User
from core import money, rules
from core.errors import (
    Forbidden,
    IllegalMove,
    InsufficientFunds,
    Invalid,
    NotFound,
    PreconditionFailed,
    TooLarge,
    UnsupportedMedia,
)
from payments.selectors import balances
from payments.selectors import batches as batch_money
from tasks.models import Batch, Place, Task
from tasks.selectors import batches as reads
from tasks.services import batches, publishing, uploads
from tests import factories
from tests.factories import FIELDS, NOW

pytestmark = pytest.mark.django_db


def pointers(error: Invalid) -> dict[str | None, str]:
    return {flaw.pointer: flaw.code for flaw in error.flaws}


def test_create_batch_names_every_wrong_field_at_once(owner: Member) -> None:
    wrong = FIELDS | {
        "title": " ",
        "reward": 5_000,
        "overlap": 0,
        "criteria": "one",
        "examples": [{"task": "x"}],
        "review_window_s": 60,
        "colour": "red",
        "instructions": "nul \0 byte",
        "interface": "<View><Script/></View>",
    }
    with pytest.raises(Invalid) as refused:
        batches.create_batch(by=owner, fields=wrong, now=NOW)
    assert set(pointers(refused.value)) == {f"/{name}" for name in set(wrong) - set(FIELDS)} | {
        "/title",
        "/reward",
        "/overlap",
        "/criteria",
        "/examples",
        "/review_window_s",
        "/instructions",
        "/interface",
    }
    assert not Batch.objects.exists()


def test_create_batch_refuses_half_cents(owner: Member) -> None:
    with pytest.raises(Invalid) as refused:
        batches.create_batch(by=owner, fields=FIELDS | {"reward": 15_000}, now=NOW)
    assert pointers(refused.value) == {"/reward": "half_cent"}


def test_edit_batch_with_an_old_revision_is_refused(owner: Member) -> None:
    batch = factories.make_batch(owner, tasks=0)
    batches.edit_batch(
        batch_id=batch.pk, by=owner, fields={"title": "New"}, revision=batch.revision, now=NOW
    )
    with pytest.raises(PreconditionFailed):
        batches.edit_batch(
            batch_id=batch.pk, by=owner, fields={"title": "Old"}, revision=1, now=NOW
        )
    assert Batch.objects.get(pk=batch.pk).title == "New"


def test_another_interface_under_uploaded_tasks_is_refused(owner: Member) -> None:
    batch = factories.make_batch(owner, tasks=1)
    with pytest.raises(batches.HasTasks):
        batches.edit_batch(
            batch_id=batch.pk, by=owner, fields={"interface": ""}, revision=None, now=NOW
        )


def test_a_published_batch_does_not_change(owner: Member) -> None:
    batch = factories.make_open_batch(owner)
    with pytest.raises(batches.NotADraft):
        batches.edit_batch(
            batch_id=batch.pk, by=owner, fields={"title": "x"}, revision=None, now=NOW
        )
    with pytest.raises(batches.NotADraft):
        batches.delete_batch(batch_id=batch.pk, by=owner, now=NOW)


def test_delete_batch_takes_its_tasks_along(owner: Member) -> None:
    batch = factories.make_batch(owner, tasks=2)
    batches.delete_batch(batch_id=batch.pk, by=owner, now=NOW)
    assert not Batch.objects.exists()
    assert not Task.objects.exists()


def test_quote_is_places_times_reward_and_fee(owner: Member) -> None:
    quote = reads.quote(factories.make_batch(owner, tasks=3, overlap=2))
    assert (quote.places, quote.fee, quote.total) == (6, 10_000, 6 * 110_000)
    assert quote.missing == []


def test_the_floor_is_the_hourly_floor_with_unpaid_time(owner: Member) -> None:
    # 12.00 an hour × 60 s × 1.49 = 0.298: the next cent.
    assert rules.floor_reward(60) == 30 * money.CENT
    batch = factories.make_batch(owner, declared_seconds=60, reward=29 * money.CENT)
    assert [flaw.code for flaw in reads.quote(batch).missing] == ["below_floor"]


def test_publish_names_everything_that_is_missing(owner: Member) -> None:
    bare = {"title": "Bare", "reward": money.CENT, "declared_seconds": 60}
    batch = batches.create_batch(by=owner, fields=bare, now=NOW)
    with pytest.raises(batches.NotReady) as refused:
        batches.publish_batch(batch_id=batch.pk, by=owner, now=NOW)
    assert [flaw.code for flaw in refused.value.flaws] == [
        "no_instructions",
        "no_criteria",
        "no_examples",
        "no_interface",
        "no_tasks",
        "below_floor",
    ]


def test_publish_at_another_price_than_was_shown_is_refused(owner: Member) -> None:
    batch = factories.make_batch(owner)
    factories.fund(owner.client, "10.00")
    with pytest.raises(batches.PriceChanged):
        batches.publish_batch(batch_id=batch.pk, by=owner, now=NOW, agreed=1)
    assert Batch.objects.get(pk=batch.pk).state == "draft"


def test_publish_without_funds_changes_nothing(owner: Member) -> None:
    batch = factories.make_batch(owner)
    with pytest.raises(InsufficientFunds):
        batches.publish_batch(batch_id=batch.pk, by=owner, now=NOW)
    batch.refresh_from_db()
    assert batch.state == "draft"
    assert batch.published_at is None


def test_publish_locks_the_whole_price_and_opens_when_every_place_is_made(
    owner: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "CHUNK", 4)
    batch = factories.make_batch(owner, tasks=5, overlap=2)
    factories.fund(owner.client, "10.00")
    batches.publish_batch(batch_id=batch.pk, by=owner, now=NOW)
    assert balances.client_balance(owner.client_id) == 10_000_000 - 10 * 110_000
    assert publishing.publish_chunk(batch_id=batch.pk, now=NOW) == 4
    assert Batch.objects.get(pk=batch.pk).state == "publishing"
    assert publishing.publish_batches(now=NOW) == 6
    assert Batch.objects.get(pk=batch.pk).state == "open"
    assert Place.objects.filter(batch=batch).count() == 10
    money_of = batch_money.batch_money(batch.pk)
    assert money_of.funded == money_of.allocated == money_of.left


def test_a_batch_closed_while_publishing_gets_everything_back(
    owner: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "CHUNK", 2)
    batch = factories.make_batch(owner, tasks=5)
    factories.fund(owner.client, "10.00")
    batches.publish_batch(batch_id=batch.pk, by=owner, now=NOW)
    publishing.publish_chunk(batch_id=batch.pk, now=NOW)
    batches.close_batch(batch_id=batch.pk, by=owner, now=NOW)
    publishing.settle_closed(now=NOW)
    publishing.settle_closed(now=NOW)
    assert balances.client_balance(owner.client_id) == 10_000_000
    assert Batch.objects.get(pk=batch.pk).settled_at == NOW


def test_only_owners_spend(owner: Member, acme: Client) -> None:
    batch = factories.make_batch(owner)
    reviewer = Member(client=acme, user=owner.user, role="reviewer")
    for spend in (batches.publish_batch, batches.close_batch):
        with pytest.raises(Forbidden):
            spend(batch_id=batch.pk, by=reviewer, now=NOW)


def test_somebody_elses_batch_is_not_found(owner: Member, dia: User) -> None:
    batch = factories.make_batch(owner)
    stranger = factories.make_client("Other", owner="eve", verified_by=dia).members.get()
    with pytest.raises(NotFound):
        batches.publish_batch(batch_id=batch.pk, by=stranger, now=NOW)


@pytest.mark.parametrize("verb", ["pause", "resume", "close"])
def test_a_draft_can_only_be_published(owner: Member, verb: str) -> None:
    batch = factories.make_batch(owner)
    with pytest.raises(IllegalMove):
        getattr(batches, f"{verb}_batch")(batch_id=batch.pk, by=owner, now=NOW)


# --- uploads -------------------------------------------------------------------------------


def send(batch: Batch, owner: Member, body: bytes, content_type: str = "application/x-ndjson"):
    return uploads.upload_tasks(
        batch_id=batch.pk, by=owner, body=io.BytesIO(body), content_type=content_type, now=NOW
    )


GOOD = [{"external_id": "a", "text": "one"}, {"external_id": "b", "text": "zwei\nپنج\t\\n"}]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", json.dumps(GOOD).encode()),
        ("application/x-ndjson", "\n\n".join(map(json.dumps, GOOD)).encode()),
        (
            "text/csv; charset=utf-8",
            '\ufefftext,external_id\r\none,a\r\n"zwei\nپنج\t\\n",b\r\n'.encode(),
        ),
    ],
)
def test_upload_takes_json_ndjson_and_csv(owner: Member, content_type: str, body: bytes) -> None:
    batch = factories.make_batch(owner, tasks=0)
    assert send(batch, owner, body, content_type) == 2
    stored = Task.objects.order_by("position").values_list("position", "external_id", "payload")
    assert list(stored) == [
        (i, row["external_id"], {"text": row["text"]}) for i, row in enumerate(GOOD)
    ]
    assert Batch.objects.get(pk=batch.pk).task_count == 2


@pytest.mark.parametrize(
    ("body", "content_type", "code", "line"),
    [
        (b'{"external_id": "a", "text": "x"}\n{"external_id": "b"', None, "malformed", 2),
        (b'{"external_id": "a", "text": "x"}\n[1]', None, "not_an_object", 2),
        (b'{"external_id": "a", "text": "\xff"}', None, "encoding", 1),
        (b'{"external_id": "a", "text": "x\\u0000"}', None, "bad_character", 1),
        (b'{"external_id": "a", "text": "\\ud800"}', None, "bad_character", 1),
        (b'{"text": "x"}', None, "external_id", 1),
        (b'{"external_id": 7, "text": "x"}', None, "external_id", 1),
        (b'{"external_id": "a", "text": "x"}\n' * 2, None, "duplicate_external_id", 2),
        (b"text,other\nx,a", "text/csv", "missing_column", 1),
        (b"text,external_id\nx", "text/csv", "missing_column", 2),
    ],
)
def test_upload_of_a_bad_row_names_its_line_and_stores_nothing(
    owner: Member, body: bytes, content_type: str | None, code: str, line: int
) -> None:
    batch = factories.make_batch(owner, tasks=0)
    with pytest.raises(uploads.BadRows) as refused:
        send(batch, owner, body, content_type or "application/x-ndjson")
    assert [(flaw.code, flaw.line) for flaw in refused.value.flaws] == [(code, line)]
    assert not Task.objects.exists()


def test_upload_refuses_names_the_batch_has_already(owner: Member) -> None:
    batch = factories.make_batch(owner, tasks=2)
    with pytest.raises(uploads.BadRows) as refused:
        send(batch, owner, b'{"external_id": "n", "text": "x"}\n{"external_id": "t1", "text": "x"}')
    assert [flaw.line for flaw in refused.value.flaws] == [2]
    assert Task.objects.filter(batch=batch).count() == 2


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (b"", "application/x-ndjson", Invalid),
        (b"", "text/csv", Invalid),
        (b"[]", "application/json", Invalid),
        (b"", "application/json", Invalid),
        (b'{"external_id": "a"}', "application/json", Invalid),
        (b'[{"external_id": "a", "text": "\xff"}]', "application/json", Invalid),
        (b'external_id,text\na,"open', "text/csv", Invalid),
        (b"external_id,text\na,\xff", "text/csv", Invalid),
        (b"<xml/>", "application/xml", UnsupportedMedia),
        (b'{"text": "' + b"x" * 1_100_000 + b'"}', "application/x-ndjson", TooLarge),
        (b'[{"text": "' + b"x" * 2_500_000 + b'"}]', "application/json", TooLarge),
    ],
)
def test_upload_of_no_file_at_all_is_refused(owner: Member, body, content_type, error) -> None:
    batch = factories.make_batch(owner, tasks=0)
    with pytest.raises(error):
        send(batch, owner, body, content_type)
    assert not Task.objects.exists()


def test_upload_reports_the_first_hundred_bad_rows(owner: Member) -> None:
    batch = factories.make_batch(owner, tasks=0)
    with pytest.raises(uploads.BadRows) as refused:
        send(batch, owner, b"[]\n" * 500)
    assert len(refused.value.flaws) == 100


def test_upload_needs_the_interface_first(owner: Member) -> None:
    batch = factories.make_batch(owner, tasks=0, interface="")
    with pytest.raises(uploads.NoInterface):
        send(batch, owner, b'{"external_id": "a", "text": "x"}')
