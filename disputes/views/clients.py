"""A client's side: one answer in review, its rejection, withdrawal, and the disputes it is in."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Member
from accounts.selectors import pseudonym
from core import problems, rules
from disputes.forms import EvidenceForm, RejectForm, ReplyForm
from disputes.models import Dispute
from disputes.selectors import cases, pages
from disputes.services import rejections, replies
from disputes.views.people import for_members, page_of
from tasks.interfaces import parse as interfaces
from tasks.models import Assignment
from tasks.selectors import sampling
from tasks.services import openings
from tasks.states import AssignmentState

REJECTED = (AssignmentState.REJECTED, AssignmentState.DISPUTED, AssignmentState.REFUSED)


def media_url(media_id: str) -> str:
    """Where an image of a batch is served."""
    return reverse("media", args=[media_id])


def rendered(assignment: Assignment, answer: Any) -> str:
    """The task with an answer, as the worker saw and gave it (batch and task loaded)."""
    interface = interfaces.parse_cached(assignment.batch.interface)
    return interface.render(assignment.task.payload, answer=answer, image_url=media_url)


# --- review ----------------------------------------------------------------------------------


@require_GET
@never_cache
@for_members
def answer_review(
    request: HttpRequest, member: Member, batch_id: int, assignment_id: int
) -> HttpResponse:
    """One answer in review: sealed with a button to open it, or opened, with what can be done."""
    one = _reviewed(member, batch_id, assignment_id)
    if one.state == AssignmentState.APPROVED:
        return redirect("batch_result", batch_id, assignment_id)
    return _review(request, member, one, RejectForm(criteria=one.batch.criteria))


def _reviewed(member: Member, batch_id: int, assignment_id: int) -> Assignment:
    found = pages.reviewed(client=member.client, batch_id=batch_id)
    return get_object_or_404(found, pk=assignment_id)


def _review(
    request: HttpRequest, member: Member, one: Assignment, form: RejectForm, *, status: int = 200
) -> HttpResponse:
    if one.state not in (AssignmentState.SUBMITTED, *REJECTED):
        raise Http404
    now = timezone.now()
    context = {
        "batch": one.batch,
        "one": one,
        "worker": pseudonym(client=member.client, worker_id=one.worker_id),
        "now": now,
    }
    if one.state in REJECTED:
        context |= {"rejection": one.rejection, "criterion": cases.criterion(one.rejection)}
    elif hasattr(one, "opening"):
        context |= _opened(member, one, form, now)
    else:
        context["may_open"] = sampling.may_open(one)
    return render(request, "disputes/answer_review.html", context, status=status)


def _opened(member: Member, one: Assignment, form: RejectForm, now: datetime) -> dict[str, Any]:
    """What an opened answer shows; each look is recorded."""
    content = openings.open_answer(assignment_id=one.pk, by=member, now=now)
    return {
        "opening": one.opening,
        "html": rendered(one, content),
        "form": form,
        "rejections_left": pages.rejections_left(member.client, batch_id=one.batch_id, now=now),
        "compensation": one.batch.reward * rules.COMPENSATION_BPS // 10_000,
    }


@require_POST
@for_members
def answer_open(
    request: HttpRequest, member: Member, batch_id: int, assignment_id: int
) -> HttpResponse:
    """Opens one answer of the sample, which is recorded; its page shows it then."""
    one = _reviewed(member, batch_id, assignment_id)
    openings.open_answer(assignment_id=one.pk, by=member, now=timezone.now())
    return redirect("answer_review", batch_id, assignment_id)


@require_POST
@never_cache
@for_members
def assignment_reject(
    request: HttpRequest, member: Member, batch_id: int, assignment_id: int
) -> HttpResponse:
    """Rejects one opened answer, for a reason. It is gone from then on."""
    one = _reviewed(member, batch_id, assignment_id)
    form = RejectForm(request.POST, criteria=one.batch.criteria)
    if form.is_valid():
        with problems.on(form):
            rejections.reject_assignment(
                assignment_id=one.pk, by=member, now=timezone.now(), **form.cleaned_data
            )
    if not form.is_valid():
        return _not_rejected(request, member, _reviewed(member, batch_id, one.pk), form)
    messages.success(request, _("Rejected. The worker was told, and you cannot read it any more."))
    return redirect("answer_review", batch_id, assignment_id)


def _not_rejected(
    request: HttpRequest, member: Member, one: Assignment, form: RejectForm
) -> HttpResponse:
    """The form again; where somebody decided meanwhile, what became of the answer."""
    if one.state == AssignmentState.SUBMITTED:
        return _review(request, member, one, form, status=422)
    for error in form.non_field_errors():
        messages.warning(request, str(error))
    return redirect("answer_review", one.batch_id, one.pk)


@require_POST
@for_members
def rejection_withdraw(
    request: HttpRequest, member: Member, batch_id: int, assignment_id: int
) -> HttpResponse:
    """Takes a rejection back: the worker is paid in full, the answer is the client's."""
    one = _reviewed(member, batch_id, assignment_id)
    rejections.withdraw_rejection(assignment_id=one.pk, by=member, now=timezone.now())
    messages.success(request, _("Withdrawn. The worker is paid, and the answer is yours."))
    return redirect("batch_result", batch_id, assignment_id)


# --- disputes --------------------------------------------------------------------------------


def list_page(request: HttpRequest, member: Member) -> HttpResponse:
    """The client's disputes: running ones by deadline, closed ones newest first."""
    closed = request.GET.get("state") == "closed"
    rows, pager = page_of(pages.of_client(member.client, closed=closed), request)
    context = {"rows": rows, "closed": closed, "now": timezone.now(), **pager}
    return render(request, "disputes/dispute_list.html", context)


def dispute_page(
    request: HttpRequest,
    member: Member,
    dispute: Dispute,
    *,
    failed: forms.Form | None = None,
) -> HttpResponse:
    """One dispute as its client sees it; with `failed`, a form that was refused just now."""
    now = timezone.now()
    rows, pager = page_of(pages.joined(dispute), request)
    context: dict[str, Any] = {
        "dispute": dispute,
        "parts": pages.parts(dispute, rows, user=member.user),
        "allowed": cases.allowed_to_client(dispute, now=now),
        "reply": cases.reply_to(dispute),
        "decisions": list(cases.decisions(dispute)),
        "files": pages.common_evidence(dispute),
        "reply_form": failed if isinstance(failed, ReplyForm) else ReplyForm(),
        "evidence_form": failed
        if isinstance(failed, EvidenceForm)
        else EvidenceForm(of_worker=False),
        "failed": failed,
        "now": now,
        **pager,
    }
    return render(request, "disputes/dispute_case.html", context, status=422 if failed else 200)


@require_POST
@for_members
def dispute_reply(request: HttpRequest, member: Member, dispute_id: int) -> HttpResponse:
    """The client's one reply."""
    found = Dispute.objects.visible_to(member.user).select_related("batch", "client", "appeal_of")
    dispute = get_object_or_404(found, pk=dispute_id)
    form = ReplyForm(request.POST)
    if form.is_valid():
        with problems.on(form):
            replies.reply(dispute_id=dispute.pk, by=member, now=timezone.now(), **form.cleaned_data)
    if not form.is_valid():
        return dispute_page(request, member, dispute, failed=form)
    messages.success(request, _("Your reply is in. An adjudicator decides now."))
    return redirect("dispute", dispute.pk)
