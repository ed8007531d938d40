"""The base of every endpoint."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.urls import register_converter
from django.urls.converters import IntConverter
from django.utils import timezone
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from core import idempotency, paging, rules
from core.api.bodies import StrictJSON, length_of
from core.api.fields import Shape, Strict
from core.api.schema import Schema


class Id(IntConverter):
    """A number in a path that fits into a bigint."""

    regex = "[0-9]{1,18}"


register_converter(Id, "id")


class JSONAlways(BaseContentNegotiation):
    """An endpoint answers in its own type whatever `Accept` says, so that refusals get through."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        return next((one for one in parsers if one.media_type in (kind, "*/*")), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, first.media_type


class PageQuery(Strict):
    """Parameters of every list."""

    cursor = serializers.CharField(
        required=False, max_length=300, help_text="From a link `next` or `previous`."
    )
    page_size = serializers.IntegerField(
        required=False, min_value=1, max_value=paging.MOST, default=paging.SIZE
    )


class Api(APIView):
    """A view names `scope` (or `scopes`, by method): what a key must be allowed to do."""

    scope: ClassVar[str | None] = None
    scopes: ClassVar[dict[str, str | None]] = {}
    schema = Schema()
    parser_classes: Any = (StrictJSON,)
    content_negotiation_class = JSONAlways
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    @classmethod
    def scope_of(cls, method: str | None) -> str | None:
        """The scope that `method` needs; None: only a person who is signed in."""
        return cls.scopes.get("GET" if method == "HEAD" else method or "", cls.scope)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before asking who it is: what nobody can do needs no scope.
        name = (request.method or "").lower()
        if name not in self.http_method_names or not hasattr(self, name):
            self.http_method_not_allowed(request)
        super().initial(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        made = super().finalize_response(request, response, *args, **kwargs)
        made.headers.setdefault("Cache-Control", "no-store")
        return made

    def body(self, shape: type[Strict]) -> dict[str, Any]:
        """The body as `shape` says. Raises ValidationError, which becomes 400 `invalid`."""
        # Without a length the body would seem to be empty.
        length_of(self.request, most=rules.MAX_BODY_BYTES)
        return _valid(shape, self.request.data)

    def query(self, shape: type[Strict]) -> dict[str, Any]:
        """The parameters behind the question mark, as `shape` says; of a repeated one the last."""
        return _valid(shape, self.request.query_params.dict())

    def page(
        self,
        queryset: QuerySet[Any],
        shape: type[Shape],
        *,
        order: Sequence[str] = ("-pk",),
        query: type[Strict] = PageQuery,
        show: Callable[[Any], Any] = lambda row: row,
    ) -> Response:
        """A page of `queryset`; `show` makes of a row what `shape` describes."""
        asked = self.query(query)
        found = paging.page(
            queryset, order=order, cursor=asked.get("cursor", ""), size=asked["page_size"]
        )
        rows = [show(row) for row in found.rows]
        return self.listed(shape, rows, after=found.next, before=found.previous)

    def listed(
        self,
        shape: type[Shape],
        rows: Sequence[Any],
        *,
        after: str | None = None,
        before: str | None = None,
    ) -> Response:
        """The envelope of every list, with links to the pages `after` and `before` this one."""
        return Response(
            {
                "results": shape(rows, many=True).data,
                "next": self.link(after),
                "previous": self.link(before),
            }
        )

    def link(self, cursor: str | None) -> str | None:
        """This address with another cursor; None where there is no further page."""
        if cursor is None:
            return None
        return replace_query_param(self.request.build_absolute_uri(), "cursor", cursor)

    def once(self, *request: Any, run: Callable[[], idempotency.Answer]) -> Response:
        """Runs `run` once for the Idempotency-Key; `request` is what makes two of them the same."""
        status, body = idempotency.once(
            user=self.request.user,  # type: ignore[arg-type]  # HasScope lets in people only
            key=self.request.headers.get("Idempotency-Key", "").strip(),
            request_hash=idempotency.fingerprint(self.request.method, self.request.path, *request),
            now=timezone.now(),
            run=run,
        )
        return Response(body, status=status)


def _valid(shape: type[Strict], data: Any) -> dict[str, Any]:
    given = shape(data=data)
    given.is_valid(raise_exception=True)
    value: dict[str, Any] = given.validated_data
    return value
