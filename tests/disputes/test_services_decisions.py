"""Decisions and appeals: who decides, what follows, what it costs (R8, R20)."""

from hashlib import sha256

import pytest

from accounts.models import Member, User
from core.db import operation
from core.errors import NotFound
from core.models import Event
from disputes.models import Decision, Dispute, LogEntry, Rejection
from disputes.services import clocks, contests, judging, rejections
from payments.selectors import balances
from payments.services import escrow
from tasks.models import Answer, Batch
from tasks.services import claims, work
from tests import factories
from tests.disputes import cases
from tests.disputes.cases import at, refused
from tests.factories import NOW

pytestmark = pytest.mark.django_db
WORDS = '<View><Text name="text" value="$text"/><TextArea name="words" toName="text"/></View>'


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=3)


@pytest.fixture
def one(batch: Batch, owner: Member, bea: User) -> Rejection:
    return cases.rejected(bea, batch, by=owner)


@pytest.fixture
def eli(db: None) -> User:
    """Another adjudicator."""
    return factories.make_user("eli", role="adjudicator")


# --- decide ----------------------------------------------------------------------------------


@pytest.fixture
def answered(one: Rejection, owner: Member) -> Dispute:
    return cases.reply(cases.contest(one), by=owner)


def test_overturned_pays_reward_and_a_tenth_at_once_and_delivers(
    answered: Dispute, one: Rejection, batch: Batch, owner: Member, bea: User, dia: User
) -> None:
    factories.fund(owner.client, "5.00", reference="more")
    before = balances.client_balance(owner.client_id)

    decision = cases.decide(answered, by=dia)

    assert (decision.level, decision.overturned, decision.upheld) == (1, 1, 0)
    assert balances.worker_balance(bea.pk) == batch.reward + batch.reward // 10
    assert balances.client_balance(owner.client_id) == before - batch.reward // 10
    assert cases.moved("compensation", "client", "worker") == batch.reward // 10
    assert cases.readable_ids(owner.client_id) == {one.assignment_id}
    one.refresh_from_db()
    answered.refresh_from_db()
    assert (one.outcome, one.unfounded) == ("overturned", True)
    assert one.compensation == batch.reward // 10
    assert (answered.state, answered.closed_at) == ("closed", NOW)


def test_upheld_waits_fourteen_days_unread_and_unpaid(
    answered: Dispute, one: Rejection, owner: Member, bea: User, dia: User
) -> None:
    cases.decide(answered, by=dia, unfounded=False, now=at(days=1))
    answered.refresh_from_db()
    assert (answered.state, answered.due_at) == ("decided", at(days=15))
    assert cases.earned(bea) == 0
    assert cases.readable_ids(owner.client_id) == set()
    assert Answer.objects.filter(assignment=one.assignment_id).exists()
    clocks.run(now=at(days=15))
    assert cases.is_erased(one.assignment_id)


def test_a_client_short_of_money_owes_what_the_fund_lends(
    answered: Dispute, batch: Batch, owner: Member, bea: User, dia: User
) -> None:
    # All of it is in escrow but for the tenth's tenth.
    tenth, left = batch.reward // 10, batch.reward // 100
    drain(owner, leave=left)

    cases.decide(answered, by=dia)

    assert balances.client_balance(owner.client_id) == 0
    assert cases.earned(bea) == batch.reward + tenth
    assert cases.moved("compensation", "client", "worker") == left
    assert cases.moved("compensation", "receivable", "guarantee") == tenth - left
    assert cases.moved("compensation", "guarantee", "worker") == tenth - left


def test_a_client_without_a_cent_owes_all_of_it(
    answered: Dispute, batch: Batch, owner: Member, bea: User, dia: User
) -> None:
    drain(owner, leave=0)
    cases.decide(answered, by=dia)
    assert cases.moved("compensation", "client", "worker") == 0
    assert cases.moved("compensation", "guarantee", "worker") == batch.reward // 10
    assert cases.earned(bea) == batch.reward * 11 // 10


def drain(owner: Member, *, leave: int) -> None:
    """Locks all of the client's money but `leave` for something else."""
    factories.fund(owner.client, "1.00", reference="drained")
    rest = balances.client_balance(owner.client_id) - leave
    operation(escrow.fund_batch)(
        batch_id=10**6, client_id=owner.client_id, amount=rest, number=1, by=None, now=NOW
    )


