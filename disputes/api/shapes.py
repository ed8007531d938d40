"""What the endpoints of rejections and disputes answer with, each side what is hers to see."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rest_framework import serializers

from accounts.models import Client, User
from accounts.selectors import pseudonym
from core.api.fields import Choice, Json, Money, Shape
from disputes.models import Dispute, Evidence, Rejection, Statement
from disputes.selectors import cases
from disputes.states import (
    Category,
    DisputeCause,
    DisputeKind,
    DisputeState,
    Outcome,
    RejectionState,
    ReportKind,
    ReportState,
    Side,
)


def time(**options: Any) -> serializers.DateTimeField:
    return serializers.DateTimeField(**options)


def when(**options: Any) -> serializers.DateTimeField:
    """A time that may not have come yet."""
    return serializers.DateTimeField(allow_null=True, **options)


# --- rejections --------------------------------------------------------------------------------


class RejectionOut(Shape):
    assignment = serializers.IntegerField(source="assignment_id")
    category = Choice(Category)
    criterion = serializers.IntegerField(help_text="Its number, from 1.")
    criterion_text = serializers.CharField()
    explanation = serializers.CharField(help_text="Erased with the answer once it is refused.")
    by = serializers.CharField(help_text="The member who rejected it.")
    at = time()
    state = Choice(RejectionState)
    outcome = Choice(Outcome, allow_null=True, help_text="Once it is final.")
    contest_by = time()
    contested_at = when(help_text="By the worker herself.")
    dispute = serializers.IntegerField(source="dispute_id", allow_null=True)
    closed_at = when()
    compensation = Money(help_text="For the worker, from the client: the dispute was lost (R20).")


def rejection_shown(one: Rejection) -> dict[str, Any]:
    """What both sides may know of a rejection; its batch and member are loaded."""
    shown = {name: getattr(one, name) for name in SAME}
    return shown | {
        "criterion_text": cases.criterion(one),
        "by": one.by.known_as,
        "outcome": one.outcome or None,
    }


SAME = (
    "assignment_id",
    "category",
    "criterion",
    "explanation",
    "at",
    "state",
    "contest_by",
    "contested_at",
    "dispute_id",
    "closed_at",
    "compensation",
)


# --- disputes ----------------------------------------------------------------------------------


class DisputeBriefOut(Shape):
    id = serializers.IntegerField()
    kind = Choice(DisputeKind)
    cause = Choice(DisputeCause)
    batch = serializers.IntegerField(source="batch_id")
    title = serializers.CharField(source="batch.title")
    client = serializers.CharField(source="client.name")
    state = Choice(DisputeState)
    allowed = serializers.ListField(
        child=serializers.CharField(),
        help_text="What you can do now: POST …/{this}. A worker acts on her assignments.",
    )
    rejection_count = serializers.IntegerField()
    filed_at = time()
    due_at = when(help_text="When its state ends by itself (R8).")
    decide_by = time(help_text="Until then we decide, or the guarantee fund pays.")
    appealed_at = when()
    closed_at = when()


BRIEF = (
    "id",
    "kind",
    "cause",
    "batch_id",
    "batch",
    "client",
    "state",
    "rejection_count",
    "filed_at",
    "due_at",
    "decide_by",
    "appealed_at",
    "closed_at",
)


def dispute_shown(dispute: Dispute, *, user: User, now: datetime) -> dict[str, Any]:
    """A case in a list; batch and client are loaded, its rejections counted."""
    return {name: getattr(dispute, name) for name in BRIEF} | {
        "allowed": allowed(dispute, user=user, now=now)
    }


def allowed(dispute: Dispute, *, user: User, now: datetime) -> list[str]:
    if user.is_adjudicator:
        return cases.allowed_to_adjudicator(dispute, by=user)
    return cases.allowed_to_client(dispute, now=now) if user.is_member else []


class CaseRejectionOut(RejectionOut):
    external_id = serializers.CharField(help_text="Of the task.")
    worker = serializers.CharField(allow_null=True, help_text="Her name for this client.")
    opened_at = when(help_text="When the client opened the answer.")
    unfounded = serializers.BooleanField(allow_null=True, help_text="As an adjudicator noted.")
    person = serializers.IntegerField(allow_null=True, help_text="The worker: adjudicators only.")
    payload = Json(allow_null=True, help_text="Of the task: adjudicators only.")
    answer = Json(allow_null=True, help_text="Adjudicators only; null once erased.")


def case_rejection_shown(one: Rejection, *, user: User, client: Client) -> dict[str, Any]:
    """One rejection of a case; the answer is added for adjudicators by who records the look."""
    opening = getattr(one.assignment, "opening", None)
    judge = user.is_adjudicator
    return rejection_shown(one) | {
        "external_id": one.assignment.task.external_id,
        "worker": None if user.is_worker else pseudonym(client=client, worker_id=one.worker_id),
        "opened_at": opening.at if opening else None,
        "unfounded": one.unfounded,
        "person": one.worker_id if judge else None,
        "payload": one.assignment.task.payload if judge else None,
        "answer": None,
    }


class StatementOut(Shape):
    side = Choice(Side)
    assignment = serializers.IntegerField(allow_null=True, help_text="Null: about all of a group.")
    text = serializers.CharField(help_text="As it was written: plain text, never markup.")
    at = time()


def statement_shown(one: Statement) -> dict[str, Any]:
    about = one.rejection.assignment_id if one.rejection else None
    return {"side": one.side, "assignment": about, "text": one.text, "at": one.at}


class EvidenceOut(Shape):
    id = serializers.UUIDField()
    side = Choice(Side)
    name = serializers.CharField()
    content_type = serializers.CharField()
    size = serializers.IntegerField()
    shared = serializers.BooleanField(help_text="The other side may open it too.")
    at = time()
    url = serializers.CharField()


def evidence_shown(one: Evidence) -> dict[str, Any]:
    same = ("id", "side", "name", "content_type", "size", "shared", "at")
    return {name: getattr(one, name) for name in same} | {"url": f"/api/v1/evidence/{one.pk}"}


class DecisionOut(Shape):
    level = serializers.IntegerField(help_text="1, or 2 on appeal.")
    reasons = serializers.CharField()
    overturned = serializers.IntegerField(help_text="Rejections that were unfounded: paid.")
    upheld = serializers.IntegerField()
    at = time()


class TermsOut(Shape):
    """What the work was to be, for adjudicators."""

    instructions = serializers.CharField(help_text="Markdown.")
    criteria = serializers.ListField(child=serializers.CharField())
    examples = Json()
    interface = serializers.CharField(help_text="Label Studio XML.")


class DisputeOut(DisputeBriefOut):
    reply = serializers.CharField(help_text="The client's. Erased with the answers.")
    replied_at = when()
    decided_at = when()
    appeal_of = serializers.IntegerField(allow_null=True, help_text="The group's case before it.")
    frozen_at = when(help_text="The batch is frozen until an adjudicator lifts it (R10).")
    rejections = CaseRejectionOut(
        many=True, help_text="A worker's own; for others those judged themselves."
    )
    statements = StatementOut(many=True)
    evidence = EvidenceOut(many=True)
    decisions = DecisionOut(many=True)
    terms = TermsOut(allow_null=True, help_text="Adjudicators only.")


def case_shown(
    dispute: Dispute, rejections: Iterable[Rejection], *, user: User, now: datetime
) -> dict[str, Any]:
    """A whole case as `user` may read it, with those of its rejections that are hers to see."""
    shown = [case_rejection_shown(one, user=user, client=dispute.client) for one in rejections]
    return dispute_shown(dispute, user=user, now=now) | {
        "reply": cases.reply_to(dispute),
        "replied_at": dispute.replied_at,
        "decided_at": dispute.decided_at,
        "appeal_of": dispute.appeal_of_id,
        "frozen_at": dispute.batch.frozen_at,
        "rejections": shown,
        "statements": [statement_shown(one) for one in cases.statements(dispute, user)],
        "evidence": [evidence_shown(one) for one in cases.evidence_in(dispute, user)],
        "decisions": list(cases.decisions(dispute)),
        "terms": dispute.batch if user.is_adjudicator else None,
    }


# --- a worker's own ------------------------------------------------------------------------------


class SeenOut(Shape):
    by = serializers.CharField()
    at = time()


class SaidOut(Shape):
    side = Choice(Side)
    text = serializers.CharField()
    at = time()


class HerCaseOut(Shape):
    id = serializers.IntegerField()
    kind = Choice(DisputeKind)
    cause = Choice(DisputeCause)
    state = Choice(DisputeState)
    filed_at = time()
    due_at = when(help_text="When its state ends by itself: decided, until when to appeal.")
    decide_by = time()
    replied_at = when()
    decided_at = when()
    appealed_at = when()
    closed_at = when()


class RefusalOut(RejectionOut):
    """A worker's rejected answer. What is erased for the client she keeps."""

    batch = serializers.IntegerField(source="batch_id")
    title = serializers.CharField()
    client = serializers.CharField()
    verified = serializers.BooleanField(help_text="Staff has checked who the client is.")
    reward = Money(help_text="What it is about.")
    opened = SeenOut(allow_null=True, help_text="Who of the client opened your answer, and when.")
    case = HerCaseOut(allow_null=True)
    reply = serializers.CharField(help_text="The client's, in your case.")
    statements = SaidOut(many=True)
    evidence = EvidenceOut(many=True)
    decisions = DecisionOut(many=True)
    allowed = serializers.ListField(
        child=serializers.CharField(),
        help_text="What you can do now: `contest`, `say`, `appeal`; `evidence` on the dispute.",
    )


def refusal_shown(found: cases.Refusal) -> dict[str, Any]:
    one, opening = found.rejection, found.opening
    return rejection_shown(one) | {
        "explanation": found.explanation,
        "batch_id": one.batch_id,
        "title": one.batch.title,
        "client": one.batch.client.name,
        "verified": one.batch.client.verified_at is not None,
        "reward": one.batch.reward,
        "opened": {"by": opening.by.known_as, "at": opening.at} if opening else None,
        "case": found.dispute,
        "reply": found.reply,
        "statements": found.statements,
        "evidence": [evidence_shown(file) for file in found.evidence],
        "decisions": found.decisions,
        "allowed": found.allowed,
    }


# --- reports and staff's own ---------------------------------------------------------------------


class ReportOut(Shape):
    id = serializers.IntegerField()
    batch = serializers.IntegerField(source="batch_id")
    title = serializers.CharField(source="batch.title")
    client = serializers.CharField(source="batch.client.name")
    kind = Choice(ReportKind)
    text = serializers.CharField()
    state = Choice(ReportState)
    at = time()
    decided_at = when()
    reasons = serializers.CharField()
