"""Reject and withdraw: who may, of what, for what reason (R3, R4, R6, R7, R9, R16, R19)."""

from typing import Any

import pytest

from accounts.models import Member, User
from core.errors import Invalid
from core.models import Event
from disputes.models import Dispute, Rejection
from disputes.services import clocks, rejections, suspensions
from payments.selectors import balances
from tasks.models import Archived, Assignment, Batch, Draft, Place
from tasks.services import batches, openings, publishing, reviews
from tests import factories
from tests.disputes import cases
from tests.disputes.cases import at, refused
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=30)


@pytest.fixture
def opened(bea: User, batch: Batch) -> Assignment:
    return factories.make_assignment(worker=bea, batch=batch, state="opened")


def reject(one: Assignment, by: Member, **changes: Any) -> Rejection:
    said = {
        "category": "instructions",
        "criterion": 1,
        "explanation": factories.EXPLANATION,
        "now": NOW,
    }
    return rejections.reject_assignment(assignment_id=one.pk, by=by, **(said | changes))


# --- R4 --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "category", ["", "bad", "slow", "too slow", "device", "Wrong", "other", "wrong\0"]
)
def test_a_category_outside_the_closed_list_is_none(
    category: str, opened: Assignment, owner: Member
) -> None:
    with pytest.raises(Invalid) as error:
        reject(opened, owner, category=category)
    assert [flaw.code for flaw in error.value.flaws] == ["unknown_category"]
    assert cases.state(opened.pk) == "submitted"


@pytest.mark.parametrize("category", ["wrong", "incomplete", "instructions", "language", "random"])
def test_every_category_of_the_list_is_one(
    category: str, opened: Assignment, owner: Member
) -> None:
    assert reject(opened, owner, category=category).category == category


@pytest.mark.parametrize(
    ("explanation", "code"),
    [
        ("bad", "explanation_length"),
        ("", "explanation_length"),
        ("x" * 39, "explanation_length"),
        (" " * 20 + "x" * 39 + " " * 20, "explanation_length"),
        ("x" * 4_001, "explanation_length"),
        ("x" * 40 + "\0", "nul"),
        (None, "explanation_length"),
        (["x" * 40], "explanation_length"),
    ],
)
def test_an_explanation_has_40_to_4000_characters(
    explanation: Any, code: str, opened: Assignment, owner: Member
) -> None:
    with pytest.raises(Invalid) as error:
        reject(opened, owner, explanation=explanation)
    assert [flaw.code for flaw in error.value.flaws] == [code]


@pytest.mark.parametrize("length", [40, 4_000])
def test_an_explanation_of_the_bounds_is_taken(
    length: int, opened: Assignment, owner: Member
) -> None:
    assert reject(opened, owner, explanation=f"  {'x' * length} ").explanation == "x" * length


@pytest.mark.parametrize("criterion", [0, 2, -1, True, "1", 1.0, None])
def test_a_criterion_is_one_of_the_batch(criterion: Any, opened: Assignment, owner: Member) -> None:
    with refused("invalid"):
        reject(opened, owner, criterion=criterion)


@pytest.fixture
def same_task(owner: Member, bea: User, cem: User) -> Assignment:
    """Opened; Cem's equal answer to the same task is paid for."""
    batch = factories.make_open_batch(owner, tasks=1, overlap=2)
    factories.make_assignment(worker=cem, batch=batch, state="approved")
    return factories.make_assignment(worker=bea, batch=batch, state="opened")


def test_what_equals_a_paid_answer_of_the_same_task_is_not_wrong(
    same_task: Assignment, owner: Member
) -> None:
    for category in ("wrong", "incomplete", "instructions", "random"):
        with refused("equals_paid"):
            reject(same_task, owner, category=category)
    assert cases.state(same_task.pk) == "submitted"
    assert reject(same_task, owner, category="language").state == "open"


def test_another_answer_than_the_paid_one_may_be_wrong(owner: Member, bea: User, cem: User) -> None:
    batch = factories.make_open_batch(owner, tasks=2, overlap=2)
    factories.make_assignment(worker=cem, batch=batch, state="approved")
    other = factories.make_assignment(worker=bea, batch=batch, state="opened", value="negative")
    assert reject(other, owner, category="wrong").state == "open"
    # Equal, but to another task.
    next_one = factories.make_assignment(worker=bea, batch=batch, state="opened")
    assert reject(next_one, owner, category="wrong").state == "open"


