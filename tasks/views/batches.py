"""A client's batches: the list, one of them, and what moves it from state to state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import Member
from core import idempotency, problems
from core.errors import Text
from payments.selectors import balances
from tasks.forms.batches import ImagesForm, PublishForm, UploadForm
from tasks.interfaces import parse as interfaces
from tasks.interfaces.variables import IMAGE
from tasks.models import Batch, Media
from tasks.selectors import batches as selectors
from tasks.selectors import overview, preview
from tasks.selectors.exports import FORMATS
from tasks.services import batches as services
from tasks.views.clients import batch_or_404, for_members
from tasks.views.media import media_url
from tasks.views.workers import new_key, rows_before

# So many images are named on a draft's page; the list as CSV has all.
IMAGES = 100


@require_GET
@for_members
def batches(request: HttpRequest, member: Member) -> HttpResponse:
    """The client's batches, newest first."""
    found, pager = rows_before(selectors.of_client(member.client_id), request)
    context = {
        "member": member,
        "overviews": [overview.Overview(batch) for batch in found],
        **pager,
    }
    return render(request, "tasks/batch_list.html", context)


@require_GET
@for_members
def batch(request: HttpRequest, member: Member, batch_id: int) -> HttpResponse:
    """One batch: on a draft what it lacks and costs, later how far it is."""
    return batch_page(request, member, batch_or_404(member, batch_id))


@require_GET
@for_members
def batch_progress(request: HttpRequest, member: Member, batch_id: int) -> HttpResponse:
    """The part of a batch's page that moves; nothing (204) while it has not moved."""
    batch = batch_or_404(member, batch_id)
    if overview.Overview(batch).version == request.GET.get("seen"):
        return HttpResponse(status=204)
    context = {"member": member, "batch": batch, "fragment": True} | _published(batch)
    return render(request, "tasks/_batch_moving.html", context)


def batch_page(
    request: HttpRequest, member: Member, batch: Batch, *, status: int = 200, **forms: Any
) -> HttpResponse:
    """The page of a batch; `forms` are those that were refused just now."""
    template = "tasks/batch_draft.html" if batch.is_draft else "tasks/batch_detail.html"
    context = _draft(batch) if batch.is_draft else _published(batch)
    context |= {"member": member, "batch": batch} | _as_worker_sees_it(batch)
    return render(request, template, context | forms, status=status)


def _published(batch: Batch) -> dict[str, Any]:
    return {"overview": overview.Overview(batch), "formats": list(FORMATS.values())}


def _draft(batch: Batch) -> dict[str, Any]:
    quote = selectors.quote(batch)
    balance = balances.client_balance(batch.client_id)
    variables = interfaces.parse_cached(batch.interface).variables if batch.interface else {}
    return {
        "overview": overview.Overview(batch),
        "variables": list(variables),
        "wants_images": IMAGE in variables.values(),
        "quote": quote,
        "checklist": overview.checklist(quote),
        "balance": balance,
        "short": max(0, quote.total - balance),
        "publish_form": PublishForm(
            initial={"total": quote.total, "key": new_key()}, total=quote.total
        ),
        "upload_form": UploadForm(),
        "images_form": ImagesForm(),
        "images": list(Media.objects.filter(batch=batch).order_by("name", "pk")[:IMAGES]),
    }


def _as_worker_sees_it(batch: Batch) -> dict[str, Any]:
    task = selectors.sample_task(batch)
    shown = preview.preview(
        batch.interface, payload=task.payload if task else None, image_url=media_url
    )
    return {"preview": shown, "sample": task}


@require_POST
@for_members
def batch_publish(request: HttpRequest, member: Member, batch_id: int) -> HttpResponse:
    """Locks the price that was shown, once however often the form is sent."""
    batch = batch_or_404(member, batch_id)
    total = selectors.quote(batch).total
    form = PublishForm(request.POST, total=total)
    if form.is_valid():
        with problems.on(form):
            idempotency.once(
                user=member.user,
                key=form.cleaned_data["key"],
                request_hash=idempotency.fingerprint("publish", batch.pk),
                now=timezone.now(),
                run=lambda: (200, _publish(member, batch.pk, agreed=total)),
            )
    if form.is_valid():
        messages.success(
            request, _("Published. The money is locked; workers see the batch in a moment.")
        )
        return redirect("batch", batch.pk)
    return batch_page(request, member, batch, status=422, publish_errors=form.errors)


def _publish(member: Member, batch_id: int, *, agreed: int) -> int:
    now = timezone.now()
    return services.publish_batch(batch_id=batch_id, by=member, now=now, agreed=agreed).pk


# --- steps that are asked about first -------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A move of a batch with a page that says what it means before it happens."""

    run: Callable[..., Any]
    states: tuple[str, ...]
    title: Text
    text: Text
    button: Text
    done: Text
    owners_only: bool = False
    danger: bool = False


STEPS = {
    "pause": Step(
        services.pause_batch,
        ("open",),
        _("Pause this batch?"),
        _(
            "Nobody can claim new tasks until you resume it. Work in hand goes on and is paid, "
            "and the money stays locked."
        ),
        _("Pause"),
        _("Paused. Nobody can claim new tasks of it."),
    ),
    "resume": Step(
        services.resume_batch,
        ("paused",),
        _("Resume this batch?"),
        _("Workers can claim its tasks again at once."),
        _("Resume"),
        _("Open again."),
    ),
    "close": Step(
        services.close_batch,
        ("publishing", "open", "paused"),
        _("Close this batch for good?"),
        _(
            "Nobody can claim its tasks any more. Work in hand goes on and is paid. The money for "
            "what nobody has begun goes back to your balance. A closed batch cannot be opened "
            "again."
        ),
        _("Close for good"),
        _("Closed. What was not begun is being refunded."),
        owners_only=True,
        danger=True,
    ),
    "empty": Step(
        services.delete_tasks,
        ("draft",),
        _("Delete all tasks of this draft?"),
        _("The tasks that were uploaded go; the rest of the draft stays as it is."),
        _("Delete the tasks"),
        _("The tasks are deleted."),
        danger=True,
    ),
    "delete": Step(
        services.delete_batch,
        ("draft",),
        _("Delete this draft?"),
        _("It goes with its tasks and images. Nothing was published, so no money moves."),
        _("Delete the draft"),
        _("The draft is deleted."),
        danger=True,
    ),
}


@require_http_methods(["GET", "POST"])
@for_members
def batch_step(request: HttpRequest, member: Member, batch_id: int, step: str) -> HttpResponse:
    """Asks whether the batch shall be paused, resumed, closed, emptied or deleted; then does it."""
    batch = batch_or_404(member, batch_id)
    asked = STEPS.get(step)
    if asked is None:
        raise Http404
    if request.method == "POST":
        asked.run(batch_id=batch.pk, by=member, now=timezone.now())
        messages.success(request, str(asked.done))
        return redirect("batches") if step == "delete" else redirect("batch", batch.pk)
    context = {
        "batch": batch,
        "name": step,
        "step": asked,
        "possible": batch.state in asked.states,
        "allowed": member.is_owner or not asked.owners_only,
        "overview": overview.Overview(batch),
    }
    return render(request, "tasks/batch_step.html", context)
