"""A refused answer is nowhere but in its worker's archive, and `prove_erasure` would find it."""

import base64
import io
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache.backends.redis import RedisCache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone
from kombu import Connection

from accounts.models import Member, User
from core.models import IdempotencyKey
from disputes.models import Evidence, Rejection
from disputes.services import clocks, contests, judging, rejections, replies
from marketplace import erasure, stores
from tasks.models import Archived, Assignment, Batch, Erasure
from tasks.services import claims, openings, work
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)

TEXT_INTERFACE = """<View>
  <Text name="text" value="$text"/>
  <TextArea name="why" toName="text" required="true"/>
</View>"""
# What JSON, HTML and LIKE each write differently.
CANARY = 'The “canary” sings: "100 % of_it" is \\ été <b>yellow</b>'
OTHERS_DB = 13


def written(text: str = CANARY) -> list[dict[str, Any]]:
    value = {"text": [text]}
    return [{"id": "w", "from_name": "why", "to_name": "text", "type": "textarea", "value": value}]


def pdf(text: str) -> ContentFile[bytes]:
    return ContentFile(f"%PDF-1.4\n1 0 obj\n({text})\nendobj\n%%EOF".encode(), name="proof.pdf")


def prove(assignment_id: int, *canaries: str) -> tuple[int, str]:
    """(exit code, everything printed)."""
    said = io.StringIO()
    extra = ["--canary", *canaries] if canaries else []
    try:
        call_command("prove_erasure", str(assignment_id), *extra, stdout=said)
    except CommandError as error:
        return error.returncode, f"{said.getvalue()}{error}"
    return 0, said.getvalue()


@pytest.fixture(autouse=True)
def _no_other_files(settings: Any, tmp_path: Path) -> None:
    """Files of other tests, whose rows were rolled back, are not to be found here."""
    settings.MEDIA_ROOT = str(tmp_path / "media")


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=5, interface=TEXT_INTERFACE)


def submitted(worker: User, batch: Batch, text: str = CANARY) -> Assignment:
    """Saved three times, then submitted."""
    one = claims.claim(worker=worker, batch_id=batch.pk, now=NOW)
    for revision in range(3):
        work.save_draft(
            assignment_id=one.pk,
            worker=worker,
            content=written(f"{text} {revision}"),
            revision=revision,
            now=NOW,
        )
    work.submit(
        assignment_id=one.pk, worker=worker, content=written(text), key=f"k{one.pk}", now=NOW
    )
    return one


def disputed(one: Assignment, *, worker: User, owner: Member) -> Rejection:
    """Opened, rejected, contested and replied to, each time with a quotation."""
    openings.open_answer(assignment_id=one.pk, by=owner, now=NOW)
    rejection = factories.reject(one, by=owner, explanation=f"This is off the point: {CANARY}")
    dispute = contests.contest(
        assignment_id=one.pk, worker=worker, statement=f"I wrote “{CANARY}”.", now=NOW
    )
    replies.reply(dispute_id=dispute.pk, by=owner, text=f"We can read: {CANARY}", now=NOW)
    sides = (("hers.pdf", worker, None), ("theirs.pdf", owner.user, owner))
    for name, by, member in sides:
        replies.add_evidence(
            dispute_id=dispute.pk,
            by=by,
            member=member,
            file=pdf(CANARY),
            name=name,
            shared=True,
            now=NOW,
        )
    return Rejection.objects.get(pk=rejection.pk)


def uphold(rejection: Rejection, *, by: User) -> None:
    """Upheld by an adjudicator, and the time to appeal gone by."""
    assert rejection.dispute is not None
    judging.decide(
        dispute_id=rejection.dispute.pk,
        by=by,
        unfounded={rejection.assignment_id: False},
        reasons="The criterion asks for something else than what stands in the answer.",
        now=NOW,
    )
    clocks.run(now=NOW + timedelta(days=15))


