"""Every state × every verb: in the tables, and by the services on real rows."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Member, User
from core.errors import DomainError, IllegalMove
from core.states import Moves
from disputes import states as disputes
from disputes.models import Dispute, Rejection, Report
from disputes.services import contests, rejections, reports
from tasks import states as tasks
from tasks.services import openings, reviews, work
from tests import factories
from tests.disputes import cases
from tests.factories import NOW

TABLES = {
    "rejection": (disputes.REJECTION, disputes.RejectionState),
    "dispute": (disputes.DISPUTE, disputes.DisputeState),
    "report": (disputes.REPORT, disputes.ReportState),
    "assignment": (tasks.ASSIGNMENT, tasks.AssignmentState),
}
LEGAL = {
    ("rejection", "join", "open"),
    ("rejection", "uphold", "disputed"),
    ("rejection", "appeal", "upheld"),
    ("rejection", "close", "open"),
    ("rejection", "close", "disputed"),
    ("rejection", "close", "upheld"),
    ("dispute", "reply", "filed"),
    ("dispute", "decide", "answered"),
    ("dispute", "appeal", "decided"),
    ("dispute", "close", "filed"),
    ("dispute", "close", "answered"),
    ("dispute", "close", "decided"),
    ("dispute", "close", "appealed"),
    ("report", "uphold", "open"),
    ("report", "dismiss", "open"),
    ("assignment", "submit", "claimed"),
    ("assignment", "unsubmit", "submitted"),
    ("assignment", "approve", "submitted"),
    ("assignment", "reject", "submitted"),
    ("assignment", "withdraw", "rejected"),
    ("assignment", "withdraw", "disputed"),
    ("assignment", "contest", "rejected"),
    ("assignment", "overturn", "disputed"),
    ("assignment", "refuse", "rejected"),
    ("assignment", "refuse", "disputed"),
    ("assignment", "release", "claimed"),
    ("assignment", "expire", "claimed"),
}
MATRIX = [
    pytest.param(name, moves, move.verb, state, id=f"{name}-{move.verb}-{state}")
    for name, (moves, states) in TABLES.items()
    for move in moves.table
    for state in states.values
]


@pytest.mark.parametrize(("name", "moves", "verb", "state"), MATRIX)
def test_a_move_is_legal_exactly_where_the_domain_says(
    name: str, moves: Moves, verb: str, state: str
) -> None:
    if (name, verb, state) in LEGAL:
        assert moves.check(verb, state) == moves.target(verb)
    else:
        with pytest.raises(IllegalMove) as refused:
            moves.check(verb, state)
        assert refused.value.extra == {"state": state, "allowed": moves.allowed(state)}


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("rejection", {"closed"}),
        ("dispute", {"closed"}),
        ("report", {"upheld", "dismissed"}),
        ("assignment", {"approved", "refused", "released", "expired"}),
    ],
)
def test_nothing_leads_out_of_the_last_states(name: str, ends: set[str]) -> None:
    moves, states = TABLES[name]
    assert {state for state in states.values if not moves.allowed(state)} == ends


def test_every_outcome_is_paid_by_the_client_or_leaves_the_answer_refused() -> None:
    assert set(disputes.REFUSED) == {
        disputes.Outcome.LAPSED,
        disputes.Outcome.UPHELD,
        disputes.Outcome.UNJUDGED,
    }
    paid = set(disputes.Outcome) - set(disputes.REFUSED)
    assert set(disputes.JUDGED) <= paid | {disputes.Outcome.UPHELD}


# --- by the services -------------------------------------------------------------------------

STATES = (
    "claimed",
    "submitted",
    "opened",
    "approved",
    "rejected",
    "disputed",
    "refused",
    "released",
    "expired",
)


def wanted(code: str, **others: str | None) -> dict[str, str | None]:
    """The same refusal in every state but these."""
    return {state: others.get(state, code) for state in STATES}


# What each verb says in each state: None where it goes through, else the code of the refusal.
WANTED: dict[str, dict[str, str | None]] = {
    "approve": wanted("illegal_move", submitted=None, opened=None),
    "reject": wanted("illegal_move", submitted="unopened", opened=None),
    "open": wanted("sealed", submitted=None, opened=None, approved=None),
    "withdraw": wanted("not_found", rejected=None, disputed=None, refused="illegal_move"),
    "contest": wanted("not_found", rejected=None, disputed="illegal_move", refused="illegal_move"),
    "say": wanted("not_found", rejected="not_undecided", disputed=None, refused="not_undecided"),
    "appeal": wanted(
        "not_found", rejected="illegal_move", disputed="illegal_move", refused="illegal_move"
    ),
    "unsubmit": wanted("illegal_move", submitted=None, opened="too_late"),
}


def verbs(one: Any, owner: Member, bea: User) -> dict[str, Callable[[], Any]]:
    hers: dict[str, Any] = {"assignment_id": one.pk, "worker": bea, "now": NOW}
    theirs: dict[str, Any] = {"assignment_id": one.pk, "by": owner, "now": NOW}
    return {
        "approve": lambda: reviews.approve_assignment(**theirs),
        "reject": lambda: cases.reject(one.pk, by=owner),
        "open": lambda: openings.open_answer(**theirs),
        "withdraw": lambda: rejections.withdraw_rejection(**theirs),
        "contest": lambda: contests.contest(**hers),
        "say": lambda: contests.say(**hers, text="It is right."),
        "appeal": lambda: contests.appeal(**hers, statement="The decision overlooks the text."),
        "unsubmit": lambda: work.unsubmit(**hers),
    }


@pytest.mark.django_db
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", WANTED)
def test_a_service_does_what_its_table_allows(
    verb: str, state: str, owner: Member, bea: User
) -> None:
    batch = factories.make_open_batch(owner)
    one = factories.make_assignment(worker=bea, batch=batch, state=state)

    code = None
    try:
        verbs(one, owner, bea)[verb]()
    except DomainError as error:
        code = error.code

    assert code == WANTED[verb][state]
    before = {"opened": "submitted"}.get(state, state)
    if code is not None:
        assert cases.state(one.pk) == before


@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["reply", "decide", "appeal", "say", "contest", "withdraw"])
@pytest.mark.parametrize("state", ["filed", "answered", "decided", "appealed", "closed"])
def test_a_case_moves_only_as_its_table_allows(
    verb: str, state: str, owner: Member, bea: User, dia: User
) -> None:
    legal = {
        "reply": {"filed"},
        "decide": {"answered", "appealed"},
        "appeal": {"decided"},
        "say": {"filed", "answered", "appealed"},
        "contest": set[str](),
        "withdraw": {"filed", "answered", "decided", "appealed"},
    }
    one = cases.rejected(bea, factories.make_open_batch(owner), by=owner)
    dispute = bring(one, state, owner, dia)
    other = factories.make_user("eli", role="adjudicator")
    calls = verbs(one.assignment, owner, bea) | {
        "reply": lambda: cases.reply(dispute, by=owner),
        "decide": lambda: cases.decide(dispute, by=other),
    }

    if state in legal[verb]:
        calls[verb]()
    else:
        code = "not_undecided" if verb == "say" else "illegal_move"
        with cases.refused(code):
            calls[verb]()
        assert Dispute.objects.get(pk=dispute.pk).state == state


def bring(one: Rejection, state: str, owner: Member, dia: User) -> Dispute:
    """The dispute of a rejection in this state."""
    if state in ("filed", "answered"):
        dispute = cases.contest(one)
        return dispute if state == "filed" else cases.reply(dispute, by=owner)
    dispute = cases.upheld(one, by=owner, judge=dia)
    if state == "appealed":
        return cases.appeal(one)
    if state == "closed":
        rejections.withdraw_rejection(assignment_id=one.assignment_id, by=owner, now=NOW)
        dispute.refresh_from_db()
    return dispute


@pytest.mark.django_db
@pytest.mark.parametrize("founded", [True, False])
def test_a_report_is_decided_once(founded: bool, owner: Member, bea: User, dia: User) -> None:
    batch = factories.make_open_batch(owner)
    report = reports.report_batch(
        batch_id=batch.pk, worker=bea, kind="broken", text="The buttons do nothing.", now=NOW
    )

    def decide() -> Report:
        return reports.decide_report(
            report_id=report.pk, by=dia, founded=founded, reasons=cases.REASONS, now=NOW
        )

    assert decide().state == ("upheld" if founded else "dismissed")
    with cases.refused("illegal_move"):
        decide()
