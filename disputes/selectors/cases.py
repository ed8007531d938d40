"""What each side of a case may read: the worker, the client, the adjudicator. Never an answer.

A worker reads what concerns her own rejection, also of a group's case; a client reads its case, its
workers under their names for it; an adjudicator reads all.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import Member, User
from accounts.selectors import client_of
from core.errors import NotFound, Text
from disputes.models import (
    Decision,
    Dispute,
    DisputeQuerySet,
    Evidence,
    LogEntry,
    Rejection,
    Report,
    Statement,
)
from disputes.states import (
    REFUSED,
    TO_DECIDE,
    UNDECIDED,
    DisputeState,
    RejectionState,
    ReportState,
    Side,
)
from tasks.models import Archived, Opening
from tasks.states import ArchiveCause

# Of a case, and of one person in it.
MOST = 100


# --- lists ---------------------------------------------------------------------------------------


def disputes(user: User, *, state: str = "") -> DisputeQuerySet:
    """The cases that are hers to see, batch and client loaded, `rejection_count` counted.

    Without a `state` an adjudicator sees what runs. Newest first; `queue` orders by what runs out.
    """
    found = disputes_of(user)
    if state:
        found = found.filter(state=state)
    elif user.is_adjudicator:
        found = found.filter(closed_at__isnull=True)
    return found.order_by("-pk")


def disputes_of(user: User) -> DisputeQuerySet:
    """All that are hers to see."""
    ids = Dispute.objects.visible_to(user).values("pk")
    found = Dispute.objects.filter(pk__in=ids).select_related("batch", "client")
    return found.annotate(rejection_count=_rejection_count())


def _rejection_count() -> Coalesce:
    """Counted for the rows of a page only, not for all that it was taken from."""
    of_case = Rejection.objects.filter(dispute=OuterRef("pk")).order_by().values("dispute")
    return Coalesce(Subquery(of_case.annotate(many=Count("pk")).values("many")), 0)


def queue(user: User, *, state: str = "") -> DisputeQuerySet:
    """What an adjudicator has before her: what runs out first in front; closed ones left out."""
    return disputes(user, state=state).filter(closed_at__isnull=True).order_by("due_at", "pk")


def case(user: User, dispute_id: int) -> Dispute:
    """One of them, the group's case before it loaded. Raises NotFound 404."""
    found = disputes_of(user).select_related("appeal_of").filter(pk=dispute_id).first()
    if found is None:
        raise NotFound(_("There is no such dispute, or it is not yours."))
    return found


def reports(*, state: str = ReportState.OPEN) -> QuerySet[Report]:
    """What workers reported, for adjudicators: newest first, batch and client loaded."""
    found = Report.objects.select_related("batch__client", "decided_by").order_by("-pk")
    return found.filter(state=state) if state else found


def log() -> QuerySet[LogEntry]:
    """Everything that staff decided, newest first."""
    return LogEntry.objects.select_related("by").order_by("-pk")


# --- what is in a case -----------------------------------------------------------------------


def rejections(dispute: Dispute, user: User) -> QuerySet[Rejection]:
    """Those of a case that a person sees: a worker hers; an adjudicator what is judged itself.

    A client sees all: which are drawn it must not know, or it would withdraw those (R10).

    Task, batch, who rejected, and when the answer was opened by whom are loaded.
    """
    found = Rejection.objects.filter(dispute=dispute).select_related(
        "assignment__task", "assignment__opening__by", "batch__client", "by"
    )
    if user.is_worker:
        found = found.filter(worker=user)
    elif user.is_adjudicator:
        found = found.filter(sampled=True)
    return found.order_by("pk")[:MOST]


def criterion(rejection: Rejection) -> str:
    """The text of the criterion cited, as it was published; its batch is loaded."""
    criteria = rejection.batch.criteria
    at = rejection.criterion - 1
    return str(criteria[at]) if 0 <= at < len(criteria) else ""


def levels(dispute: Dispute) -> list[int]:
    """The case, and the group's case out of which it was appealed."""
    return [pk for pk in (dispute.pk, dispute.appeal_of_id) if pk is not None]


def decisions(dispute: Dispute) -> QuerySet[Decision]:
    """What was decided and why; both sides read it. First level first."""
    found = Decision.objects.filter(dispute__in=levels(dispute))
    return found.select_related("by").order_by("level", "pk")


def statements(dispute: Dispute, user: User) -> QuerySet[Statement]:
    """What was said, oldest first. A worker reads what concerns her, the other sides all of it."""
    mine = Rejection.objects.filter(dispute=dispute)
    if user.is_worker:
        mine = mine.filter(worker=user)
    of_all = Q(dispute__in=levels(dispute), rejection=None)
    found = Statement.objects.filter(Q(rejection__in=mine) | of_all)
    return found.select_related("by", "rejection").order_by("pk")[:MOST]


def evidence(user: User) -> QuerySet[Evidence]:
    """The files a person may open: an adjudicator all; a side its own and what is shared with it.

    In a group's case no worker sees another worker's.
    """
    if user.is_adjudicator:
        return Evidence.objects.all()
    if user.is_worker:
        hers = Rejection.objects.filter(worker=user).exclude(dispute=None)
        cases = hers.values("dispute")
        groups = hers.exclude(dispute__appeal_of=None).values("dispute__appeal_of")
        of_all = Q(rejection=None) & (Q(dispute__in=cases) | Q(dispute__in=groups))
        to_her = Q(side=Side.CLIENT) & (Q(rejection__worker=user) | of_all)
        return Evidence.objects.filter(Q(by=user) | to_her)
    client = client_of(user)
    if client is None:
        return Evidence.objects.none()
    return Evidence.objects.filter(dispute__client=client).filter(
        Q(side=Side.CLIENT) | Q(shared=True)
    )


