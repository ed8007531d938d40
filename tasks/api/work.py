"""A worker's assignments: read, saved, kept alive, submitted, given back."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import person
from accounts.states import Scope
from core.api.fields import Flag, Json, Shape, Strict, Text, Whole
from core.api.schema import endpoint, paged
from core.api.views import Api, PageQuery
from tasks.api.shapes import (
    ClockOut,
    WorkBriefOut,
    WorkOut,
    WorkPageOut,
    clock_shown,
    opened_shown,
    time,
    work_shown,
)
from tasks.models import Assignment
from tasks.selectors import answers
from tasks.selectors import work as selectors
from tasks.services import claims
from tasks.services import work as services
from tasks.states import AssignmentState


class WorkAssignments(Api):
    scope = Scope.WORK

    class Query(PageQuery):
        state = serializers.ChoiceField(choices=AssignmentState.values, required=False)

    @endpoint("list_work", query=Query, gives=paged(WorkBriefOut))
    def get(self, request: Request) -> Response:
        """Your assignments, newest first."""
        now, state = timezone.now(), self.query(self.Query).get("state", "")
        found = selectors.assignments(worker=person(request), state=state)

        def show(assignment: Assignment) -> Any:
            return work_shown(assignment, now=now)

        return self.page(found, WorkBriefOut, query=self.Query, show=show)


class WorkAssignment(Api):
    scope = Scope.WORK

    @endpoint("get_work", gives=WorkPageOut)
    def get(self, request: Request, assignment_id: int) -> Response:
        """One assignment: its task, its clock, what you saved and what you submitted."""
        now, worker = timezone.now(), person(request)
        found = selectors.task_page(worker=worker, assignment_id=assignment_id)
        shown = work_shown(found, now=now) | {
            "draft": getattr(found, "draft", None),
            "answer": answers.own(assignment=found, worker=worker),
            "opened": None if found.is_claimed else opened_shown(found),
            "may_unsubmit": selectors.may_unsubmit(found, now=now),
        }
        return Response(WorkPageOut(shown).data)


class WorkDraft(Api):
    scope = Scope.WORK

    class In(Strict):
        revision = Whole(min_value=0, help_text="The one this builds upon; 0: none.")
        content = Json(help_text="Label Studio result items, finished or not.")

    class Out(Shape):
        revision = serializers.IntegerField()
        saved_at = time()

    @endpoint(
        "save_draft",
        takes=In,
        gives=Out,
        refuses={409: ["newer_draft", "illegal_move"]},
    )
    def put(self, request: Request, assignment_id: int) -> Response:
        """Save unfinished work. It also is a sign of life.

        `newer_draft` carries what was saved elsewhere: `revision` and `content`.
        """
        saved = services.save_draft(
            assignment_id=assignment_id,
            worker=person(request),
            now=timezone.now(),
            **self.body(self.In),
        )
        return Response(self.Out(saved).data)


class WorkHeartbeat(Api):
    scope = Scope.WORK

    class Out(Shape):
        clock = ClockOut(allow_null=True)

    @endpoint("show_life", gives=Out)
    def post(self, request: Request, assignment_id: int) -> Response:
        """A sign of life: silence before it did not use up the lease (R12)."""
        now = timezone.now()
        one = claims.show_life(assignment_id=assignment_id, worker=person(request), now=now)
        shown = {"clock": clock_shown(one, now=now) if one.is_claimed else None}
        return Response(self.Out(shown).data)


class WorkExtend(Api):
    scope = Scope.WORK

    @endpoint(
        "extend",
        gives=WorkBriefOut,
        refuses={409: ["no_more_extensions", "illegal_move"]},
    )
    def post(self, request: Request, assignment_id: int) -> Response:
        """Another full lease; twice at most."""
        now = timezone.now()
        one = claims.extend(assignment_id=assignment_id, worker=person(request), now=now)
        return Response(WorkBriefOut(work_shown(one, now=now)).data)


class WorkSubmit(Api):
    scope = Scope.WORK

    class In(Strict):
        content = Json(help_text="Label Studio result items.")
        key = Text(
            required=False,
            max_length=64,
            help_text="New for each answer: sent again it gives the first result. "
            "Idempotency-Key does the same.",
        )
        next = Flag(default=False, help_text="Claim the next place of the batch as well.")

    class Out(Shape):
        assignment = WorkBriefOut()
        archived = serializers.BooleanField(
            help_text="Too late, and the place was taken: kept in your archive, not paid."
        )
        repeated = serializers.BooleanField(help_text="This key had been submitted before.")
        next = WorkOut(allow_null=True, help_text="If asked for, and if anything can be claimed.")

    @endpoint(
        "submit",
        takes=In,
        gives=Out,
        refuses={400: ["answer_invalid"], 409: ["illegal_move"]},
    )
    def post(self, request: Request, assignment_id: int) -> Response:
        """Submit an answer. After the claim expired it still counts while its place is free."""
        now, worker, asked = timezone.now(), person(request), self.body(self.In)
        done = services.submit(
            assignment_id=assignment_id,
            worker=worker,
            content=asked["content"],
            key=asked.get("key") or request.headers.get("Idempotency-Key", ""),
            now=now,
        )
        batch_id = done.assignment.batch_id
        next_ = None
        if asked["next"]:
            next_ = claims.claim_next(worker=worker, batch_id=batch_id, now=now)
        shown = {
            "assignment": work_shown(done.assignment, now=now),
            "archived": done.archived,
            "repeated": done.repeated,
            "next": work_shown(next_, now=now) if next_ else None,
        }
        return Response(self.Out(shown).data)


class WorkRelease(Api):
    scope = Scope.WORK

    @endpoint(
        "release",
        gives=WorkBriefOut,
        refuses={409: ["illegal_move"], 429: ["throttled"]},
    )
    def post(self, request: Request, assignment_id: int) -> Response:
        """Give a claim back. It never counts against you; 20 an hour and batch."""
        now = timezone.now()
        one = claims.release(assignment_id=assignment_id, worker=person(request), now=now)
        return Response(WorkBriefOut(work_shown(one, now=now)).data)


class WorkUnsubmit(Api):
    scope = Scope.WORK

    @endpoint(
        "unsubmit",
        gives=WorkBriefOut,
        refuses={409: ["too_late", "illegal_move"]},
    )
    def post(self, request: Request, assignment_id: int) -> Response:
        """Take an answer back into work: once, within ten minutes. It becomes the draft."""
        now = timezone.now()
        one = services.unsubmit(assignment_id=assignment_id, worker=person(request), now=now)
        return Response(WorkBriefOut(work_shown(one, now=now)).data)
