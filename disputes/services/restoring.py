"""What a restored backup has to do again: erase what was erased since, and order its results.

The backup is of a time when an answer was not refused yet; what came after it is not known to it.
"""

from datetime import datetime
from typing import Any

from core import events
from core.db import inside_operation, operation, rows
from disputes.models import Rejection
from disputes.services import ending, filing
from disputes.services.locking import Refused, lock_rejection
from disputes.states import REFUSED, Outcome, RejectionState
from tasks.models import Answer, Archived, Assignment, Draft, Erasure
from tasks.selectors import answers
from tasks.services import decisions as work
from tasks.states import ArchiveCause, AssignmentState

# What became of an entry of the list.
ERASED = "erased again"
GONE = "nothing to erase"
UNKNOWN = "not in this backup"
OTHER = "another answer stands there"
IN_REVIEW = "in review in this backup: it will be paid, and then delivered"
PAID = "paid in this backup"
IN_WORK = "in work in this backup"


@operation
def redo(*, assignment_id: int, digest: bytes, outcome: str, now: datetime) -> str:
    """Erases the answer of a listed assignment again, if its content is back. Safe to repeat.

    One that is rejected or disputed in the backup is refused, as `outcome` says; without one, as
    upheld if it was in dispute and as lapsed otherwise. One in review stays: there nobody had
    refused to pay for it. `digest` tells its answer from another under the same number. Returns
    what was done, as one of the constants above.
    """
    found = Assignment.objects.select_related("batch").filter(pk=assignment_id).first()
    if found is None:
        return UNKNOWN
    content = answers.in_case(assignment_ids=[assignment_id]).get(assignment_id)
    if content is None:
        return IN_WORK if found.is_claimed else GONE
    if work.digest(found.batch, content) != digest:
        return OTHER
    if found.state == AssignmentState.SUBMITTED:
        return IN_REVIEW
    if found.state == AssignmentState.APPROVED:
        return PAID
    refused = lock_rejection(Rejection.objects.filter(assignment=assignment_id))
    if refused.rejection.state == RejectionState.CLOSED:
        _erase(refused.assignment, digest, content, now=now)
    else:
        _refuse(refused, outcome=outcome, now=now)
    events.record("erasure.redone", by=None, about=refused.assignment, now=now)
    return ERASED


@inside_operation
def _refuse(refused: Refused, *, outcome: str, now: datetime) -> None:
    rejection, dispute = refused.rejection, refused.dispute
    undisputed = rejection.state == RejectionState.OPEN
    default = Outcome.LAPSED if undisputed else Outcome.UPHELD
    ended = Outcome(outcome) if outcome in REFUSED else default
    ending.refuse([rejection], outcome=ended, by=None, now=now)
    if dispute is not None:
        filing.close_if_done(dispute, now=now)


@inside_operation
def _erase(one: Assignment, digest: bytes, content: Any, *, now: datetime) -> None:
    """Of one that is refused already only the answer is back: its table was restored alone."""
    Archived.objects.get_or_create(
        assignment=one,
        cause=ArchiveCause.REFUSED,
        defaults={"worker_id": one.worker_id, "content": content, "at": now},
    )
    Erasure.objects.get_or_create(
        assignment=one, defaults={"batch_id": one.batch_id, "digest": digest, "at": now}
    )
    Answer.objects.filter(assignment=one).delete()
    Draft.objects.filter(assignment=one).delete()


# A cluster counts its transactions from its own beginning. Where results were approved by numbers
# that this one has not reached, nobody would see them for long, and what is approved from now on
# would come before them. They get numbers that it has passed, in the same order.
REORDER = """
WITH here AS (
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1 AS passed
), old AS (
    SELECT approved_xid, row_number() OVER (ORDER BY approved_xid) AS number,
           count(*) OVER () AS whole
      FROM tasks_assignment WHERE approved_xid IS NOT NULL GROUP BY approved_xid
), moved AS (
    UPDATE tasks_assignment a
       SET approved_xid = ceil(old.number::numeric * here.passed / old.whole)
      FROM old, here WHERE a.approved_xid = old.approved_xid
    RETURNING a.id
)
SELECT count(*) FROM moved
"""
FOREIGN = """
SELECT EXISTS (
    SELECT FROM tasks_assignment
     WHERE approved_xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
)
"""


@operation
def reorder_results() -> int:
    """Puts results approved in another cluster before all that will be approved in this one.

    Cursors given before are worth nothing then. Returns how many; 0 where nothing is foreign.
    Only while nothing else runs.
    """
    [(foreign,)] = rows(FOREIGN)
    if not foreign:
        return 0
    [(count,)] = rows(REORDER)
    return int(count)
