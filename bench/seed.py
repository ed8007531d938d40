"""People, batches and done work of any size, by set-based SQL: services would take hours."""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts import services as accounts
from accounts.models import Client, Member, User
from accounts.states import Scope
from bench import raw
from core import money
from core.db import operation, rows
from payments.services import deposits
from tasks.models import Batch
from tasks.services import batches, figures, publishing

INTERFACE = """<View>
  <Header value="What does the sentence say?"/>
  <Text name="text" value="$text"/>
  <Choices name="sentiment" toName="text" choice="single" required="true">
    <Choice value="positive"/><Choice value="negative"/><Choice value="neutral"/>
  </Choices>
  <TextArea name="why" toName="text" rows="3"/>
</View>"""
FIELDS: dict[str, Any] = {
    "title": "Is this review positive?",
    "instructions": "Read the sentence. Decide whether its writer **liked** the thing.",
    "criteria": ["Judge what the writer feels, not what you would."],
    "examples": [{"task": "Great phone!", "answer": "positive", "why": "The writer is glad."}],
    "interface": INTERFACE,
    "reward": 10 * money.CENT,
    "overlap": 1,
    "declared_seconds": 20,
    "languages": ["en"],
}
# About 500 bytes, as the answers of the first measurements were.
ANSWER: list[dict[str, Any]] = [
    {
        "id": "sentiment",
        "from_name": "sentiment",
        "to_name": "text",
        "type": "choices",
        "value": {"choices": ["positive"]},
    },
    {
        "id": "why",
        "from_name": "why",
        "to_name": "text",
        "type": "textarea",
        "value": {"text": ["The writer would buy it again. " * 8]},
    },
]
SECRET = "bench"


@dataclass(frozen=True)
class Market:
    """A client with money, and who spends it."""

    client: Client
    owner: Member


def market(name: str = "Bench") -> Market:
    """A verified client with ten million on its balance."""
    now = timezone.now()
    staff = User.objects.create_user(f"staff-{name}@bench.test", role="adjudicator", is_staff=True)
    user = User(email=f"owner-{name}@bench.test", name="Owner")
    user.set_unusable_password()
    accounts.sign_up(user=user, role="member", organisation=name, now=now)
    client = Client.objects.get(name=name)
    accounts.verify_client(client_id=client.pk, by=staff, now=now)
    for number in range(10):
        deposits.deposit(
            client_id=client.pk,
            amount=1_000_000 * money.UNIT,
            provider="sandbox",
            reference=f"bench-{name}-{number}",
            by=None,
            now=now,
        )
    return Market(client, Member.objects.select_related("client", "user").get(user=user))


def key_of(of: Market) -> dict[str, str]:
    """The header by which the client's owner asks the API."""
    scopes = [Scope.BATCHES_READ, Scope.BATCHES_WRITE, Scope.RESULTS_READ]
    user, now = of.owner.user, timezone.now()
    _key, text = accounts.create_api_key(user=user, name="bench", scopes=scopes, days=1, now=now)
    return {"Authorization": f"Bearer {text}"}


WORKERS = """
WITH made AS (
    INSERT INTO accounts_user (email, role, name, language, password, is_active, is_staff,
                               is_superuser, date_joined)
    SELECT format('%%s-%%s@bench.test', %(name)s, n), 'worker', format('Worker %%s', n), 'en', '!',
           true, false, false, now() FROM generate_series(1, %(count)s) AS n
    RETURNING id
), bench AS (
    INSERT INTO tasks_workbench (worker_id) SELECT id FROM made
)
INSERT INTO accounts_apikey (user_id, name, prefix, secret_hash, scopes, created_at, expires_at)
SELECT id, 'bench', lpad(id::text, 12, '0'), %(hash)s, '{work}', now(), now() + interval '1 day'
  FROM made ORDER BY id RETURNING user_id
"""


def workers(name: str, count: int) -> list[User]:
    """New workers, each with an API key (`bearer`) and a bench."""
    hashed = hashlib.sha256(SECRET.encode()).hexdigest()
    made = rows(WORKERS, {"name": name, "count": count, "hash": hashed})
    return list(User.objects.filter(pk__in=[row[0] for row in made]).order_by("pk"))


def bearer(worker: User) -> dict[str, str]:
    """The header by which a seeded worker asks the API."""
    return {"Authorization": f"Bearer fck_{worker.pk:012d}_{SECRET}"}


TASKS = """
INSERT INTO tasks_task (batch_id, position, external_id, payload)
SELECT %(batch)s, n, 't' || n, jsonb_build_object('text', format(
           'Sentence number %%s. It came on time and does what it says; the colour is another '
           'one than on the picture, and the box was open, yet I would buy it again.', n))
  FROM generate_series(0, %(count)s - 1) AS n
"""


