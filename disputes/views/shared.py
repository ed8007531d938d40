"""What both sides share: the list of disputes, one of them, and its files."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts.models import User
from accounts.selectors import acting_member, member_of
from core import problems
from core.errors import Forbidden
from disputes.forms import EvidenceForm
from disputes.models import Dispute
from disputes.selectors import cases
from disputes.services import replies
from disputes.views import clients, workers
from disputes.views.people import person


@require_GET
@login_required
def disputes(request: HttpRequest) -> HttpResponse:
    """A worker's rejected answers; a client's disputes."""
    user = person(request)
    if user.is_adjudicator:
        return redirect("console")
    if user.is_worker:
        return workers.list_page(request, user)
    return clients.list_page(request, acting_member(user))


@require_GET
@never_cache
@login_required
def dispute(request: HttpRequest, dispute_id: int) -> HttpResponse:
    """A case: the client's page of it; a worker has hers at her answer."""
    user = person(request)
    found = _visible(user, dispute_id)
    if user.is_adjudicator:
        return redirect("console_case", found.pk)
    if user.is_worker:
        return redirect("refusal", _her_assignment(found, user, request))
    return clients.dispute_page(request, acting_member(user), found)


def _visible(user: User, dispute_id: int) -> Dispute:
    found = Dispute.objects.visible_to(user).select_related("batch", "client", "appeal_of")
    return get_object_or_404(found, pk=dispute_id)


def _her_assignment(dispute: Dispute, worker: User, request: HttpRequest) -> int:
    """Her rejected answer in a case; of several, the one she came from, else the first."""
    mine = dispute.rejections.filter(worker=worker).order_by("pk")
    hers = [int(one) for one in mine.values_list("assignment", flat=True)]
    came_from = [one for one in hers if str(one) == request.POST.get("from")]
    return (came_from or hers)[0]


@require_POST
@login_required
def dispute_evidence(request: HttpRequest, dispute_id: int) -> HttpResponse:
    """Adds a file to a case that waits for a decision."""
    user = person(request)
    if user.is_adjudicator:
        raise Forbidden(_("Only the two sides of a case add files."))
    found, member = _visible(user, dispute_id), member_of(user)
    form = EvidenceForm(request.POST, request.FILES, of_worker=member is None)
    if form.is_valid():
        with problems.on(form):
            replies.add_evidence(
                dispute_id=found.pk,
                by=user,
                member=member,
                file=form.cleaned_data["file"],
                name=form.cleaned_data["file"].name,
                shared=form.shared_too,
                now=timezone.now(),
            )
    if form.is_valid():
        messages.success(request, _("The file is in the case."))
        if member is not None:
            return redirect("dispute", found.pk)
        return redirect("refusal", _her_assignment(found, user, request))
    if member is not None:
        return clients.dispute_page(request, member, found, failed=form)
    return workers.refusal_page(request, user, _her_assignment(found, user, request), failed=form)


@require_safe
@never_cache
@login_required
def evidence(request: HttpRequest, evidence_id: UUID) -> FileResponse:
    """A file of a case, to those who may read it; a PDF is saved, an image is shown."""
    found = get_object_or_404(cases.evidence(person(request)), pk=evidence_id)
    response = FileResponse(
        found.file.open("rb"),
        as_attachment=not found.content_type.startswith("image/"),
        filename=found.name,
        content_type=found.content_type,
    )
    response["X-Content-Type-Options"] = "nosniff"
    return response
