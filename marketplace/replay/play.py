"""The play: post, work, review, approve, pay out, compare. Over HTTP, several people at a time."""

import json
import secrets
import sys
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from core import money, rules
from marketplace.replay.crowds import Crowd
from marketplace.replay.people import Adjudicator, Person, Refused
from marketplace.replay.reviewing import Cast, Review, review

AT_ONCE = 8
CLIENT_SCOPES = ["batches:read", "batches:write", "results:read", "money:write"]
WORKER_SCOPES = ["work", "payout"]


@dataclass
class Outcome:
    """What came of a replay. Money in micros."""

    crowd: Crowd
    seconds: float = 0.0
    tasks: int = 0
    answers: int = 0
    approved: int = 0
    delivered: int = 0
    differing: int = 0
    spent: int = 0
    refunded: int = 0
    escrow_left: int = 0
    earned: int = 0
    payouts: Counter[str] = field(default_factory=Counter)
    accuracy: float | None = None
    review: Review = field(default_factory=Review)

    def flaws(self) -> list[str]:
        """What should not be, in words; empty when all went right."""
        reward = money.parse(self.crowd.batch["reward"]["amount"])
        price = reward + rules.fee(reward)
        extra = self.review.overturned * (reward * rules.COMPENSATION_BPS // 10_000)
        unpaid = self.review.upheld
        checks = {
            f"{self.answers} answers, {self.crowd.wanted} wanted": self.answers
            == self.crowd.wanted,
            f"{self.approved} approved of {self.answers}, {unpaid} refused": self.approved
            == self.answers - unpaid,
            f"{self.delivered} delivered of {self.approved}": self.delivered == self.approved,
            f"{self.differing} answers differ from the recorded": self.differing == 0,
            "a rejection has no end that is known of": self.review.is_explained,
            "workers were not paid exactly once each": self.earned
            == self.approved * reward + extra,
            "the client spent something else than rewards and fees": self.spent
            == self.approved * price,
            "what was refused was not refunded": self.refunded == unpaid * price,
            "money is left in escrow": self.escrow_left == 0,
            "a payout was not settled": set(self.payouts) <= {"settled", "below_minimum"},
        }
        return [said for said, ok in checks.items() if not ok]


class Bar:
    """A progress bar on standard error; plain lines where that is no terminal."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.lock, self.shown = total, 0, threading.Lock(), 0.0

    def step(self) -> None:
        with self.lock:
            self.done += 1
            often = 0.1 if sys.stderr.isatty() else 10
            if self.done < self.total and time.monotonic() - self.shown < often:
                return
            self.shown = time.monotonic()
            filled = 40 * self.done // self.total
            start, end = ("\r", "") if sys.stderr.isatty() else ("", "\n")
            last = "\n" if self.done >= self.total and start else end
            text = f"{start}[{'#' * filled}{'.' * (40 - filled)}] {self.done}/{self.total} answers"
            sys.stderr.write(text + last)
            sys.stderr.flush()


def play(crowd: Crowd, *, base: str) -> Outcome:
    """Replays `crowd` against the server at `base` and returns what came of it."""
    started = time.monotonic()
    organisation = f"Replay {secrets.token_hex(4)}"
    client = Person(base, role="member", organisation=organisation)
    client.make_key(CLIENT_SCOPES)
    judges = [Adjudicator(base) for _ in range(2)]
    judges[0].verify(organisation)
    batch = post(client, crowd)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        workers = list(pool.map(lambda _n: sign_up_worker(base), range(crowd.workers)))
        bar = Bar(crowd.wanted)
        done = list(
            pool.map(
                lambda n: work(workers[n], crowd, number=n, batch=batch, bar=bar),
                range(crowd.workers),
            )
        )
    outcome = Outcome(crowd, tasks=len(crowd.tasks), answers=sum(len(one) for one in done))
    authors = {name: n for n, one in enumerate(done) for name in one}
    cast = Cast(client, judges, {one: workers[n] for one, n in authors.items()})
    outcome.review = review(cast, crowd, batch)
    approve(client, batch)
    settle(client, batch)
    compare(client, batch, outcome, authors)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # All ask first, and wait then: the bank takes its time for each.
        asked = list(pool.map(ask_for_payout, workers))
        outcome.earned = sum(earned for earned, _payout in asked)
        payouts = [payout for _earned, payout in asked]
        outcome.payouts.update(pool.map(end_of_payout, workers, payouts))
    outcome.seconds = time.monotonic() - started
    return outcome


def post(client: Person, crowd: Crowd) -> int:
    """Draft, upload, deposit what the quote says, publish, wait until it is open."""
    batch: int = client.call("POST", "/batches", json=crowd.batch)["id"]
    body = "\n".join(json.dumps(task) for task in crowd.tasks).encode()
    client.call(
        "POST",
        f"/batches/{batch}/tasks",
        data=body,
        headers={"Content-Type": "application/x-ndjson"},
        once=True,
    )
    quote = client.call("GET", f"/batches/{batch}/quote")
    total = money.parse(quote["total"]["amount"])
    cents = -(-total // money.CENT) * money.CENT
    deposit = {"amount": {"amount": money.plain(cents), "currency": quote["total"]["currency"]}}
    client.call("POST", "/deposits", json=deposit, once=True)
    client.call("POST", f"/batches/{batch}/publish", once=True)
    wait_for(lambda: client.call("GET", f"/batches/{batch}")["state"] == "open", "open")
    return batch


def wait_for(ready: Any, what: str, *, seconds: float = 300) -> None:
    """Polls until `ready()`. Raises TimeoutError naming `what`."""
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            raise TimeoutError(f"the batch is not {what} after {seconds:.0f} s")
        time.sleep(0.5)


def sign_up_worker(base: str) -> Person:
    worker = Person(base, role="worker")
    worker.make_key(WORKER_SCOPES)
    return worker


def work(worker: Person, crowd: Crowd, *, number: int, batch: int, bar: Bar) -> list[int]:
    """Claims and answers until nothing is left for this person; returns the assignments done."""
    done = []
    assignment = claim(worker, batch)
    while assignment is not None:
        said = crowd.answer(number, assignment["payload"]["name"])
        content = [
            {
                "id": crowd.control,
                "from_name": crowd.control,
                "to_name": "text",
                "type": "choices",
                "value": {"choices": [said]},
            }
        ]
        answer = worker.call(
            "POST",
            f"/work/assignments/{assignment['id']}/submit",
            json={"content": content, "next": True},
            once=True,
        )
        done.append(answer["assignment"]["id"])
        bar.step()
        assignment = answer["next"] or claim(worker, batch)
    return done


def claim(worker: Person, batch: int) -> dict[str, Any] | None:
    """The next task, or one that she holds already: the answer to a claim may have been lost."""
    try:
        found: dict[str, Any] = worker.call("POST", f"/work/batches/{batch}/claim")
    except Refused as refused:
        if refused.code not in ("nothing_left", "claim_limit"):
            raise
        held = worker.call("GET", "/work/assignments?state=claimed")["results"]
        if not held:
            return None
        found = worker.call("GET", f"/work/assignments/{held[0]['id']}")
    return found


def approve(client: Person, batch: int) -> None:
    """Approves all that waits, and waits until it is done."""
    begun = client.call("POST", f"/batches/{batch}/approvals", json={"all": True})
    path = f"/operations/{begun['id']}"
    wait_for(lambda: client.call("GET", path)["state"] == "finished", "approved")


def settle(client: Person, batch: int) -> None:
    client.call("POST", f"/batches/{batch}/close")
    wait_for(lambda: client.call("GET", f"/batches/{batch}")["settled_at"], "settled")


def compare(client: Person, batch: int, outcome: Outcome, authors: dict[int, int]) -> None:
    """Fetches what was paid for and holds it against what each person said, and the truth."""
    crowd = outcome.crowd
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for line in client.lines(f"/batches/{batch}/results?format=jsonl"):
        row = json.loads(line)
        outcome.delivered += 1
        [result] = row["answer"]
        [said] = result["value"]["choices"]
        name = row["external_id"]
        votes[name][said] += 1
        author = authors[row["assignment"]]
        outcome.differing += said != crowd.answer(author, name)
    if crowd.truth:
        right = sum(
            votes[name].most_common(1)[0][0] == truth
            for name, truth in crowd.truth.items()
            if votes[name]
        )
        outcome.accuracy = right / len(crowd.truth)
    figures = counted(client, batch)
    outcome.approved = figures["counts"]["approved"]
    outcome.spent = money.parse(figures["spent"]["amount"])
    outcome.refunded = money.parse(figures["refunded"]["amount"])
    outcome.escrow_left = money.parse(figures["held"]["amount"])


def counted(client: Person, batch: int) -> dict[str, Any]:
    """The progress of a settled batch, once it was counted after its end."""
    settled = client.call("GET", f"/batches/{batch}")["settled_at"]
    path = f"/batches/{batch}/progress"
    wait_for(lambda: (client.call("GET", path)["as_of"] or "") > settled, "counted")
    found: dict[str, Any] = client.call("GET", path)
    return found


def ask_for_payout(worker: Person) -> tuple[int, int | None]:
    """Asks for everything earned; returns micros earned, and the payout if there is enough."""
    earned = money.parse(worker.call("GET", "/work/earnings")["balance"]["amount"])
    try:
        return earned, worker.call("POST", "/work/payouts", json={}, once=True)["id"]
    except Refused as refused:
        if refused.code == "payout_below_minimum":
            return earned, None
        raise


def end_of_payout(worker: Person, payout: int | None) -> str:
    """The state in which a payout ends, or is after two minutes."""
    if payout is None:
        return "below_minimum"
    state, until = "", time.monotonic() + 120
    while state not in ("settled", "failed", "returned") and time.monotonic() < until:
        time.sleep(1)
        state = worker.call("GET", f"/work/payouts/{payout}")["state"]
    return state
