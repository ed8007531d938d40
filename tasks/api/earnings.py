"""What a worker has earned and what waits; her archive; her way of working."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import person
from accounts.states import Scope
from core import paging
from core.api.fields import Choice, Flag, Json, Money, Shape, Strict
from core.api.schema import endpoint, paged
from core.api.views import Api
from payments.selectors import statements
from payments.states import JournalKind
from tasks.selectors import answers, work
from tasks.services import claims
from tasks.states import ArchiveCause

SIZE = 50


class PendingOut(Shape):
    count = serializers.IntegerField()
    amount = Money()


class EarningOut(Shape):
    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = Choice(JournalKind)
    amount = Money(help_text="Positive: earned; negative: taken out.")
    batch = serializers.IntegerField(source="batch_id", allow_null=True)
    assignment = serializers.IntegerField(source="assignment_id", allow_null=True)
    payout = serializers.IntegerField(source="payout_id", allow_null=True)


class Earnings(Api):
    scope = Scope.WORK

    class Query(Strict):
        cursor = serializers.CharField(required=False, max_length=300)

    class Out(Shape):
        balance = Money(help_text="Yours to take out.")
        pending = PendingOut(help_text="Submitted and waiting for its review.")
        earned = Money(help_text="All that was ever paid to you.")
        in_clearing = Money(help_text="On its way to your bank.")
        paid_out = Money()
        results = EarningOut(many=True)
        next = serializers.URLField(allow_null=True)
        previous = serializers.URLField(allow_null=True)

    @endpoint("get_earnings", query=Query, gives=Out)
    def get(self, request: Request) -> Response:
        """What you earned, what waits, and every movement of your balance, newest first."""
        worker, cursor = person(request), self.query(self.Query).get("cursor", "")
        earnings = statements.worker_earnings(worker.pk)
        entries = earnings.entries
        if cursor:
            entries = statements.worker_entries(worker.pk, before=paging.before(cursor), limit=SIZE)
        more = paging.cursor_before(entries[-1].id) if len(entries) == SIZE else None
        shown: dict[str, Any] = vars(earnings) | {"pending": work.pending(worker=worker)}
        shown |= {"results": entries, "next": self.link(more), "previous": None}
        return Response(self.Out(shown).data)


class ArchivedOut(Shape):
    id = serializers.IntegerField()
    assignment = serializers.IntegerField(source="assignment_id")
    title = serializers.CharField(source="assignment.batch.title")
    cause = Choice(ArchiveCause)
    content = Json()
    record = Json(help_text="Of a refused one: why, and what was said of it.")
    at = serializers.DateTimeField()


class Archive(Api):
    scope = Scope.WORK

    @endpoint("list_archive", gives=paged(ArchivedOut))
    def get(self, request: Request) -> Response:
        """Answers of yours that came too late or were refused: kept for you alone. The last 100."""
        return self.listed(ArchivedOut, answers.archive(worker=person(request)))


class Offline(Api):
    scope = Scope.WORK

    class In(Strict):
        offline = Flag()

    class Out(Shape):
        offline = serializers.BooleanField()

    @endpoint("set_offline", takes=In, gives=Out)
    def put(self, request: Request) -> Response:
        """Turn “work offline” on or off: five open claims instead of two (R12)."""
        asked = self.body(self.In)
        claims.set_offline(worker=person(request), now=timezone.now(), **asked)
        return Response(self.Out(asked).data)
