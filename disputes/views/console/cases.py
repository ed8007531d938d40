"""One case with everything on one page, and its decision."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.contrib import messages
from django.forms import BoundField
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts.models import User
from core import problems, rules
from disputes.models import Dispute
from disputes.selectors import console, console_case
from disputes.selectors.console_case import Case, Judged
from disputes.services import judging, looking
from disputes.views.console.access import for_adjudicators
from disputes.views.console.forms import DecideForm, ReasonsForm, name_of
from tasks.interfaces import parse as interfaces
from tasks.interfaces.interface import Interface

# The name of an image never comes to mean another one.
KEEP_SECONDS = 7 * 86_400


@dataclass(frozen=True)
class Item:
    """A judged rejection on the page: the answer as given, and the choice if there is one."""

    judged: Judged
    html: SafeString
    field: BoundField | None


@require_GET
@never_cache
@for_adjudicators
def case(request: HttpRequest, by: User, dispute_id: int) -> HttpResponse:
    """Instructions, criterion, answer, reason, statements and records side by side.

    That the adjudicator looks at the answers is recorded before they are shown.
    """
    found = _looked_at(dispute_id, by)
    return _shown(request, found, DecideForm(judged=found.undecided))


@require_POST
@never_cache
@for_adjudicators
def decide(request: HttpRequest, by: User, dispute_id: int) -> HttpResponse:
    """Decides the case, and goes on to the next one in the queue."""
    found = _looked_at(dispute_id, by)
    form = DecideForm(request.POST, judged=found.undecided)
    if form.is_valid():
        with problems.on(form):
            made = judging.decide(
                dispute_id=dispute_id,
                by=by,
                unfounded=form.unfounded,
                reasons=form.cleaned_data["reasons"],
                now=timezone.now(),
            )
        if form.is_valid():
            said = _("Case %(id)d is decided: %(paid)d paid, %(upheld)d upheld.")
            figures = {"id": dispute_id, "paid": made.overturned, "upheld": made.upheld}
            messages.success(request, said % figures)
            following = console.next_case(by=by)
            return redirect("console_case", following.pk) if following else redirect("console")
    return _shown(request, found, form)


def _looked_at(dispute_id: int, by: User) -> Case:
    now = timezone.now()
    dispute = looking.look_at_case(dispute_id=dispute_id, by=by, now=now)
    return console_case.load(dispute, by=by, now=now)


def _shown(request: HttpRequest, found: Case, form: DecideForm) -> HttpResponse:
    batch = found.dispute.batch
    interface = interfaces.parse_cached(batch.interface)
    image_url = partial(media_url, batch.pk)
    context = {
        "case": found,
        "dispute": found.dispute,
        "batch": batch,
        "stake": len(found.undecided) * batch.reward,
        "items": [_item(one, form, interface, image_url) for one in found.judged],
        "form": form,
        "frozen": console.frozen_batch(batch.pk) if found.dispute.is_collective else None,
        "unfreeze": ReasonsForm(),
        "left": _left(found.dispute),
        "annul_above": rules.GROUP_UNFOUNDED,
    }
    return render(request, "disputes/console_case.html", context)


def _left(dispute: Dispute) -> timedelta | None:
    due: datetime | None = dispute.due_at
    return None if due is None else max(due - timezone.now(), timedelta())


def _item(
    one: Judged, form: DecideForm, interface: Interface, image_url: Callable[[str], str]
) -> Item:
    assignment = one.rejection.assignment
    html = interface.render(
        assignment.task.payload,
        # An erased answer is shown as an empty one: the defaults are nobody's answer.
        answer=[] if one.content is None else one.content,
        image_url=image_url,
        id_prefix=f"a{assignment.pk}-",
    )
    name = name_of(one)
    return Item(one, html, form[name] if name in form.fields else None)


def media_url(batch_id: int, media_id: str) -> str:
    """Where an adjudicator gets the image that a task of the batch names."""
    return reverse("console_media", args=[batch_id, media_id])


@require_safe
@for_adjudicators
def media(request: HttpRequest, by: User, batch_id: int, media_id: UUID) -> FileResponse:
    """An image of a batch with a case or a report; kept by this browser, by no proxy."""
    found = get_object_or_404(console.media(batch_id), pk=media_id)
    response = FileResponse(found.file.open("rb"), content_type=found.content_type)
    response["Content-Disposition"] = "inline"
    response["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(response, private=True, max_age=KEEP_SECONDS, immutable=True)
    return response
