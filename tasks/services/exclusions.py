"""A client takes no further work of somebody in a batch: with a reason, told to her (R16)."""

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import Member, User
from accounts.selectors import pseudonym
from accounts.services import check_active, check_named
from core import events, text
from core.db import operation
from core.errors import Conflict, Invalid, NotFound
from tasks.models import Assignment, Batch, Exclusion
from tasks.selectors import answers
from tasks.states import AssignmentState, ExclusionCause


class AlreadyExcluded(Conflict):
    code = "already_excluded"


EXCLUDED_ALREADY = _("This worker is excluded from the batch already.")


@operation
def exclude(*, batch_id: int, worker: str, by: Member, reason: str, now: datetime) -> Exclusion:
    """No further claims of this worker in the batch; done work is reviewed and paid as always.

    `worker` is her pseudonym. She reads the reason and who gave it. Raises NotFound, Invalid,
    AlreadyExcluded 409.
    """
    check_active(by.user)
    check_named(by.user)
    batch = Batch.objects.published().filter(pk=batch_id, client=by.client_id).first()
    if batch is None:
        raise NotFound(_("There is no such batch, or it is not yours."))
    said = text.checked(reason, field="reason", least=20, most=2_000)
    worker_id = _worker_named(worker, batch=batch, by=by)
    if Exclusion.objects.filter(batch=batch, worker=worker_id).exists():
        raise AlreadyExcluded(EXCLUDED_ALREADY)
    _check_no_quote(said, batch=batch, worker_id=worker_id)
    exclusion, created = Exclusion.objects.get_or_create(
        batch=batch,
        worker_id=worker_id,
        defaults={"cause": ExclusionCause.CLIENT, "by": by.user, "reason": said, "at": now},
    )
    if not created:
        raise AlreadyExcluded(EXCLUDED_ALREADY)
    events.record("worker.excluded", by=by.user, about=exclusion, now=now)
    return exclusion


def _check_no_quote(said: str, *, batch: Batch, worker_id: int) -> None:
    """What is not paid for may be erased one day, and the reason is kept."""
    # Of what the client has opened only: asking of more would tell it what is sealed.
    opened = Assignment.objects.filter(batch=batch, worker=worker_id, opening__isnull=False)
    unpaid = opened.exclude(state=AssignmentState.APPROVED)
    ids = list(unpaid.order_by("-pk").values_list("pk", flat=True)[:1_000])
    if answers.quotes(assignment_ids=ids, text=said):
        raise Invalid(
            _("Say it without quoting an answer that is not paid for."),
            code="quotes_answer",
            field="reason",
        )


def _worker_named(name: str, *, batch: Batch, by: Member) -> int:
    """Only somebody who has worked on the batch has a name here."""
    found = Assignment.objects.filter(batch=batch).values_list("worker", flat=True)
    for worker_id in found.distinct().iterator():
        if pseudonym(client=by.client, worker_id=worker_id) == name:
            return int(worker_id)
    raise Invalid(_("Nobody of this name has worked on the batch."), field="worker")


@operation
def reply(*, exclusion_id: int, worker: User, text_: str, now: datetime) -> Exclusion:
    """What the worker says to it; the client reads it. Again replaces it."""
    found = Exclusion.objects.select_for_update().filter(pk=exclusion_id, worker=worker)
    exclusion = found.first()
    if exclusion is None:
        raise NotFound(_("There is no such exclusion."))
    exclusion.reply, exclusion.replied_at = (
        text.checked(text_, field="text", least=20, most=2_000),
        now,
    )
    exclusion.save(update_fields=["reply", "replied_at"])
    events.record("exclusion.replied", by=worker, about=exclusion, now=now)
    return exclusion


def of_batch(batch: Batch) -> QuerySet[Exclusion]:
    """Everybody excluded from a batch, newest first."""
    return Exclusion.objects.filter(batch=batch).select_related("by").order_by("-pk")
