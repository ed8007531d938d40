"""A worker and her rejected answer: read why, contest, speak, appeal. And: report a batch."""

from datetime import datetime

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import person
from accounts.models import User
from accounts.states import Scope
from core.api.fields import Strict, Text
from core.api.schema import endpoint
from core.api.views import Api
from disputes.api.shapes import RefusalOut, ReportOut, refusal_shown
from disputes.selectors import cases
from disputes.services import contests, reports


def refusal(assignment_id: int, *, worker: User, now: datetime) -> Response:
    """Her rejected answer as it stands now."""
    found = cases.for_worker(assignment_id=assignment_id, worker=worker, now=now)
    return Response(RefusalOut(refusal_shown(found)).data)


class Refusal(Api):
    scope = Scope.WORK

    @endpoint("get_rejection", gives=RefusalOut)
    def get(self, request: Request, assignment_id: int) -> Response:
        """Why your answer was rejected, by whom, and what you can do until when."""
        return refusal(assignment_id, worker=person(request), now=timezone.now())


class Contest(Api):
    scope = Scope.WORK

    class In(Strict):
        statement = Text(
            required=False, default="", help_text="If you like: up to 4,000 characters."
        )

    @endpoint(
        "contest_rejection",
        takes=In,
        gives=RefusalOut,
        refuses={400: ["text_length"], 409: ["illegal_move", "too_late"]},
    )
    def post(self, request: Request, assignment_id: int) -> Response:
        """Contest a rejection, within 14 days. The client has to answer, or you are paid."""
        worker, now = person(request), timezone.now()
        contests.contest(assignment_id=assignment_id, worker=worker, now=now, **self.body(self.In))
        return refusal(assignment_id, worker=worker, now=now)


class Say(Api):
    scope = Scope.WORK

    class In(Strict):
        text = Text(help_text="1 to 4,000 characters. The client and the adjudicator read it.")

    @endpoint(
        "speak_in_dispute",
        takes=In,
        gives=RefusalOut,
        refuses={400: ["text_length"], 409: ["not_undecided"]},
    )
    def post(self, request: Request, assignment_id: int) -> Response:
        """Say something in your case, as long as it is not decided."""
        worker, now = person(request), timezone.now()
        contests.say(assignment_id=assignment_id, worker=worker, now=now, **self.body(self.In))
        return refusal(assignment_id, worker=worker, now=now)


class Appeal(Api):
    scope = Scope.WORK

    class In(Strict):
        statement = Text(help_text="What the decision got wrong: 20 to 4,000 characters.")

    @endpoint(
        "appeal_decision",
        takes=In,
        gives=RefusalOut,
        refuses={400: ["text_length"], 409: ["illegal_move", "too_late"]},
    )
    def post(self, request: Request, assignment_id: int) -> Response:
        """Have another adjudicator decide: once, within 14 days of a decision against you."""
        worker, now = person(request), timezone.now()
        contests.appeal(assignment_id=assignment_id, worker=worker, now=now, **self.body(self.In))
        return refusal(assignment_id, worker=worker, now=now)


class ReportBatch(Api):
    scope = Scope.WORK

    class In(Strict):
        kind = Text(help_text="`external`, `personal`, `harmful` or `broken`.")
        text = Text(help_text="20 to 2,000 characters. Staff reads it; the client does not.")

    @endpoint(
        "report_batch",
        takes=In,
        gives=ReportOut,
        status=201,
        refuses={400: ["text_length"], 409: ["reported"]},
    )
    def post(self, request: Request, batch_id: int) -> Response:
        """Tell staff that something is wrong with a batch (R19). The client does not learn who."""
        made = reports.report_batch(
            batch_id=batch_id, worker=person(request), now=timezone.now(), **self.body(self.In)
        )
        return Response(ReportOut(made).data, status=201)
