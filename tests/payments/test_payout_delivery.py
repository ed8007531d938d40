"""From reserved to paid, past every fault on the way: paid once, never lost, never guessed."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from core import money
from core.errors import IllegalMove
from core.models import Event
from payments.models import Payout, PayoutAttempt
from payments.providers.base import Made, Remote, RemoteState, Unknown
from payments.selectors import audit, balances, statements
from payments.services import payout_steps, payouts
from tests.payments import books
from tests.payments.books import NOW
from tests.payments.providers import FaultyBank

pytestmark = pytest.mark.django_db
EARNED = 30 * money.UNIT
SECOND = timedelta(seconds=1)


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch, settings: Any) -> FaultyBank:
    settings.SANDBOX = True
    bank = FaultyBank()
    monkeypatch.setattr(payouts, "providers", lambda: {bank.name: bank})
    return bank


@pytest.fixture
def payout(bea: User, faulty: FaultyBank) -> Payout:
    """Bea asks for all of her 30.00."""
    books.earn(bea, EARNED)
    return payouts.request_payout(worker=bea, amount=None, by=bea, now=NOW)


def state(payout: Payout) -> str:
    payout.refresh_from_db()
    return payout.state


def kinds() -> list[str]:
    events = Event.objects.filter(about_kind="payout").order_by("pk")
    return [kind.removeprefix("payout.") for kind in events.values_list("kind", flat=True)]


def resolve(after: timedelta) -> int:
    return payouts.resolve_unknown(now=NOW + after)


def test_a_payout_goes_out_and_settles(payout: Payout, faulty: FaultyBank) -> None:
    assert payouts.send_due(now=NOW) == 1
    assert state(payout) == "sent"
    assert resolve(SECOND) == 1
    assert state(payout) == "sent"
    faulty.move_all(RemoteState.SETTLED)
    assert resolve(60 * SECOND) == 1
    assert state(payout) == "settled"
    assert kinds() == ["requested", "sent", "settled"]
    earnings = statements.worker_earnings(payout.worker_id)
    assert (earnings.balance, earnings.in_clearing, earnings.paid_out) == (0, 0, EARNED)
    assert [(row.kind, row.balance) for row in audit.trial_balance() if row.kind == "psp"] != []


def test_nothing_is_sent_twice(payout: Payout, faulty: FaultyBank) -> None:
    payouts.send_due(now=NOW)
    assert payouts.send_due(now=NOW + SECOND) == 0
    assert len(faulty.keys) == 1


def test_the_attempt_is_written_down_before_the_call(payout: Payout, faulty: FaultyBank) -> None:
    seen: list[Any] = []

    def look() -> None:
        attempt = PayoutAttempt.objects.get()
        blocks = [one for one in connection.atomic_blocks if not vars(one).get("_from_testcase")]
        seen.append((attempt.key, attempt.answer, attempt.payout.state, blocks))

    faulty.during = look
    payouts.send_due(now=NOW)
    assert seen == [(faulty.keys[0], "pending", "submitting", [])]
    assert PayoutAttempt.objects.get().parameters == {
        "payout_reference": str(payout.reference),
        "amount": EARNED,
        "currency": "USD",
        "destination": f"sandbox-{payout.worker_id}",
    }


def test_a_definite_refusal_frees_the_money(payout: Payout, faulty: FaultyBank) -> None:
    faulty.script = ["refused"]
    assert payouts.send_due(now=NOW) == 1
    assert state(payout) == "failed"
    assert payout.detail == "There is no such account."
    assert balances.worker_balance(payout.worker_id) == EARNED
    assert kinds() == ["requested", "failed"]


@pytest.mark.parametrize("fault", ["lost", "unheard", "error"])
def test_silence_is_unknown_and_not_failed(payout: Payout, faulty: FaultyBank, fault: str) -> None:
    faulty.script = [fault]
    assert payouts.send_due(now=NOW) == 0
    assert state(payout) == "unknown"
    assert balances.worker_balance(payout.worker_id) == 0
    with pytest.raises(IllegalMove):
        payouts.cancel_payout(payout_id=payout.pk, by=payout.worker, now=NOW)


def test_an_unheard_answer_is_found_by_our_reference(payout: Payout, faulty: FaultyBank) -> None:
    faulty.script = ["unheard"]
    payouts.send_due(now=NOW)
    resolve(SECOND)
    assert state(payout) == "sent"
    assert (len(faulty.made), len(faulty.keys)) == (1, 1)
    assert kinds() == ["requested", "unknown", "sent"]


def test_a_lost_request_is_sent_again_under_the_same_key_once_proven_absent(
    payout: Payout, faulty: FaultyBank
) -> None:
    faulty.script = ["lost"]
    payouts.send_due(now=NOW)
    resolve(SECOND)
    assert state(payout) == "unknown"
    resolve(5 * SECOND)
    assert len(faulty.keys) == 1
    resolve(11 * SECOND)
    assert state(payout) == "sent"
    assert faulty.keys == [faulty.keys[0]] * 2
    assert PayoutAttempt.objects.count() == 1


def test_an_error_stored_under_the_key_needs_a_new_key(payout: Payout, faulty: FaultyBank) -> None:
    faulty.script = ["error"]
    payouts.send_due(now=NOW)
    resolve(SECOND)
    resolve(12 * SECOND)
    assert state(payout) == "sent"
    assert len(set(faulty.keys)) == 2
    assert [a.answer for a in payout.attempts.order_by("number")] == ["error", "made"]


def test_a_key_too_old_is_not_used_again(payout: Payout, faulty: FaultyBank) -> None:
    faulty.script = ["lost"]
    payouts.send_due(now=NOW)
    resolve(20 * 3600 * SECOND)
    resolve(20 * 3600 * SECOND + 11 * SECOND)
    assert state(payout) == "sent"
    assert len(set(faulty.keys)) == 2


def test_silence_during_the_look_up_proves_nothing(payout: Payout, faulty: FaultyBank) -> None:
    faulty.script = ["unheard"]
    payouts.send_due(now=NOW)
    faulty.silent = True
    for minute in range(1, 120):
        resolve(minute * 60 * SECOND)
    assert state(payout) == "unknown"
    assert len(faulty.keys) == 1
    faulty.silent = False
    resolve(3 * 3600 * SECOND)
    assert state(payout) == "sent"
    assert len(faulty.made) == 1


def test_after_24_hours_a_person_is_called_once_and_nothing_is_sent(
    payout: Payout, faulty: FaultyBank
) -> None:
    faulty.script = ["lost"] * 1000
    payouts.send_due(now=NOW)
    for hour in range(0, 48):
        resolve(hour * 3600 * SECOND)
    sent = len(faulty.keys)
    resolve(72 * 3600 * SECOND)
    assert (state(payout), len(faulty.keys)) == ("unknown", sent)
    assert kinds().count("needs_person") == 1
    assert payout.needs_person_at == NOW + timedelta(hours=24)
    assert balances.worker_balance(payout.worker_id) == 0


def test_a_person_is_called_when_the_provider_has_more_than_one(
    payout: Payout, faulty: FaultyBank
) -> None:
    faulty.script = ["unheard"]
    payouts.send_due(now=NOW)
    faulty.made["po_x"] = Remote("po_x", str(payout.reference), EARNED, RemoteState.PENDING)
    resolve(SECOND)
    assert state(payout) == "unknown"
    assert kinds()[-1] == "needs_person"


def test_whoever_sent_it_died_before_or_after_the_bank_heard(
    payout: Payout, faulty: FaultyBank
) -> None:
    faulty.script = ["crash"]
    with pytest.raises(KeyboardInterrupt):
        payouts.send_due(now=NOW)
    assert state(payout) == "submitting"
    assert resolve(30 * SECOND) == 0
    assert resolve(61 * SECOND) == 1
    assert state(payout) == "unknown"
    resolve(80 * SECOND)
    assert state(payout) == "sent"
    assert len(faulty.made) == 1


def test_an_answer_that_comes_after_the_look_up_changes_nothing(
    payout: Payout, faulty: FaultyBank
) -> None:
    """The sender was taken for dead, and was only slow."""
    faulty.during = lambda: payout_steps.doubt_stale(before=NOW + SECOND, now=NOW + SECOND)
    payouts.send_due(now=NOW)
    assert state(payout) == "sent"
    assert len(faulty.made) == 1


def test_a_dead_provider_makes_one_payout_unknown_and_not_all(
    payout: Payout, faulty: FaultyBank, cem: User
) -> None:
    books.earn(cem, EARNED, batch_id=10)
    other = payouts.request_payout(worker=cem, amount=None, by=cem, now=NOW)
    faulty.script = ["lost", "lost"]
    payouts.send_due(now=NOW)
    assert (state(payout), state(other)) == ("unknown", "reserved")


def test_a_payout_that_we_cannot_handle_holds_up_no_other(
    payout: Payout, faulty: FaultyBank, cem: User
) -> None:
    books.earn(cem, EARNED, batch_id=10)
    other = payouts.request_payout(worker=cem, amount=None, by=cem, now=NOW)
    faulty.script = ["fault"]
    assert payouts.send_due(now=NOW) == 1
    assert (state(payout), state(other)) == ("submitting", "sent")
    resolve(61 * SECOND)
    resolve(timedelta(minutes=3))
    assert state(payout) == "sent"
    assert len(faulty.made) == 2


def test_a_fault_in_following_one_payout_holds_up_no_other(
    payout: Payout, faulty: FaultyBank, cem: User
) -> None:
    books.earn(cem, EARNED, batch_id=10)
    other = payouts.request_payout(worker=cem, amount=None, by=cem, now=NOW)
    payouts.send_due(now=NOW)
    faulty.move_all(RemoteState.SETTLED)
    lost = faulty.made.pop("po_0")
    resolve(timedelta(minutes=1))
    assert (state(payout), state(other)) == ("sent", "settled")
    faulty.made[lost.id] = lost
    resolve(timedelta(hours=1))
    assert state(payout) == "settled"


def test_a_payout_that_fails_after_sending_is_given_back(
    payout: Payout, faulty: FaultyBank
) -> None:
    payouts.send_due(now=NOW)
    faulty.move_all(RemoteState.FAILED, "account closed")
    resolve(SECOND)
    assert (state(payout), payout.detail) == ("failed", "account closed")
    assert balances.worker_balance(payout.worker_id) == EARNED


@pytest.mark.parametrize("end", [RemoteState.RETURNED, RemoteState.FAILED])
def test_a_settled_payout_can_come_back(
    payout: Payout, faulty: FaultyBank, end: RemoteState
) -> None:
    payouts.send_due(now=NOW)
    faulty.move_all(RemoteState.SETTLED)
    resolve(SECOND)
    faulty.move_all(end, "no such account")
    resolve(timedelta(days=2))
    assert state(payout) == "returned"
    assert balances.worker_balance(payout.worker_id) == EARNED
    resolve(timedelta(days=4))
    assert balances.worker_balance(payout.worker_id) == EARNED
    assert kinds() == ["requested", "sent", "settled", "returned"]


def test_a_return_of_which_we_missed_the_settlement(payout: Payout, faulty: FaultyBank) -> None:
    faulty.script = ["unheard"]
    payouts.send_due(now=NOW)
    faulty.move_all(RemoteState.RETURNED)
    resolve(SECOND)
    assert state(payout) == "returned"
    assert kinds() == ["requested", "unknown", "sent", "settled", "returned"]


def test_a_settled_payout_is_watched_for_two_weeks(payout: Payout, faulty: FaultyBank) -> None:
    payouts.send_due(now=NOW)
    faulty.move_all(RemoteState.SETTLED)
    resolve(SECOND)
    assert sum(resolve(timedelta(days=day)) for day in range(1, 40)) in (14, 15)
    payout.refresh_from_db()
    assert payout.due_at is None


def test_a_payout_of_a_provider_that_is_gone_waits(
    payout: Payout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payouts, "providers", dict)
    assert payouts.send_due(now=NOW) == 0
    assert state(payout) == "reserved"


def test_a_run_ends_in_time(
    payout: Payout, faulty: FaultyBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payouts, "RUN_SECONDS", -1.0)
    assert payouts.send_due(now=NOW) == 0
    assert state(payout) == "reserved"


def test_steps_that_come_too_late_change_nothing(payout: Payout, faulty: FaultyBank) -> None:
    payouts.send_due(now=NOW)
    attempt = PayoutAttempt.objects.get()
    assert payout_steps.begin(payout.pk, now=NOW) is None
    assert payout_steps.begin_again(attempt, same_key=True, now=NOW) is None
    payout_steps.conclude(attempt, Unknown("ReadTimeout", stored=False), now=NOW)
    payout_steps.conclude(attempt, Made(next(iter(faulty.made.values()))), now=NOW)
    assert state(payout) == "sent"
    assert kinds() == ["requested", "sent"]


def test_two_resolvers_send_an_absent_payout_once(
    payout: Payout, faulty: FaultyBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one was faster, each time."""
    faulty.script = ["lost"]
    payouts.send_due(now=NOW)
    monkeypatch.setattr(payout_steps, "begin_again", lambda *a, **k: None)
    resolve(SECOND)
    resolve(12 * SECOND)
    assert (state(payout), len(faulty.keys)) == ("unknown", 1)


def test_two_who_find_a_dead_sender_doubt_once(
    payout: Payout, faulty: FaultyBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty.script = ["crash"]
    with pytest.raises(KeyboardInterrupt):
        payouts.send_due(now=NOW)
    monkeypatch.setattr(payout_steps, "move", lambda *a, **k: False)
    assert payout_steps.doubt_stale(before=NOW + SECOND, now=NOW + SECOND) == 0
