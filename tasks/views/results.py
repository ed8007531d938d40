"""What a client has paid for: downloads, one answer, and the ledger of a task."""

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.models import Member
from accounts.selectors import pseudonym
from tasks.interfaces import parse as interfaces
from tasks.models import Assignment, Task
from tasks.selectors import ledgers
from tasks.selectors.exports import FORMATS
from tasks.services import openings
from tasks.views.clients import batch_or_404, for_members
from tasks.views.media import media_url


@require_GET
@for_members
def batch_results(
    request: HttpRequest, member: Member, batch_id: int
) -> HttpResponse | StreamingHttpResponse:
    """The paid answers of a batch as a file, streamed. `?after=` goes on behind a cursor."""
    batch = batch_or_404(member, batch_id)
    wanted = FORMATS.get(request.GET.get("format", "jsonl"))
    if wanted is None or not batch.interface:
        raise Http404
    openings.record_results(batch=batch, by=member, now=timezone.now())
    chunks = wanted.stream(batch=batch, client=member.client, after=request.GET.get("after", ""))
    response = StreamingHttpResponse(chunks, content_type=wanted.content_type)
    response["Content-Disposition"] = f'attachment; filename="batch-{batch.pk}.{wanted.ending}"'
    return response


@require_GET
@for_members
def batch_result(
    request: HttpRequest, member: Member, batch_id: int, assignment_id: int
) -> HttpResponse:
    """One paid answer, as the worker gave it. Sealed (409) before it is paid for."""
    batch = batch_or_404(member, batch_id)
    found = Assignment.objects.visible_to(member.user).select_related("task", "decided_by")
    assignment = get_object_or_404(found, pk=assignment_id, batch=batch)
    content = openings.read_paid(assignment_id=assignment.pk, by=member, now=timezone.now())
    interface = interfaces.parse_cached(batch.interface)
    context = {
        "batch": batch,
        "assignment": assignment,
        "worker": pseudonym(client=member.client, worker_id=assignment.worker_id),
        "html": interface.render(assignment.task.payload, answer=content, image_url=media_url),
    }
    return render(request, "tasks/batch_result.html", context)


@require_GET
@for_members
def task_ledger(request: HttpRequest, member: Member, task_id: int) -> HttpResponse:
    """Every posting of a task's places: who paid what to whom. Ends at zero when all is settled."""
    found = Task.objects.filter(batch__client=member.client_id).select_related("batch")
    task = get_object_or_404(found, pk=task_id)
    context = {"task": task, "ledger": ledgers.task_ledger(task, client=member.client)}
    return render(request, "tasks/batch_ledger.html", context)
