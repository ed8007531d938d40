"""What workers report about batches, and what is decided about it (R19)."""

from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import User
from core import problems
from disputes.models import Report
from disputes.selectors import console as selectors
from disputes.services import reports as services
from disputes.states import ReportState
from disputes.views.console.access import for_adjudicators, pager
from disputes.views.console.cases import media_url
from disputes.views.console.forms import ReportForm
from tasks.interfaces import parse as interfaces
from tasks.models import Batch, Task


@require_GET
@for_adjudicators
def reports(request: HttpRequest, by: User) -> HttpResponse:
    """Reports in one state; the open ones as they came in."""
    state = request.GET.get("state", "")
    state = state if state in ReportState.values else ReportState.OPEN.value
    shown = selectors.reports(state=state, cursor=request.GET.get("cursor", ""))
    context = {
        "reports": shown.rows,
        "state": state,
        "states": ReportState,
        "waiting": selectors.waiting(),
        "here": "reports",
        **pager(request, shown),
    }
    return render(request, "disputes/console_reports.html", context)


@require_http_methods(["GET", "POST"])
@for_adjudicators
def report(request: HttpRequest, by: User, report_id: int) -> HttpResponse:
    """What is said about a batch beside what workers see of it, and the decision."""
    found = Report.objects.select_related("batch__client", "decided_by")
    one = get_object_or_404(found, pk=report_id)
    form = ReportForm(request.POST or None)
    if form.is_valid():
        founded = form.cleaned_data["founded"] == "yes"
        with problems.on(form):
            services.decide_report(
                report_id=one.pk,
                by=by,
                founded=founded,
                reasons=form.cleaned_data["reasons"],
                now=timezone.now(),
            )
        if form.is_valid():
            messages.success(request, _("The report is decided."))
            return redirect("console_reports")
    said = selectors.same_reports(one)
    context = {"report": one, "said": said, "form": form, "sample": _sample(one.batch)}
    return render(request, "disputes/console_report.html", context)


def _sample(batch: Batch) -> SafeString | None:
    """The first task as workers see it."""
    first = Task.objects.filter(batch=batch).order_by("position").first()
    if first is None or not batch.interface:
        return None
    interface = interfaces.parse_cached(batch.interface)
    return interface.render(first.payload, image_url=partial(media_url, batch.pk))
