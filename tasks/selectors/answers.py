"""The one door to answers. Nothing else reads `Answer` to show it to anybody.

Who may read what: the worker her own, always; the client what is approved, which is what it has
paid for (domain.md, invariant 4). Sealed review will open here, and nowhere else.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from accounts.models import Client, User
from accounts.selectors import pseudonym
from core.db import rows
from core.errors import Conflict, Invalid
from tasks.models import Answer, Archived, Assignment, Batch
from tasks.states import AssignmentState

PAGE = 2_000


class Sealed(Conflict):
    code = "sealed"


def own(*, assignment: Assignment, worker: User) -> Any | None:
    """The worker's own submitted answer, if there is one."""
    found = Answer.objects.filter(assignment=assignment, assignment__worker=worker)
    return found.values_list("content", flat=True).first()


def archive(*, worker: User) -> list[Archived]:
    """What the worker keeps of work that came too late: newest first, the last hundred."""
    found = Archived.objects.filter(worker=worker).select_related("assignment__batch")
    return list(found.order_by("-pk")[:100])


def paid(*, assignment: Assignment, client: Client) -> Any:
    """The answer of one approved assignment. Raises Sealed 409 before it is paid for."""
    found = Answer.objects.filter(
        assignment=assignment,
        assignment__client=client,
        assignment__state=AssignmentState.APPROVED,
    )
    content = found.values_list("content", flat=True).first()
    if content is None:
        raise Sealed(_("This answer is sealed until it is paid for."))
    return content


class Result(NamedTuple):
    """One paid answer, as it is delivered. Its JSON is text: most of it goes out as it came in."""

    cursor: str
    assignment_id: int
    external_id: str
    payload_json: str
    content_json: str
    worker: str
    submitted_at: datetime
    approved_at: datetime
    approved_by_clock: bool
    active_seconds: int

    @property
    def payload(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.payload_json)
        return found

    @property
    def content(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.content_json)
        return found


class Names(dict[int, str]):
    """Workers' names for one client, each worked out once."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.client = client

    def __missing__(self, worker_id: int) -> str:
        name = self[worker_id] = pseudonym(client=self.client, worker_id=worker_id)
        return name


# Up to the oldest transaction still running: what commits later comes later in this order, so that
# reading on from `after` never misses one.
RESULTS = """
SELECT a.approved_xid, a.id, t.external_id, t.payload, w.content, a.worker_id, a.submitted_at,
       a.decided_at, a.decided_by_id IS NULL, a.active_seconds
  FROM tasks_assignment a
  JOIN tasks_answer w ON w.assignment_id = a.id
  JOIN tasks_task t ON t.id = a.task_id
 WHERE a.batch_id = %(batch)s AND a.client_id = %(client)s AND a.state = 'approved'
   AND (a.approved_xid, a.id) > (%(xid)s, %(id)s)
   AND a.approved_xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
 ORDER BY a.approved_xid, a.id LIMIT %(page)s
"""


def results(*, batch: Batch, client: Client, after: str = "") -> Iterator[Result]:
    """Every paid answer of a batch in a stable order, in short queries. `after` is a cursor.

    Raises Invalid for a cursor that is not one, before the first row.
    """
    return _results(batch, client, _parsed(after))


def _parsed(after: str) -> tuple[int, int]:
    if not after:
        return 0, 0
    xid, _dash, ident = after.partition("-")
    if not (xid.isdecimal() and ident.isdecimal() and len(after) <= 40):
        raise Invalid(_("“after” is the cursor of a result you have."), field="after")
    return int(xid), int(ident)


def _results(batch: Batch, client: Client, after: tuple[int, int]) -> Iterator[Result]:
    names = Names(client)
    while True:
        page = rows(
            RESULTS,
            {"batch": batch.pk, "client": client.pk, "xid": after[0], "id": after[1], "page": PAGE},
        )
        for row in page:
            xid, ident, external_id, payload, content, worker_id, *rest = row
            after = (xid, ident)
            name = names[worker_id]
            yield Result(f"{xid}-{ident}", ident, external_id, payload, content, name, *rest)
        if len(page) < PAGE:
            return


# By task, for formats that put the answers of a task together. Not resumable: what is paid
# meanwhile may belong to a task that was already written.
BY_TASK = """
SELECT t.position, a.id, t.external_id, t.payload, w.content, a.worker_id, a.submitted_at,
       a.decided_at, a.decided_by_id IS NULL, a.active_seconds, a.approved_xid
  FROM tasks_task t
  JOIN tasks_place p ON p.task_id = t.id
  JOIN tasks_assignment a ON a.place_id = p.id AND a.state = 'approved'
  JOIN tasks_answer w ON w.assignment_id = a.id
 WHERE t.batch_id = %(batch)s AND a.client_id = %(client)s
   AND t.position >= %(position)s AND (t.position, a.id) > (%(position)s, %(id)s)
 ORDER BY t.position, a.id LIMIT %(page)s
"""


def results_by_task(*, batch: Batch, client: Client) -> Iterator[Result]:
    """Every paid answer of a batch, those of a task together, in the order of the tasks."""
    names = Names(client)
    position, ident = -1, 0
    while True:
        page = rows(
            BY_TASK,
            {
                "batch": batch.pk,
                "client": client.pk,
                "position": position,
                "id": ident,
                "page": PAGE,
            },
        )
        for row in page:
            position, ident, external_id, payload, content, worker_id, *rest, xid = row
            name = names[worker_id]
            yield Result(f"{xid}-{ident}", ident, external_id, payload, content, name, *rest)
        if len(page) < PAGE:
            return
