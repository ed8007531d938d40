"""Reports of batches (R19), suspensions (R16), and the log of what staff decides."""

import pytest
from django.db import DatabaseError, transaction

from accounts import services as accounts
from accounts.models import Member, Suspension, User
from core.db import rows
from core.models import Event
from disputes.models import Dispute, LogEntry, Rejection, Report
from disputes.services import contests, rejections, reports, suspensions
from payments.services import payouts
from tasks.models import Batch
from tasks.services import batches, claims, openings, reviews, work
from tests import factories
from tests.disputes import cases
from tests.disputes.cases import at, refused
from tests.factories import NOW

pytestmark = pytest.mark.django_db
TEXT = "Its link asks for the answer on another site."
WHY = "The instructions send people to another site to answer."


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=20)


def report(batch: Batch, worker: User, kind: str = "external", text: str = TEXT) -> Report:
    return reports.report_batch(batch_id=batch.pk, worker=worker, kind=kind, text=text, now=NOW)


def decide(one: Report, by: User, *, founded: bool = True, reasons: str = WHY) -> Report:
    return reports.decide_report(report_id=one.pk, by=by, founded=founded, reasons=reasons, now=NOW)


# --- reports ---------------------------------------------------------------------------------


def test_a_worker_reports_a_published_batch_once_while_undecided(
    batch: Batch, owner: Member, bea: User, dia: User
) -> None:
    one = report(batch, bea)
    with refused("reported"):
        report(batch, bea)
    report(batch, bea, "harmful")
    decide(one, dia, founded=False)
    assert report(batch, bea).state == "open"
    with refused("forbidden"):
        report(batch, owner.user)
    with refused("not_found"):
        report(factories.make_batch(owner), bea)
    with refused("invalid"):
        report(batch, bea, "boring")
    with refused("text_length"):
        report(batch, bea, "broken", "No.")


def test_a_batch_that_sends_workers_elsewhere_loses_the_right_to_reject(
    batch: Batch, owner: Member, bea: User, cem: User, dia: User
) -> None:
    waiting = factories.make_assignment(worker=cem, batch=batch, state="opened")
    made = [cases.rejected(worker, batch, by=owner) for worker in cases.people(3)]
    cases.contest(made[1])
    upheld = cases.upheld(made[2], by=owner, judge=dia)
    one, same = report(batch, bea), report(batch, cem)
    other = report(batch, bea, "harmful")

    decide(one, dia)

    for rejection in Rejection.objects.all():
        assert (rejection.state, rejection.outcome) == ("closed", "annulled")
        assert cases.is_paid(rejection.assignment_id)
    assert not Dispute.objects.running().exists()
    assert Dispute.objects.get(pk=upheld.pk).state == "closed"
    same.refresh_from_db()
    other.refresh_from_db()
    assert (same.state, same.decided_by_id, other.state) == ("upheld", dia.pk, "open")
    batch.refresh_from_db()
    assert batch.rejections_barred_at == batch.claims_stopped_at == NOW
    with refused("no_right_to_reject"):
        cases.reject(waiting.pk, by=owner)
    with refused("batch_not_open"):
        claims.claim(worker=bea, batch_id=batch.pk, now=NOW)
    reviews.approve_due(now=at(hours=73))
    assert cases.is_paid(waiting.pk)
    assert LogEntry.objects.get(kind="report").data == {
        "reason": "external",
        "founded": True,
        "reasons": WHY,
    }


def test_another_founded_report_stops_claims_and_leaves_rejections(
    batch: Batch, owner: Member, bea: User, dia: User
) -> None:
    made = cases.rejected(factories.make_user("w"), batch, by=owner)
    decide(report(batch, bea, "harmful"), dia)
    batch.refresh_from_db()
    assert batch.claims_stopped_at == NOW
    assert batch.rejections_barred_at is None
    made.refresh_from_db()
    assert made.state == "open"


def test_an_unfounded_report_changes_nothing_but_is_answered(
    batch: Batch, bea: User, dia: User
) -> None:
    one = decide(report(batch, bea), dia, founded=False)
    assert (one.state, one.reasons, one.decided_by_id) == ("dismissed", WHY, dia.pk)
    batch.refresh_from_db()
    assert batch.claims_stopped_at is None
    assert claims.claim(worker=bea, batch_id=batch.pk, now=NOW).batch_id == batch.pk


def test_only_adjudicators_decide_reports_with_reasons(
    batch: Batch, owner: Member, bea: User, dia: User
) -> None:
    one = report(batch, bea)
    for who in (bea, owner.user):
        with refused("forbidden"):
            decide(one, who)
    with refused("text_length"):
        decide(one, dia, reasons="No.")
    with refused("not_found"):
        reports.decide_report(report_id=10**9, by=dia, founded=True, reasons=WHY, now=NOW)


def test_a_frozen_batch_found_external_may_be_lifted(
    batch: Batch, owner: Member, bea: User, dia: User
) -> None:
    for worker in cases.people(10):
        cases.rejected(worker, batch, by=owner)
    decide(report(batch, bea), dia)
    assert set(Rejection.objects.values_list("outcome", flat=True)) == {"annulled"}
    assert not Dispute.objects.running().exists()


# --- suspension ------------------------------------------------------------------------------

BECAUSE = "Two people work under one name, as they told us."


