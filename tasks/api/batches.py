"""A client's batches: drafted, changed, priced, published, paused, closed, watched."""

import re
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import person
from accounts.selectors import acting_member
from accounts.states import Scope
from core.api.fields import Choice, Flag, Money, Shape, Strict, Text, Whole
from core.api.schema import FlawOut, endpoint, paged
from core.api.views import Api, PageQuery
from core.errors import PreconditionFailed
from tasks.api.shapes import BatchBriefOut, BatchOut, batch_shown, when
from tasks.models import Batch
from tasks.selectors import batches as selectors
from tasks.selectors.overview import Overview
from tasks.services import batches as services
from tasks.states import BatchState

ETAG = re.compile(r'"(\d{1,9})"')
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag you saw: 412 `changed_meanwhile` if somebody changed it since.",
)
E_TAG = OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=[200, 201])


def batch_of(request: Request, batch_id: int) -> Batch:
    """A batch of the member's client. 404 for any other."""
    found = Batch.objects.visible_to(person(request)).select_related("client", "figures")
    return get_object_or_404(found, pk=batch_id)


def tagged(batch: Batch, *, status: int = 200) -> Response:
    """A whole batch with its ETag."""
    headers = {"ETag": f'"{batch.revision}"'}
    return Response(BatchOut(batch_shown(batch)).data, status=status, headers=headers)


class ExampleIn(Strict):
    task = Text()
    answer = Text()
    why = Text()


class BatchIn(Strict):
    """What is not said keeps its value; of a new batch its default. All but the title may wait
    until the batch is published.
    """

    title = Text(required=False, trim_whitespace=True, help_text="1 to 120 characters.")
    instructions = Text(required=False, help_text="Markdown, up to 20,000 characters.")
    criteria = serializers.ListField(
        child=Text(), required=False, help_text="By which answers are judged; numbered from 1."
    )
    examples = ExampleIn(many=True, required=False)
    interface = Text(required=False, help_text="Label Studio XML.")
    reward = Money(required=False, help_text="Of one place.")
    overlap = Whole(required=False, help_text="1 to 100 workers for each task.")
    declared_seconds = Whole(required=False, help_text="How long a task takes, as workers see it.")
    time_limit_s = Whole(
        required=False, help_text="At least 10 minutes and 10 times the declared time."
    )
    review_window_s = Whole(required=False, help_text="1 hour to 7 days.")
    languages = serializers.ListField(child=Text(), required=False)
    content_warnings = serializers.ListField(child=Text(), required=False)
    external_work = Flag(
        required=False,
        help_text="Its tasks send workers elsewhere to answer. It says so on every offer, and "
        "nothing of it can be rejected (R19).",
    )


class Batches(Api):
    scopes = {"GET": Scope.BATCHES_READ, "POST": Scope.BATCHES_WRITE}

    class Query(PageQuery):
        state = serializers.ChoiceField(choices=BatchState.values, required=False)

    @endpoint("list_batches", query=Query, gives=paged(BatchBriefOut))
    def get(self, request: Request) -> Response:
        """Your organisation's batches, newest first."""
        asked = self.query(self.Query)
        found = Batch.objects.visible_to(person(request))
        if "state" in asked:
            found = found.filter(state=asked["state"])
        order = ("-created_at", "-pk")
        return self.page(found, BatchBriefOut, order=order, query=self.Query, show=batch_shown)

    @endpoint("create_batch", takes=BatchIn, gives=BatchOut, status=201, headers=[E_TAG])
    def post(self, request: Request) -> Response:
        """Draft a batch. Nothing is paid and nobody sees it before it is published."""
        made = services.create_batch(
            by=acting_member(person(request)), fields=self.body(BatchIn), now=timezone.now()
        )
        return tagged(made, status=201)


class BatchDetail(Api):
    scope = Scope.BATCHES_WRITE
    scopes = {"GET": Scope.BATCHES_READ}

    @endpoint("get_batch", gives=BatchOut, headers=[E_TAG])
    def get(self, request: Request, batch_id: int) -> Response:
        """One batch."""
        return tagged(batch_of(request, batch_id))

    @endpoint(
        "edit_batch",
        takes=BatchIn,
        gives=BatchOut,
        headers=[IF_MATCH, E_TAG],
        refuses={
            409: ["not_a_draft", "has_tasks"],
            412: ["changed_meanwhile"],
        },
    )
    def patch(self, request: Request, batch_id: int) -> Response:
        """Change a draft. A published batch never changes: make a new one."""
        edited = services.edit_batch(
            batch_id=batch_id,
            by=acting_member(person(request)),
            fields=self.body(BatchIn),
            revision=revision_seen(request),
            now=timezone.now(),
        )
        return tagged(edited)

    @endpoint("delete_batch", status=204, refuses={409: ["not_a_draft"]})
    def delete(self, request: Request, batch_id: int) -> Response:
        """Delete a draft with its tasks and images."""
        services.delete_batch(
            batch_id=batch_id, by=acting_member(person(request)), now=timezone.now()
        )
        return Response(status=204)


