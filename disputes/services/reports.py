"""Workers report a batch; an adjudicator decides what becomes of it (R19)."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import events
from core.db import inside_operation, operation
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.text import checked
from disputes.models import Dispute, Rejection, Report
from disputes.services import ending, filing, log
from disputes.services.judging import check_adjudicator
from disputes.services.locking import lock_rejections, lock_work
from disputes.states import REPORT, Outcome, RejectionState, ReportKind, ReportState
from tasks.models import Batch
from tasks.services import decisions as work


@operation
def report_batch(*, batch_id: int, worker: User, kind: str, text: str, now: datetime) -> Report:
    """A worker says what is wrong with a published batch; staff reads it. She stays unnamed.

    Raises Forbidden 403, NotFound 404, Invalid, Conflict `reported` while hers is undecided.
    """
    if not worker.is_worker:
        raise Forbidden(_("Only workers report a batch."))
    if kind not in ReportKind.values:
        raise Invalid(
            _("Choose one of: %(known)s.") % {"known": ", ".join(ReportKind.values)}, field="kind"
        )
    said = checked(text, field="text", least=20, most=2_000)
    batch = Batch.objects.published().filter(pk=batch_id).first()
    if batch is None:
        raise NotFound(_("There is no such batch."))
    mine = Report.objects.filter(batch=batch, worker=worker, kind=kind, state=ReportState.OPEN)
    if mine.exists():
        raise Conflict(_("You have reported this already; we look at it."), code="reported")
    try:
        with transaction.atomic():
            report = Report.objects.create(batch=batch, worker=worker, kind=kind, text=said, at=now)
    except IntegrityError as error:
        raise Conflict(
            _("You have reported this already; we look at it."), code="reported"
        ) from error
    events.record("batch.reported", by=worker, about=report, now=now, reason=kind)
    return report


@operation
def decide_report(
    *, report_id: int, by: User, founded: bool, reasons: str, now: datetime
) -> Report:
    """Decides a report, and every open one of the same kind about the same batch.

    A founded one stops new claims; where the batch sends workers elsewhere its client loses the
    right to reject, and what it has rejected is paid. Raises Forbidden, NotFound, IllegalMove.
    """
    check_adjudicator(by)
    said = checked(reasons, field="reasons", least=20)
    found = Report.objects.filter(pk=report_id).values_list("batch", "kind").first()
    if found is None:
        raise NotFound(_("There is no such report."))
    batch = work.lock_batch(batch_id=found[0])
    report = Report.objects.select_for_update().get(pk=report_id)
    state = REPORT.check("uphold" if founded else "dismiss", report.state)
    same = Report.objects.filter(batch=batch, kind=report.kind, state=ReportState.OPEN)
    same.update(state=state, decided_at=now, decided_by=by, reasons=said)
    log.write(
        "report", by=by, about=batch, now=now, reason=report.kind, founded=founded, reasons=said
    )
    if founded:
        work.apply_stop_claims(batch, by=by, now=now)
        if report.kind == ReportKind.EXTERNAL:
            work.apply_bar_rejections(batch, by=by, now=now)
            _annul_all(batch, by=by, now=now)
    events.record("report.decided", by=by, about=report, now=now, founded=founded)
    report.refresh_from_db()
    return report


@inside_operation
def _annul_all(batch: Batch, *, by: User, now: datetime) -> None:
    """Every rejection of the locked batch that is not final is paid: there was no right to it."""
    running = Rejection.objects.filter(batch=batch).exclude(state=RejectionState.CLOSED)
    disputes = list(
        Dispute.objects.running().filter(batch=batch).select_for_update(of=("self",)).order_by("pk")
    )
    rejections = lock_rejections(running)
    lock_work(rejections)
    still_open = [one for one in rejections if one.state == RejectionState.OPEN]
    if still_open:
        work.apply_contest([one.assignment_id for one in still_open], by=by, now=now)
    ending.pay(rejections, outcome=Outcome.ANNULLED, by=by, now=now)
    for dispute in disputes:
        filing.close(dispute, now=now)