def test_prove_erasure_finds_the_canary_before_and_nothing_after(
    batch: Batch, owner: Member, bea: User, dia: User
) -> None:
    one = submitted(bea, batch)
    rejection = disputed(one, worker=bea, owner=owner)
    files = list(Evidence.objects.values_list("file", flat=True))
    code, said = prove(one.pk)
    assert code == 2
    by_ids, by_words = said.split("by words:")
    for place in (
        f"tasks_answer {one.pk} content",
        f"disputes_rejection {rejection.pk} explanation",
        f"disputes_dispute {rejection.dispute_id} reply",
        "disputes_statement",
        "disputes_evidence",
    ):
        assert place in by_ids
        assert place in by_words or place == "disputes_evidence"
    assert all(f"file {name}" in by_words for name in files)

    uphold(rejection, by=dia)

    code, said = prove(one.pk, CANARY)
    [kept] = Archived.objects.filter(assignment=one)
    assert code == 0, said
    assert "its digest is that of the worker's copy" in said
    places = [line for line in said.splitlines() if line.startswith("    ")]
    marked = "  the worker's archive, where it must be"
    assert set(places) == {
        "    nothing",
        f"    tasks_archived {kept.pk} content{marked}",
        f"    tasks_archived {kept.pk} record{marked}",
    }
    assert CANARY not in said
    assert not any(default_storage.exists(name) for name in files)
    assert (kept.content, kept.record["reply"]) == (written(), f"We can read: {CANARY}")


def test_prove_erasure_of_an_unanswered_claim_shows_its_draft(batch: Batch, bea: User) -> None:
    one = claims.claim(worker=bea, batch_id=batch.pk, now=NOW)
    work.save_draft(
        assignment_id=one.pk, worker=bea, content=written(), revision=0, now=timezone.now()
    )
    code, said = prove(one.pk)
    assert code == 2
    assert f"tasks_draft {one.pk} content" in said


def test_prove_erasure_of_nothing(db: None) -> None:
    assert prove(404) == (2, "there is no such assignment")


def test_an_answer_without_words_is_proved_by_its_rows(owner: Member, bea: User) -> None:
    chosen = factories.make_open_batch(owner)
    one = factories.make_assignment(worker=bea, batch=chosen, state="refused")
    code, said = prove(one.pk)
    assert (code, "none of its own" in said) == (0, True)


@pytest.fixture
def refused(batch: Batch, owner: Member, bea: User, dia: User) -> Assignment:
    one = submitted(bea, batch)
    uphold(disputed(one, worker=bea, owner=owner), by=dia)
    return one


def test_what_others_wrote_is_no_find(
    refused: Assignment, batch: Batch, bea: User, cem: User
) -> None:
    submitted(cem, batch)
    submitted(bea, batch)
    code, said = prove(refused.pk)
    assert code == 0, said
    assert "other answers that say the same: 2" in said


def test_what_the_task_says_is_not_looked_for(batch: Batch, bea: User) -> None:
    one = submitted(bea, batch, "Sentence number 0. I wrote this second sentence myself.")
    one = Assignment.objects.select_related("batch", "task").get(pk=one.pk)
    content = erasure.copy_of(one)
    assert erasure.own_words(one, content) == ["I wrote this second sentence myself"]


def test_digest_of_another_text_is_no_proof(refused: Assignment) -> None:
    Archived.objects.filter(assignment=refused).update(content=written("Something else, quite."))
    assert Erasure.objects.filter(assignment=refused).exists()
    code, said = prove(refused.pk)
    assert (code, "is NOT that of the worker's copy" in said) == (1, True)


# --- it would find it, wherever it lay -------------------------------------------------------


@pytest.fixture
def other_redis() -> Iterator["redis.Redis"]:
    """A database of the server that no other test uses; keys of this test begin with its name."""
    address = settings.REDIS_URL.rpartition("/")[0]
    with redis.Redis.from_url(f"{address}/{OTHERS_DB}") as server:
        before = set(server.keys())
        yield server
        for key in set(server.keys()) - before:
            server.delete(key)


