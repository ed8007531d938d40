"""What the pages of workers share: who works, how lists are paged, refusals told in passing."""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.errors import Forbidden

P = ParamSpec("P")
M = TypeVar("M", bound=Model)
PAGE = 20


def for_workers(
    view: Callable[Concatenate[HttpRequest, User, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Lets workers in, and passes the worker to the view."""

    @login_required
    @wraps(view)
    def run(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        worker = request.user
        if not isinstance(worker, User) or not worker.is_worker:
            raise Forbidden(_("This page is for workers. Sign in with an account of that kind."))
        return view(request, worker, *args, **kwargs)

    return run


def rows_before(found: QuerySet[M], request: HttpRequest) -> tuple[list[M], dict[str, str]]:
    """A page, newest first, and its pager's links. `?before=` is an id, so no row is counted."""
    before = number(request, "before")
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found.order_by("-pk")[: PAGE + 1])
    more = rows[PAGE - 1].pk if len(rows) > PAGE else None
    return rows[:PAGE], pager(request, newest=before is not None, before=more)


def pager(request: HttpRequest, *, newest: bool, before: int | None) -> dict[str, str]:
    """The links of a list that is read from its newest row on: back to it, and further."""
    return {
        "newer": link(request, before=None) if newest else "",
        "older": link(request, before=before) if before is not None else "",
    }


def number(request: HttpRequest, name: str, *, most: int = 2**63 - 1) -> int | None:
    """A parameter of the address that is a number; what is none counts as not given."""
    text = request.GET.get(name, "")
    usable = text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= most
    return int(text) if usable else None


def link(request: HttpRequest, **changes: int | None) -> str:
    """This page's address with some parameters changed (None takes one away)."""
    params = request.GET.copy()
    for name, value in changes.items():
        params.pop(name, None)
        if value is not None:
            params[name] = str(value)
    return f"?{params.urlencode()}" if params else request.path


def new_key() -> str:
    """A key for a form: sent twice, it counts once."""
    return uuid.uuid4().hex


class Refusal(forms.Form):
    """A form without fields, for `problems.on` where a refusal is told on the next page."""

    def __init__(self) -> None:
        super().__init__({})

    def tell(self, request: HttpRequest) -> None:
        """Says what was refused, if anything was."""
        for error in self.non_field_errors():
            messages.warning(request, str(error))