def test_an_equal_answer_that_is_not_paid_proves_nothing(
    owner: Member, bea: User, cem: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=1, overlap=2)
    factories.make_assignment(worker=cem, batch=batch, state="submitted")
    one = factories.make_assignment(worker=bea, batch=batch, state="opened")
    assert reject(one, owner, category="wrong").state == "open"


def test_from_the_fourth_time_the_same_text_opens_a_dispute_by_itself(
    batch: Batch, owner: Member
) -> None:
    same = "The sentence praises the phone; the answer says otherwise."
    # As it is compared: case, blanks and punctuation make no other text.
    variants = [same, same.upper(), same.replace(" ", "\n "), same.replace(";", " --") + "!!"]
    causes = []
    for text, worker in zip(variants, cases.people(4), strict=True):
        one = factories.make_assignment(worker=worker, batch=batch, state="opened")
        made = reject(one, owner, explanation=text)
        causes.append(made.dispute and made.dispute.cause)
    assert causes == [None, None, None, "same_text"]


def test_the_same_text_is_counted_within_its_batch(owner: Member) -> None:
    for worker in cases.people(3):
        batch = factories.make_open_batch(owner, tasks=2)
        one = factories.make_assignment(worker=worker, batch=batch, state="opened")
        assert reject(one, owner).dispute is None


# --- who and what ----------------------------------------------------------------------------


def test_only_verified_clients_reject(bea: User) -> None:
    client = factories.make_client("Fresh", owner="eve")
    eve = client.members.select_related("user", "client").get()
    batch = factories.make_open_batch(eve)
    one = factories.make_assignment(worker=bea, batch=batch, state="opened")
    with refused("not_verified"):
        reject(one, eve)
    assert cases.state(one.pk) == "submitted"


def test_an_unopened_answer_is_not_rejected(owner: Member, bea: User, batch: Batch) -> None:
    one = factories.make_assignment(worker=bea, batch=batch, state="submitted")
    with refused("unopened"):
        reject(one, owner)


def test_what_a_reviewer_approved_binds_the_client(
    owner: Member, opened: Assignment, dia: User
) -> None:
    user = factories.make_user("rex", role="member")
    reviewer = Member.objects.create(client=owner.client, user=user, role="reviewer", joined_at=NOW)
    reviews.approve_assignment(assignment_id=opened.pk, by=reviewer, now=NOW)
    with refused("illegal_move"):
        reject(opened, owner)
    assert cases.state(opened.pk) == "approved"


def test_nobody_else_rejects_or_withdraws(opened: Assignment, owner: Member, dia: User) -> None:
    client = factories.make_client("Other", owner="eve", verified_by=dia)
    eve = client.members.select_related("user", "client").get()
    with refused("not_found"):
        reject(opened, eve)
    reject(opened, owner)
    with refused("not_found"):
        rejections.withdraw_rejection(assignment_id=opened.pk, by=eve, now=NOW)


def test_a_suspended_member_rejects_nothing(opened: Assignment, owner: Member, dia: User) -> None:
    suspensions.suspend(user_id=owner.user_id, by=dia, reason="Threatened a worker.", now=NOW)
    with refused("suspended"):
        reject(opened, owner)


def test_after_the_review_window_silence_has_paid(opened: Assignment, owner: Member) -> None:
    # The job that approves may be late; the client has not got longer by that (R2).
    with refused("too_late"):
        reject(opened, owner, now=at(hours=72))
    reviews.approve_due(now=at(hours=72))
    assert cases.is_paid(opened.pk)


def test_a_batch_that_sends_workers_elsewhere_has_no_right_to_reject(
    owner: Member, bea: User
) -> None:
    batch = factories.make_open_batch(owner, external_work=True)
    one = factories.make_assignment(worker=bea, batch=batch, state="opened")
    with refused("no_right_to_reject"):
        reject(one, owner)
    reviews.approve_due(now=at(hours=73))
    assert cases.is_paid(one.pk)


# --- R6, R7 ----------------------------------------------------------------------------------


def test_from_the_rejection_on_the_client_reads_nothing_and_the_money_waits(
    opened: Assignment, batch: Batch, owner: Member, bea: User
) -> None:
    assert cases.readable_ids(owner.client_id) == {opened.pk}
    before = balances.client_balance(owner.client_id)

    made = reject(opened, owner)

    assert cases.readable_ids(owner.client_id) == set()
    assert made.contest_by == at(days=14)
    assert (made.by_id, made.worker_id, made.at) == (owner.user_id, bea.pk, NOW)
    # Neither is paid, and the client cannot take it back by closing.
    batches.close_batch(batch_id=batch.pk, by=owner, now=NOW)
    publishing.settle_closed(now=NOW)
    place = batch.reward + batch.fee
    assert balances.client_balance(owner.client_id) == before + 29 * place
    assert balances.worker_balance(bea.pk) == 0
    assert Batch.objects.get(pk=batch.pk).settled_at is None
    assert Event.objects.filter(kind="rejection.made", about_id=made.pk).count() == 1


