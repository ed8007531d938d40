"""How endpoints are described in OpenAPI: from their docstrings, shapes and refusals."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from core.api.fields import Shape, Strict
from core.problems import TYPE

F = TypeVar("F", bound=Callable[..., Any])
JSON = "application/json"
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="1 to 200 characters, new for each intent. Repeated within 24 hours with the same "
    "request it gives the same answer and does nothing again.",
)
# What any endpoint may answer, beside its own refusals.
ALWAYS = (
    "Any refusal. Everywhere: 400 `invalid`, `malformed`; 401 `not_authenticated`, "
    "`key_malformed`, `key_unknown`; 403 `forbidden`; 404 `not_found`; 429 `throttled`."
)
IDEMPOTENT = {
    400: ("idempotency_key_missing",),
    409: ("still_running",),
    422: ("idempotency_key_reused",),
}


class FlawOut(Shape):
    code = serializers.CharField()
    detail = serializers.CharField(help_text="For a person, in the language of Accept-Language.")
    pointer = serializers.CharField(
        required=False, help_text="JSON pointer into the request, or /name of a parameter."
    )
    line = serializers.IntegerField(required=False, help_text="Of an upload or an interface.")


class Problem(Shape):
    """RFC 9457. Programs go by `code`; every code is explained in docs/api.md."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What is wrong, and what to do.")
    code = serializers.CharField()
    errors = FlawOut(many=True)  # type: ignore[assignment]
    request_id = serializers.CharField()


Refusals = Mapping[int, Sequence[str]]


def endpoint(
    name: str,
    *,
    takes: Any = None,
    query: type[Strict] | None = None,
    gives: Any = None,
    status: int = 200,
    refuses: Refusals | None = None,
    idempotent: bool = False,
    headers: Sequence[OpenApiParameter] = (),
) -> Callable[[F], F]:
    """Describes a view's method: its name, what it takes, gives and refuses with."""
    parameters: list[Any] = [*headers, *([query] if query else [])]
    codes: dict[int, list[str]] = {}
    for more in (refuses or {}, IDEMPOTENT if idempotent else {}):
        for number, found in more.items():
            codes.setdefault(number, []).extend(found)
    if idempotent:
        parameters.append(IDEMPOTENCY_KEY)
    answers: dict[Any, Any] = (
        {(status, kind): shape for kind, shape in gives.items()}
        if isinstance(gives, dict)
        else {status: gives if gives is not None else OpenApiResponse(description="Done.")}
    )
    for number, found in sorted(codes.items()):
        described = OpenApiResponse(Problem, description=", ".join(f"`{code}`" for code in found))
        answers[(number, TYPE)] = described
    answers[("default", TYPE)] = OpenApiResponse(Problem, description=ALWAYS)
    return extend_schema(operation_id=name, request=takes, responses=answers, parameters=parameters)


def paged(shape: type[Shape]) -> type[Shape]:
    """The shape of a page of `shape`."""
    if shape not in _pages:
        fields = {
            "results": shape(many=True),
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
        }
        name = f"{component_name(shape)}Page"
        _pages[shape] = type(name, (Shape,), fields | {"__qualname__": name})
    return _pages[shape]


_pages: dict[type[Shape], type[Shape]] = {}


def component_name(shape: type[Any]) -> str:
    """`Batches.In` is BatchesRequest (the suffix is added later), `BatchOut` is Batch."""
    return shape.__qualname__.replace(".", "").removesuffix("Out").removesuffix("In")


class Schema(AutoSchema):
    """Summary and description from the docstring, problems for every refusal, ids as numbers."""

    path_types: ClassVar[dict[str, Any]] = {"type": "integer", "minimum": 1}

    def get_serializer_name(self, serializer: Any, direction: str) -> str:
        return component_name(type(serializer))

    def get_summary(self) -> str:
        return self._lines()[0]

    def get_description(self) -> str:  # type: ignore[override]
        rest = "\n".join(self._lines()[1:]).strip()
        wanted = self.view.scope_of(self.method)  # type: ignore[attr-defined]
        scope = (
            f"Scope of a key: `{wanted}`." if wanted else "For people only: keys cannot do this."
        )
        return f"{rest}\n\n{scope}".strip()

    def _lines(self) -> list[str]:
        handler = getattr(self.view, self.method.lower())
        lines = (handler.__doc__ or "").strip().splitlines()
        assert lines, f"{type(self.view).__name__}.{self.method.lower()} has no docstring"
        return [line.strip() for line in lines]

    def get_auth(self) -> list[dict[str, list[str]]]:
        found: list[dict[str, list[str]]] = super().get_auth()
        if self.view.scope_of(self.method) is None:  # type: ignore[attr-defined]
            found = [one for one in found if "ApiKey" not in one]
        return found

    def _resolve_path_parameters(self, variables: Any) -> list[dict[str, Any]]:
        return [
            {"in": "path", "name": name, "schema": dict(self.path_types), "required": True}
            for name in variables
        ]
