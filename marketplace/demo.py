"""The demonstration: people, money and batches to look at, made once, by the services."""

import io
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts import services as accounts
from accounts.models import Client, Member, User
from core import money
from disputes.services import contests, rejections, replies, transparency
from marketplace.replay import crowds
from payments.services import deposits
from tasks.models import Assignment
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

PASSWORD = "fair-clicks-only"
DEPOSIT = 2_000 * money.UNIT


@dataclass(frozen=True)
class SignIn:
    """Whom a visitor can be."""

    who: str
    email: str
    path: str


SIGN_INS = (
    SignIn("worker", "bea@example.org", "/work/"),
    SignIn("another worker", "cem@example.org", "/work/"),
    SignIn("client", "ada@example.org", "/batches/"),
    SignIn("adjudicator", "dia@example.org", "/console/"),
)

READABILITY = """<View>
  <Text name="text" value="$text"/>
  <Header value="How easy is this sentence to read? 5 is very easy." size="5"/>
  <Rating name="ease" toName="text" maxRating="5" required="true"/>
  <Header value="How many words has it?" size="5"/>
  <Number name="words" toName="text" min="1" max="500" step="1"/>
  <Header value="Say the same in easier words, if you can." size="5"/>
  <TextArea name="easier" toName="text" rows="3"/>
</View>"""


def is_loaded() -> bool:
    return User.objects.filter(email=SIGN_INS[0].email).exists()


def load(*, now: datetime) -> None:
    """Makes everything, as if begun two days ago. Not repeatable: ask `is_loaded` first."""
    today, now = now, now - timedelta(days=2)
    staff = _person("dia", role="adjudicator", is_staff=True, is_superuser=True)
    bea, cem = _person("bea"), _person("cem")
    owner = _client("Meadow Reviews", "ada", staff=staff, now=now)
    _post(owner, crowds.load("sentences", limit=150, error_rate=0), now=now)
    _post(owner, crowds.load("words", limit=40, error_rate=0), now=now)
    _post(owner, _readability(), now=now)
    publishing.publish_batches(now=now)
    _work(owner, [bea, cem], now=now + timedelta(hours=3))
    figures.refresh_figures(now=today)
    transparency.count_months(now=today)


def _person(name: str, **fields: Any) -> User:
    return User.objects.create_user(
        f"{name}@example.org", PASSWORD, name=name.capitalize(), **fields
    )


def _client(name: str, owner: str, *, staff: User, now: datetime) -> Member:
    user = User(email=f"{owner}@example.org", name=owner.capitalize())
    user.set_password(PASSWORD)
    accounts.sign_up(user=user, role="member", organisation=name, now=now)
    client = Client.objects.get(name=name)
    accounts.verify_client(client_id=client.pk, by=staff, now=now)
    deposits.deposit(
        client_id=client.pk,
        amount=DEPOSIT,
        provider="sandbox",
        reference="demonstration",
        by=user,
        now=now,
    )
    return Member.objects.select_related("client", "user").get(user=user)


def _readability() -> crowds.Crowd:
    found = crowds.load("sentences", limit=60, error_rate=0)
    batch = found.batch | {
        "title": "Is this sentence easy to read?",
        "instructions": "Rate how easy the sentence is, count its words, and say it more simply "
        "if you can.\n\n1. Read it once, at your usual pace.\n2. Rate it: **5** is very easy.",
        "criteria": ["Rate the wording, not the spelling.", "A hyphenated word counts as one."],
        "examples": [{"task": "Works great!", "answer": "5, 2 words", "why": "Short and plain."}],
        "interface": READABILITY,
        "reward": {"amount": "0.20", "currency": "USD"},
        "overlap": 2,
        "declared_seconds": 40,
    }
    tasks = [task | {"external_id": f"easy-{task['external_id']}"} for task in found.tasks]
    return crowds.Crowd("readability", batch, tasks, 2, found.answer, {}, "ease")


def _post(by: Member, crowd: crowds.Crowd, *, now: datetime) -> None:
    fields = crowd.batch | {"reward": money.parse_cents(crowd.batch["reward"]["amount"])}
    batch = batches.create_batch(by=by, fields=fields, now=now)
    body = io.BytesIO("\n".join(json.dumps(task) for task in crowd.tasks).encode())
    uploads.upload_tasks(
        batch_id=batch.pk, by=by, body=body, content_type="application/x-ndjson", now=now
    )
    batches.publish_batch(batch_id=batch.pk, by=by, now=now)


def _work(owner: Member, workers: list[User], *, now: datetime) -> None:
    """A little work in the first batch: some approved, some waiting."""
    crowd = crowds.load("sentences", limit=150, error_rate=0)
    batch_id = owner.client.batches.order_by("pk").values_list("pk", flat=True)[0]
    done: list[Assignment] = []
    for number, worker in enumerate(workers):
        for _ in range(6):
            one = claims.claim(worker=worker, batch_id=batch_id, now=now)
            value = {"choices": [crowd.answer(number, one.task.payload["name"])]}
            content = [
                {
                    "id": "answer",
                    "from_name": "answer",
                    "to_name": "text",
                    "type": "choices",
                    "value": value,
                }
            ]
            work.submit(
                assignment_id=one.pk, worker=worker, content=content, key=f"demo-{one.pk}", now=now
            )
            done.append(one)
    for number, one in enumerate(done[::2]):
        decided = now + timedelta(hours=9 + number)
        reviews.approve_assignment(assignment_id=one.pk, by=owner, now=decided)
    _refuse(owner, done[1::2], now=now + timedelta(hours=20))


REASONS = (
    "Our own readers found the sentence {other} as a whole; the answer says the contrary.",
    "To us its writer is plainly {other} about the thing, whatever the single words say.",
    "The feeling behind this sentence is {other}: read it aloud once and you hear it.",
)
CONTESTED = "The criterion asks how the whole sentence is meant, and that is how I read it."
REPLIED = "We read it three times: every reader here took it the other way round."


def _refuse(owner: Member, waiting: list[Assignment], *, now: datetime) -> None:
    """One rejection to contest, one dispute that waits for the client, one for an adjudicator."""
    crowd = crowds.load("sentences", limit=150, error_rate=0)
    for one, reason in zip(waiting, REASONS, strict=False):
        said = crowd.truth[one.task.payload["name"]]
        other = "negative" if said == "positive" else "positive"
        openings.open_answer(assignment_id=one.pk, by=owner, now=now)
        rejections.reject_assignment(
            assignment_id=one.pk,
            by=owner,
            category="wrong",
            criterion=1,
            explanation=reason.format(other=other),
            now=now + timedelta(minutes=5),
        )
    later = now + timedelta(hours=1)
    for one in waiting[1 : len(REASONS)]:
        dispute = contests.contest(
            assignment_id=one.pk, worker=one.worker, statement=CONTESTED, now=later
        )
    replies.reply(dispute_id=dispute.pk, by=owner, text=REPLIED, now=later + timedelta(hours=2))
