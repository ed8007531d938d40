"""Every request has an id: in the log, in the answer, in the error a person sees."""

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from core import problems, rules
from core.errors import TooLarge
from marketplace import logs, metrics

log = logging.getLogger("fairclick.request")
GIVEN = re.compile(r"[A-Za-z0-9_-]{8,64}")


def _loggable(request: HttpRequest) -> str:
    """The path; of links sent by mail, which open an account, only their pattern."""
    match = request.resolver_match
    secret = match is not None and {"key", "uidb36", "uidb64"} & set(match.kwargs)
    return f"/{match.route}" if match and secret else request.path


def request_id(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Names the request, measures it and writes one line: never a body, never a query string."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        name = given if GIVEN.fullmatch(given) else uuid.uuid4().hex
        request.request_id = name  # type: ignore[attr-defined]
        token = logs.request_id.set(name)
        started = time.perf_counter()
        try:
            response = get_response(request)
            seconds = time.perf_counter() - started
            metrics.observe(request, response, seconds)
            log.info(
                "%s %s %s",
                request.method,
                _loggable(request),
                response.status_code,
                extra={"milliseconds": round(seconds * 1000, 1)},
            )
        finally:
            logs.request_id.reset(token)
        response["X-Request-ID"] = name
        return response

    return middleware


# Where files are sent: tasks and images, by API and by page.
UPLOADS = re.compile(r"/(?:api/v1/)?batches/[0-9]+/(?:tasks|media|images)/?")
# And files for a dispute.
EVIDENCE = re.compile(r"/(?:api/v1/)?disputes/[0-9]+/evidence/?")
FORM_AROUND = 64 * 1024


def _most(request: HttpRequest) -> int:
    """How many bytes this body may have."""
    known = request.user.is_authenticated or "Authorization" in request.headers
    if known and UPLOADS.fullmatch(request.path):
        return rules.MAX_UPLOAD_BYTES
    if known and EVIDENCE.fullmatch(request.path):
        return rules.MAX_EVIDENCE_BYTES
    return rules.MAX_BODY_BYTES


def body_limit(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Refuses (413) a body by its announced length before a byte of it is read or stored.

    Large ones only where files are sent, and only from somebody: a page's visitor who is signed in,
    or a program with a key (which the API then checks).
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        announced = request.META.get("CONTENT_LENGTH") or "0"
        if announced.isdecimal() and int(announced) > _most(request) + FORM_AROUND:
            return problems.refuse(TooLarge(_("The request is too large.")), request)
        return get_response(request)

    return middleware