def suspend(who: User, by: User, reason: str = BECAUSE) -> Suspension:
    return suspensions.suspend(user_id=who.pk, by=by, reason=reason, now=NOW)


def test_a_suspended_worker_begins_nothing_and_keeps_all_else(
    batch: Batch, owner: Member, bea: User, dia: User
) -> None:
    held = factories.make_assignment(worker=bea, batch=batch)
    paid = factories.make_open_batch(owner, tasks=1, reward=10_000_000)
    factories.make_assignment(worker=bea, batch=paid, state="approved")
    one, another = (cases.rejected(bea, batch, by=owner) for _ in range(2))
    suspend(bea, dia)

    with refused("suspended"):
        claims.claim(worker=bea, batch_id=batch.pk, now=NOW)
    assert claims.claim_next(worker=bea, batch_id=batch.pk, now=NOW) is None
    # Finish, take back, contest, speak, appeal, report, reply, be paid out.
    work.save_draft(
        assignment_id=held.pk, worker=bea, content=factories.answer(), revision=0, now=NOW
    )
    work.submit(assignment_id=held.pk, worker=bea, content=factories.answer(), key="a", now=NOW)
    work.unsubmit(assignment_id=held.pk, worker=bea, now=NOW)
    work.submit(assignment_id=held.pk, worker=bea, content=factories.answer(), key="b", now=NOW)
    cases.upheld(one, by=owner, judge=dia)
    cases.appeal(one)
    cases.contest(another)
    contests.say(assignment_id=another.assignment_id, worker=bea, text="It is right.", now=NOW)
    report(batch, bea)
    accounts.reply_to_suspension(user=bea, text="We are one person with two names.", now=NOW)
    assert payouts.request_payout(worker=bea, amount=None, by=bea, now=NOW).amount == 10_000_000
    reviews.approve_due(now=at(hours=73))
    assert cases.is_paid(held.pk)


def test_a_suspended_member_begins_nothing_and_keeps_all_else(
    batch: Batch, owner: Member, bea: User, dia: User
) -> None:
    opened = factories.make_assignment(worker=bea, batch=batch, state="opened")
    waiting = factories.make_assignment(worker=bea, batch=batch, state="submitted")
    one, another = (cases.rejected(w, batch, by=owner) for w in cases.people(2))
    dispute = cases.contest(one)
    draft = factories.make_batch(owner)
    suspend(owner.user, dia)

    with refused("suspended"):
        batches.publish_batch(batch_id=draft.pk, by=owner, now=NOW)
    with refused("suspended"):
        cases.reject(opened.pk, by=owner)
    reviews.approve_assignment(assignment_id=opened.pk, by=owner, now=NOW)
    openings.open_answer(assignment_id=waiting.pk, by=owner, now=NOW)
    cases.reply(dispute, by=owner)
    rejections.withdraw_rejection(assignment_id=another.assignment_id, by=owner, now=NOW)
    batches.close_batch(batch_id=batch.pk, by=owner, now=NOW)


def test_a_suspension_is_by_staff_for_a_reason_logged_told_and_ends(
    batch: Batch, owner: Member, bea: User, cem: User, dia: User
) -> None:
    for who in (cem, owner.user, factories.make_user("eli", role="adjudicator")):
        with refused("forbidden"):
            suspend(bea, who)
    with refused("forbidden"):
        suspend(dia, dia)
    with refused("text_length"):
        suspend(bea, dia, "Bad.")
    made = suspend(bea, dia)
    with refused("already_suspended"):
        suspend(bea, dia)
    assert Event.objects.filter(kind="user.suspended", about_id=bea.pk).count() == 1

    ended = suspensions.end_suspension(
        suspension_id=made.pk, by=dia, reason="They showed us their papers.", now=at(days=1)
    )

    assert (ended.ended_by_id, ended.ended_at) == (dia.pk, at(days=1))
    with refused("not_suspended"):
        suspensions.end_suspension(suspension_id=made.pk, by=dia, reason=BECAUSE, now=NOW)
    assert claims.claim(worker=bea, batch_id=batch.pk, now=NOW).batch_id == batch.pk
    kinds = LogEntry.objects.order_by("number").values_list("kind", flat=True)
    assert list(kinds) == ["suspended", "unsuspended"]
    with refused("not_found"):
        accounts.reply_to_suspension(user=bea, text="Thank you for looking again.", now=NOW)


# --- the log ---------------------------------------------------------------------------------


def test_the_log_is_numbered_chained_and_kept(bea: User, cem: User, dia: User) -> None:
    for who in (bea, cem):
        suspend(who, dia)
    first, second = LogEntry.objects.order_by("number")
    assert (first.number, second.number) == (1, 2)
    assert bytes(first.previous) == b""
    assert bytes(second.previous) == bytes(first.hash)
    assert len(bytes(second.hash)) == 32
    for sql in (
        "UPDATE disputes_logentry SET kind = 'nothing'",
        "DELETE FROM disputes_logentry",
        "TRUNCATE disputes_logentry",
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows(sql)
    # A number and hashes of one's own are not taken.
    forged = LogEntry.objects.create(
        number=77, kind="x", by=dia, about_kind="y", about_id=1, at=NOW, previous=b"", hash=b"z"
    )
    last = LogEntry.objects.order_by("-number")[0]
    assert (last.number, last.kind) == (3, "x")
    assert forged.number == 77
    assert bytes(last.previous) == bytes(second.hash)