@pytest.mark.parametrize("how", ["unanswered", "withdrawn", "unjudged", "lapsed"])
def test_nothing_but_a_judgement_costs_the_tenth(
    how: str, one: Rejection, batch: Batch, owner: Member, bea: User
) -> None:
    if how in ("unanswered", "unjudged"):
        dispute = cases.contest(one)
        if how == "unjudged":
            cases.reply(dispute, by=owner)
    elif how == "withdrawn":
        rejections.withdraw_rejection(assignment_id=one.assignment_id, by=owner, now=NOW)
    clocks.run(now=at(days=14))
    one.refresh_from_db()
    assert (one.outcome, one.compensation) == (how, 0)
    assert cases.earned(bea) == (0 if how == "lapsed" else batch.reward)
    assert cases.moved("compensation", "client", "worker") == 0


def test_where_we_were_silent_the_fund_pays_and_beyond_it_the_platform(
    answered: Dispute, one: Rejection, batch: Batch, owner: Member, bea: User, cem: User
) -> None:
    # What the fund has: a tenth of one fee.
    factories.make_assignment(worker=cem, batch=batch, state="approved")
    filled = cases.moved("settle", "escrow", "guarantee")
    assert 0 < filled < batch.reward

    clocks.run(now=at(days=10))

    assert cases.earned(bea) == batch.reward
    assert cases.moved("guarantee_pay", "guarantee", "worker") == batch.reward
    assert cases.moved("guarantee_pay", "guarantee_cost", "guarantee") == batch.reward - filled
    assert cases.state(one.assignment_id) == "refused"
    assert cases.is_erased(one.assignment_id)
    assert not cases.is_paid(one.assignment_id)


def test_a_full_fund_costs_the_platform_nothing(
    one: Rejection, batch: Batch, owner: Member, bea: User, cem: User
) -> None:
    big = factories.make_open_batch(owner, tasks=1, reward=100 * batch.reward)
    factories.make_assignment(worker=cem, batch=big, state="approved")
    cases.reply(cases.contest(one), by=owner)
    clocks.run(now=at(days=10))
    assert cases.earned(bea) == batch.reward
    assert cases.moved("guarantee_pay", "guarantee_cost", "guarantee") == 0


@pytest.mark.parametrize("who", ["worker", "member", "inactive"])
def test_only_adjudicators_decide(
    who: str, answered: Dispute, owner: Member, bea: User, dia: User
) -> None:
    dia.is_active = who != "inactive"
    with refused("forbidden"):
        cases.decide(answered, by={"worker": bea, "member": owner.user}.get(who, dia))


def test_nobody_of_a_side_decides(
    answered: Dispute, one: Rejection, owner: Member, dia: User
) -> None:
    # No service makes an adjudicator a member; should a row say so, it is no good either.
    Member.objects.create(client=owner.client, user=dia, role="reviewer", joined_at=NOW)
    with refused("conflict_of_interest"):
        cases.decide(answered, by=dia)
    Member.objects.filter(user=dia).delete()
    Rejection.objects.filter(pk=one.pk).update(worker=dia)
    with refused("conflict_of_interest"):
        cases.decide(answered, by=dia)
    Rejection.objects.filter(pk=one.pk).update(worker=one.worker)
    assert not Decision.objects.exists()


def test_a_decision_needs_reasons_that_quote_no_answer(owner: Member, bea: User, dia: User) -> None:
    batch = factories.make_open_batch(owner, tasks=1, interface=WORDS)
    one = words_rejected(bea, batch, owner, "her very own words")
    dispute = cases.reply(cases.contest(one), by=owner)
    for reasons, code in (
        ("No.", "text_length"),
        ("x" * 39, "text_length"),
        ("x" * 8_001, "text_length"),
        ("She says “her very own words”, which the criterion allows.", "quotes_answer"),
    ):
        with refused(code):
            judging.decide(
                dispute_id=dispute.pk,
                by=dia,
                unfounded={one.assignment_id: True},
                reasons=reasons,
                now=NOW,
            )
    assert not Decision.objects.exists()


