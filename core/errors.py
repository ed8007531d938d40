"""What can go wrong on purpose. Each family has one HTTP status, each error a stable code.

An app defines its errors beside the function that raises them. Every code is a row of docs/api.md.
"""

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

Text = str | Promise


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong with an input: where (`pointer` into JSON, or `line`), and what."""

    detail: Text
    code: str = "invalid"
    pointer: str | None = None
    line: int | None = None

    def as_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {"code": self.code, "detail": str(self.detail)}
        if self.pointer is not None:
            out["pointer"] = self.pointer
        if self.line is not None:
            out["line"] = self.line
        return out


class DomainError(Exception):
    """An anticipated refusal. `detail` says what is wrong and what to do; nothing was changed."""

    status = 400
    code = "invalid"
    title: Text = "Invalid"

    def __init__(
        self,
        detail: Text,
        *,
        code: str | None = None,
        field: str | None = None,
        flaws: list[Flaw] | None = None,
        retry_after: int | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.field = field
        self.flaws = flaws or []
        self.retry_after = retry_after
        self.extra = extra or {}


class Invalid(DomainError):
    status, code, title = 400, "invalid", "Invalid input"


class InsufficientFunds(DomainError):
    status, code, title = 402, "insufficient_funds", "Not enough money"


class Forbidden(DomainError):
    status, code, title = 403, "forbidden", "Not allowed"


class NotFound(DomainError):
    status, code, title = 404, "not_found", "Not found"


class Conflict(DomainError):
    status, code, title = 409, "conflict", "Conflict"


class IllegalMove(Conflict):
    code, title = "illegal_move", "Not possible in this state"


class TooLate(Conflict):
    code, title = "too_late", "Too late"


class PreconditionFailed(DomainError):
    status, code, title = 412, "changed_meanwhile", "Changed meanwhile"


class TooLarge(DomainError):
    status, code, title = 413, "too_large", "Too large"


class UnsupportedMedia(DomainError):
    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class RuleBroken(DomainError):
    status, code, title = 422, "rule_broken", "Against the rules"


class Throttled(DomainError):
    status, code, title = 429, "throttled", "Too many requests"
