"""A draft's known answers: mixed in among its tasks, paid like any other (R16)."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import Member
from core import problems
from tasks.forms.gold import GoldForm
from tasks.models import Batch, Gold
from tasks.services import gold as services
from tasks.views.clients import batch_or_404, for_members


@require_http_methods(["GET", "POST"])
@never_cache
@for_members
def batch_gold(request: HttpRequest, member: Member, batch_id: int) -> HttpResponse:
    """The known answers of a batch: set while it is a draft, read ever after."""
    batch = batch_or_404(member, batch_id)
    if request.method != "POST":
        return _show(request, batch, None)
    form = GoldForm(request.POST, request.FILES)
    if form.is_valid():
        with problems.on(form), form.numbered():
            count = services.set_gold(
                batch_id=batch.pk, by=member, known=form.cleaned_data["items"], now=timezone.now()
            )
    if not form.is_valid():
        return _show(request, batch, form, status=422)
    said = ngettext("%(n)d known answer is kept.", "%(n)d known answers are kept.", count)
    messages.success(request, said % {"n": count})
    return redirect("batch_gold", batch.pk)


def _show(
    request: HttpRequest, batch: Batch, form: GoldForm | None, *, status: int = 200
) -> HttpResponse:
    known = Gold.objects.filter(batch=batch).select_related("task").order_by("task__position")
    items = list(known)
    lines = [
        json.dumps({"external_id": one.task.external_id, "answer": one.answer}, ensure_ascii=False)
        for one in items
    ]
    context = {
        "batch": batch,
        "known": items,
        "lines": lines,
        "form": form or GoldForm(initial={"known": "\n".join(lines)}),
    }
    return render(request, "tasks/batch_gold.html", context, status=status)