def revision_seen(request: Request) -> int | None:
    """The revision in If-Match; None if the caller does not care."""
    given = request.headers.get("If-Match", "*").strip()
    if given == "*":
        return None
    match = ETAG.fullmatch(given)
    if match is None:
        raise PreconditionFailed(_("If-Match takes the ETag of the batch, with its quotes."))
    return int(match[1])


class Quote(Api):
    scope = Scope.BATCHES_READ

    class Out(Shape):
        places = serializers.IntegerField()
        reward = Money()
        fee = Money()
        total = Money(help_text="Places × (reward + fee): locked when you publish.")
        floor = Money(help_text="The least reward for the declared time (R14).")
        missing = FlawOut(many=True, help_text="What keeps it from being published.")

    @endpoint("quote_batch", gives=Out)
    def get(self, request: Request, batch_id: int) -> Response:
        """The price before paying, and what is missing to publish."""
        quote = selectors.quote(batch_of(request, batch_id))
        shown = vars(quote) | {"missing": [flaw.as_dict() for flaw in quote.missing]}
        return Response(self.Out(shown).data)


class Publish(Api):
    scope = Scope.BATCHES_WRITE

    class In(Strict):
        total = Money(required=False, exact=True, help_text="The price you saw; 409 if it changed.")

    @endpoint(
        "publish_batch",
        takes=In,
        gives=BatchOut,
        status=202,
        refuses={
            402: ["insufficient_funds"],
            409: ["illegal_move", "price_changed"],
            422: ["not_ready"],
        },
        idempotent=True,
    )
    def post(self, request: Request, batch_id: int) -> Response:
        """Publish a batch: its whole price is locked now; it opens when every place is made.

        Owners only. Refused, it has changed nothing.
        """
        by, asked = acting_member(person(request)), self.body(self.In)

        def run() -> tuple[int, Any]:
            batch = services.publish_batch(
                batch_id=batch_id, by=by, now=timezone.now(), agreed=asked.get("total")
            )
            return 202, BatchOut(batch_shown(batch)).data

        return self.once(asked, run=run)


MOVED: dict[str, Any] = {
    "gives": BatchOut,
    "refuses": {409: ["illegal_move"]},
}


class Pause(Api):
    scope = Scope.BATCHES_WRITE

    @endpoint("pause_batch", **MOVED)
    def post(self, request: Request, batch_id: int) -> Response:
        """Pause a batch: no new claims until resumed; what is claimed goes on."""
        by = acting_member(person(request))
        return tagged(services.pause_batch(batch_id=batch_id, by=by, now=timezone.now()))


class Resume(Api):
    scope = Scope.BATCHES_WRITE

    @endpoint("resume_batch", **MOVED)
    def post(self, request: Request, batch_id: int) -> Response:
        """Resume a paused batch."""
        by = acting_member(person(request))
        return tagged(services.resume_batch(batch_id=batch_id, by=by, now=timezone.now()))


class Close(Api):
    scope = Scope.BATCHES_WRITE

    @endpoint("close_batch", **MOVED)
    def post(self, request: Request, batch_id: int) -> Response:
        """Close a batch for good. Owners only.

        Running work goes on and is paid; what nobody does is refunded.
        """
        by = acting_member(person(request))
        return tagged(services.close_batch(batch_id=batch_id, by=by, now=timezone.now()))


class CountsOut(Shape):
    open = serializers.IntegerField(help_text="Waiting for a worker.")
    claimed = serializers.IntegerField()
    submitted = serializers.IntegerField()
    approved = serializers.IntegerField()
    contested = serializers.IntegerField(help_text="Rejected or in dispute, not final.")
    refunded = serializers.IntegerField()


class Progress(Api):
    scope = Scope.BATCHES_READ

    class Out(Shape):
        state = Choice(BatchState)
        as_of = when(help_text="When it was counted: every few seconds.")
        places = serializers.IntegerField()
        counts = CountsOut(help_text="Places by what became of them.")
        refused = serializers.IntegerField(
            help_text="Answers finally refused; their places opened again or were refunded."
        )
        workers = serializers.IntegerField()
        spent = Money(help_text="Rewards and fees of paid work.")
        held = Money(help_text="Still locked in escrow.")
        refunded = Money()
        measured_seconds = serializers.IntegerField(
            allow_null=True, help_text="Median of an answer; null until five workers were measured."
        )
        measured_hourly = Money(allow_null=True, help_text="What that pays an hour.")

    @endpoint("get_progress", gives=Out)
    def get(self, request: Request, batch_id: int) -> Response:
        """How far a batch is, where its money is, and what it truly pays an hour."""
        batch = batch_of(request, batch_id)
        seen = Overview(batch)
        shown = {
            "state": batch.state,
            "as_of": seen.as_of,
            "places": batch.place_count,
            "counts": seen.counts,
            "refused": seen.figures.refused if seen.figures else 0,
            "workers": seen.figures.workers if seen.figures else 0,
            "spent": seen.spent,
            "held": seen.held,
            "refunded": seen.counts["refunded"] * seen.price,
            "measured_seconds": seen.measured,
            "measured_hourly": seen.hourly,
        }
        return Response(self.Out(shown).data)
