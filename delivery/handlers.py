"""Who is told what by mail, as soon as it has happened. Each may run twice: it only tells."""

from django.db.models import QuerySet

from accounts.models import Suspension, User
from accounts.selectors import members_of
from core.events import on
from core.models import Event
from delivery.mail import address, send
from disputes.models import Dispute, Rejection
from disputes.states import DisputeCause
from tasks.models import Exclusion


@on("rejection.made")
def tell_of_rejection(event: Event) -> None:
    """The worker: the reason, the criterion, the deadline, and where the one button is."""
    found = Rejection.objects.select_related("batch", "client", "worker", "by")
    rejection = found.get(pk=event.about_id)
    send(
        "rejection",
        to=[rejection.worker],
        rejection=rejection,
        criterion=rejection.batch.criteria[rejection.criterion - 1],
        page=address("refusal", rejection.assignment_id),
    )


@on("dispute.filed")
def tell_of_dispute(event: Event) -> None:
    """The client, which has 72 hours; and the worker, where it opened by itself."""
    dispute = _dispute(event)
    members = [member.user for member in members_of(dispute.client_id)]
    send("dispute_client", to=members, dispute=dispute, page=address("dispute", dispute.pk))
    if dispute.cause != DisputeCause.CONTEST:
        page = address("dispute", dispute.pk)
        send("dispute_worker", to=_workers(dispute), dispute=dispute, page=page)


@on("dispute.decided")
def tell_of_decision(event: Event) -> None:
    """Both sides: that it is decided, and where the reasons are."""
    dispute = _dispute(event)
    members = [member.user for member in members_of(dispute.client_id)]
    people = [*_workers(dispute), *members]
    send("decision", to=people, dispute=dispute, page=address("dispute", dispute.pk))


@on("dispute.alarm")
def tell_adjudicators(event: Event) -> None:
    """Everybody who can decide it: two days are left (R8)."""
    dispute = _dispute(event)
    people = User.objects.filter(role="adjudicator", is_active=True).order_by("pk")
    send("alarm", to=people, dispute=dispute, page=address("console_case", dispute.pk))


@on("worker.excluded")
def tell_of_exclusion(event: Event) -> None:
    """The worker: the reason, who gave it, and where she can reply (R16)."""
    found = Exclusion.objects.select_related("batch__client", "worker", "by")
    exclusion = found.get(pk=event.about_id)
    page = address("work_batch", exclusion.batch_id)
    send("exclusion", to=[exclusion.worker], exclusion=exclusion, page=page)


@on("user.suspended")
def tell_of_suspension(event: Event) -> None:
    """The person: the reason, who decided, what stays hers (R16)."""
    found = Suspension.objects.select_related("user", "by")
    suspension = found.get(pk=event.data["suspension"])
    page = address("suspension")
    send("suspension", to=[suspension.user], suspension=suspension, page=page)


def _dispute(event: Event) -> Dispute:
    return Dispute.objects.select_related("batch", "client").get(pk=event.about_id)


def _workers(dispute: Dispute) -> "QuerySet[User]":
    return User.objects.filter(rejections__dispute=dispute).distinct().order_by("pk")
