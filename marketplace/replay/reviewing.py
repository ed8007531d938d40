"""A client opens its sample and rejects some of it, workers contest, adjudicators decide by the
known truth. Nothing waits for a clock, so that all of it ends."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from core import rules
from marketplace.replay.crowds import Crowd
from marketplace.replay.people import Adjudicator, Person

# Enough to look at; the cap follows from it (R9).
MOST_OPENED = 100
MOST_REJECTED = 5
JUDGE_SCOPES = ["disputes:decide"]


@dataclass(frozen=True)
class Cast:
    """Who takes part; the authors of answers by assignment."""

    client: Person
    judges: list[Adjudicator]
    authors: dict[int, Person]


@dataclass
class Review:
    """How many answers came to what."""

    opened: int = 0
    rejected: int = 0
    contested: int = 0
    overturned: int = 0
    upheld: int = 0
    withdrawn: int = 0

    @property
    def is_explained(self) -> bool:
        """Whether each rejection came to one end."""
        ends = self.overturned + self.upheld + self.withdrawn
        return self.rejected == ends and self.contested == self.overturned + self.upheld


@dataclass(frozen=True)
class Rejected:
    """An answer that the client refuses to pay; whether the truth says so too."""

    assignment: int
    name: str
    founded: bool


def review(cast: Cast, crowd: Crowd, batch: int) -> Review:
    """Plays it out to the end. A crowd of which no truth is known is opened only."""
    opened = list(open_some(cast.client, batch, control=crowd.control))
    rejected = pick(opened, crowd, cast)
    found = Review(opened=len(opened), rejected=len(rejected))
    for one in rejected:
        reject(cast.client, one)
    # One worker lets it be, and the client then thinks better of it.
    silent = rejected[:1]
    for one in silent:
        cast.client.call("POST", f"/assignments/{one.assignment}/withdraw", json={})
        found.withdrawn += 1
    for one in rejected[len(silent) :]:
        found.contested += 1
        if is_overturned(cast, one):
            found.overturned += 1
        else:
            found.upheld += 1
    return found


def open_some(client: Person, batch: int, *, control: str) -> Iterator[tuple[int, str, str]]:
    """Opens the newest of the sample: assignment, task and what was said."""
    listed = client.call("GET", f"/batches/{batch}/sample?page_size={MOST_OPENED}")["results"]
    for one in listed:
        answer = client.call("POST", f"/assignments/{one['id']}/open", json={})
        [said] = [part for part in answer["answer"] if part["from_name"] == control]
        yield one["id"], one["external_id"], said["value"]["choices"][0]


def pick(opened: Iterable[tuple[int, str, str]], crowd: Crowd, cast: Cast) -> list[Rejected]:
    """Some wrong answers and, as clients err, some right ones: within the cap, one of a person."""
    known = [
        Rejected(assignment, name, founded=crowd.truth[name] != said)
        for assignment, name, said in opened
        if name in crowd.truth
    ]
    cap = max(rules.CAP_MIN, len(known) * rules.CAP_BPS // 10_000)
    most = min(MOST_REJECTED, cap)
    right = _one_each((one for one in known if not one.founded), cast, most=most // 2)
    others = {id(cast.authors[one.assignment]) for one in right}
    wrong = (one for one in known if one.founded and id(cast.authors[one.assignment]) not in others)
    return [*_one_each(wrong, cast, most=most - len(right)), *right]


def _one_each(found: Iterable[Rejected], cast: Cast, *, most: int) -> list[Rejected]:
    """The first of each person: half of what one of them did would stop the batch (R10)."""
    first: dict[int, Rejected] = {}
    for one in found:
        first.setdefault(id(cast.authors[one.assignment]), one)
    return list(first.values())[:most]


def reject(client: Person, one: Rejected) -> None:
    client.call(
        "POST",
        f"/assignments/{one.assignment}/reject",
        json={
            "category": "wrong",
            "criterion": 1,
            "explanation": f"We looked at {one.name} ourselves and see something else in it.",
        },
    )


def is_overturned(cast: Cast, one: Rejected) -> bool:
    """Contests a rejection and takes it through every level, up to its end."""
    worker = cast.authors[one.assignment]
    mine = f"/work/assignments/{one.assignment}"
    case = worker.call("POST", f"{mine}/contest", json={"statement": "I stand by it."})["case"]
    text = {"text": "We stand by what we wrote: please compare."}
    cast.client.call("POST", f"/disputes/{case['id']}/reply", json=text)
    decide(cast.judges[0], case["id"], one)
    if not one.founded:
        return True
    worker.call("POST", f"{mine}/appeal", json={"statement": "Please let somebody else look."})
    decide(cast.judges[1], case["id"], one)
    return False


def decide(judge: Adjudicator, dispute: int, one: Rejected) -> None:
    """By the truth, having read the case. Makes the judge's key at the first."""
    if not judge.key:
        judge.make_key(JUDGE_SCOPES)
    case: dict[str, Any] = judge.call("GET", f"/disputes/{dispute}")
    judged = [
        {"assignment": each["assignment"], "unfounded": not one.founded}
        for each in case["rejections"]
    ]
    reasons = "The answer was compared with what is known of the photograph or sentence."
    judge.call(
        "POST", f"/disputes/{dispute}/decide", json={"unfounded": judged, "reasons": reasons}
    )