def evidence_in(dispute: Dispute, user: User) -> QuerySet[Evidence]:
    """Of these, the files of one case: also those that came with it from an earlier one."""
    mine = Rejection.objects.filter(dispute=dispute)
    if user.is_worker:
        mine = mine.filter(worker=user)
    of_all = Q(dispute__in=levels(dispute), rejection=None)
    found = evidence(user).filter(Q(rejection__in=mine) | of_all)
    return found.select_related("by", "rejection").order_by("at", "pk")[:MOST]


# --- a worker and her rejected answer --------------------------------------------------------


@dataclass(frozen=True)
class Refusal:
    """A worker's rejected answer: why, until when she may do what, and what was said."""

    rejection: Rejection
    criterion: str
    explanation: str
    reply: str
    allowed: list[str]
    statements: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)

    @property
    def dispute(self) -> Dispute | None:
        found: Dispute | None = self.rejection.dispute
        return found

    @property
    def opening(self) -> Opening | None:
        """When the client opened the answer, and who did."""
        return getattr(self.rejection.assignment, "opening", None)


def for_worker(*, assignment_id: int, worker: User, now: datetime) -> Refusal:
    """Her rejected answer with all she may read of it; what was erased comes from her archive.

    Raises NotFound 404.
    """
    found = Rejection.objects.filter(assignment=assignment_id, worker=worker).select_related(
        "assignment__opening__by", "assignment__task", "batch__client", "by", "dispute__appeal_of"
    )
    rejection = found.first()
    if rejection is None:
        raise NotFound(_("This answer was not rejected, or it is not yours."))
    dispute = rejection.dispute
    record = _record(rejection)
    said = record.get("statements")
    return Refusal(
        rejection=rejection,
        criterion=criterion(rejection),
        explanation=record.get("explanation", rejection.explanation),
        reply=record.get("reply", reply_to(dispute)),
        allowed=allowed_to_worker(rejection, now=now),
        statements=statements_about(rejection) if said is None else said,
        decisions=list(decisions(dispute)) if dispute else [],
        evidence=list(evidence_in(dispute, worker)) if dispute else [],
    )


def _record(rejection: Rejection) -> dict[str, Any]:
    """What she keeps of it, once it was refused and erased everywhere else."""
    if rejection.outcome not in REFUSED:
        return {}
    kept = Archived.objects.filter(
        assignment=rejection.assignment_id, worker=rejection.worker_id, cause=ArchiveCause.REFUSED
    )
    return dict(kept.values_list("record", flat=True).first() or {})


def statements_about(rejection: Rejection) -> list[dict[str, Any]]:
    """What was said of one rejection: by whom (which side), what, when; as her archive keeps it."""
    found = Statement.objects.filter(rejection=rejection)
    if rejection.dispute is not None:
        group = Q(dispute__in=levels(rejection.dispute), rejection=None)
        found = Statement.objects.filter(Q(rejection=rejection) | group)
    return [
        {"side": one.side, "text": one.text, "at": one.at.isoformat()}
        for one in found.order_by("pk")[:MOST]
    ]


def reply_to(dispute: Dispute | None) -> str:
    """The client's reply in a case, or in the group's case before it."""
    if dispute is None:
        return ""
    return dispute.reply or (dispute.appeal_of.reply if dispute.appeal_of else "")


# --- what may be done ------------------------------------------------------------------------


def allowed_to_worker(rejection: Rejection, *, now: datetime) -> list[str]:
    """What she may do about it: contest, say, evidence, appeal. Its dispute is loaded."""
    dispute = rejection.dispute
    if rejection.state == RejectionState.OPEN:
        return ["contest"] if now < rejection.contest_by else []
    if dispute is None or rejection.state == RejectionState.CLOSED:
        return []
    if dispute.state in UNDECIDED:
        heard = rejection.contested_at is not None or dispute.on_appeal
        return ["say", "evidence"] if heard else ["contest", "say", "evidence"]
    in_time = dispute.due_at is not None and now < dispute.due_at
    return ["appeal"] if rejection.may_be_appealed and in_time else []


def allowed_to_client(dispute: Dispute, *, now: datetime) -> list[str]:
    """What the client may do about a case: reply, evidence."""
    in_time = dispute.due_at is not None and now < dispute.due_at
    reply = ["reply"] if dispute.state == DisputeState.FILED and in_time else []
    return [*reply, "evidence"] if dispute.state in UNDECIDED else reply


def allowed_to_adjudicator(dispute: Dispute, *, by: User) -> list[str]:
    """Whether it is hers to decide: it is answered; or on appeal, and she did not decide before."""
    mine = decided_before(dispute, by=by) is not None
    return ["decide"] if dispute.state in TO_DECIDE and not mine else []


def conflict(dispute: Dispute, *, by: User) -> Text | None:
    """Why this adjudicator may not look at a case: she belongs to one of its sides."""
    of_client = Member.objects.filter(client=dispute.client_id, user=by).exists()
    if of_client or Rejection.objects.filter(dispute=dispute, worker=by).exists():
        return _("You belong to one of the sides. Leave it to somebody else.")
    return None


def decided_before(dispute: Dispute, *, by: User) -> Text | None:
    """Why this adjudicator may not decide a case: an appeal goes to another one."""
    if dispute.on_appeal and dispute.decided_by_id == by.pk:
        return _("You made the decision that is appealed. Another adjudicator decides this.")
    return None
