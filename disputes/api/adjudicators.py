"""What adjudicators do: decide disputes and reports, lift the brake, suspend, read the log."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import selectors as accounts
from accounts.authentication import person
from accounts.states import Scope
from core.api.fields import BIGINT, Flag, Json, Shape, Strict, Text, Whole
from core.api.schema import endpoint, paged
from core.api.views import Api, PageQuery
from disputes.api.shapes import DecisionOut, ReportOut, time, when
from disputes.models import LogEntry
from disputes.selectors import cases
from disputes.services import judging, reports, suspensions
from disputes.states import ReportState


class JudgedIn(Strict):
    assignment = Whole(min_value=1, max_value=BIGINT)
    unfounded = Flag(help_text="True: the rejection was wrong, and the work is paid.")


class Decide(Api):
    scope = Scope.DISPUTES_DECIDE

    class In(Strict):
        unfounded = JudgedIn(many=True, help_text="Of each rejection that is judged itself.")
        reasons = Text(help_text="40 to 8,000 characters. Both sides read them; quote no answer.")

        def validate_unfounded(self, judged: list[dict[str, Any]]) -> dict[int, bool]:
            found = {one["assignment"]: one["unfounded"] for one in judged}
            if len(found) != len(judged):
                raise serializers.ValidationError(
                    _("An assignment is named twice."), code="duplicate"
                )
            return found

    @endpoint(
        "decide_dispute",
        takes=In,
        gives=DecisionOut,
        status=201,
        refuses={
            400: ["text_length", "quotes_answer", "not_all_judged"],
            403: ["conflict_of_interest"],
            409: ["illegal_move", "too_early"],
        },
    )
    def post(self, request: Request, dispute_id: int) -> Response:
        """Decide a dispute, with reasons. What was unfounded is paid at once, with a tenth on top.

        What is upheld waits 14 days for the worker's appeal; on appeal it is final. Money and data
        follow by themselves. You belong to neither side, and an appeal is decided by another.
        """
        made = judging.decide(
            dispute_id=dispute_id, by=person(request), now=timezone.now(), **self.body(self.In)
        )
        return Response(DecisionOut(made).data, status=201)


class Unfreeze(Api):
    scope = Scope.DISPUTES_DECIDE

    class In(Strict):
        reasons = Text(help_text="20 to 4,000 characters, for the log.")

    class Out(Shape):
        batch = serializers.IntegerField(source="pk")
        frozen_at = when()

    @endpoint(
        "unfreeze_batch",
        takes=In,
        gives=Out,
        refuses={400: ["text_length"], 409: ["not_frozen", "case_undecided"]},
    )
    def post(self, request: Request, batch_id: int) -> Response:
        """Lift the brake from a batch whose group's case is decided (R10)."""
        lifted = judging.lift_freeze(
            batch_id=batch_id, by=person(request), now=timezone.now(), **self.body(self.In)
        )
        return Response(self.Out(lifted).data)


# --- reports ---------------------------------------------------------------------------------


class Reports(Api):
    scope = Scope.DISPUTES_DECIDE

    class Query(PageQuery):
        state = serializers.ChoiceField(choices=ReportState.values, required=False)

    @endpoint("list_reports", query=Query, gives=paged(ReportOut))
    def get(self, request: Request) -> Response:
        """What workers reported about batches, newest first."""
        found = cases.reports(state=self.query(self.Query).get("state", ""))
        return self.page(found, ReportOut, query=self.Query)


class ReportDetail(Api):
    scope = Scope.DISPUTES_DECIDE

    @endpoint("get_report", gives=ReportOut)
    def get(self, request: Request, report_id: int) -> Response:
        """One report."""
        return Response(ReportOut(get_object_or_404(cases.reports(state=""), pk=report_id)).data)


