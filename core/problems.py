"""How a refusal reaches a person or a program: the two adapters, and nothing else.

The API answers application/problem+json (RFC 9457); pages answer a form error or an error page.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import OperationalError
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.shortcuts import render
from django.utils.translation import gettext as _
from psycopg2.errors import LockNotAvailable
from rest_framework import exceptions, status
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from core import errors, rules
from core.errors import DomainError, Flaw

TYPE = "application/problem+json"


def body(error: DomainError, *, request_id: str) -> dict[str, Any]:
    """The RFC 9457 object of `error`."""
    out: dict[str, Any] = {
        "type": f"/docs/errors#{error.code}",
        "title": str(error.title),
        "status": error.status,
        "detail": str(error.detail),
        "code": error.code,
        "errors": [flaw.as_dict() for flaw in error.flaws],
        "request_id": request_id,
    }
    if error.field and not error.flaws:
        out["errors"] = [Flaw(error.detail, error.code, pointer=f"/{error.field}").as_dict()]
    return out | error.extra


def respond(error: DomainError, request: HttpRequest) -> JsonResponse:
    """`error` as an HTTP response."""
    response = JsonResponse(
        body(error, request_id=getattr(request, "request_id", "")),
        status=error.status,
        content_type=TYPE,
    )
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    if error.status == status.HTTP_401_UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="api"'
    return response


class NotSignedIn(DomainError):
    status, code, title = 401, "not_authenticated", "Not signed in"


class Busy(errors.Conflict):
    """A lock was not to be had within `lock_timeout`: nothing was changed."""

    code = "busy"


class MethodNotAllowed(DomainError):
    status, code, title = 405, "method_not_allowed", "Method not allowed"


class NotAcceptable(DomainError):
    status, code, title = 406, "not_acceptable", "Not acceptable"


def api_problem(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's exception handler. Anything unanticipated is a bug: None lets it become a 500."""
    request = context["request"]
    found = as_domain_error(error)
    if found is None:
        return None
    set_rollback()
    return respond(found, request._request)


def as_domain_error(error: Exception) -> DomainError | None:
    """DRF's and Django's own refusals in our words."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, ValidationError):
        return errors.Invalid(_("The input is not valid."), flaws=_flaws(error))
    if isinstance(error, exceptions.ValidationError):
        flaws = _api_flaws(error.get_full_details())
        return errors.Invalid(_("The input is not valid."), flaws=flaws)
    if isinstance(error, UnreadablePostError):
        return errors.Invalid(_("The body ended early. Send it again."), code="incomplete_body")
    if isinstance(error, OperationalError) and isinstance(error.__cause__, LockNotAvailable):
        return Busy(_("Somebody else is changing this now. Try again in a moment."), retry_after=1)
    if isinstance(error, exceptions.Throttled):
        wait = math.ceil(getattr(error, "wait", None) or 1)
        return errors.Throttled(
            _("Too many requests. Try again in %(wait)d seconds.") % {"wait": wait},
            retry_after=wait,
        )
    return _framework_error(error)


def _framework_error(error: Exception) -> DomainError | None:
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return NotSignedIn(str(error.detail), code=str(error.get_codes()))
    if isinstance(error, exceptions.PermissionDenied | PermissionDenied):
        return errors.Forbidden(str(getattr(error, "detail", "")) or _("You may not do this."))
    if isinstance(error, Http404 | exceptions.NotFound):
        return errors.NotFound(_("There is no such thing, or it is not yours."))
    if isinstance(error, exceptions.MethodNotAllowed):
        return MethodNotAllowed(str(error.detail))
    if isinstance(error, exceptions.NotAcceptable):
        return NotAcceptable(str(error.detail))
    if isinstance(error, exceptions.UnsupportedMediaType):
        return errors.UnsupportedMedia(str(error.detail))
    if isinstance(error, exceptions.ParseError):
        return errors.Invalid(str(error.detail), code="malformed")
    return None


def _flaws(error: ValidationError) -> list[Flaw]:
    if hasattr(error, "error_dict"):
        return [
            Flaw("; ".join(part.messages), part.code or "invalid", pointer=f"/{field}")
            for field, parts in error.error_dict.items()
            for part in parts
        ]
    return [Flaw("; ".join(error.messages), getattr(error, "code", None) or "invalid")]


def _api_flaws(details: Any) -> list[Flaw]:
    """DRF's nested details, flattened to JSON pointers; the first hundred."""
    return list(islice(_walk(details, ""), rules.MAX_REPORTED_FLAWS))


def _walk(details: Any, pointer: str) -> Iterator[Flaw]:
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        yield Flaw(str(details["message"]), details["code"], pointer=pointer)
    elif isinstance(details, dict):
        for key, value in details.items():
            whole = key == api_settings.NON_FIELD_ERRORS_KEY
            yield from _walk(value, pointer if whole else f"{pointer}/{_escaped(str(key))}")
    else:
        # A list holds the errors of one value, or, for each item of a list, a dict of its errors.
        for i, item in enumerate(details):
            own = set(item) == {"message", "code"} if isinstance(item, dict) else False
            yield from _walk(item, pointer if own else f"{pointer}/{i}")


def _escaped(key: str) -> str:
    """RFC 6901: how a name is written in a pointer."""
    return key.replace("~", "~0").replace("/", "~1")


# --- pages ---------------------------------------------------------------------------------


@contextlib.contextmanager
def on(form: Form) -> Iterator[None]:
    """Turns a refusal of the service inside into errors of `form`; check `form.is_valid()` after.

    A refusal that belongs to no field stays at the head of the form.
    """
    try:
        yield
    except DomainError as error:
        known = error.field if error.field in form.fields else None
        form.add_error(known, str(error.detail))
        for flaw in error.flaws:
            field = (flaw.pointer or "").split("/")[1:2]
            where = field[0] if field and field[0] in form.fields else None
            form.add_error(where, str(flaw.detail))


def refuse(error: DomainError, request: HttpRequest) -> HttpResponse:
    """`error` in the form that whoever asked understands: JSON, a fragment or a page."""
    if request.path.startswith("/api/"):
        return respond(error, request)
    fragment = request.headers.get("HX-Request") == "true"
    template = "components/_problem.html" if fragment else "problem.html"
    response = render(request, template, {"problem": error}, status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


class PageProblems:
    """Middleware: the refusals that a view let through."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return refuse(error, request) if isinstance(error, DomainError) else None


page_problems = PageProblems