@pytest.mark.parametrize("closed", [True, False])
def test_a_final_refusal_erases_and_opens_or_refunds_the_place(
    closed: bool, opened: Assignment, batch: Batch, owner: Member, bea: User
) -> None:
    before = balances.client_balance(owner.client_id)
    reject(opened, owner)
    if closed:
        batches.close_batch(batch_id=batch.pk, by=owner, now=NOW)

    clocks.run(now=at(days=14))
    publishing.settle_closed(now=at(days=14))

    assert cases.state(opened.pk) == "refused"
    assert cases.is_erased(opened.pk)
    place = Place.objects.get(pk=opened.place_id)
    assert place.state == ("settled" if closed else "open")
    money = 30 * (batch.reward + batch.fee) if closed else 0
    assert balances.client_balance(owner.client_id) == before + money
    assert (Batch.objects.get(pk=batch.pk).settled_at is not None) == closed
    with refused("sealed"):
        openings.open_answer(assignment_id=opened.pk, by=owner, now=at(days=15))


def test_the_worker_keeps_her_copy_and_what_was_said(
    opened: Assignment, owner: Member, bea: User
) -> None:
    made = reject(opened, owner)
    dispute = cases.contest(made, statement="I read the whole sentence.")
    cases.reply(dispute, by=owner)
    clocks.run(now=at(days=10))

    kept = Archived.objects.get(assignment=opened)
    assert kept.content == factories.answer()
    assert kept.record["explanation"] == factories.EXPLANATION
    assert kept.record["criterion_text"] == factories.FIELDS["criteria"][0]
    assert kept.record["reply"] == cases.REPLY
    assert [one["text"] for one in kept.record["statements"]] == ["I read the whole sentence."]
    # Nobody else can read what may quote her.
    made.refresh_from_db()
    dispute.refresh_from_db()
    assert (made.explanation, dispute.reply) == ("", "")
    assert set(made.statements.values_list("text", flat=True)) == {""}
    assert not Draft.objects.filter(assignment=opened).exists()


def test_a_refused_task_goes_to_somebody_else(owner: Member, bea: User, cem: User) -> None:
    batch = factories.make_open_batch(owner, tasks=1)
    one = factories.make_assignment(worker=bea, batch=batch, state="refused")
    with refused("nothing_left"):
        cases.submit(bea, batch, now=at(days=16))
    again = cases.submit(cem, batch, now=at(days=16))
    reviews.approve_due(now=at(days=20))
    assert cases.is_paid(again)
    assert not cases.is_paid(one.pk)


@pytest.mark.parametrize("when", ["open", "filed", "answered", "upheld", "appealed"])
def test_the_client_may_pay_in_full_until_it_is_final(
    when: str, opened: Assignment, batch: Batch, owner: Member, bea: User, dia: User
) -> None:
    made = reject(opened, owner)
    if when == "filed":
        cases.contest(made)
    elif when == "answered":
        cases.reply(cases.contest(made), by=owner)
    elif when != "open":
        cases.upheld(made, by=owner, judge=dia)
    if when == "appealed":
        cases.appeal(made)

    rejections.withdraw_rejection(assignment_id=opened.pk, by=owner, now=NOW)

    assert cases.state(opened.pk) == "approved"
    assert cases.earned(bea) == batch.reward
    assert cases.readable_ids(owner.client_id) == {opened.pk}
    made.refresh_from_db()
    assert (made.state, made.outcome, made.compensation) == ("closed", "withdrawn", 0)
    assert not Dispute.objects.running().exists()
    with refused("illegal_move"):
        rejections.withdraw_rejection(assignment_id=opened.pk, by=owner, now=NOW)


def test_a_withdrawn_one_is_never_rejected_again(opened: Assignment, owner: Member) -> None:
    reject(opened, owner)
    rejections.withdraw_rejection(assignment_id=opened.pk, by=owner, now=at(days=13))
    with refused("illegal_move"):
        reject(opened, owner, now=at(days=13))
