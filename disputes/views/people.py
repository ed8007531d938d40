"""Who is on a page of disputes, and how its lists are paged."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from django.contrib.auth.decorators import login_required
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy as _

from accounts.models import Member, User
from accounts.selectors import acting_member
from core.errors import Forbidden

P = ParamSpec("P")
M = TypeVar("M", bound=Model)
PAGE = 20
MOST_PAGES = 10_000


def for_members(
    view: Callable[Concatenate[HttpRequest, Member, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Lets members of a client in, and passes the membership by which they act to the view."""

    @login_required
    @wraps(view)
    def run(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        return view(request, acting_member(person(request)), *args, **kwargs)

    return run


def for_workers(
    view: Callable[Concatenate[HttpRequest, User, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Lets workers in, and passes the worker to the view."""

    @login_required
    @wraps(view)
    def run(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        worker = person(request)
        if not worker.is_worker:
            raise Forbidden(_("This page is for workers. Sign in with an account of that kind."))
        return view(request, worker, *args, **kwargs)

    return run


def person(request: HttpRequest) -> User:
    """Who is signed in; only behind `login_required`."""
    assert isinstance(request.user, User)
    return request.user


def page_of(found: QuerySet[M], request: HttpRequest) -> tuple[list[M], dict[str, str]]:
    """One page of an ordered list, and the addresses of the pages beside it. No row is counted."""
    page = _number(request.GET.get("page", ""))
    rows = list(found[(page - 1) * PAGE : page * PAGE + 1])
    more = len(rows) > PAGE and page < MOST_PAGES
    return rows[:PAGE], {
        "newer": _link(request, page - 1) if page > 1 else "",
        "older": _link(request, page + 1) if more else "",
    }


def _number(text: str) -> int:
    usable = text.isascii() and text.isdecimal() and len(text) <= 5
    return min(max(1, int(text)), MOST_PAGES) if usable else 1


def _link(request: HttpRequest, page: int) -> str:
    params = request.GET.copy()
    params["page"] = str(page)
    return f"?{params.urlencode()}"
