"""Where the content of an answer is: by the ids of rows, and by its own words in every store.

It only reads, and shows places, never the words. `manage.py prove_erasure` prints it.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.core.files.storage import default_storage
from django.db.models import Q

from core.db import rows
from disputes.models import Dispute, Evidence, Rejection, Statement
from marketplace import stores
from marketplace.stores import Hit, Needles
from tasks.models import Archived, Assignment, Draft, Erasure, Gold
from tasks.selectors import answers
from tasks.services import decisions
from tasks.states import ArchiveCause, AssignmentState

# Shorter texts say nothing of their own; of longer ones each sentence is looked for by itself,
# because whoever quotes does not quote all.
LEAST, SENTENCE = 8, 20
SENTENCES = re.compile(r"[\n.!?;。！？؟…]+")
# Beside the words of an answer an item has names of the interface in it, which are everybody's.
NAMES = frozenset({"id", "from_name", "to_name", "type", "origin"})
EVIDENCE = "evidence/"


# --- what was written ------------------------------------------------------------------------


def copy_of(assignment: Assignment) -> Any | None:
    """The content of an answer: the worker's archived copy if it is refused, else what there is."""
    if assignment.state == AssignmentState.REFUSED:
        kept = Archived.objects.filter(assignment=assignment, cause=ArchiveCause.REFUSED)
        return kept.values_list("content", flat=True).first()
    submitted = answers.in_case(assignment_ids=[assignment.pk]).get(assignment.pk)
    drafts = Draft.objects.filter(assignment=assignment).values_list("content", flat=True)
    return submitted if submitted is not None else drafts.first()


def own_words(assignment: Assignment, content: Any) -> list[str]:
    """The texts of an answer that are the worker's own: not in the batch, the task, its gold."""
    batch, task = assignment.batch, assignment.task
    gold = Gold.objects.filter(task=task).values_list("answer", flat=True).first()
    given = [batch.title, batch.instructions, batch.interface, task.external_id]
    given += _strings([batch.criteria, batch.examples, task.payload, gold])
    pieces = {piece for text in _strings(_values(content)) for piece in _pieces(text)}
    return sorted(one for one in pieces if not any(one in text for text in given))


def _values(content: Any) -> list[Any]:
    """The items of an answer without the names of what was asked."""
    return [
        {name: value for name, value in item.items() if name not in NAMES}
        for item in content or []
        if isinstance(item, dict)
    ]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _strings(list(value.values()))
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def _pieces(text: str) -> list[str]:
    """The sentences of a text, or the whole of a short one."""
    sentences = [one.strip() for one in SENTENCES.split(text)]
    long = [one for one in sentences if len(one) >= SENTENCE]
    whole = text.strip()
    return long or ([whole] if len(whole) >= LEAST else [])


def digest_matches(assignment: Assignment) -> bool | None:
    """Whether the worker's copy is what was erased, by the keyed hash; None without an erasure."""
    erased = Erasure.objects.filter(assignment=assignment).first()
    content = copy_of(assignment)
    if erased is None or content is None:
        return None
    return bytes(erased.digest) == decisions.digest(assignment.batch, content)


# --- by the ids of rows ----------------------------------------------------------------------


def rows_left(assignment: Assignment) -> Iterator[Hit]:
    """The rows that hold an answer, or what was written about it. None once it is erased."""
    if answers.in_case(assignment_ids=[assignment.pk]):
        yield Hit("tasks_answer", str(assignment.pk), "content")
    for draft in Draft.objects.filter(assignment__in=_hers(assignment)).order_by("pk"):
        yield Hit("tasks_draft", str(draft.pk), "content")
    rejection = Rejection.objects.filter(assignment=assignment).first()
    if rejection is not None:
        yield from _said_left(rejection)


def _hers(assignment: Assignment) -> list[int]:
    """The worker's assignments of the same task, where she wrote the same answer."""
    hers = Assignment.objects.filter(worker=assignment.worker_id, task=assignment.task_id)
    ended = hers.filter(Q(pk=assignment.pk) | ~Q(state=AssignmentState.CLAIMED))
    return list(ended.values_list("pk", flat=True))


