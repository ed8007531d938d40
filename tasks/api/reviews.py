"""A client's review: who submitted when, approving one or many. No answer before it is paid."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import person
from accounts.selectors import acting_member
from accounts.states import Scope
from core.api.fields import BIGINT, Flag, Shape, Strict, Whole
from core.api.schema import endpoint, paged
from core.api.views import Api, PageQuery
from tasks.api.batches import batch_of
from tasks.api.shapes import AnswerOut, AssignmentOut, assignment_shown, time, when
from tasks.models import Assignment
from tasks.selectors import batches as selectors
from tasks.services import openings
from tasks.services import reviews as services
from tasks.states import AssignmentState


class BatchAssignments(Api):
    scope = Scope.BATCHES_READ

    class Query(PageQuery):
        state = serializers.ChoiceField(choices=AssignmentState.values, required=False)

    @endpoint("list_assignments", query=Query, gives=paged(AssignmentOut))
    def get(self, request: Request, batch_id: int) -> Response:
        """Metadata of a batch's assignments, newest first; never an answer."""
        batch = batch_of(request, batch_id)
        found = selectors.assignments(batch, state=self.query(self.Query).get("state", ""))

        def show(assignment: Assignment) -> Any:
            return assignment_shown(assignment, client=batch.client)

        return self.page(found, AssignmentOut, query=self.Query, show=show)


class AssignmentDetail(Api):
    scope = Scope.RESULTS_READ

    @endpoint("get_answer", gives=AnswerOut, refuses={409: ["sealed"]})
    def get(self, request: Request, assignment_id: int) -> Response:
        """One paid answer. Sealed (409) before it is paid for."""
        member = acting_member(person(request))
        found = Assignment.objects.visible_to(member.user).select_related("task")
        assignment = get_object_or_404(found, pk=assignment_id)
        shown = assignment_shown(assignment, client=member.client) | {
            "answer": openings.read_paid(
                assignment_id=assignment.pk, by=member, now=timezone.now()
            ),
            "payload": assignment.task.payload,
        }
        return Response(AnswerOut(shown).data)


class Approve(Api):
    scope = Scope.BATCHES_WRITE

    @endpoint(
        "approve_assignment",
        gives=AssignmentOut,
        refuses={409: ["illegal_move"]},
    )
    def post(self, request: Request, assignment_id: int) -> Response:
        """Approve an assignment: its worker is paid and its answer is yours. Final."""
        by = acting_member(person(request))
        approved = services.approve_assignment(
            assignment_id=assignment_id, by=by, now=timezone.now()
        )
        return Response(AssignmentOut(assignment_shown(approved, client=by.client)).data)


class OperationErrorOut(Shape):
    assignment = serializers.IntegerField()
    code = serializers.CharField()
    state = serializers.CharField(allow_null=True)


class OperationOut(Shape):
    id = serializers.IntegerField()
    batch = serializers.IntegerField(source="batch_id")
    state = serializers.SerializerMethodField()
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    errors = OperationErrorOut(  # type: ignore[assignment]
        many=True, help_text="What could not be approved, once finished."
    )
    created_at = time()
    finished_at = when()

    def get_state(self, operation: Any) -> str:
        return "running" if operation.finished_at is None else "finished"


class Approvals(Api):
    scope = Scope.BATCHES_WRITE

    class In(Strict):
        all = Flag(required=False, help_text="True: everything submitted until now.")
        assignment_ids = serializers.ListField(
            child=Whole(min_value=1, max_value=BIGINT), required=False, help_text="Or these."
        )

        def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
            if asked.get("all") is not True and "assignment_ids" not in asked:
                raise serializers.ValidationError(
                    _("Send {“all”: true} or {“assignment_ids”: […]}."), code="all_or_ids"
                )
            if "all" in asked and "assignment_ids" in asked:
                raise serializers.ValidationError(
                    _("Send “all” or “assignment_ids”, not both."), code="all_or_ids"
                )
            return asked

    @endpoint("approve_many", takes=In, gives=OperationOut, status=202)
    def post(self, request: Request, batch_id: int) -> Response:
        """Approve many at once. Done in the background: follow the operation in the answer."""
        started = services.approve_many(
            batch_id=batch_id,
            by=acting_member(person(request)),
            assignment_ids=self.body(self.In).get("assignment_ids"),
            now=timezone.now(),
        )
        headers = {"Location": f"/api/v1/operations/{started.pk}"}
        return Response(OperationOut(started).data, status=202, headers=headers)


class OperationDetail(Api):
    scope = Scope.BATCHES_READ

    @endpoint("get_operation", gives=OperationOut)
    def get(self, request: Request, operation_id: int) -> Response:
        """How far a long request is."""
        mine = selectors.operations(acting_member(person(request)).client_id)
        return Response(OperationOut(get_object_or_404(mine, pk=operation_id)).data)
