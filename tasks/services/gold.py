"""Known answers: the client's own, mixed in among its tasks, to see who reads the instructions."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import Member
from core import events, rules
from core.db import operation, rows
from core.errors import Flaw, Invalid
from tasks.interfaces import parse as interfaces
from tasks.models import Batch, Exclusion, Gold, Task
from tasks.services.batches import lock_draft
from tasks.services.uploads import NoInterface

MOST = 1_000


@operation
def set_gold(
    *, batch_id: int, by: Member, known: Iterable[Mapping[str, Any]], now: datetime
) -> int:
    """Makes these the known answers of a draft, in place of those it had; returns how many.

    Each names one of the batch's tasks by `external_id` and holds its `answer`, as a worker would
    give it. Raises NotFound, NotADraft 409, Invalid with a flaw for every wrong one (nothing is
    stored then).
    """
    batch = lock_draft(batch_id=batch_id, by=by)
    if not batch.interface:
        raise NoInterface(_("Give the batch its interface first."))
    items = list(known)
    if len(items) > MOST:
        raise Invalid(_("At most 1,000 known answers."), field="gold")
    tasks = _tasks_of(batch, items)
    flaws = [flaw for at, item in enumerate(items) for flaw in _flaws(batch, at, item, tasks)]
    ids = [item.get("external_id") for item in items]
    flaws += [
        Flaw(_("This task is named twice."), "duplicate", pointer=f"/{at}/external_id")
        for at, one in enumerate(ids)
        if one in ids[:at]
    ]
    if flaws:
        shown = flaws[: rules.MAX_REPORTED_FLAWS]
        raise Invalid(_("Not every known answer can be used."), flaws=shown)
    Gold.objects.filter(batch=batch).delete()
    Gold.objects.bulk_create(
        Gold(task=tasks[item["external_id"]], batch=batch, answer=item["answer"], added_at=now)
        for item in items
    )
    events.record("batch.gold_set", by=by.user, about=batch, now=now, count=len(items))
    return len(items)


def _tasks_of(batch: Batch, items: list[Mapping[str, Any]]) -> dict[str, Task]:
    ids = [one for item in items if isinstance(one := item.get("external_id"), str)]
    return {
        task.external_id: task for task in Task.objects.filter(batch=batch, external_id__in=ids)
    }


def _flaws(batch: Batch, at: int, item: Mapping[str, Any], tasks: Mapping[str, Task]) -> list[Flaw]:
    name = item.get("external_id")
    task = tasks.get(name) if isinstance(name, str) else None
    if task is None:
        return [
            Flaw(
                _("The batch has no task with this external_id."),
                "unknown_task",
                pointer=f"/{at}/external_id",
            )
        ]
    answer = item.get("answer")
    if not isinstance(answer, list):
        return [Flaw(_("An answer is a list of results."), "answer", pointer=f"/{at}/answer")]
    problems = interfaces.parse_cached(batch.interface).check_result(answer, task.payload)
    return [
        Flaw(problem.message, problem.code, pointer=f"/{at}/answer/{problem.name or ''}")
        for problem in problems
    ]


FAILED = """
INSERT INTO tasks_exclusion (batch_id, worker_id, cause, by_id, reason, at, reply)
SELECT g.batch_id, g.worker_id, 'gold', b.published_by_id,
       format(%(reason)s, count(*) FILTER (WHERE NOT g.passed), count(*)), %(now)s, ''
  FROM tasks_goldcheck g JOIN tasks_batch b ON b.id = g.batch_id
 WHERE b.state IN ('open', 'paused')
   AND NOT EXISTS (SELECT FROM tasks_exclusion e
                    WHERE e.batch_id = g.batch_id AND e.worker_id = g.worker_id)
 GROUP BY g.batch_id, g.worker_id, b.published_by_id
HAVING count(*) >= %(least)s
   AND count(*) FILTER (WHERE g.passed) * 10000 < count(*) * %(share)s
 ORDER BY g.batch_id, g.worker_id
ON CONFLICT DO NOTHING
RETURNING id
"""
# Written for her to read, in the language of the batch's makers as all they write.
REASON = "%s of your %s answers to tasks with a known answer were other than the known one."


@operation
def exclude_by_gold(*, now: datetime) -> int:
    """Ends further claims of those under 60 % of at least five known answers (R16).

    Returns how many. What they have done stays paid; whoever published the batch answers for it.
    """
    params = {
        "reason": REASON,
        "now": now,
        "least": rules.GOLD_MIN,
        "share": rules.GOLD_BPS,
    }
    ids = [row[0] for row in rows(FAILED, params)]
    if ids:
        events.record_many("worker.excluded", by=None, about=Exclusion, ids=ids, now=now)
    return len(ids)
