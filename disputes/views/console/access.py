"""What the pages of the console share: who comes in, and how their lists are paged."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponseBase

from accounts.models import User
from core.paging import Page

P = ParamSpec("P")


def for_adjudicators(
    view: Callable[Concatenate[HttpRequest, User, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Lets adjudicators in, and passes who it is; for everybody else there is no such page."""

    @login_required
    @wraps(view)
    def run(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        by = request.user
        if not isinstance(by, User) or not by.is_adjudicator:
            raise Http404
        return view(request, by, *args, **kwargs)

    return run


def pager(request: HttpRequest, shown: Page[Any]) -> dict[str, str]:
    """The links to the pages before and after, with what this one is filtered by."""
    return {
        "previous": _link(request, shown.previous),
        "next": _link(request, shown.next),
    }


def _link(request: HttpRequest, cursor: str | None) -> str:
    if cursor is None:
        return ""
    params = request.GET.copy()
    params["cursor"] = cursor
    return f"?{params.urlencode()}"
