"""Endpoints that both sides of a case and adjudicators share, each with a scope of her account."""

from types import SimpleNamespace
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import HasScope
from accounts.states import Role, Scope
from core.api.views import Api

READERS = {
    Role.MEMBER: Scope.BATCHES_READ,
    Role.WORKER: Scope.WORK,
    Role.ADJUDICATOR: Scope.DISPUTES_DECIDE,
}
WRITERS = {Role.MEMBER: Scope.BATCHES_WRITE, Role.WORKER: Scope.WORK}


class ScopeOfSide(HasScope):
    """The scope that `view.sides` names for her kind of account; other kinds are refused."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        sides: dict[Role, Scope] = view.sides  # type: ignore[attr-defined]  # a `Sided` one
        other = next(iter(sides.values()))
        role: Any = getattr(request.user, "role", None)
        wanted = SimpleNamespace(scope=sides.get(role, other))
        return super().has_permission(request, wanted)  # type: ignore[arg-type]


class Sided(Api):
    """A view names `sides`: the scope that a key needs, by the kind of account."""

    sides: ClassVar[dict[Role, Scope]] = READERS
    permission_classes = (ScopeOfSide,)

    @classmethod
    def scope_of(cls, method: str | None) -> str | None:
        """Of every side; the description of the API sets it in backticks."""
        *first, last = cls.sides.values()
        return "`, `".join(first) + f"` or `{last}"
