"""The one door to answers. Nothing else reads `Answer` to show it to anybody.

Who may read what: the worker her own, always; the client what is approved, which is what it has
paid for, and what it opened in review, while that is undecided (R5, R6); an adjudicator what she
judges. Who read what and when is an event, written by the service that opens the door; a worker's
look at her own work is nobody's business.

What a client reads is read as the database role `fairclick_client`, for this one client, in a
transaction that ends with the read (so that no pooled connection keeps the role). Row-level
security refuses what is sealed or erased, whatever the queries below ask for (migration 0004).
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Client, User
from accounts.selectors import pseudonym
from core.db import rows
from core.errors import Conflict, Invalid
from tasks.interfaces import parse as interfaces
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
    """What the worker keeps of work that came too late or was refused: the last hundred."""
    found = Archived.objects.filter(worker=worker).select_related("assignment__batch")
    return list(found.order_by("-pk")[:100])


AS_CLIENT = """
SELECT set_config('role', 'fairclick_client', true),
       set_config('fairclick.client', %(client)s::text, true)
"""


@contextmanager
def _as_client(client: Client) -> Iterator[None]:
    """Reads of one client, in a transaction of their own."""
    with transaction.atomic(durable=True):
        rows(AS_CLIENT, {"client": client.pk})
        yield
        # Nothing was written: going back ends the role, whatever stands around this block.
        transaction.set_rollback(True)


def readable(*, assignment_id: int, client: Client) -> Any:
    """The answer of one assignment, if it is paid for, or opened and undecided.

    Raises Sealed 409 otherwise. Whoever calls records who reads (tasks/services/openings.py).
    """
    with _as_client(client):
        content = _content(assignment_id)
    if content is None:
        raise Sealed(_("This answer is sealed until it is paid for."))
    return content


def _content(assignment_id: int) -> Any | None:
    found = Answer.objects.filter(assignment=assignment_id)
    return found.values_list("content", flat=True).first()


def in_case(*, assignment_ids: Sequence[int]) -> dict[int, Any]:
    """What an adjudicator judges: the answers of these assignments. Erased ones are missing.

    Only for cases; the service that shows one records the look (disputes).
    """
    found = Answer.objects.filter(assignment__in=assignment_ids)
    return dict(found.values_list("assignment_id", "content"))


def of_task(*, task_id: int, but: int) -> list[tuple[Assignment, Any]]:
    """How others answered the same task, for the adjudicator of a case: oldest first."""
    found = Answer.objects.filter(assignment__task=task_id).exclude(assignment=but)
    ordered = found.select_related("assignment").order_by("assignment_id")[:100]
    return [(one.assignment, one.content) for one in ordered]


def same(batch: Batch, one: Any, other: Any) -> bool:
    """Whether two complete answers to a task say the same, as the batch's interface compares."""
    interface = interfaces.parse_cached(batch.interface)
    return interface.canonical(one) == interface.canonical(other)


def equals_paid(*, assignment: Assignment) -> bool:
    """Whether another answer to the same task says the same and is paid for (R4)."""
    mine = _content(assignment.pk)
    others = Answer.objects.filter(
        assignment__task=assignment.task_id, assignment__state=AssignmentState.APPROVED
    )
    known = others.exclude(assignment=assignment.pk).values_list("content", flat=True)
    batch = assignment.batch
    return mine is not None and any(same(batch, mine, one) for one in known)


def quotes(*, assignment_ids: Sequence[int], text: str, least: int = 12) -> bool:
    """Whether `text` quotes something that one of these answers says in words: all of a short
    text, a stretch of some words of a longer one."""
    said = " ".join(text.split()).casefold()
    return any(
        run in said
        for content in in_case(assignment_ids=assignment_ids).values()
        for phrase in phrases(content, least=least)
        for run in _runs(" ".join(phrase.split()).casefold())
    )


def _runs(phrase: str, least: int = 24) -> Iterator[str]:
    """The phrase, and every run of whole words in it that is just long enough to tell."""
    yield phrase
    words = phrase.split()
    for start in range(len(words)):
        run = ""
        for word in words[start:]:
            run = f"{run} {word}".strip()
            if len(run) >= least:
                yield run
                break


def phrases(content: Any, *, least: int) -> Iterator[str]:
    """Every text of an answer that a person wrote, of at least so many characters."""
    for part in content:
        texts = part.get("value", {}).get("text", [])
        for text in [texts] if isinstance(texts, str) else texts:
            if isinstance(text, str) and len(text.strip()) >= least:
                yield text.strip()


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
    cursor = _parsed(after)
    if cursor[0] and rows(AHEAD, {"xid": cursor[0]})[0][0]:
        raise Invalid(_("This cursor is from before a restore: begin anew."), field="after")
    return _results(batch, client, cursor)


# A cluster counts its transactions from its own beginning (docs/operations.md).
AHEAD = "SELECT %(xid)s >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"


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
        told = {"batch": batch.pk, "client": client.pk, "xid": after[0], "id": after[1]}
        with _as_client(client):
            page = rows(RESULTS, told | {"page": PAGE})
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
        told = {"batch": batch.pk, "client": client.pk, "position": position, "id": ident}
        with _as_client(client):
            page = rows(BY_TASK, told | {"page": PAGE})
        for row in page:
            position, ident, external_id, payload, content, worker_id, *rest, xid = row
            name = names[worker_id]
            yield Result(f"{xid}-{ident}", ident, external_id, payload, content, name, *rest)
        if len(page) < PAGE:
            return
