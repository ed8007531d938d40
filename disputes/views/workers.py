"""A worker's side: her rejected answer, what she says to it, and what she reports."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from core import problems
from disputes.forms import AppealForm, ContestForm, EvidenceForm, ReportForm, SayForm
from disputes.selectors import cases, pages
from disputes.services import contests, reports
from disputes.views.clients import rendered
from disputes.views.people import for_workers, page_of
from tasks.selectors import readable


def list_page(request: HttpRequest, worker: User) -> HttpResponse:
    """Her rejected answers: what she can act on first."""
    closed = request.GET.get("state") == "closed"
    rows, pager = page_of(pages.of_worker(worker, closed=closed), request)
    context = {"rows": rows, "closed": closed, "now": timezone.now(), **pager}
    return render(request, "disputes/refusal_list.html", context)


@require_GET
@never_cache
@for_workers
def refusal(request: HttpRequest, worker: User, assignment_id: int) -> HttpResponse:
    """Her rejected answer: why, until when, the one button; then the case and its decision."""
    return refusal_page(request, worker, assignment_id)


def refusal_page(
    request: HttpRequest, worker: User, assignment_id: int, *, failed: forms.Form | None = None
) -> HttpResponse:
    """The page of her rejected answer; with `failed`, a form that was refused just now."""
    now = timezone.now()
    found = cases.for_worker(assignment_id=assignment_id, worker=worker, now=now)
    told = pages.told(found, worker=worker)
    assignment = found.rejection.assignment
    assignment.batch = found.rejection.batch
    context: dict[str, Any] = {
        "case": found,
        "told": told,
        "rejection": found.rejection,
        "dispute": found.dispute,
        "assignment": assignment,
        "batch": assignment.batch,
        "answer": None if told.answer is None else rendered(assignment, told.answer),
        "failed": failed,
        "now": now,
        **_forms(failed),
    }
    return render(request, "disputes/refusal.html", context, status=422 if failed else 200)


def _forms(failed: forms.Form | None) -> dict[str, forms.Form]:
    """Fresh ones, but for the one that was refused: it keeps what was typed."""
    fresh = {
        "contest_form": ContestForm(),
        "say_form": SayForm(),
        "appeal_form": AppealForm(),
        "evidence_form": EvidenceForm(of_worker=True),
    }
    return {
        name: failed if failed is not None and type(failed) is type(form) else form
        for name, form in fresh.items()
    }


def _act(
    request: HttpRequest,
    worker: User,
    assignment_id: int,
    form: forms.Form,
    service: Callable[..., Any],
    done: str,
) -> HttpResponse:
    """Posts one of her forms to its service, and says so on her page."""
    # What is not hers is 404 before her words are judged.
    cases.for_worker(assignment_id=assignment_id, worker=worker, now=timezone.now())
    if form.is_valid():
        with problems.on(form):
            service(
                assignment_id=assignment_id, worker=worker, now=timezone.now(), **form.cleaned_data
            )
    if not form.is_valid():
        return refusal_page(request, worker, assignment_id, failed=form)
    messages.success(request, done)
    return redirect("refusal", assignment_id)


@require_POST
@for_workers
def refusal_contest(request: HttpRequest, worker: User, assignment_id: int) -> HttpResponse:
    """Contests the rejection: one click, no word needed."""
    done = _("Contested. The client has to answer in time, or you are paid.")
    form = ContestForm(request.POST)
    return _act(request, worker, assignment_id, form, contests.contest, done)


@require_POST
@for_workers
def refusal_say(request: HttpRequest, worker: User, assignment_id: int) -> HttpResponse:
    """Adds to her case."""
    form = SayForm(request.POST)
    return _act(request, worker, assignment_id, form, contests.say, _("Added to your case."))


@require_POST
@for_workers
def refusal_appeal(request: HttpRequest, worker: User, assignment_id: int) -> HttpResponse:
    """Takes an upheld rejection to another adjudicator."""
    done = _("Appealed. Another adjudicator decides within 30 days.")
    form = AppealForm(request.POST)
    return _act(request, worker, assignment_id, form, contests.appeal, done)


@require_http_methods(["GET", "POST"])
@for_workers
def batch_report(request: HttpRequest, worker: User, batch_id: int) -> HttpResponse:
    """Tells us what is wrong with a batch; its client does not learn by whom."""
    batch = get_object_or_404(readable.batches(worker).select_related("client"), pk=batch_id)
    form = ReportForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with problems.on(form):
            reports.report_batch(
                batch_id=batch.pk, worker=worker, now=timezone.now(), **form.cleaned_data
            )
        if form.is_valid():
            messages.success(request, _("Thank you. An adjudicator looks at it."))
            return redirect("work_batch", batch.pk)
    status = 422 if form.errors else 200
    context = {"form": form, "batch": batch}
    return render(request, "disputes/batch_report.html", context, status=status)
