"""Endpoints of money: a client's balance, statement and deposits; a worker's payouts."""

import hashlib
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import person
from accounts.selectors import acting_member
from accounts.states import Scope
from core import paging
from core.api.fields import BIGINT, Choice, Money, Shape, Strict
from core.api.schema import endpoint, paged
from core.api.views import Api, PageQuery
from payments.models import Payout
from payments.selectors import balances, statements
from payments.services import deposits, payouts
from payments.states import PAYOUT_MOVES, JournalKind, PayoutState

# What of a payout's moves is the worker's to make.
WORKER_VERBS = {"cancel"}


class EntryOut(Shape):
    """One movement of the balance."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = Choice(JournalKind)
    amount = Money(help_text="Positive: it came; negative: it went.")
    batch = serializers.IntegerField(source="batch_id", allow_null=True)
    place = serializers.IntegerField(source="place_id", allow_null=True)
    assignment = serializers.IntegerField(source="assignment_id", allow_null=True)
    payout = serializers.IntegerField(source="payout_id", allow_null=True)


class Balance(Api):
    scope = Scope.BATCHES_READ

    class Out(Shape):
        balance = Money(help_text="What you can spend; what batches have locked is not in it.")

    @endpoint("get_balance", gives=Out)
    def get(self, request: Request) -> Response:
        """What your organisation can spend."""
        client_id = acting_member(person(request)).client_id
        return Response(self.Out({"balance": balances.client_balance(client_id)}).data)


class Transfers(Api):
    scope = Scope.BATCHES_READ

    class Query(PageQuery):
        batch = serializers.IntegerField(required=False, min_value=1, max_value=BIGINT)

    @endpoint("list_transfers", query=Query, gives=paged(EntryOut))
    def get(self, request: Request) -> Response:
        """Every movement of your organisation's balance, newest first; there is no `previous`."""
        asked = self.query(self.Query)
        size: int = asked["page_size"]
        found = statements.client_transfers(
            acting_member(person(request)).client_id,
            batch_id=asked.get("batch"),
            before=paging.before(asked.get("cursor", "")),
            limit=size + 1,
        )
        after = paging.cursor_before(found[size - 1].id) if len(found) > size else None
        return self.listed(EntryOut, found[:size], after=after)


class Deposits(Api):
    scope = Scope.MONEY_WRITE

    class In(Strict):
        amount = Money(help_text="Whole cents.")

    class Out(Shape):
        id = serializers.IntegerField()
        amount = Money()
        at = serializers.DateTimeField()

    @endpoint(
        "deposit",
        takes=In,
        gives=Out,
        status=201,
        refuses={403: ["not_owner", "sandbox_only"], 422: ["deposit_amount"]},
        idempotent=True,
    )
    def post(self, request: Request) -> Response:
        """Put play money on the balance: in the sandbox only. Owners only."""
        by, asked = acting_member(person(request)), self.body(self.In)
        key = request.headers.get("Idempotency-Key", "")

        def run() -> tuple[int, Any]:
            journal = deposits.deposit(
                client_id=by.client_id,
                amount=asked["amount"],
                provider=deposits.SANDBOX,
                reference=f"{by.user_id}-{digest(key)}",
                by=by.user,
                now=timezone.now(),
            )
            shown = {"id": journal.pk, "amount": asked["amount"], "at": journal.effective_at}
            return 201, self.Out(shown).data

        return self.once(asked, run=run)


def digest(key: str) -> str:
    """A caller's key, of any length, as part of one of ours."""
    return hashlib.sha256(key.encode()).hexdigest()


class PayoutOut(Shape):
    id = serializers.IntegerField()
    amount = Money()
    state = Choice(PayoutState)
    allowed = serializers.ListField(child=serializers.CharField())
    to = serializers.CharField(source="account.label")
    requested_at = serializers.DateTimeField()
    moved_at = serializers.DateTimeField()


def payout_shown(payout: Payout) -> Payout:
    """`payout` with what its shape has beyond the row."""
    payout.allowed = [  # type: ignore[attr-defined]
        verb for verb in PAYOUT_MOVES.allowed(payout.state) if verb in WORKER_VERBS
    ]
    return payout


class Payouts(Api):
    scope = Scope.PAYOUT
    scopes = {"GET": Scope.WORK}

    class In(Strict):
        amount = Money(required=False, help_text="Left out: everything, whole cents down.")

    @endpoint("list_payouts", query=PageQuery, gives=paged(PayoutOut))
    def get(self, request: Request) -> Response:
        """Your payouts, newest first."""
        found = statements.worker_payouts(person(request).pk)
        return self.page(found, PayoutOut, show=payout_shown)

    @endpoint(
        "request_payout",
        takes=In,
        gives=PayoutOut,
        status=201,
        refuses={422: ["payout_below_minimum", "payout_above_balance", "no_payout_account"]},
        idempotent=True,
    )
    def post(self, request: Request) -> Response:
        """Have your money sent to you. It is free of charge."""
        worker, asked = person(request), self.body(self.In)
        key = request.headers.get("Idempotency-Key", "")

        def run() -> tuple[int, Any]:
            payout = payouts.request_payout(
                worker=worker,
                amount=asked.get("amount"),
                by=worker,
                now=timezone.now(),
                key=f"api:{digest(key)}",
            )
            return 201, PayoutOut(payout_shown(payout)).data

        return self.once(asked, run=run)


class PayoutDetail(Api):
    scope = Scope.WORK

    @endpoint("get_payout", gives=PayoutOut)
    def get(self, request: Request, payout_id: int) -> Response:
        """One of your payouts."""
        found = statements.worker_payouts(person(request).pk)
        return Response(PayoutOut(payout_shown(get_object_or_404(found, pk=payout_id))).data)


class PayoutCancel(Api):
    scope = Scope.PAYOUT

    @endpoint("cancel_payout", gives=PayoutOut, refuses={409: ["illegal_move"]})
    def post(self, request: Request, payout_id: int) -> Response:
        """Put a payout back on your balance, as long as it has not been sent."""
        payout = payouts.cancel_payout(payout_id=payout_id, by=person(request), now=timezone.now())
        return Response(PayoutOut(payout_shown(payout)).data)
