"""People, money and work for tests, made by the services: no test starts in an impossible state."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress

from accounts import services as accounts
from accounts.models import Client, Member, User
from core import money
from disputes.models import Rejection
from disputes.services import clocks, contests, rejections
from payments.services import deposits
from tasks.models import Assignment, Batch
from tasks.services import (
    batches,
    claims,
    figures,
    openings,
    publishing,
    reviews,
    uploads,
    work,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
INTERFACE = """<View>
  <Header value="What does the sentence say?"/>
  <Text name="text" value="$text"/>
  <Choices name="sentiment" toName="text" choice="single" required="true">
    <Choice value="positive"/>
    <Choice value="negative"/>
  </Choices>
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


def answer(value: str = "positive") -> list[dict[str, Any]]:
    """A complete answer to `INTERFACE`."""
    return [
        {
            "id": "sentiment",
            "from_name": "sentiment",
            "to_name": "text",
            "type": "choices",
            "value": {"choices": [value]},
        }
    ]


def make_user(name: str, *, role: str = "worker", **fields: Any) -> User:
    """A person name@example.org, who can sign in with `name-password` and has confirmed that."""
    user = User.objects.create_user(
        f"{name}@example.org", f"{name}-password", name=name.capitalize(), role=role, **fields
    )
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def make_client(name: str, *, owner: str, verified_by: User | None = None) -> Client:
    """A client organisation with its owner, signed up as people do."""
    user = User(email=f"{owner}@example.org", name=owner.capitalize())
    user.set_password(f"{owner}-password")
    accounts.sign_up(user=user, role="member", organisation=name, now=NOW)
    client = Client.objects.get(name=name)
    if verified_by is not None:
        accounts.verify_client(client_id=client.pk, by=verified_by, now=NOW)
    return client


def fund(client: Client, amount: str = "100.00", *, reference: str = "") -> None:
    """Play money on the client's balance."""
    deposits.deposit(
        client_id=client.pk,
        amount=money.parse_cents(amount),
        provider="sandbox",
        reference=reference or f"test-{client.pk}-{amount}-{money.plain(client.pk)}",
        by=None,
        now=NOW,
    )


def make_batch(by: Member, *, tasks: int = 3, now: datetime = NOW, **fields: Any) -> Batch:
    """A draft with `tasks` uploaded tasks."""
    batch = batches.create_batch(by=by, fields=FIELDS | fields, now=now)
    if tasks:
        upload(batch, by=by, tasks=tasks, now=now)
    return Batch.objects.get(pk=batch.pk)


def upload(batch: Batch, *, by: Member, tasks: int, now: datetime = NOW) -> None:
    lines = [
        json.dumps({"external_id": f"t{i}", "text": f"Sentence number {i}."}) for i in range(tasks)
    ]
    body = io.BytesIO("\n".join(lines).encode())
    uploads.upload_tasks(
        batch_id=batch.pk, by=by, body=body, content_type="application/x-ndjson", now=now
    )


def publish(batch: Batch, *, by: Member, now: datetime = NOW) -> Batch:
    """Publishes a draft, makes its places and counts them, as the jobs would."""
    batches.publish_batch(batch_id=batch.pk, by=by, now=now)
    publishing.publish_batches(now=now)
    figures.refresh_figures(now=now)
    return Batch.objects.get(pk=batch.pk)


def make_open_batch(by: Member, *, tasks: int = 3, now: datetime = NOW, **fields: Any) -> Batch:
    """A batch with its money locked and its places open."""
    batch = make_batch(by, tasks=tasks, now=now, **fields)
    total = batch.place_count * (batch.reward + batch.reward // 10)
    fund(by.client, money.plain(-(-total // money.CENT) * money.CENT), reference=f"b{batch.pk}")
    return publish(batch, by=by, now=now)


def owner_of(batch: Batch) -> Member:
    """The owner of the client that posted the batch."""
    members = Member.objects.select_related("user", "client")
    return members.get(client=batch.client_id, role="owner")


EXPLANATION = "The sentence praises the phone, yet the answer says the opposite of that."


def reject(
    one: Assignment, *, by: Member, explanation: str = EXPLANATION, now: datetime = NOW
) -> Rejection:
    """A rejection of an opened answer, with a reason."""
    return rejections.reject_assignment(
        assignment_id=one.pk,
        by=by,
        category="instructions",
        criterion=1,
        explanation=explanation,
        now=now,
    )


def make_assignment(
    *,
    worker: User,
    batch: Batch,
    state: str = "claimed",
    value: str = "positive",
    now: datetime | None = None,
) -> Assignment:
    """The worker's assignment in `batch`, driven into `state` (or “opened”), all at one time."""
    now = now or NOW
    one = claims.claim(worker=worker, batch_id=batch.pk, now=now)
    if state == "released":
        claims.release(assignment_id=one.pk, worker=worker, now=now)
    elif state == "expired":
        claims.expire_due(now=now + timedelta(days=5))
    elif state != "claimed":
        work.submit(
            assignment_id=one.pk, worker=worker, content=answer(value), key=f"k{one.pk}", now=now
        )
    if state == "approved":
        reviews.approve_assignment(assignment_id=one.pk, by=owner_of(batch), now=now)
    if state in ("opened", "rejected", "disputed", "refused"):
        openings.open_answer(assignment_id=one.pk, by=owner_of(batch), now=now)
    if state in ("rejected", "disputed", "refused"):
        reject(one, by=owner_of(batch), now=now)
    if state == "disputed":
        contests.contest(assignment_id=one.pk, worker=worker, statement="I read it.", now=now)
    if state == "refused":
        clocks.run(now=now + timedelta(days=15))
    return Assignment.objects.select_related("batch", "task").get(pk=one.pk)
