"""Short words for tests of disputes: made by the services, asked of the database."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Member, User
from core.db import rows
from core.errors import DomainError
from core.jobs import FAILED
from disputes.models import Decision, Dispute, Rejection
from disputes.selectors import audit as disputes
from disputes.services import contests, judging, replies
from payments.models import Journal
from payments.selectors import audit as books
from tasks.models import Answer, Archived, Assignment, Batch, Erasure
from tasks.selectors import audit as work_audit
from tasks.services import claims, openings, work
from tests import factories
from tests.factories import NOW

REASONS = "The criterion says what to judge, and the answer follows it word for word."
REPLY = "We looked at it twice, and our criterion is plain about it."
numbers = itertools.count(1)


def at(**delta: float) -> datetime:
    """So long after the beginning."""
    return NOW + timedelta(**delta)


def text() -> str:
    """A reason that nobody has given yet."""
    return f"Reason number {next(numbers)}: the sentence praises the phone, the answer does not."


@contextmanager
def refused(code: str) -> Iterator[None]:
    """What happens inside is refused with this code."""
    with pytest.raises(DomainError) as error:
        yield
    assert error.value.code == code


def refusal(call: Callable[[], Any]) -> str | None:
    """The code of the refusal; None if there was none."""
    try:
        call()
    except DomainError as error:
        return error.code
    return None


def failures() -> float:
    """How many rows jobs could not do so far: they log it and go on."""
    return sum(sample.value for metric in FAILED.collect() for sample in metric.samples)


def people(count: int, name: str = "worker") -> list[User]:
    """So many workers."""
    made = [User(email=f"{name}{i}@example.org", name=f"{name}{i}") for i in range(count)]
    return User.objects.bulk_create(made)


def submit(worker: User, batch: Batch, *, value: str = "positive", now: datetime = NOW) -> int:
    """Claims and submits; returns the assignment's id."""
    one = claims.claim(worker=worker, batch_id=batch.pk, now=now)
    content = factories.answer(value)
    work.submit(assignment_id=one.pk, worker=worker, content=content, key=f"k{one.pk}", now=now)
    return one.pk


def open_answer(assignment_id: int, *, by: Member, now: datetime = NOW) -> Any:
    return openings.open_answer(assignment_id=assignment_id, by=by, now=now)


def reject(assignment_id: int, *, by: Member, now: datetime = NOW, **said: Any) -> Rejection:
    """Rejects an opened answer, each time with other words."""
    explanation = said.get("explanation") or text()
    one = Assignment.objects.get(pk=assignment_id)
    return factories.reject(one, by=by, explanation=explanation, now=now)


def rejected(worker: User, batch: Batch, *, by: Member, now: datetime = NOW) -> Rejection:
    """From the claim to the rejection."""
    one = submit(worker, batch, now=now)
    open_answer(one, by=by, now=now)
    return reject(one, by=by, now=now)


def contest(one: Rejection, *, now: datetime = NOW, statement: str = "I read it.") -> Dispute:
    return contests.contest(
        assignment_id=one.assignment_id, worker=one.worker, statement=statement, now=now
    )


def reply(dispute: Dispute, *, by: Member, now: datetime = NOW) -> Dispute:
    return replies.reply(dispute_id=dispute.pk, by=by, text=REPLY, now=now)


def decide(
    dispute: Dispute,
    *,
    by: User,
    unfounded: bool | Mapping[int, bool] = True,
    now: datetime = NOW,
) -> Decision:
    """Judges every one the same, or as told."""
    judged = Rejection.objects.filter(dispute=dispute, sampled=True).exclude(state="closed")
    said = (
        dict.fromkeys(judged.values_list("assignment_id", flat=True), unfounded)
        if isinstance(unfounded, bool)
        else unfounded
    )
    return judging.decide(dispute_id=dispute.pk, by=by, unfounded=said, reasons=REASONS, now=now)


def upheld(one: Rejection, *, by: Member, judge: User, now: datetime = NOW) -> Dispute:
    """Contested, replied to and upheld: waiting for the worker's appeal."""
    dispute = contest(one, now=now)
    reply(dispute, by=by, now=now)
    decide(dispute, by=judge, unfounded=False, now=now)
    return Dispute.objects.get(pk=dispute.pk)


def appeal(one: Rejection, *, now: datetime = NOW) -> Dispute:
    return contests.appeal(
        assignment_id=one.assignment_id,
        worker=one.worker,
        statement="The decision overlooks what the sentence says.",
        now=now,
    )


def state(assignment_id: int) -> str:
    return Assignment.objects.values_list("state", flat=True).get(pk=assignment_id)


def is_paid(assignment_id: int) -> bool:
    return Journal.objects.filter(kind="settle", assignment_id=assignment_id).exists()


def is_erased(assignment_id: int) -> bool:
    """Gone everywhere but in her archive, and noted. Anything between is neither."""
    gone = not Answer.objects.filter(assignment=assignment_id).exists()
    kept = Archived.objects.filter(assignment=assignment_id, cause="refused").exists()
    noted = Erasure.objects.filter(assignment=assignment_id).exists()
    assert gone == kept == noted, (gone, kept, noted)
    return gone


def readable_ids(client_id: int) -> set[int]:
    """What raw SQL can see under the role of clients, whatever it asks for."""
    with transaction.atomic():
        rows(
            "SELECT set_config('role', 'fairclick_client', true),"
            " set_config('fairclick.client', %(client)s::text, true)",
            {"client": client_id},
        )
        found = rows("SELECT assignment_id FROM tasks_answer")
        transaction.set_rollback(True)
    return {one for (one,) in found}


def earned(worker: User) -> int:
    """Micros that ever came to her, whatever for."""
    [(sum_,)] = rows(
        "SELECT coalesce(sum(t.amount), 0) FROM payments_transfer t"
        " JOIN payments_account a ON a.id = t.credit_id"
        " WHERE a.kind = 'worker' AND a.owner = %(worker)s",
        {"worker": worker.pk},
    )
    return int(sum_)


def moved(kind: str, debit: str, credit: str) -> int:
    """Micros of journals of one kind between two kinds of accounts."""
    [(sum_,)] = rows(
        "SELECT coalesce(sum(t.amount), 0) FROM payments_transfer t"
        " JOIN payments_journal j ON j.id = t.journal_id"
        " JOIN payments_account d ON d.id = t.debit_id"
        " JOIN payments_account c ON c.id = t.credit_id"
        " WHERE j.kind = %(kind)s AND d.kind = %(debit)s AND c.kind = %(credit)s",
        {"kind": kind, "debit": debit, "credit": credit},
    )
    return int(sum_)


def breaks() -> list[books.Break]:
    """Whatever the audits find."""
    return [*books.audit_books(), *work_audit.audit_work(), *disputes.audit_disputes()]
