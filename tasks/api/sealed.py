"""Review before payment: the sample, opening one answer at a time, known answers, exclusions."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import person
from accounts.models import Client
from accounts.selectors import acting_member, pseudonym
from accounts.states import Scope
from core import rules
from core.api.bodies import length_of
from core.api.fields import Choice, Json, Shape, Strict, Text
from core.api.schema import endpoint, paged
from core.api.views import Api, PageQuery
from tasks.api.batches import batch_of
from tasks.api.shapes import (
    AnswerOut,
    AssignmentOut,
    ExclusionOut,
    OpenedOut,
    assignment_shown,
    exclusion_shown,
    opened_shown,
    time,
)
from tasks.models import Assignment, Exclusion, Gold
from tasks.selectors import sampling
from tasks.services import exclusions, gold, openings
from tasks.states import ExclusionCause


class SampledOut(AssignmentOut):
    gold = serializers.BooleanField(help_text="Its task is one whose answer you know.")
    opened = OpenedOut(allow_null=True)


class Sample(Api):
    scope = Scope.BATCHES_READ

    @endpoint("list_sample", query=PageQuery, gives=paged(SampledOut))
    def get(self, request: Request, batch_id: int) -> Response:
        """The undecided assignments whose answers you may open (R5), newest first.

        Metadata: to read one, open it. Only what was opened can be rejected.
        """
        batch = batch_of(request, batch_id)
        found = sampling.sample(batch).select_related("task", "opening__by")

        def show(assignment: Any) -> Any:
            return assignment_shown(assignment, client=batch.client) | {
                "gold": assignment.is_gold,
                "opened": opened_shown(assignment),
            }

        return self.page(found, SampledOut, show=show)


class Open(Api):
    scope = Scope.RESULTS_READ

    @endpoint("open_answer", gives=AnswerOut, refuses={409: ["sealed"]})
    def post(self, request: Request, assignment_id: int) -> Response:
        """Open one answer in review, if it is in the sample; a paid one always. It is recorded.

        Its worker sees who opened it and when. Until it is decided it may be opened again.
        """
        by = acting_member(person(request))
        answer = openings.open_answer(assignment_id=assignment_id, by=by, now=timezone.now())
        found = Assignment.objects.visible_to(by.user).select_related("task")
        assignment = get_object_or_404(found, pk=assignment_id)
        shown = assignment_shown(assignment, client=by.client) | {
            "answer": answer,
            "payload": assignment.task.payload,
        }
        return Response(AnswerOut(shown).data)


# --- known answers -------------------------------------------------------------------------------


class KnownIn(Strict):
    external_id = Text(help_text="Of one of the batch's tasks.")
    answer = Json(help_text="Label Studio result items, as a worker would give them.")


class KnownOut(Shape):
    external_id = serializers.CharField(source="task.external_id")
    answer = Json()
    added_at = time()


class KnownAnswers(Api):
    scopes = {"GET": Scope.BATCHES_READ, "POST": Scope.BATCHES_WRITE}

    class Out(Shape):
        count = serializers.IntegerField()

    @endpoint("list_gold", query=PageQuery, gives=paged(KnownOut))
    def get(self, request: Request, batch_id: int) -> Response:
        """The known answers of a batch. Workers are never told which tasks have one."""
        batch = batch_of(request, batch_id)
        found = Gold.objects.filter(batch=batch).select_related("task")
        return self.page(found, KnownOut, order=("pk",))

    @endpoint(
        "set_gold",
        takes=KnownIn(many=True),
        gives=Out,
        refuses={409: ["not_a_draft", "no_interface"], 413: ["too_large"]},
    )
    def post(self, request: Request, batch_id: int) -> Response:
        """Make these the known answers of a draft, in place of those it had; `[]` removes them.

        Their tasks are mixed in and paid like any other. Who answers less than 60 % of at least
        five as you know them makes no further claims in the batch (R16).
        """
        by = acting_member(person(request))
        length_of(request, most=rules.MAX_BODY_BYTES)
        given = KnownIn(data=request.data, many=True)
        given.is_valid(raise_exception=True)
        count = gold.set_gold(
            batch_id=batch_id, by=by, known=given.validated_data, now=timezone.now()
        )
        return Response(self.Out({"count": count}).data)


# --- exclusions ----------------------------------------------------------------------------------


class ExcludedOut(Shape):
    id = serializers.IntegerField()
    worker = serializers.CharField(help_text="Her name for your organisation only.")
    cause = Choice(ExclusionCause)
    by = serializers.CharField()
    reason = serializers.CharField(help_text="She reads it, and who wrote it.")
    at = time()
    reply = serializers.CharField(help_text="What she says to it.")
    replied_at = serializers.DateTimeField(allow_null=True)


def excluded_shown(one: Exclusion, *, client: Client) -> dict[str, Any]:
    """As the client sees it; whoever excluded is loaded."""
    worker = pseudonym(client=client, worker_id=one.worker_id)
    return exclusion_shown(one) | {"worker": worker}


class Exclusions(Api):
    scopes = {"GET": Scope.BATCHES_READ, "POST": Scope.BATCHES_WRITE}

    class In(Strict):
        worker = Text(help_text="Her name for your organisation: `w_…`.")
        reason = Text(help_text="20 to 2,000 characters. She reads it, and who wrote it.")

    @endpoint("list_exclusions", query=PageQuery, gives=paged(ExcludedOut))
    def get(self, request: Request, batch_id: int) -> Response:
        """Who makes no further claims in a batch, why, and what they say to it."""
        batch = batch_of(request, batch_id)

        def show(one: Exclusion) -> Any:
            return excluded_shown(one, client=batch.client)

        return self.page(exclusions.of_batch(batch), ExcludedOut, show=show)

    @endpoint(
        "exclude_worker",
        takes=In,
        gives=ExcludedOut,
        status=201,
        refuses={400: ["text_length"], 403: ["suspended"], 409: ["already_excluded"]},
    )
    def post(self, request: Request, batch_id: int) -> Response:
        """Take no further claims of a worker in a batch, for a reason that she is told (R16).

        What she has done is reviewed and paid as always.
        """
        by = acting_member(person(request))
        made = exclusions.exclude(
            batch_id=batch_id, by=by, now=timezone.now(), **self.body(self.In)
        )
        return Response(ExcludedOut(excluded_shown(made, client=by.client)).data, status=201)


class ReplyToExclusion(Api):
    scope = Scope.WORK

    class In(Strict):
        text = Text(help_text="20 to 2,000 characters. The client reads it.")

    @endpoint("reply_to_exclusion", takes=In, gives=ExclusionOut, refuses={400: ["text_length"]})
    def post(self, request: Request, exclusion_id: int) -> Response:
        """Say something to your exclusion from a batch. Again replaces it."""
        replied = exclusions.reply(
            exclusion_id=exclusion_id,
            worker=person(request),
            text_=self.body(self.In)["text"],
            now=timezone.now(),
        )
        return Response(ExclusionOut(exclusion_shown(replied)).data)