def words_rejected(worker: User, batch: Batch, owner: Member, said: str) -> Rejection:
    held = claims.claim(worker=worker, batch_id=batch.pk, now=NOW)
    content = [
        {
            "id": "words",
            "from_name": "words",
            "to_name": "text",
            "type": "textarea",
            "value": {"text": [said]},
        }
    ]
    work.submit(assignment_id=held.pk, worker=worker, content=content, key="w", now=NOW)
    cases.open_answer(held.pk, by=owner)
    return cases.reject(held.pk, by=owner)


def test_a_decision_is_written_logged_and_told_without_an_answer(
    answered: Dispute, one: Rejection, dia: User
) -> None:
    decision = cases.decide(answered, by=dia, unfounded=False)
    entry = LogEntry.objects.get()
    assert (entry.kind, entry.by_id, entry.about_id) == ("decision", dia.pk, answered.pk)
    assert entry.data == {
        "level": 1,
        "reasons_sha256": sha256(cases.REASONS.encode()).hexdigest(),
        "overturned": [],
        "upheld": [one.assignment_id],
    }
    assert decision.reasons == cases.REASONS
    assert Event.objects.filter(kind="dispute.decided", about_id=answered.pk).count() == 1


def test_after_the_platforms_deadline_nobody_decides_against_the_worker(
    answered: Dispute, dia: User, bea: User, batch: Batch
) -> None:
    # The clock's job may be late; its default is the worker's by then (R8).
    with refused("too_late"):
        cases.decide(answered, by=dia, unfounded=False, now=at(days=10))
    clocks.run(now=at(days=10))
    assert cases.earned(bea) == batch.reward


def test_there_is_no_case_of_that_number(dia: User) -> None:
    with pytest.raises(NotFound):
        judging.decide(dispute_id=10**9, by=dia, unfounded={}, reasons=cases.REASONS, now=NOW)


# --- appeal ----------------------------------------------------------------------------------


def test_an_appeal_goes_to_another_adjudicator_with_its_own_clock(
    one: Rejection, owner: Member, dia: User, eli: User
) -> None:
    cases.upheld(one, by=owner, judge=dia)
    dispute = cases.appeal(one, now=at(days=13))
    assert (dispute.state, dispute.due_at) == ("appealed", at(days=43))
    with refused("conflict_of_interest"):
        cases.decide(dispute, by=dia, now=at(days=14))
    with refused("illegal_move"):
        cases.appeal(one, now=at(days=13))


@pytest.mark.parametrize("unfounded", [True, False])
def test_the_decision_on_appeal_is_final(
    unfounded: bool,
    one: Rejection,
    batch: Batch,
    owner: Member,
    bea: User,
    dia: User,
    eli: User,
) -> None:
    cases.upheld(one, by=owner, judge=dia)
    dispute = cases.appeal(one)
    decision = cases.decide(dispute, by=eli, unfounded=unfounded)
    assert decision.level == 2
    assert cases.earned(bea) == (batch.reward * 11 // 10 if unfounded else 0)
    assert cases.state(one.assignment_id) == ("approved" if unfounded else "refused")
    assert Dispute.objects.get().state == "closed"
    if not unfounded:
        assert cases.is_erased(one.assignment_id)
    with refused("illegal_move"):
        cases.appeal(one)


def test_an_appeal_comes_in_time_and_says_what_is_wrong(
    one: Rejection, owner: Member, bea: User, dia: User
) -> None:
    cases.upheld(one, by=owner, judge=dia)
    with refused("text_length"):
        contests.appeal(assignment_id=one.assignment_id, worker=bea, statement="No!", now=NOW)
    with refused("too_late"):
        cases.appeal(one, now=at(days=14))


def test_on_appeal_the_worker_keeps_both_decisions_and_the_reply(
    owner: Member, bea: User, dia: User, eli: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=10)
    ids = [cases.submit(bea, batch) for _ in range(5)]
    for each in ids:
        cases.open_answer(each, by=owner)
    made = [cases.reject(each, by=owner) for each in ids[:3]]
    made[2].refresh_from_db()
    group = made[2].dispute
    assert group is not None
    cases.reply(group, by=owner)
    cases.decide(group, by=dia, unfounded=False, now=at(days=7))
    cases.decide(cases.appeal(made[0]), by=eli, unfounded=False)
    record = made[0].assignment.archived.get().record
    assert [one["level"] for one in record["decisions"]] == [1, 2]
    assert record["reply"] == cases.REPLY
