"""The life of a payout: every state by every verb, and the words the database knows."""

import pytest

from core.errors import IllegalMove
from payments.states import IN_CLEARING, PAYOUT_MOVES, PayoutState

VERBS = [move.verb for move in PAYOUT_MOVES.table]
LEGAL = {
    ("reserve", "requested"),
    ("cancel", "reserved"),
    ("submit", "reserved"),
    ("resubmit", "unknown"),
    ("doubt", "submitting"),
    ("accept", "submitting"),
    ("accept", "unknown"),
    ("settle", "sent"),
    ("fail", "submitting"),
    ("fail", "unknown"),
    ("fail", "sent"),
    ("return", "settled"),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", PayoutState.values)
def test_moves_out_of_each_state(verb: str, state: str) -> None:
    if (verb, state) in LEGAL:
        assert PAYOUT_MOVES.check(verb, state) == PAYOUT_MOVES.target(verb)
    else:
        with pytest.raises(IllegalMove):
            PAYOUT_MOVES.check(verb, state)


def test_a_payout_ends_paid_back_or_returned() -> None:
    ends = {state for state in PayoutState.values if not PAYOUT_MOVES.allowed(state)}
    assert ends == {"failed", "returned", "cancelled"}


def test_money_on_its_way_is_in_every_state_before_the_end() -> None:
    ends = {"requested", "settled", "failed", "returned", "cancelled"}
    assert set(PayoutState.values) - ends == set(IN_CLEARING)
