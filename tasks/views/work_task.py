"""The task page: one form, its buttons the verbs; and the page of a task that is done with."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from core import problems, rules
from payments.selectors import batches as payments
from tasks.forms.work import TaskForm, draft_of
from tasks.interfaces import parse as interfaces
from tasks.models import Assignment
from tasks.selectors import answers
from tasks.selectors import work as selectors
from tasks.services import claims
from tasks.services import work as services
from tasks.states import AssignmentState
from tasks.views.media import media_url
from tasks.views.work import to_next_task
from tasks.views.workers import for_workers, new_key

MINUTE = timedelta(minutes=1)


@require_http_methods(["GET", "POST"])
@never_cache
@for_workers
def work_task(request: HttpRequest, worker: User, assignment_id: int) -> HttpResponse:
    """One of her tasks. Loading it is a sign of life; posting it does what its button says."""
    now = timezone.now()
    if request.method == "GET":
        claims.show_life(assignment_id=assignment_id, worker=worker, now=now)
        return _page(request, worker, assignment_id, now=now)
    assignment = selectors.task_page(worker=worker, assignment_id=assignment_id)
    form = TaskForm(request.POST, assignment=assignment)
    if form.is_valid():
        with problems.on(form):
            return ACTIONS[form.cleaned_data["action"]](request, worker, form, now)
    if form.problems and assignment.is_claimed:
        # What is not complete yet is kept all the same.
        with problems.on(form):
            _store(worker, form, now)
    return _page(request, worker, assignment_id, now=now, form=form)


# --- what the buttons do --------------------------------------------------------------------


def _store(worker: User, form: TaskForm, now: datetime) -> None:
    services.save_draft(
        assignment_id=form.assignment.pk,
        worker=worker,
        content=form.content,
        revision=form.cleaned_data.get("revision", 0),
        now=now,
    )


def _save(request: HttpRequest, worker: User, form: TaskForm, now: datetime) -> HttpResponse:
    _store(worker, form, now)
    return redirect("work_task", form.assignment.pk)


def _extend(request: HttpRequest, worker: User, form: TaskForm, now: datetime) -> HttpResponse:
    _store(worker, form, now)
    claims.extend(assignment_id=form.assignment.pk, worker=worker, now=now)
    messages.success(request, _("You have more time. What you typed is saved."))
    return redirect("work_task", form.assignment.pk)


def _release(request: HttpRequest, worker: User, form: TaskForm, now: datetime) -> HttpResponse:
    claims.release(assignment_id=form.assignment.pk, worker=worker, now=now)
    messages.success(request, _("Given back. It does not count against you."))
    return redirect("work_batch", form.assignment.batch_id)


def _submit(request: HttpRequest, worker: User, form: TaskForm, now: datetime) -> HttpResponse:
    done = services.submit(
        assignment_id=form.assignment.pk,
        worker=worker,
        content=form.content,
        key=form.cleaned_data["key"],
        now=now,
    )
    if done.archived:
        messages.warning(
            request,
            _(
                "This came after the time was over, and somebody else has the place by now. Your "
                "answer is kept in your archive."
            ),
        )
        return redirect("archive")
    if not done.repeated:
        messages.success(request, _("Submitted. You can take it back for ten minutes."))
    if form.cleaned_data["action"] == "next":
        return to_next_task(request, worker, form.assignment.batch_id)
    return redirect("work_batch", form.assignment.batch_id)


ACTIONS: dict[str, Callable[[HttpRequest, User, TaskForm, datetime], HttpResponse]] = {
    "submit": _submit,
    "next": _submit,
    "save": _save,
    "extend": _extend,
    "release": _release,
}


@require_POST
@for_workers
def unsubmit(request: HttpRequest, worker: User, assignment_id: int) -> HttpResponse:
    """Takes an answer back into work."""
    services.unsubmit(assignment_id=assignment_id, worker=worker, now=timezone.now())
    messages.success(request, _("You have it back. Submit it again when it is right."))
    return redirect("work_task", assignment_id)


# --- what is shown --------------------------------------------------------------------------


def _page(
    request: HttpRequest,
    worker: User,
    assignment_id: int,
    *,
    now: datetime,
    form: TaskForm | None = None,
) -> HttpResponse:
    """The assignment as it is now; with `form`, one that was refused: what was typed stays."""
    assignment = selectors.task_page(worker=worker, assignment_id=assignment_id)
    draft = draft_of(assignment)
    context = {"assignment": assignment, "batch": assignment.batch, "form": form, "now": now}
    status = 422 if form else 200
    late = assignment.state == AssignmentState.EXPIRED and (draft is not None or form is not None)
    if assignment.is_claimed or late:
        context |= _work(assignment, form) | _time(assignment, now=now)
        return render(request, "tasks/work_task.html", context, status=status)
    context |= _done(worker, assignment, now=now, form=form)
    return render(request, "tasks/work_done.html", context, status=status)


def _work(assignment: Assignment, form: TaskForm | None) -> dict[str, Any]:
    draft = draft_of(assignment)
    answer = form.content if form else draft.content if draft else None
    context: dict[str, Any] = {
        "draft": draft,
        "key": form["key"].value() if form and "key" not in form.errors else new_key(),
        "task": _shown(assignment, answer, problems=form.problems if form else None),
        "unsaved": form is not None and (draft is None or draft.content != form.content),
    }
    if form and draft and not form.builds_upon(draft):
        context["newer"] = _shown(assignment, draft.content, id_prefix="newer-")
    return context


def _time(assignment: Assignment, *, now: datetime) -> dict[str, Any]:
    """Her clock, and when the draft was saved."""
    draft = draft_of(assignment)
    clock = selectors.clock(assignment, now=now)
    minutes = round(clock.left / MINUTE)
    return {
        "clock": clock,
        "left": minutes * MINUTE if minutes else clock.left,
        "saved_ago": now - draft.saved_at if draft else None,
    }


def _done(
    worker: User, assignment: Assignment, *, now: datetime, form: TaskForm | None
) -> dict[str, Any]:
    answer = answers.own(assignment=assignment, worker=worker)
    paid = assignment.state == AssignmentState.APPROVED
    refused = assignment.state in (AssignmentState.REJECTED, AssignmentState.DISPUTED)
    rejected_at = assignment.decided_at if refused else None
    return {
        "opening": getattr(assignment, "opening", None),
        "contest_by": rejected_at and rejected_at + rules.CONTEST_WITHIN,
        "answer": None if answer is None else _shown(assignment, answer),
        "typed": form and _shown(assignment, form.content, id_prefix="typed-"),
        "may_unsubmit": selectors.may_unsubmit(assignment, now=now),
        "ledger": payments.place_ledger(assignment.place_id) if paid else None,
    }


def _shown(assignment: Assignment, answer: Any, *, id_prefix: str = "", **options: Any) -> str:
    interface = interfaces.parse_cached(assignment.batch.interface)
    return interface.render(
        assignment.task.payload,
        answer=answer,
        image_url=media_url,
        id_prefix=id_prefix,
        **options,
    )
