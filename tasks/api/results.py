"""What a client has paid for: the answers of a batch as a file, the ledger of a task."""

from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import person
from accounts.selectors import acting_member
from accounts.states import Scope
from core.api.fields import Money, Shape, Strict
from core.api.schema import endpoint
from core.api.views import Api
from tasks.api.batches import batch_of
from tasks.models import Task
from tasks.selectors import ledgers
from tasks.selectors.exports import FORMATS
from tasks.services import openings, uploads


class Results(Api):
    scope = Scope.RESULTS_READ

    class Query(Strict):
        format = serializers.ChoiceField(choices=list(FORMATS), default="jsonl")
        after = serializers.CharField(
            required=False,
            default="",
            help_text="The cursor of the last row you have.",
        )

    @endpoint(
        "get_results",
        query=Query,
        gives={
            "application/x-ndjson": OpenApiTypes.STR,
            "text/csv": OpenApiTypes.STR,
            "application/json": OpenApiTypes.OBJECT,
        },
        refuses={409: ["no_interface"]},
    )
    def get(self, request: Request, batch_id: int) -> Response | StreamingHttpResponse:
        """The paid answers of a batch, streamed: `jsonl`, `csv` or `labelstudio`.

        In a stable order to which new ones are only added, so that a reader may stop anywhere and
        go on with `after`. In CSV no cell starts a formula.
        """
        batch, asked = batch_of(request, batch_id), self.query(self.Query)
        if not batch.interface:
            raise uploads.NoInterface(_("This draft has no interface yet, and so no answers."))
        wanted = FORMATS[asked["format"]]
        member = acting_member(person(request))
        openings.record_results(batch=batch, by=member, now=timezone.now())
        chunks = wanted.stream(batch=batch, client=batch.client, after=asked["after"])
        response = StreamingHttpResponse(chunks, content_type=wanted.content_type)
        response["Content-Disposition"] = f'attachment; filename="batch-{batch.pk}.{wanted.ending}"'
        # A proxy that waits for the whole would undo the streaming.
        response["X-Accel-Buffering"] = "no"
        return response


class PostingOut(Shape):
    at = serializers.DateTimeField(allow_null=True)
    place = serializers.IntegerField(help_text="1 to overlap.")
    kind = serializers.CharField()
    part = serializers.CharField(help_text="`pay`, `fee` or `top`; empty: all.")
    to = serializers.CharField(help_text="Kind of the account it went to.")
    whom = serializers.CharField(help_text="For a person; a worker by her name for you.")
    amount = Money(help_text="Positive into escrow, negative out of it.")
    left = Money(help_text="In escrow for the task after it.")


class TaskLedger(Api):
    scope = Scope.BATCHES_READ

    class Out(Shape):
        task = serializers.IntegerField()
        external_id = serializers.CharField()
        locked = Money()
        left = Money(help_text="Zero when every place is paid or refunded.")
        settled = serializers.BooleanField()
        postings = PostingOut(many=True)

    @endpoint("get_task_ledger", gives=Out)
    def get(self, request: Request, task_id: int) -> Response:
        """Every posting of a task's places, from locked to nothing left."""
        client = acting_member(person(request)).client
        found = Task.objects.filter(batch__client=client).select_related("batch")
        task = get_object_or_404(found, pk=task_id)
        ledger = ledgers.task_ledger(task, client=client)
        shown = {
            "task": task.pk,
            "external_id": task.external_id,
            "locked": ledger.locked,
            "left": ledger.left,
            "settled": ledger.settled,
            "postings": ledger.postings,
        }
        return Response(self.Out(shown).data)