def in_the_idempotency_table(bea: User, **_: Any) -> None:
    IdempotencyKey.objects.create(
        user=bea, key="k", request_hash="h", started_at=NOW, status=200, body={"a": [CANARY]}
    )


def in_json_inside_json(bea: User, **_: Any) -> None:
    body = {"raw": json.dumps({"deep": CANARY})}
    IdempotencyKey.objects.create(
        user=bea, key="k", request_hash="h", started_at=NOW, status=200, body=body
    )


def in_bytes(batch: Batch, **_: Any) -> None:
    Batch.objects.filter(pk=batch.pk).update(secret=CANARY.encode())


def in_a_session(**_: Any) -> None:
    session = SessionStore()
    session["last"] = {"shown": CANARY * 5}
    session.save()


def in_a_file(**_: Any) -> None:
    default_storage.save("deep/below/left.txt", ContentFile(b"x" * 65_530 + CANARY.encode()))


def in_a_queue(other_redis: "redis.Redis", **_: Any) -> None:
    address = settings.REDIS_URL.rpartition("/")[0]
    with Connection(f"{address}/{OTHERS_DB}") as broker:
        queue = broker.SimpleQueue(f"erasure-{uuid.uuid4().hex}")
        queue.put({"said": CANARY})
        queue.close()


def in_the_cache(other_redis: "redis.Redis", **_: Any) -> None:
    address = settings.REDIS_URL.rpartition("/")[0]
    cache = RedisCache(f"{address}/{OTHERS_DB}", {})
    cache.set(f"erasure-{uuid.uuid4().hex}", {"page": f"<p>{CANARY}</p>"})


def in_a_hash(other_redis: "redis.Redis", **_: Any) -> None:
    packed = base64.urlsafe_b64encode(CANARY.encode())
    other_redis.hset(f"erasure-{uuid.uuid4().hex}", "field", packed)


def in_other_kinds(other_redis: "redis.Redis", **_: Any) -> None:
    name = f"erasure-{uuid.uuid4().hex}"
    other_redis.sadd(f"{name}-set", "nothing")
    other_redis.zadd(f"{name}-zset", {"nothing": 1})
    other_redis.rpush(f"{name}-list", "nothing")
    other_redis.xadd(f"{name}-stream", {"field": CANARY})


@pytest.mark.parametrize(
    ("hide", "place"),
    [
        (in_the_idempotency_table, "core_idempotencykey 1 body"),
        (in_json_inside_json, "core_idempotencykey 1 body"),
        (in_bytes, "tasks_batch 1 secret"),
        (in_a_session, "django_session"),
        (in_a_file, "file deep/below/left.txt"),
        (in_a_queue, f"redis {OTHERS_DB} erasure-"),
        (in_the_cache, f"redis {OTHERS_DB} :1:erasure-"),
        (in_a_hash, f"redis {OTHERS_DB} erasure-"),
        (in_other_kinds, f"redis {OTHERS_DB} erasure-"),
    ],
)
def test_prove_erasure_finds_what_was_hidden(
    hide: Callable[..., None],
    place: str,
    refused: Assignment,
    batch: Batch,
    bea: User,
    other_redis: "redis.Redis",
) -> None:
    try:
        hide(batch=batch, bea=bea, other_redis=other_redis)
        code, said = prove(refused.pk, CANARY)
        assert code == 1
        assert place in said
        assert "NOT erased" in said
    finally:
        default_storage.delete("deep/below/left.txt")


def test_a_file_that_no_row_names_is_shown(refused: Assignment) -> None:
    name = default_storage.save("evidence/2026/03/stray.pdf", pdf("nothing of it"))
    try:
        code, said = prove(refused.pk)
        assert (code, f"look at it: {name}" in said) == (0, True)
    finally:
        default_storage.delete(name)


