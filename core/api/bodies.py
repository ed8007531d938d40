"""Bodies of requests: never larger than allowed, never half of what was sent, always UTF-8."""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from django.utils.translation import gettext_lazy as _
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from core import rules, text
from core.errors import DomainError, Invalid, TooLarge

CHUNK = 64 * 1024
SPOOL = 4 * 1024 * 1024
MAX_DEPTH = 64


class LengthRequired(DomainError):
    status, code, title = 411, "length_required", _("Length required")


def length_of(request: Request, *, most: int) -> int:
    """The announced length of the body. Raises LengthRequired 411, TooLarge 413."""
    raw = request.META.get("CONTENT_LENGTH") or ""
    if not raw.isdecimal():
        if "Transfer-Encoding" in request.headers:
            raise LengthRequired(_("Send the body with a Content-Length, not in chunks."))
        return 0
    if int(raw) > most:
        raise TooLarge(_("The body has more than %(most)d bytes.") % {"most": most})
    return int(raw)


def _whole(received: int, announced: int) -> None:
    if received != announced:
        raise Invalid(
            _("The body ended after %(received)d of %(announced)d bytes. Send it again.")
            % {"received": received, "announced": announced},
            code="incomplete_body",
        )


class StrictJSON(BaseParser):
    """JSON in UTF-8: no NaN, no bottomless nesting, at most 2.5 MiB."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Any = None,
    ) -> Any:
        length = length_of(parser_context["request"], most=rules.MAX_BODY_BYTES)
        raw = stream.read(length)
        _whole(len(raw), length)
        try:
            value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
        except UnicodeDecodeError as error:
            raise Invalid(_("The body is not UTF-8."), code="encoding") from error
        except (ValueError, RecursionError) as error:
            said = _("The body is not JSON: %(error)s.") % {"error": error}
            raise Invalid(said, code="malformed") from error
        if text.deeper_than(value, MAX_DEPTH):
            raise Invalid(_("The body is nested too deep."), code="too_deep")
        return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


class Raw(BaseParser):
    """Leaves the body alone: the view reads it as a stream."""

    media_type = "*/*"


@dataclass(frozen=True)
class Spooled:
    """A whole body: in memory while small, on disk from 4 MiB on. `digest` is its SHA-256."""

    file: IO[bytes]
    digest: str
    size: int


@contextmanager
def spooled(request: Request, *, most: int) -> Iterator[Spooled]:
    """The body of the request as a file, read in pieces. Raises LengthRequired 411, TooLarge 413,
    Invalid 400 if the connection ended before the body did.
    """
    length = length_of(request, most=most)
    digest, size = hashlib.sha256(), 0
    with tempfile.SpooledTemporaryFile(SPOOL) as file:
        while piece := request._request.read(CHUNK):
            digest.update(piece)
            size += len(piece)
            file.write(piece)
        _whole(size, length)
        file.seek(0)
        yield Spooled(file, digest.hexdigest(), size)
