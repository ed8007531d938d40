"""The log of what adjudicators decided."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.models import User
from core.paging import page
from disputes.selectors import console, log
from disputes.views.console.access import for_adjudicators, pager


@require_GET
@for_adjudicators
def decision_log(request: HttpRequest, by: User) -> HttpResponse:
    """Newest first, with its hashes, and whether those of this page hold."""
    cursor = request.GET.get("cursor", "")
    shown = page(log.entries(), order=("-number",), cursor=cursor, size=console.PAGE)
    context = {
        "rows": [log.shown(one) for one in shown.rows],
        "checked": log.verify_page(shown.rows),
        "waiting": console.waiting(),
        "here": "log",
        **pager(request, shown),
    }
    return render(request, "disputes/console_log.html", context)