def draft(of: Market, *, tasks: int, **fields: Any) -> Batch:
    """A draft that lacks nothing."""
    made = batches.create_batch(by=of.owner, fields=FIELDS | fields, now=timezone.now())
    rows(TASKS, {"batch": made.pk, "count": tasks})
    Batch.objects.filter(pk=made.pk).update(task_count=tasks)
    raw.vacuum("tasks_task")
    return Batch.objects.get(pk=made.pk)


def published(of: Market, *, tasks: int, **fields: Any) -> Batch:
    """An open batch, its money locked, by the services and jobs of the product."""
    made = draft(of, tasks=tasks, **fields)
    batches.publish_batch(batch_id=made.pk, by=of.owner, now=timezone.now())
    publishing.publish_batches(now=timezone.now())
    figures.refresh_figures(now=timezone.now())
    raw.vacuum("tasks_place", "payments_hold")
    return Batch.objects.get(pk=made.pk)


PLACES = """
WITH opened AS (
    UPDATE tasks_batch SET state = 'open', published_at = now(), published_by_id = created_by_id,
           opened_at = now(), placed = task_count, fee = reward / 10
     WHERE id = ANY(%(batches)s) RETURNING id
)
INSERT INTO tasks_place (batch_id, task_id, round, position, state)
SELECT t.batch_id, t.id, 0, t.position, 'open'
  FROM opened JOIN tasks_task t ON t.batch_id = opened.id ORDER BY t.batch_id, t.position
"""


def unheld(of: Market, *, tasks: int, batches: int = 1) -> list[Batch]:
    """Open batches with `tasks` places together, but no holds: for what never reaches the books."""
    made = [draft(of, tasks=tasks // batches).pk for _ in range(batches)]
    rows(PLACES, {"batches": made})
    figures.refresh_figures(now=timezone.now())
    raw.vacuum("tasks_place", "tasks_batch")
    return list(Batch.objects.filter(pk__in=made).order_by("pk"))


DONE = """
WITH taken AS (
    UPDATE tasks_place SET state = %(place)s
     WHERE batch_id = %(batch)s AND position >= %(first)s AND position < %(last)s
    RETURNING id, task_id, position
), made AS (
    INSERT INTO tasks_assignment (place_id, task_id, batch_id, client_id, worker_id, state,
        claimed_at, last_seen_at, lease_ends_at, due_at, active_seconds, submit_key, submitted_at,
        review_due_at, decided_at, moved_at, approved_xid)
    SELECT id, task_id, %(batch)s, %(client)s,
        (%(workers)s)[1 + position %% array_length(%(workers)s, 1)], %(state)s, %(at)s, %(at)s,
        %(at)s, %(at)s, 20, 'seeded', %(at)s, %(due)s,
        CASE WHEN %(state)s = 'approved' THEN %(at)s END, %(at)s,
        CASE WHEN %(state)s = 'approved' THEN pg_current_xact_id()::text::bigint END
      FROM taken ORDER BY position
    RETURNING id, worker_id
), answered AS (
    INSERT INTO tasks_answer (assignment_id, content, submitted_at)
    SELECT id, %(content)s::jsonb, %(at)s FROM made
), walked AS (
    INSERT INTO tasks_cursor (batch_id, worker_id, position)
    SELECT DISTINCT %(batch)s, worker_id, %(last)s - 1 FROM made
    ON CONFLICT (batch_id, worker_id) DO UPDATE SET position = excluded.position
)
SELECT id FROM made ORDER BY id
"""


@operation
def done(batch: Batch, workers: list[User], *, first: int, last: int, state: str) -> list[int]:
    """The tasks from `first` to `last`, answered by these workers in turn; assignment ids.

    `approved` here is the state alone: what the books do is measured elsewhere.
    """
    now = timezone.now()
    params = {
        "batch": batch.pk,
        "client": batch.client_id,
        "workers": [worker.pk for worker in workers],
        "first": first,
        "last": last,
        "state": state,
        "place": "settled" if state == "approved" else "taken",
        "at": now,
        "due": now + timedelta(days=3),
        "content": json.dumps(ANSWER),
    }
    return [row[0] for row in rows(DONE, params)]


# The columns of tasks/selectors/answers.py, its results, in the same order.
RESULTS = """
SELECT a.approved_xid, a.id, t.external_id, t.payload, w.content, a.worker_id, a.submitted_at,
       a.decided_at, a.decided_by_id IS NULL, a.active_seconds
  FROM tasks_assignment a JOIN tasks_answer w ON w.assignment_id = a.id
  JOIN tasks_task t ON t.id = a.task_id
 WHERE a.batch_id = {batch} AND a.state = 'approved' ORDER BY a.approved_xid, a.id
"""
WORK_TABLES = ("tasks_place", "tasks_assignment", "tasks_answer", "tasks_cursor")
