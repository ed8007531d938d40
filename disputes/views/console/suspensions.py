"""Who is suspended, by whom and why; suspending somebody and ending it (R16)."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import selectors as accounts
from accounts.models import User
from core import problems
from disputes.selectors import console as selectors
from disputes.services import suspensions as services
from disputes.views.console.access import for_adjudicators, pager
from disputes.views.console.forms import EndForm, SuspendForm


@require_http_methods(["GET", "POST"])
@for_adjudicators
def suspensions(request: HttpRequest, by: User) -> HttpResponse:
    """All of them, running ones first; and the form to suspend somebody."""
    form = SuspendForm(request.POST or None)
    if form.is_valid():
        user, reason = form.cleaned_data["email"], form.cleaned_data["reason"]
        with problems.on(form):
            services.suspend(user_id=user.pk, by=by, reason=reason, now=timezone.now())
        if form.is_valid():
            messages.success(request, _("%(person)s is suspended.") % {"person": user})
            return redirect("console_suspensions")
    shown = selectors.suspensions(cursor=request.GET.get("cursor", ""))
    context = {
        "suspensions": shown.rows,
        "form": form,
        "waiting": selectors.waiting(),
        "here": "suspensions",
        **pager(request, shown),
    }
    return render(request, "disputes/console_suspensions.html", context)


@require_http_methods(["GET", "POST"])
@for_adjudicators
def suspension(request: HttpRequest, by: User, suspension_id: int) -> HttpResponse:
    """One suspension with what the person says to it, and the form to end it."""
    one = get_object_or_404(accounts.suspensions(), pk=suspension_id)
    form = EndForm(request.POST or None)
    if form.is_valid():
        with problems.on(form):
            services.end_suspension(
                suspension_id=one.pk, by=by, now=timezone.now(), **form.cleaned_data
            )
        if form.is_valid():
            messages.success(request, _("The suspension has ended."))
            return redirect("console_suspensions")
    context = {"suspension": one, "form": form}
    return render(request, "disputes/console_suspension.html", context)
