"""The books beside a small model in Python: any order of anything people may do, replays, faults
and the other path (spending a hold again under a fresh key). Both agree after each step.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from core import money, rules
from core.errors import DomainError, InsufficientFunds
from payments.models import Payout
from payments.providers.base import RemoteState
from payments.selectors import audit, balances, batches
from payments.services import deposits, payouts
from payments.states import PayoutState
from tests.payments import books
from tests.payments.books import NOW
from tests.payments.providers import FaultyBank

pytestmark = pytest.mark.django_db
CLIENTS, BATCHES = (1, 2), (7, 8, 9)
PAY = 300 * money.CENT
FEE = rules.fee(PAY)
EACH = PAY + FEE
BACK = (PayoutState.FAILED, PayoutState.RETURNED, PayoutState.CANCELLED)
FAULTS = ("made", "refused", "lost", "unheard", "error")
batch = st.sampled_from(BATCHES)
some = st.integers(min_value=0, max_value=3)


def refusal(call: Callable[[], Any]) -> str | None:
    """The code of the refusal; None if there was none."""
    try:
        call()
    except DomainError as error:
        return error.code
    return None


class Books(RuleBasedStateMachine):
    workers: list[User]
    bank: FaultyBank

    @initialize()
    def begin(self) -> None:
        self.block = transaction.atomic()
        # As pytest's own: operations may begin inside, and all of it is undone at the end.
        self.block._from_testcase = True  # type: ignore[attr-defined]
        self.block.__enter__()
        self.now = NOW
        self.bank.__init__()  # type: ignore[misc]
        self.cash: dict[int, int] = defaultdict(int)
        self.earned: dict[int, int] = defaultdict(int)
        self.rest: dict[int, int] = defaultdict(int)
        self.fundings: dict[int, list[int]] = defaultdict(list)
        self.owner: dict[int, int] = {}
        self.places: dict[int, dict[int, Any]] = defaultdict(dict)
        self.deposits: list[tuple[int, int]] = []
        self.next_place = 1
        # Somewhere in the middle of things, or most examples would end before anything happens.
        for client in CLIENTS:
            self.deposit_money(client=client, cents=6_000)
        self.fund(batch=7, places=12)
        self.allocate(batch=7, places=10)
        self.fund(batch=8, places=3)
        self.allocate(batch=8, places=3)
        for worker in (0, 1):
            mine = list(range(3 * worker + 1, 3 * worker + 4))
            self.settle_or_refund_places(7, mine, worker, back=False)

    def teardown(self) -> None:
        if hasattr(self, "block"):
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    def deposit(self, number: int) -> None:
        client, amount = self.deposits[number]
        deposits.deposit(
            client_id=client,
            amount=amount,
            provider="sandbox",
            reference=f"machine-{number}",
            by=None,
            now=self.now,
        )

    @rule(client=st.sampled_from(CLIENTS), cents=st.integers(1, 2000))
    def deposit_money(self, client: int, cents: int) -> None:
        self.deposits.append((client, cents * money.CENT))
        self.deposit(len(self.deposits) - 1)
        self.cash[client] += cents * money.CENT

    @precondition(lambda self: self.deposits)
    @rule(data=st.data())
    def deposit_again(self, data: Any) -> None:
        self.deposit(data.draw(st.integers(0, len(self.deposits) - 1)))

    @rule(batch=batch, places=st.integers(1, 8))
    def fund(self, batch: int, places: int) -> None:
        client = self.owner.setdefault(batch, CLIENTS[batch % 2])
        amount, number = places * EACH, len(self.fundings[batch]) + 1
        try:
            books.fund(client_id=client, batch_id=batch, amount=amount, number=number)
        except InsufficientFunds:
            assert self.cash[client] < amount
            return
        self.fundings[batch].append(amount)
        self.cash[client] -= amount
        self.rest[batch] += amount

    @precondition(lambda self: any(self.fundings.values()))
    @rule(batch=batch)
    def fund_again(self, batch: int) -> None:
        if self.fundings[batch]:
            number, amount = len(self.fundings[batch]), self.fundings[batch][-1]
            books.fund(client_id=self.owner[batch], batch_id=batch, amount=amount, number=number)

    @precondition(lambda self: any(self.fundings.values()))
    @rule(batch=batch, places=st.integers(1, 6))
    def allocate(self, batch: int, places: int) -> None:
        new = list(range(self.next_place, self.next_place + places))
        self.next_place += places
        try:
            books.allocate(batch_id=batch, place_ids=new, pay=PAY, fee=FEE)
        except (IntegrityError, DomainError):
            assert self.rest[batch] < places * EACH
            return
        self.rest[batch] -= places * EACH
        self.places[batch] |= dict.fromkeys(new, "open")

    def draw_places(self, data: Any, batch: int) -> list[int]:
        """Some places that are open, or any."""
        known = sorted(self.places[batch])
        open_ones = [place for place in known if self.places[batch][place] == "open"]
        pool = st.sampled_from(open_ones if open_ones and data.draw(st.booleans()) else known)
        chosen: list[int] = data.draw(st.lists(pool, min_size=1, max_size=4, unique=True))
        return chosen

    @precondition(lambda self: any(self.places.values()))
    @rule(data=st.data(), worker=st.integers(0, 2), back=st.booleans())
    def settle_or_refund(self, data: Any, worker: int, back: bool) -> None:
        batch = data.draw(st.sampled_from([one for one in BATCHES if self.places[one]]))
        self.settle_or_refund_places(batch, self.draw_places(data, batch), worker, back)

    def settle_or_refund_places(
        self, batch: int, chosen: list[int], worker: int, back: bool
    ) -> None:
        worker_id = self.workers[worker].pk
        legal = all(self.places[batch][place] == "open" for place in chosen)
        code = refusal(
            lambda: (
                books.refund(batch_id=batch, place_ids=chosen, by=None, now=self.now)
                if back
                else books.pay(batch, chosen, worker_id=worker_id)
            )
        )
        assert code == (None if legal else "already_settled")
        if not legal:
            return
        self.places[batch] |= dict.fromkeys(chosen, "refunded" if back else "paid")
        if back:
            self.cash[self.owner[batch]] += len(chosen) * EACH
        else:
            self.earned[worker_id] += len(chosen) * PAY

    @precondition(lambda self: any(s != "open" for p in self.places.values() for s in p.values()))
    @rule(data=st.data(), back=st.booleans())
    def spend_a_spent_hold_under_a_fresh_key(self, data: Any, back: bool) -> None:
        spent = [
            (batch, place)
            for batch in BATCHES
            for place, state in self.places[batch].items()
            if state != "open"
        ]
        batch, place = data.draw(st.sampled_from(spent))
        to = books.account("client", self.owner[batch]) if back else self.a_worker_account()
        with pytest.raises(IntegrityError, match="hold_pay_once"), transaction.atomic():
            books.raw_transfer(
                books.raw_journal("refund" if back else "settle", idem=f"fresh {place}"),
                books.account("escrow", batch),
                to,
                PAY,
                hold=place,
                part="pay",
            )

    def a_worker_account(self) -> int:
        if not self.earned:
            return books.raw_account("worker", self.workers[0].pk)
        return books.account("worker", next(iter(self.earned)))

    @rule(batch=batch)
    def refund_unallocated(self, batch: int) -> None:
        if self.fundings[batch]:
            back = books.refund_unallocated(batch_id=batch, by=None, now=self.now)
            assert back == self.rest[batch]
            self.rest[batch] -= back
            self.cash[self.owner[batch]] += back

    @rule(worker=st.integers(0, 2), cents=st.none() | st.integers(480, 700))
    def request_payout(self, worker: int, cents: int | None) -> None:
        who = self.workers[worker]
        before = self.balance(who.pk)
        amount = None if cents is None else cents * money.CENT
        code = refusal(
            lambda: payouts.request_payout(worker=who, amount=amount, by=who, now=self.now)
        )
        wanted = before // money.CENT * money.CENT if amount is None else amount
        if wanted > before:
            assert code == "payout_above_balance"
        else:
            assert code == ("payout_below_minimum" if wanted < 5 * money.UNIT else None)

    @precondition(lambda self: Payout.objects.exists())
    @rule(number=some)
    def cancel_payout(self, number: int) -> None:
        for payout in Payout.objects.order_by("pk")[number : number + 1]:
            legal = payout.state == "reserved"
            code = refusal(
                partial(payouts.cancel_payout, payout_id=payout.pk, by=payout.worker, now=self.now)
            )
            assert code == (None if legal else "illegal_move")

    @precondition(lambda self: Payout.objects.filter(state="reserved").exists())
    @rule(fault=st.sampled_from(FAULTS))
    def send(self, fault: str) -> None:
        self.bank.script = [fault]
        payouts.send_due(now=self.now)

    @precondition(lambda self: Payout.objects.filter(due_at__isnull=False).exists())
    @rule(minutes=st.sampled_from([1, 1, 60, 25 * 60]), silent=st.booleans())
    def resolve(self, minutes: int, silent: bool) -> None:
        self.now += timedelta(minutes=minutes)
        self.bank.silent, self.bank.script = silent, []
        payouts.resolve_unknown(now=self.now)

    @precondition(lambda self: self.bank.made)
    @rule(to=st.sampled_from([RemoteState.SETTLED, RemoteState.FAILED, RemoteState.RETURNED]))
    def bank_moves_on(self, to: RemoteState) -> None:
        self.bank.move_all(to)
        self.resolve(minutes=1, silent=False)

    @precondition(lambda self: any(self.fundings.values()))
    @rule(batch=batch)
    def overdraw_past_the_services(self, batch: int) -> None:
        if self.fundings[batch]:
            client = self.owner[batch]
            with pytest.raises(IntegrityError, match="balance_floor"), transaction.atomic():
                books.raw_transfer(
                    books.raw_journal("fund"),
                    books.account("client", client),
                    books.account("escrow", batch),
                    self.cash[client] + 1,
                )

    def balance(self, worker_id: int) -> int:
        out = Payout.objects.filter(worker_id=worker_id).exclude(state__in=BACK)
        return self.earned[worker_id] - sum(out.values_list("amount", flat=True))

    @invariant()
    def model_and_books_agree(self) -> None:
        if not hasattr(self, "block"):
            return
        for client in CLIENTS:
            assert balances.client_balance(client) == self.cash[client]
        for worker in self.workers:
            assert balances.worker_balance(worker.pk) == self.balance(worker.pk)
        for number, found in batches.batches_money(BATCHES).items():
            states = list(self.places[number].values())
            assert found.funded == sum(self.fundings[number])
            assert found.allocated == len(states) * EACH
            assert found.paid == states.count("paid") * PAY
            assert found.fees == states.count("paid") * FEE
            assert found.left == self.rest[number] + states.count("open") * EACH

    @invariant()
    def nobody_is_paid_twice(self) -> None:
        made = [remote.reference for remote in self.bank.made.values()]
        assert len(made) == len(set(made))
        if hasattr(self, "block"):
            settled = Payout.objects.filter(state=PayoutState.SETTLED)
            assert {str(payout.reference) for payout in settled} <= set(made)

    @invariant()
    def the_books_balance(self) -> None:
        assert audit.audit_books() == []


def test_books_and_model_agree_whatever_happens(
    bea: User, cem: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    Books.workers = [bea, cem, User.objects.create_user("eve@example.org")]
    Books.bank = FaultyBank()
    monkeypatch.setattr(payouts, "providers", lambda: {"sandbox": Books.bank})
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
