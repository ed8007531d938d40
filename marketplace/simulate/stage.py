"""The people and the batches of a run, made by the services as everybody's are."""

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from accounts import services as accounts
from accounts.models import Client, Member, User
from core import money, rules
from marketplace.simulate.draw import Draw
from payments.services import deposits
from tasks.models import Batch
from tasks.services import batches, publishing, uploads

START = datetime(2026, 3, 2, tzinfo=UTC)
WORKERS = 20
REWARD = 10 * money.CENT
SECONDS = 20
FIELDS: dict[str, Any] = {
    "title": "Is this review positive?",
    "instructions": "Read the sentence. Decide whether its writer liked the thing.",
    "criteria": ["Judge what the writer feels, not what you would."],
    "examples": [{"task": "Great phone!", "answer": "positive", "why": "The writer is glad."}],
    "interface": '<View><Text name="text" value="$text"/>'
    '<Choices name="sentiment" toName="text" choice="single" required="true">'
    '<Choice value="positive"/><Choice value="negative"/></Choices></View>',
    "reward": REWARD,
    "declared_seconds": SECONDS,
    "review_window_s": int(rules.REVIEW_WINDOW_MAX.total_seconds()),
    "languages": ["en"],
}
# Every answer of the crowd is right: each rejection of one is unfounded.
RIGHT = [
    {
        "id": "sentiment",
        "from_name": "sentiment",
        "to_name": "text",
        "type": "choices",
        "value": {"choices": ["positive"]},
    }
]


@dataclass
class Stage:
    """Who takes part: workers, two adjudicators, and clients by number, made when first needed."""

    draw: Draw
    workers: list[User] = field(init=False)
    judges: list[User] = field(init=False)
    clients: dict[int, Member] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.workers = [_person(f"worker{n}", role="worker") for n in range(WORKERS)]
        self.judges = [_person(f"judge{n}", role="adjudicator", is_staff=True) for n in range(2)]

    def client(self, number: int, *, now: datetime) -> Member:
        """The owner of verified client `number`."""
        if number not in self.clients:
            self.clients[number] = self._sign_up(number, now=now)
        return self.clients[number]

    def _sign_up(self, number: int, *, now: datetime) -> Member:
        user = User(email=f"owner{number}@example.org", name=f"Owner {number}")
        user.set_unusable_password()
        accounts.sign_up(user=user, role="member", organisation=f"Client {number}", now=now)
        client = Client.objects.get(members__user=user)
        accounts.verify_client(client_id=client.pk, by=self.judges[0], now=now)
        return Member.objects.select_related("client", "user").get(user=user)

    def post(self, *, client: int, tasks: int, overlap: int, now: datetime) -> Batch:
        """An open batch, for which the client has deposited exactly its price."""
        by = self.client(client, now=now)
        batch = batches.create_batch(by=by, fields=FIELDS | {"overlap": overlap}, now=now)
        Batch.objects.filter(pk=batch.pk).update(secret=self.draw.secret("batch", batch.pk))
        lines = [
            json.dumps({"external_id": f"t{n}", "text": f"Sentence number {n}."})
            for n in range(tasks)
        ]
        uploads.upload_tasks(
            batch_id=batch.pk,
            by=by,
            body=io.BytesIO("\n".join(lines).encode()),
            content_type="application/x-ndjson",
            now=now,
        )
        deposits.deposit(
            client_id=by.client_id,
            amount=tasks * overlap * (REWARD + rules.fee(REWARD)),
            provider="sandbox",
            reference=f"batch {batch.pk}",
            by=by.user,
            now=now,
        )
        batches.publish_batch(batch_id=batch.pk, by=by, now=now)
        publishing.publish_batches(now=now)
        return Batch.objects.get(pk=batch.pk)


def _person(name: str, **fields: Any) -> User:
    return User.objects.create_user(f"{name}@example.org", None, name=name, **fields)
