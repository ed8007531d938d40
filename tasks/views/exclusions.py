"""Who gets no further tasks of a batch: told with a reason, and able to reply (R16)."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import Member, User
from core import problems
from tasks.forms.exclusions import ExcludeForm, ExclusionReplyForm
from tasks.models import Exclusion
from tasks.selectors.answers import Names
from tasks.services import exclusions as services
from tasks.views.clients import batch_or_404, for_members
from tasks.views.workers import for_workers, rows_before


@require_http_methods(["GET", "POST"])
@for_members
def batch_exclusions(request: HttpRequest, member: Member, batch_id: int) -> HttpResponse:
    """Everybody excluded from the batch, with reasons and replies; and the form to exclude."""
    batch = batch_or_404(member, batch_id)
    given = {"worker": request.GET.get("worker", "")[:40]}
    form = ExcludeForm(request.POST if request.method == "POST" else None, initial=given)
    if form.is_valid():
        with problems.on(form):
            services.exclude(batch_id=batch.pk, by=member, now=timezone.now(), **form.cleaned_data)
        if form.is_valid():
            messages.success(request, _("Excluded from further tasks, and told why."))
            return redirect("batch_exclusions", batch.pk)
    found, pager = rows_before(services.of_batch(batch), request)
    names = Names(member.client)
    rows = [(one, names[one.worker_id]) for one in found]
    context = {"batch": batch, "rows": rows, "form": form, **pager}
    status = 422 if form.errors else 200
    return render(request, "tasks/batch_exclusions.html", context, status=status)


@require_http_methods(["GET", "POST"])
@for_workers
def exclusion_reply(request: HttpRequest, worker: User, exclusion_id: int) -> HttpResponse:
    """Her exclusion from a batch, and what she says to it."""
    found = Exclusion.objects.filter(worker=worker).select_related("by", "batch__client")
    exclusion = get_object_or_404(found, pk=exclusion_id)
    form = ExclusionReplyForm(
        request.POST if request.method == "POST" else None, initial={"text": exclusion.reply}
    )
    if form.is_valid():
        with problems.on(form):
            services.reply(
                exclusion_id=exclusion.pk,
                worker=worker,
                text_=form.cleaned_data["text"],
                now=timezone.now(),
            )
        if form.is_valid():
            messages.success(request, _("Your reply is with the client."))
            return redirect("work_batch", exclusion.batch_id)
    context = {"exclusion": exclusion, "batch": exclusion.batch, "form": form}
    status = 422 if form.errors else 200
    return render(request, "tasks/work_exclusion.html", context, status=status)
