"""Every state × every verb: legal exactly where the table says so."""

import pytest

from core.errors import IllegalMove
from core.states import Moves
from payments import states as payments
from tasks import states as tasks

TABLES = {
    "batch": (tasks.BATCH, tasks.BatchState),
    "place": (tasks.PLACE, tasks.PlaceState),
    "assignment": (tasks.ASSIGNMENT, tasks.AssignmentState),
    "payout": (payments.PAYOUT_MOVES, payments.PayoutState),
}
MATRIX = [
    pytest.param(moves, move.verb, state, id=f"{name}-{move.verb}-{state}")
    for name, (moves, states) in TABLES.items()
    for move in moves.table
    for state in states.values
]


@pytest.mark.parametrize(("moves", "verb", "state"), MATRIX)
def test_a_move_is_legal_exactly_from_its_sources(moves: Moves, verb: str, state: str) -> None:
    if state in moves.by_verb[verb].sources:
        assert moves.check(verb, state) == moves.target(verb)
    else:
        with pytest.raises(IllegalMove) as refused:
            moves.check(verb, state)
        assert refused.value.extra == {"state": state, "allowed": moves.allowed(state)}


@pytest.mark.parametrize("name", TABLES)
def test_tables_name_existing_states_only(name: str) -> None:
    moves, states = TABLES[name]
    named = {state for move in moves.table for state in (*move.sources, move.target)}
    assert named <= set(states.values)


def test_no_move_leads_out_of_approved() -> None:
    assert tasks.ASSIGNMENT.allowed(tasks.AssignmentState.APPROVED) == []
