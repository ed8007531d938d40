"""Known answers, and shutting out with a reason: by them, or by the client (R16)."""

from typing import Any

import pytest

from accounts.models import Member, User
from accounts.selectors import pseudonym
from core.errors import Invalid
from core.models import Event
from disputes.services import suspensions
from payments.selectors import balances
from tasks.models import Batch, Exclusion, Gold, GoldCheck
from tasks.services import batches, claims, exclusions, gold, reviews, work
from tests import factories
from tests.disputes import cases
from tests.disputes.cases import at, refused
from tests.factories import NOW, answer

pytestmark = pytest.mark.django_db
WHY = "Her answers do not follow the second example."


def known(*numbers: int, value: str = "positive") -> list[dict[str, Any]]:
    return [{"external_id": f"t{i}", "answer": answer(value)} for i in numbers]


def set_gold(batch: Batch, by: Member, items: Any) -> int:
    return gold.set_gold(batch_id=batch.pk, by=by, known=items, now=NOW)


@pytest.fixture
def draft(owner: Member) -> Batch:
    return factories.make_batch(owner, tasks=100)


@pytest.fixture
def batch(draft: Batch, owner: Member) -> Batch:
    """A hundred tasks; the answers to the first ten are known."""
    set_gold(draft, owner, known(*range(10)))
    factories.fund(owner.client)
    return factories.publish(draft, by=owner)


# --- known answers ---------------------------------------------------------------------------


def test_known_answers_replace_those_before(draft: Batch, owner: Member) -> None:
    assert set_gold(draft, owner, known(1, 2, 3)) == 3
    assert set_gold(draft, owner, known(4)) == 1
    assert [one.task.external_id for one in Gold.objects.all()] == ["t4"]
    assert set_gold(draft, owner, []) == 0


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([{"external_id": "none", "answer": answer()}], "unknown_task"),
        ([{"external_id": 1, "answer": answer()}], "unknown_task"),
        ([{"answer": answer()}], "unknown_task"),
        ([{"external_id": "t1", "answer": "positive"}], "answer"),
        ([{"external_id": "t1"}], "answer"),
        ([{"external_id": "t1", "answer": []}], "required"),
        ([{"external_id": "t1", "answer": answer("neutral")}], "unknown_choice"),
        (known(1, 2, 1), "duplicate"),
    ],
)
def test_a_wrong_known_answer_is_named_and_nothing_is_stored(
    items: Any, code: str, draft: Batch, owner: Member
) -> None:
    set_gold(draft, owner, known(7))
    with pytest.raises(Invalid) as error:
        set_gold(draft, owner, items)
    assert [flaw.code for flaw in error.value.flaws] == [code]
    assert [one.task.external_id for one in Gold.objects.all()] == ["t7"]


def test_known_answers_are_set_in_drafts_only(batch: Batch, owner: Member) -> None:
    with refused("not_a_draft"):
        set_gold(batch, owner, known(1))


def test_deleting_the_tasks_deletes_what_is_known_of_them(draft: Batch, owner: Member) -> None:
    set_gold(draft, owner, known(1))
    batches.delete_tasks(batch_id=draft.pk, by=owner, now=NOW)
    assert not Gold.objects.exists()


def give(worker: User, batch: Batch, *values: str) -> list[int]:
    return [cases.submit(worker, batch, value=value) for value in values]


def test_each_answer_to_a_known_item_is_checked(batch: Batch, bea: User) -> None:
    give(bea, batch, "positive", "negative")
    assert list(GoldCheck.objects.order_by("pk").values_list("passed", flat=True)) == [True, False]


def test_ids_and_order_within_an_answer_make_no_difference(batch: Batch, bea: User) -> None:
    one = claims.claim(worker=bea, batch_id=batch.pk, now=NOW)
    content = [answer()[0] | {"id": "another"}]
    work.submit(assignment_id=one.pk, worker=bea, content=content, key="k", now=NOW)
    assert GoldCheck.objects.get().passed


def test_an_answer_taken_back_is_checked_as_it_comes_again(batch: Batch, bea: User) -> None:
    [one] = give(bea, batch, "negative")
    work.unsubmit(assignment_id=one, worker=bea, now=NOW)
    assert not GoldCheck.objects.exists()
    work.submit(assignment_id=one, worker=bea, content=answer(), key="b", now=NOW)
    assert GoldCheck.objects.get().passed


def test_a_known_item_is_paid_like_any_other(batch: Batch, bea: User) -> None:
    ids = give(bea, batch, "negative", "positive")
    reviews.approve_due(now=at(hours=73))
    assert all(cases.is_paid(one) for one in ids)
    assert balances.worker_balance(bea.pk) == 2 * batch.reward


