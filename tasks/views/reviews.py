"""Review by a client: who submitted when, approving one or all. Never an answer."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Member
from tasks.models import Assignment, Operation
from tasks.selectors import batches as selectors
from tasks.selectors import overview, sampling
from tasks.services import reviews
from tasks.states import AssignmentState
from tasks.views.clients import batch_or_404, for_members
from tasks.views.workers import rows_before

# The states that ever occur to a client, in the order of their tabs.
TABS = (
    AssignmentState.SUBMITTED,
    AssignmentState.APPROVED,
    AssignmentState.REJECTED,
    AssignmentState.DISPUTED,
    AssignmentState.REFUSED,
    AssignmentState.CLAIMED,
    AssignmentState.RELEASED,
    AssignmentState.EXPIRED,
)


@require_GET
@for_members
def batch_assignments(request: HttpRequest, member: Member, batch_id: int) -> HttpResponse:
    """Metadata of the batch's assignments, newest first."""
    batch = batch_or_404(member, batch_id)
    state = request.GET.get("state", "")
    state = state if state in AssignmentState.values else ""
    found, pager = rows_before(selectors.assignments(batch, state=state), request)
    context = {
        "batch": batch,
        "overview": overview.Overview(batch),
        "rows": overview.assignment_rows(found, client=batch.client),
        "state": state,
        "tabs": TABS,
        **pager,
    }
    return render(request, "tasks/batch_assignments.html", context)


@require_GET
@for_members
def batch_sample(request: HttpRequest, member: Member, batch_id: int) -> HttpResponse:
    """What of the batch may be opened before it is paid for, and what was (R5)."""
    batch = batch_or_404(member, batch_id)
    sample = sampling.sample(batch).select_related("opening__by", "task")
    found, pager = rows_before(sample, request)
    context = {
        "batch": batch,
        "rows": overview.assignment_rows(found, client=batch.client),
        **pager,
    }
    return render(request, "tasks/batch_sample.html", context)


@require_POST
@for_members
def assignment_approve(
    request: HttpRequest, member: Member, batch_id: int, assignment_id: int
) -> HttpResponse:
    """Pays one submitted assignment and opens its answer."""
    batch = batch_or_404(member, batch_id)
    one = get_object_or_404(Assignment.objects.visible_to(member.user), pk=assignment_id)
    reviews.approve_assignment(assignment_id=one.pk, by=member, now=timezone.now())
    messages.success(request, _("Approved and paid. You can read the answer now."))
    return redirect("batch_result", batch.pk, one.pk)


@require_POST
@for_members
def batch_approve_all(request: HttpRequest, member: Member, batch_id: int) -> HttpResponse:
    """Starts approving all that waits for review now."""
    batch = batch_or_404(member, batch_id)
    started = reviews.approve_many(
        batch_id=batch.pk, by=member, assignment_ids=None, now=timezone.now()
    )
    return redirect("operation", started.pk)


@require_GET
@for_members
def operation(request: HttpRequest, member: Member, operation_id: int) -> HttpResponse:
    """How far a long request is."""
    found = Operation.objects.filter(client=member.client_id).select_related("batch")
    context = {"operation": get_object_or_404(found, pk=operation_id)}
    fragment = request.headers.get("HX-Request") == "true"
    template = "tasks/_operation.html" if fragment else "tasks/operation.html"
    return render(request, template, context)
