"""What waits for adjudicators, and batches under the brake."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import User
from core import problems
from disputes.selectors import console as selectors
from disputes.services import judging
from disputes.states import DisputeState
from disputes.views.console.access import for_adjudicators, pager
from disputes.views.console.forms import ReasonsForm


@require_GET
@for_adjudicators
def console(request: HttpRequest, by: User) -> HttpResponse:
    """The cases that wait: to be decided first, and what runs out first in front."""
    state = request.GET.get("state", "")
    state = state if state in DisputeState.values else ""
    cursor = request.GET.get("cursor", "")
    rows, shown = selectors.queue(state=state, cursor=cursor, now=timezone.now())
    waiting = selectors.waiting()
    context = {
        "rows": rows,
        "state": state,
        "states": [
            (one, waiting.by_state.get(one, 0)) for one in (*selectors.WAITING, *selectors.DONE)
        ],
        "waiting": waiting,
        "frozen": selectors.frozen(),
        "here": "queue",
        "by": by,
        **pager(request, shown),
    }
    return render(request, "disputes/console_queue.html", context)


@require_http_methods(["GET", "POST"])
@for_adjudicators
def unfreeze(request: HttpRequest, by: User, batch_id: int) -> HttpResponse:
    """Lifts the brake on a batch, with reasons, once the case of its group is decided."""
    frozen = selectors.frozen_batch(batch_id)
    if frozen is None:
        raise Http404
    form = ReasonsForm(request.POST or None)
    if form.is_valid():
        with problems.on(form):
            judging.lift_freeze(batch_id=batch_id, by=by, now=timezone.now(), **form.cleaned_data)
        if form.is_valid():
            messages.success(request, _("The freeze is lifted."))
            return redirect("console")
    context = {"frozen": frozen, "form": form, "waiting": selectors.waiting()}
    return render(request, "disputes/console_unfreeze.html", context)