@pytest.mark.parametrize(
    ("passed", "failed", "out"),
    [(1, 3, False), (0, 4, False), (2, 3, True), (0, 5, True), (3, 2, False), (5, 4, True)],
)
def test_under_sixty_percent_of_at_least_five_ends_further_claims(
    passed: int, failed: int, out: bool, batch: Batch, owner: Member, bea: User
) -> None:
    ids = give(bea, batch, *["positive"] * passed, *["negative"] * failed)
    held = claims.claim(worker=bea, batch_id=batch.pk, now=NOW)

    assert gold.exclude_by_gold(now=at(minutes=1)) == int(out)
    assert gold.exclude_by_gold(now=at(minutes=2)) == 0

    if not out:
        claims.claim(worker=bea, batch_id=batch.pk, now=at(minutes=3))
        return
    exclusion = Exclusion.objects.get()
    # A named human, and a reason she can read.
    assert (exclusion.cause, exclusion.by_id) == ("gold", owner.user_id)
    assert f"{failed} of your {passed + failed}" in exclusion.reason
    assert Event.objects.filter(kind="worker.excluded", about_id=exclusion.pk).count() == 1
    with refused("excluded"):
        claims.claim(worker=bea, batch_id=batch.pk, now=at(minutes=3))
    # What she holds she may finish, and all of it is paid.
    work.submit(assignment_id=held.pk, worker=bea, content=answer(), key="last", now=at(minutes=3))
    reviews.approve_due(now=at(days=4))
    assert all(cases.is_paid(one) for one in [*ids, held.pk])


def test_what_was_failed_in_one_batch_counts_there_only(
    batch: Batch, owner: Member, bea: User
) -> None:
    give(bea, batch, *["negative"] * 5)
    gold.exclude_by_gold(now=NOW)
    other = factories.make_open_batch(owner)
    assert claims.claim(worker=bea, batch_id=other.pk, now=NOW).batch_id == other.pk


def test_answers_checked_while_the_job_stood_still_count_too(batch: Batch, bea: User) -> None:
    give(bea, batch, *["negative"] * 5)
    assert gold.exclude_by_gold(now=at(hours=5)) == 1


# --- by the client ---------------------------------------------------------------------------


def exclude(batch: Batch, by: Member, worker: User, reason: str = WHY) -> Exclusion:
    name = pseudonym(client=by.client, worker_id=worker.pk)
    return exclusions.exclude(batch_id=batch.pk, worker=name, by=by, reason=reason, now=NOW)


def test_a_client_excludes_from_further_claims_of_a_batch_for_a_reason(
    batch: Batch, owner: Member, bea: User
) -> None:
    ids = give(bea, batch, "positive")
    made = exclude(batch, owner, bea)
    assert (made.cause, made.by_id, made.reason) == ("client", owner.user_id, WHY)
    with refused("excluded"):
        claims.claim(worker=bea, batch_id=batch.pk, now=NOW)
    with refused("already_excluded"):
        exclude(batch, owner, bea)
    reviews.approve_due(now=at(hours=73))
    assert cases.is_paid(ids[0])
    other = factories.make_open_batch(owner)
    assert claims.claim(worker=bea, batch_id=other.pk, now=NOW).batch_id == other.pk


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        *((said, "text_length") for said in ("", "Bad.", " " * 30, "x" * 19, "x" * 2_001)),
        ("x" * 20 + "\0", "nul"),
    ],
)
def test_without_a_reason_nobody_is_excluded(
    reason: str, code: str, batch: Batch, owner: Member, bea: User
) -> None:
    give(bea, batch, "positive")
    with refused(code):
        exclude(batch, owner, bea, reason)
    assert not Exclusion.objects.exists()


def test_only_who_has_worked_on_it_and_only_by_this_clients_name(
    batch: Batch, owner: Member, bea: User, cem: User, dia: User
) -> None:
    give(bea, batch, "positive")
    with refused("invalid"):
        exclude(batch, owner, cem)
    stranger = factories.make_client("Other", owner="eve", verified_by=dia).members.get()
    with refused("not_found"):
        exclude(batch, stranger, bea)
    with refused("invalid"):
        exclusions.exclude(batch_id=batch.pk, worker=str(bea.pk), by=owner, reason=WHY, now=NOW)


def test_the_worker_replies_and_may_say_it_anew(
    batch: Batch, owner: Member, bea: User, cem: User
) -> None:
    give(bea, batch, "positive")
    made = exclude(batch, owner, bea)
    for said in ("I followed the second example.", "I followed it word for word."):
        exclusions.reply(exclusion_id=made.pk, worker=bea, text_=said, now=NOW)
    made.refresh_from_db()
    assert (made.reply, made.replied_at) == ("I followed it word for word.", NOW)
    with refused("not_found"):
        exclusions.reply(exclusion_id=made.pk, worker=cem, text_="It was me, honestly.", now=NOW)
    with refused("text_length"):
        exclusions.reply(exclusion_id=made.pk, worker=bea, text_="No.", now=NOW)


def test_a_suspended_member_excludes_nobody(
    batch: Batch, owner: Member, bea: User, dia: User
) -> None:
    give(bea, batch, "positive")
    suspensions.suspend(user_id=owner.user_id, by=dia, reason="Threatened a worker.", now=NOW)
    with refused("suspended"):
        exclude(batch, owner, bea)