class DecideReport(Api):
    scope = Scope.DISPUTES_DECIDE

    class In(Strict):
        founded = Flag()
        reasons = Text(help_text="20 to 4,000 characters.")

    @endpoint(
        "decide_report",
        takes=In,
        gives=ReportOut,
        refuses={400: ["text_length"], 409: ["illegal_move"]},
    )
    def post(self, request: Request, report_id: int) -> Response:
        """Decide a report. A founded one stops new claims of the batch.

        If it sends workers elsewhere to answer, nothing of it can be rejected any more, and what
        was rejected is paid (R19).
        """
        decided = reports.decide_report(
            report_id=report_id, by=person(request), now=timezone.now(), **self.body(self.In)
        )
        return Response(ReportOut(decided).data)


# --- people ----------------------------------------------------------------------------------


class PersonSuspensionOut(Shape):
    id = serializers.IntegerField()
    person = serializers.IntegerField(source="user_id")
    by = serializers.CharField(source="by.known_as")
    reason = serializers.CharField()
    at = time()
    reply = serializers.CharField(help_text="What the person says to it.")
    replied_at = when()
    ended_at = when()
    end_reason = serializers.CharField()


class Suspensions(Api):
    scope = Scope.DISPUTES_DECIDE

    @endpoint("list_suspensions", query=PageQuery, gives=paged(PersonSuspensionOut))
    def get(self, request: Request) -> Response:
        """Every suspension, newest first, with what the person says to it."""
        return self.page(accounts.suspensions(), PersonSuspensionOut)


class SuspensionIn(Strict):
    reason = Text(help_text="20 to 2,000 characters. The person reads it, and who wrote it.")


class Suspend(Api):
    scope = Scope.DISPUTES_DECIDE

    @endpoint(
        "suspend_person",
        takes=SuspensionIn,
        gives=PersonSuspensionOut,
        status=201,
        refuses={400: ["text_length"], 409: ["already_suspended"]},
    )
    def post(self, request: Request, person_id: int) -> Response:
        """Suspend a person: no new claims, nothing published, nothing rejected. Staff only.

        She still signs in, reads, contests, exports and is paid out (R16).
        """
        made = suspensions.suspend(
            user_id=person_id, by=person(request), now=timezone.now(), **self.body(SuspensionIn)
        )
        return Response(PersonSuspensionOut(made).data, status=201)


class EndSuspension(Api):
    scope = Scope.DISPUTES_DECIDE

    @endpoint(
        "end_suspension",
        takes=SuspensionIn,
        gives=PersonSuspensionOut,
        refuses={400: ["text_length"], 409: ["not_suspended"]},
    )
    def post(self, request: Request, suspension_id: int) -> Response:
        """Give a suspended person everything back. Staff only."""
        ended = suspensions.end_suspension(
            suspension_id=suspension_id,
            by=person(request),
            now=timezone.now(),
            **self.body(SuspensionIn),
        )
        return Response(PersonSuspensionOut(ended).data)


# --- the log ---------------------------------------------------------------------------------


class LogEntryOut(Shape):
    number = serializers.IntegerField()
    kind = serializers.CharField()
    by = serializers.CharField()
    about_kind = serializers.CharField()
    about_id = serializers.IntegerField()
    data = Json()  # type: ignore[assignment]
    at = time()
    previous = serializers.CharField(help_text="Hash of the entry before it, in hexadecimal.")
    hash = serializers.CharField()


def entry_shown(entry: LogEntry) -> dict[str, Any]:
    same = ("number", "kind", "about_kind", "about_id", "data", "at")
    return {name: getattr(entry, name) for name in same} | {
        "by": entry.by.known_as,
        "previous": bytes(entry.previous).hex(),
        "hash": bytes(entry.hash).hex(),
    }


class Log(Api):
    scope = Scope.DISPUTES_DECIDE

    @endpoint("list_log", query=PageQuery, gives=paged(LogEntryOut))
    def get(self, request: Request) -> Response:
        """Everything that staff decided, newest first; each entry holds the hash of the one before.

        An entry never changes: `manage.py verify_log` reads the chain again.
        """
        return self.page(cases.log(), LogEntryOut, show=entry_shown)
