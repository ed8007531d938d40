"""What a worker writes: drafts that survive, and answers that count exactly once."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import events, rules, text
from core.db import inside_operation, operation, rows
from core.errors import Conflict, Flaw, Invalid, TooLate
from tasks.interfaces import json_values
from tasks.interfaces import parse as interfaces
from tasks.models import Answer, Archived, Assignment, Draft, GoldCheck, Opening
from tasks.selectors import answers, sampling
from tasks.services import claims
from tasks.states import ASSIGNMENT, AssignmentState


class NewerDraft(Conflict):
    code = "newer_draft"


@dataclass(frozen=True)
class Submission:
    """What became of an answer: `archived` when it came too late and its place was taken."""

    assignment: Assignment
    archived: bool = False
    repeated: bool = False


@operation
def save_draft(
    *, assignment_id: int, worker: User, content: Any, revision: int, now: datetime
) -> Draft:
    """Saves unfinished work; `revision` is the one it builds upon (0: none). Counts as life.

    Checked for size and shape only. Raises NewerDraft 409 carrying the newer one, IllegalMove.
    """
    _check_shape(content)
    assignment = claims.lock_own(assignment_id=assignment_id, worker=worker)
    ASSIGNMENT.check("submit", assignment.state)
    draft = Draft.objects.filter(assignment=assignment).first()
    current = draft.revision if draft else 0
    if draft and revision != current and content != draft.content:
        raise NewerDraft(
            _("This task was saved elsewhere meanwhile. Compare both and save again."),
            extra={"revision": current, "content": draft.content},
        )
    claims.apply_life(assignment, now=now)
    saved, _created = Draft.objects.update_or_create(
        assignment=assignment,
        defaults={"content": content, "revision": current + 1, "saved_at": now},
    )
    return saved


def _check_shape(content: Any) -> None:
    """Whether an answer, finished or not, is a list that can be stored."""
    if not isinstance(content, list):
        raise Invalid(_("An answer is a list of results."), field="content")
    for problem in chain(json_values.check_json(content), json_values.check_size(content)):
        raise Invalid(_("This cannot be stored."), flaws=[problem.as_flaw("/content")])


@operation
def submit(
    *, assignment_id: int, worker: User, content: Any, key: str, now: datetime
) -> Submission:
    """Submits an answer; the same `key` again returns the first result.

    Only a complete answer is taken: Invalid 400 names every flaw and changes nothing. After
    expiry it still counts while the place is free; otherwise it is kept in her archive and
    `archived` says so (R12). A second answer under another key is an IllegalMove 409.
    """
    if not 1 <= len(key) <= 64 or text.unstorable(key):
        raise Invalid(_("Send a key of 1 to 64 characters, new for each answer."), field="key")
    exposed = claims.lock_exposed(assignment_id=assignment_id, worker=worker)
    assignment = exposed.assignment
    if assignment.submit_key == key and assignment.state != AssignmentState.CLAIMED:
        return Submission(_counted(assignment), repeated=True)
    check_answer(assignment, content)
    if assignment.state == AssignmentState.EXPIRED:
        return _submit_late(exposed, worker=worker, content=content, key=key, now=now)
    ASSIGNMENT.check("submit", assignment.state)
    _submit(exposed, content=content, key=key, now=now)
    return Submission(assignment)


def _counted(assignment: Assignment) -> Assignment:
    """The claim under which an answer counted: of an expired one, that which took its place."""
    if assignment.state != AssignmentState.EXPIRED:
        return assignment
    # Newest first: it may have been taken back since, and have no key any more.
    found = Assignment.objects.select_related("task", "batch").filter(
        place=assignment.place_id, worker=assignment.worker_id
    )
    return found.order_by("-pk")[0]


def check_answer(assignment: Assignment, content: Any) -> None:
    """Raises Invalid with a flaw for everything that the interface finds wrong."""
    interface = interfaces.parse_cached(assignment.batch.interface)
    problems = interface.check_result(content, assignment.task.payload)
    if problems:
        raise Invalid(
            _("The answer is not complete yet."),
            code="answer_invalid",
            flaws=[Flaw(p.message, p.code, pointer=f"/{p.name or ''}") for p in problems],
        )


SUBMIT = """
SELECT tasks_submit(%(assignment)s, %(from)s, %(to)s, %(key)s, %(content)s, %(now)s, %(review_due)s,
                    %(last_seen)s, %(lease_ends)s, %(active)s, %(heard)s, %(first)s, %(drawn)s,
                    %(passed)s)
