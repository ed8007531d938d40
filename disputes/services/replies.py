"""What else comes into a case: the client's reply, and files of either side."""

from datetime import datetime

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.utils.translation import gettext_lazy as _

from accounts.models import Member, User
from core import events, rules, text
from core.db import inside_operation, operation
from core.errors import Conflict, Invalid, NotFound, TooLarge, TooLate, UnsupportedMedia
from core.text import checked
from disputes.models import Dispute, Evidence, Rejection
from disputes.services.contests import check_undecided
from disputes.services.locking import lock_case
from disputes.states import DISPUTE, RejectionState, Side

# By their first bytes: what a person can look at, and nothing that runs.
KINDS = {
    b"\x89PNG\r\n\x1a\n": ("image/png", ".png"),
    b"\xff\xd8\xff": ("image/jpeg", ".jpg"),
    b"%PDF-": ("application/pdf", ".pdf"),
}


@operation
def reply(*, dispute_id: int, by: Member, text: str, now: datetime) -> Dispute:
    """The client's answer to a dispute, once, within 72 hours; then an adjudicator decides.

    Raises NotFound 404, TooLate and IllegalMove 409, Invalid.
    """
    said = checked(text, field="text", least=20)
    case = lock_case(Dispute.objects.filter(pk=dispute_id, client=by.client_id))
    dispute = case.dispute
    target = DISPUTE.check("reply", dispute.state)
    if dispute.due_at is None or now >= dispute.due_at:
        raise TooLate(_("The 72 hours to reply have passed: the worker wins this dispute."))
    dispute.state, dispute.due_at = target, dispute.decide_by
    dispute.reply, dispute.replied_at, dispute.replied_by = said, now, by.user
    dispute.save(update_fields=["state", "due_at", "reply", "replied_at", "replied_by"])
    events.record("dispute.answered", by=by.user, about=dispute, now=now)
    return dispute


@operation
def add_evidence(
    *,
    dispute_id: int,
    by: User,
    member: Member | None,
    file: "File[bytes]",
    name: str,
    shared: bool,
    now: datetime,
) -> Evidence:
    """Keeps a PNG, JPEG or PDF for the adjudicator; the other side sees it only if `shared`.

    A client's is always shared: who accuses shows what with. Raises NotFound 404, TooLarge 413,
    UnsupportedMedia 415, Invalid, Conflict 409 (decided already, or five files of this side).
    """
    case = lock_case(Dispute.objects.visible_to(by).filter(pk=dispute_id))
    check_undecided(case.dispute)
    side = Side.CLIENT if member is not None else Side.WORKER
    rejection = _about(case.rejections, by=by, side=side)
    _check_number(case.dispute, by=by, side=side)
    kind, ending = _kind(file)
    evidence = Evidence(
        dispute=case.dispute,
        rejection=rejection,
        by=by,
        side=side,
        name=_name(name),
        content_type=kind,
        size=file.size or 0,
        shared=shared or side == Side.CLIENT,
        at=now,
    )
    evidence.file.save(f"{evidence.pk}{ending}", file, save=False)
    return _record(evidence, now=now)


@inside_operation
def _record(evidence: Evidence, *, now: datetime) -> Evidence:
    """The row; no file stays behind if it cannot be written."""
    about, told = evidence.dispute, str(evidence.pk)
    try:
        evidence.save(force_insert=True)
        events.record("evidence.added", by=evidence.by, about=about, now=now, evidence=told)
    except BaseException:
        default_storage.delete(str(evidence.file.name))
        raise
    return evidence


def _check_number(dispute: Dispute, *, by: User, side: Side) -> None:
    known = Evidence.objects.filter(dispute=dispute, side=side)
    if side == Side.WORKER:
        known = known.filter(by=by)
    if known.count() >= rules.MAX_EVIDENCE_FILES:
        raise Conflict(_("At most five files of one side."), code="too_many_files")


@inside_operation
def _about(rejections: list[Rejection], *, by: User, side: Side) -> Rejection | None:
    """The worker's own rejection; a client's file is about one only where there is one."""
    mine = [one for one in rejections if one.worker_id == by.pk]
    if side == Side.WORKER:
        if not mine:
            raise NotFound(_("There is no such dispute, or it is not yours."))
        return mine[0]
    running = [one for one in rejections if one.state != RejectionState.CLOSED]
    return running[0] if len(running) == 1 else None


def _kind(file: "File[bytes]") -> tuple[str, str]:
    if (file.size or 0) > rules.MAX_EVIDENCE_BYTES:
        raise TooLarge(_("A file has at most 10 MB."), field="file")
    start = file.read(16)
    file.seek(0)
    for signature, kind in KINDS.items():
        if start.startswith(signature):
            return kind
    raise UnsupportedMedia(_("Send a PNG, a JPEG or a PDF."), code="not_evidence", field="file")


def _name(name: str) -> str:
    """The file's own name, for people: no path in it, nothing that cannot be stored."""
    plain = name.replace("\\", "/").rsplit("/", 1)[-1].strip()
    if text.unstorable(plain):
        raise Invalid(_("NUL characters and broken Unicode are not allowed."), field="name")
    return plain[-200:] or "–"