def _said_left(rejection: Rejection) -> Iterator[Hit]:
    if rejection.explanation:
        yield Hit("disputes_rejection", str(rejection.pk), "explanation")
    cases = _cases(rejection)
    about = Q(rejection=rejection) | Q(rejection=None, dispute__in=cases)
    for statement in Statement.objects.filter(about).exclude(text="").order_by("pk"):
        yield Hit("disputes_statement", str(statement.pk), "text")
    for dispute in Dispute.objects.filter(pk__in=cases).exclude(reply="").order_by("pk"):
        yield Hit("disputes_dispute", str(dispute.pk), "reply")
    for evidence in Evidence.objects.filter(about).order_by("pk"):
        yield Hit("disputes_evidence", str(evidence.pk), f"file {evidence.file.name}")


def _cases(rejection: Rejection) -> set[int]:
    """The disputes a rejection is or was in."""
    cases = {rejection.dispute_id}
    cases |= set(Statement.objects.filter(rejection=rejection).values_list("dispute", flat=True))
    cases |= set(Evidence.objects.filter(rejection=rejection).values_list("dispute", flat=True))
    found = {one for one in cases if one is not None}
    return found | set(Dispute.objects.filter(appeals__in=found).values_list("pk", flat=True))


# --- by words --------------------------------------------------------------------------------

# Other people, and she herself elsewhere, may have written the same. Those are other answers.
CONTENT = ("tasks_answer", "tasks_draft", "tasks_archived")
THIS, OTHERS = "t.assignment_id = ANY(%(ids)s)", "NOT t.assignment_id = ANY(%(ids)s)"


def in_tables(assignment: Assignment, needles: Needles) -> Iterator[Hit]:
    """Every row of every table that holds a text, other answers apart."""
    ids = {"ids": _hers(assignment)}
    for table in stores.tables():
        if table.name in CONTENT:
            yield from stores.in_table(table, needles, where=THIS, params=ids)
        else:
            yield from stores.in_table(table, needles)
    yield from stores.in_sessions(needles)


def in_other_answers(assignment: Assignment, needles: Needles) -> int:
    """How many other answers, drafts and archived copies say the same."""
    ids = {"ids": _hers(assignment)}
    return sum(
        stores.count_in_table(table, needles, where=OTHERS, params=ids)
        for table in stores.tables()
        if table.name in CONTENT
    )


def in_files(needles: Needles) -> Iterator[Hit]:
    for name in stores.files():
        if stores.in_file(name, needles):
            yield Hit("file", name)


def in_redis(needles: Needles) -> Iterator[Hit]:
    """Cache, sessions and the queues of the jobs."""
    for where, database, key in stores.redis_keys():
        if stores.in_key(database, key, needles):
            yield Hit(where, key.decode(errors="backslashreplace"))


def is_archive(hit: Hit) -> bool:
    """Whether this is the worker's own copy: the one place where it stays."""
    return hit.store == "tasks_archived"


def files_of_nobody() -> Iterator[str]:
    """Files of evidence that no row names: of a backup, or of an upload that was broken off."""
    if default_storage.exists(EVIDENCE):
        for name in stores.files(folder=EVIDENCE):
            if not Evidence.objects.filter(file=name).exists():
                yield name


# --- the list that a restored backup needs ---------------------------------------------------

ERASED = """
SELECT e.assignment_id, encode(e.digest, 'hex'), r.outcome, e.at
  FROM tasks_erasure e LEFT JOIN disputes_rejection r USING (assignment_id)
 WHERE (e.at, e.assignment_id) > (%(at)s, %(id)s)
 ORDER BY e.at, e.assignment_id LIMIT 1000
"""


def erased_since(since: datetime) -> Iterator[str]:
    """Every erasure from then on, oldest first, as a line of JSON each."""
    at, last = since, 0
    while page := rows(ERASED, {"at": at, "id": last}):
        for last, digest, outcome, at in page:
            told = {"assignment": last, "digest": digest, "outcome": outcome or "", "at": at}
            yield json.dumps(told, default=datetime.isoformat)


def read_list(lines: Iterable[str]) -> Iterator[tuple[int, bytes, str]]:
    """(assignment, digest, outcome) of each line. Raises ValueError for one that is none."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
            yield int(told["assignment"]), bytes.fromhex(told["digest"]), str(told["outcome"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"line {number} is not an erasure: {error!r}") from error