def test_tables_are_all_of_ours() -> None:
    found = {table.name: table for table in stores.tables()}
    assert {"tasks_answer", "core_event", "django_session", "disputes_statement"} <= set(found)
    assert "content" in found["tasks_archived"].texts
    assert found["tasks_erasure"].binaries == ["digest"]


# --- the other ways to refuse ----------------------------------------------------------------


def test_lapsed_and_unjudged_are_erased_as_well(
    batch: Batch, owner: Member, bea: User, cem: User
) -> None:
    lapsed, unjudged = submitted(bea, batch), submitted(cem, batch, f"{CANARY}, says another")
    openings.open_answer(assignment_id=lapsed.pk, by=owner, now=NOW)
    factories.reject(lapsed, by=owner, explanation=f"This is off the point: {CANARY}")
    disputed(unjudged, worker=cem, owner=owner)
    clocks.run(now=NOW + timedelta(days=15))
    outcomes = {one.assignment_id: one.outcome for one in Rejection.objects.all()}
    assert outcomes == {lapsed.pk: "lapsed", unjudged.pk: "unjudged"}
    for one in (lapsed, unjudged):
        code, said = prove(one.pk, CANARY)
        assert code == 0, said


def test_a_withdrawn_one_is_paid_and_not_erased(batch: Batch, owner: Member, bea: User) -> None:
    one = submitted(bea, batch)
    disputed(one, worker=bea, owner=owner)
    rejections.withdraw_rejection(assignment_id=one.pk, by=owner, now=NOW)
    code, said = prove(one.pk)
    assert (code, f"tasks_answer {one.pk}" in said) == (2, True)


def test_what_was_said_of_a_group_is_erased_with_the_first_of_it(
    batch: Batch, owner: Member, bea: User, dia: User
) -> None:
    """Also the reply to a case that joined the group's, and files about no one of it."""
    ones = [submitted(bea, batch, f"{CANARY}, in number {number}") for number in range(5)]
    for one in ones:
        openings.open_answer(assignment_id=one.pk, by=owner, now=NOW)
    factories.reject(ones[0], by=owner, explanation=f"This is off the point: {CANARY}")
    alone = contests.contest(assignment_id=ones[0].pk, worker=bea, now=NOW)
    replies.reply(dispute_id=alone.pk, by=owner, text=f"We can read: {CANARY}", now=NOW)
    for number, one in enumerate(ones[1:3]):
        said = f"Number {number} is off the point: {CANARY}"
        rejection = factories.reject(one, by=owner, explanation=said)
    group = rejection.dispute
    assert group is not None
    assert (group.kind, Rejection.objects.filter(dispute=group).count()) == ("collective", 3)
    replies.reply(dispute_id=group.pk, by=owner, text=f"Of all: {CANARY}", now=NOW)
    replies.add_evidence(
        dispute_id=group.pk,
        by=owner.user,
        member=owner,
        file=pdf(CANARY),
        name="all.pdf",
        shared=True,
        now=NOW,
    )
    # The client's first words are in the case that is judged now.
    assert f"We can read: {CANARY}" in [one.text for one in group.statements.all()]
    upheld = {one.pk: False for one in ones[:3]}
    reasons = "The criterion asks for something else than what stands in the answers."
    judging.decide(dispute_id=group.pk, by=dia, unfounded=upheld, reasons=reasons, now=NOW)
    contests.appeal(
        assignment_id=ones[2].pk, worker=bea, statement=f"It is wrong of: {CANARY}", now=NOW
    )
    clocks.run(now=NOW + timedelta(days=15))
    for one in ones[:2]:
        code, said = prove(one.pk)
        assert code == 0, said
    clocks.run(now=NOW + timedelta(days=50))
    for one in ones[:3]:
        code, said = prove(one.pk)
        assert code == 0, said