"""


@inside_operation
def _submit(exposed: claims.Exposed, *, content: Any, key: str, now: datetime) -> None:
    assignment, exposure, gold = exposed
    review_due = now + timedelta(seconds=assignment.batch.review_window_seconds)
    past_bound = exposure + assignment.batch.reward > rules.EXPOSURE_BOUND
    if past_bound:
        review_due = min(review_due, now + rules.EXPOSED_REVIEW)
    claims.note_life(assignment, now=now)
    assignment.state, assignment.submit_key = ASSIGNMENT.target("submit"), key
    assignment.submitted_at = assignment.moved_at = now
    assignment.review_due_at = review_due
    params = {
        "assignment": assignment.pk,
        "from": ASSIGNMENT.sources("submit"),
        "to": assignment.state,
        "key": key,
        "content": json.dumps(content),
        "now": now,
        "review_due": review_due,
        "last_seen": assignment.last_seen_at,
        "lease_ends": assignment.lease_ends_at,
        "active": assignment.active_seconds,
        "heard": events.heard("assignment.submitted"),
        "first": rules.SAMPLE_FIRST,
        "drawn": sampling.is_drawn(assignment.batch, assignment.place_id),
        "passed": None if gold is None else answers.same(assignment.batch, gold, content),
    }
    [(moved,)] = rows(SUBMIT, params)
    if not moved:
        raise RuntimeError(f"assignment {assignment.pk} moved although it is locked")
    if past_bound:
        _hasten_reviews(assignment, due=now + rules.EXPOSED_REVIEW)


HASTEN = """
UPDATE tasks_assignment SET review_due_at = %(due)s
 WHERE worker_id = %(worker)s AND client_id = %(client)s AND state = 'submitted'
   AND review_due_at > %(due)s
"""


@inside_operation
def _hasten_reviews(assignment: Assignment, *, due: datetime) -> None:
    """Bounded exposure (R11): what already waits between the two is due by then, too."""
    told = {"worker": assignment.worker_id, "client": assignment.client_id, "due": due}
    rows(HASTEN, told)


@inside_operation
def _submit_late(
    exposed: claims.Exposed, *, worker: User, content: Any, key: str, now: datetime
) -> Submission:
    expired = exposed.assignment
    try:
        with transaction.atomic():
            assignment = claims.retake(expired, now=now)
    except IntegrityError:
        # She holds the task by another claim already: that one counts.
        assignment = None
    if assignment is None:
        if not Archived.objects.filter(assignment=expired, content=content).exists():
            Archived.objects.create(assignment=expired, worker=worker, content=content, at=now)
            events.record("answer.archived", by=worker, about=expired, now=now)
        return Submission(expired, archived=True)
    Assignment.objects.filter(pk=expired.pk).update(submit_key=key)
    Draft.objects.filter(assignment=expired).delete()
    _submit(exposed._replace(assignment=assignment), content=content, key=key, now=now)
    return Submission(assignment)


@operation
def unsubmit(*, assignment_id: int, worker: User, now: datetime) -> Assignment:
    """Takes a submitted answer back into work: once, within ten minutes, unopened.

    It becomes the draft.

    The rest of the lease is hers again. Raises TooLate 409, IllegalMove 409.
    """
    assignment = claims.lock_own(assignment_id=assignment_id, worker=worker)
    ASSIGNMENT.check("unsubmit", assignment.state)
    submitted = assignment.submitted_at
    if assignment.unsubmitted_at is not None or submitted is None:
        raise TooLate(_("An answer can be taken back once only."))
    if now - submitted > rules.UNSUBMIT_WITHIN:
        raise TooLate(_("An answer can be taken back within ten minutes."))
    if Opening.objects.filter(assignment=assignment).exists():
        raise TooLate(_("The client has opened this answer. It is in review now."))
    answer = Answer.objects.get(assignment=assignment)
    Draft.objects.create(assignment=assignment, content=answer.content, revision=1, saved_at=now)
    answer.delete()
    GoldCheck.objects.filter(assignment=assignment).delete()
    away = now - submitted
    changes: dict[str, Any] = {
        "state": ASSIGNMENT.target("unsubmit"),
        "submitted_at": None,
        "review_due_at": None,
        "submit_key": None,
        "unsubmitted_at": now,
        "last_seen_at": now,
        "lease_ends_at": assignment.lease_ends_at + away,
        "due_at": assignment.due_at + away,
        "moved_at": now,
    }
    claims.guarded(ASSIGNMENT, "unsubmit", [assignment.pk], **changes)
    for name, value in changes.items():
        setattr(assignment, name, value)
    events.record("assignment.unsubmitted", by=worker, about=assignment, now=now)
    return assignment
