"""Who is told what by mail, from the event of what happened; nobody reads an answer in a mail."""

from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import Member, User
from core.jobs import deliver_due
from disputes.models import Dispute
from disputes.services import clocks, judging, replies, suspensions
from tasks.services import exclusions
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def delivered(to: str, now: datetime = NOW) -> list[str]:
    """Delivers what is due; the mails to this address, subject and text."""
    mail.outbox.clear()
    sum(iter(lambda: deliver_due(now=max(now, timezone.now())), 0))
    return [f"{sent.subject}\n{sent.body}" for sent in mail.outbox if sent.to == [to]]


def test_a_rejection_is_told_at_once_with_reason_criterion_deadline_and_address(
    owner: Member, bea: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=3)
    one = factories.make_assignment(worker=bea, batch=batch, state="rejected")
    [told] = delivered(bea.email)
    assert factories.EXPLANATION in told
    assert batch.criteria[0] in told
    assert "March 16, 2026" in told
    assert f"/work/tasks/{one.pk}/refusal/" in told
    assert "Ada of Acme" in told


def test_a_contest_is_told_to_the_client_with_its_deadline(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=3)
    factories.make_assignment(worker=bea, batch=batch, state="disputed")
    [told] = delivered("ada@example.org")
    assert "March 5, 2026" in told
    assert f"/disputes/{Dispute.objects.get().pk}/" in told
    assert bea.email not in told
    assert bea.name not in told


def test_a_decision_is_told_to_both_sides(owner: Member, bea: User, dia: User) -> None:
    batch = factories.make_open_batch(owner, tasks=3)
    one = factories.make_assignment(worker=bea, batch=batch, state="disputed")
    dispute = Dispute.objects.get()
    replies.reply(dispute_id=dispute.pk, by=owner, text="It says the opposite, see there.", now=NOW)
    delivered(bea.email)
    judging.decide(
        dispute_id=dispute.pk,
        by=dia,
        unfounded={one.pk: True},
        reasons="The criterion asks what the writer feels, which is what she answered.",
        now=NOW,
    )
    delivered("nobody@example.org")
    assert {sent.to[0] for sent in mail.outbox} == {bea.email, "ada@example.org"}


def test_two_days_before_our_deadline_every_adjudicator_is_told(
    owner: Member, bea: User, dia: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=3)
    factories.make_assignment(worker=bea, batch=batch, state="disputed")
    dispute = Dispute.objects.get()
    replies.reply(dispute_id=dispute.pk, by=owner, text="It says the opposite, see there.", now=NOW)
    delivered(dia.email)
    clocks.run(now=NOW + timedelta(days=8))
    [told] = delivered(dia.email)
    assert f"/console/disputes/{dispute.pk}/" in told


def test_who_is_excluded_or_suspended_reads_why_and_by_whom(
    owner: Member, bea: User, dia: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=3)
    factories.make_assignment(worker=bea, batch=batch, state="submitted")
    reason = "Most of these say nothing about the sentence."
    name = exclusions.pseudonym(client=owner.client, worker_id=bea.pk)
    exclusions.exclude(batch_id=batch.pk, worker=name, by=owner, reason=reason, now=NOW)
    [told] = delivered(bea.email)
    assert reason in told
    assert "Ada of Acme" in told
    suspensions.suspend(user_id=bea.pk, by=dia, reason="Three accounts of one person.", now=NOW)
    [told] = delivered(bea.email)
    assert "Three accounts of one person." in told
    assert "Dia" in told
