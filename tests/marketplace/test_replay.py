"""The replay's review, over HTTP against a live server: what is rejected comes to a known end."""

import io
import json
from collections import Counter
from dataclasses import replace

import pytest
from django.utils import timezone

from accounts.models import Client, Member
from core import money
from disputes.models import Dispute, Rejection
from marketplace.replay import crowds, play
from marketplace.replay.people import Adjudicator, Person
from marketplace.replay.reviewing import Cast, Review, pick, review
from payments.services import deposits
from tasks.models import Assignment
from tasks.services import batches, publishing, uploads

CROWD = crowds.load("sentences", limit=8, error_rate=0.5)
WORKERS = 4


def post(client: Person) -> int:
    """The crowd's batch, open: what the jobs would do is done here."""
    by, now = Member.objects.select_related("client").get(user__email=client.email), timezone.now()
    reward = money.parse(CROWD.batch["reward"]["amount"])
    batch = batches.create_batch(by=by, fields=CROWD.batch | {"reward": reward}, now=now)
    body = io.BytesIO("\n".join(json.dumps(task) for task in CROWD.tasks).encode())
    uploads.upload_tasks(
        batch_id=batch.pk, by=by, body=body, content_type="application/x-ndjson", now=now
    )
    deposits.deposit(
        client_id=by.client_id,
        amount=10 * money.UNIT,
        provider="sandbox",
        reference="replay",
        by=by.user,
        now=now,
    )
    batches.publish_batch(batch_id=batch.pk, by=by, now=now)
    publishing.publish_batches(now=now)
    return int(batch.pk)


@pytest.mark.django_db(transaction=True)
def test_review_takes_every_rejection_to_its_end(live_server) -> None:
    base = live_server.url
    client = Person(base, role="member", organisation="Replayed")
    client.make_key(play.CLIENT_SCOPES)
    judges = [Adjudicator(base) for _ in range(2)]
    judges[0].verify("Replayed")
    assert Client.objects.get().verified_at is not None
    batch = post(client)
    bar, authors = play.Bar(CROWD.wanted), {}
    for number in range(WORKERS):
        worker = play.sign_up_worker(base)
        for one in play.work(worker, CROWD, number=number, batch=batch, bar=bar):
            authors[one] = worker

    found = review(Cast(client, judges, authors), CROWD, batch)

    # All but a few places are the first twenty; three may be rejected, of three people.
    assert found.opened >= 20
    assert (found.rejected, found.contested, found.withdrawn) == (3, 2, 1)
    assert (found.overturned, found.upheld) == (1, 1)
    assert found.is_explained
    outcomes = Counter(Rejection.objects.values_list("outcome", flat=True))
    assert outcomes == {"withdrawn": 1, "overturned": 1, "upheld": 1}
    assert set(Dispute.objects.values_list("state", flat=True)) == {"closed"}
    assert Assignment.objects.filter(state="refused").count() == 1
    assert Rejection.objects.values("worker").distinct().count() == 3


# --- what it rejects --------------------------------------------------------------------------


def cast(opened: list[tuple[int, str, str]], people: int) -> Cast:
    """Nobody is called: who they are is all that matters."""
    somebody = [object.__new__(Person) for _ in range(people)]
    authors = {one: somebody[at % people] for at, (one, _name, _said) in enumerate(opened)}
    return Cast(object.__new__(Person), [], authors)


def said(count: int) -> list[tuple[int, str, str]]:
    """Every second answer is wrong."""
    other = {"positive": "negative", "negative": "positive"}
    names = list(CROWD.truth)
    return [
        (n, name, CROWD.truth[name] if n % 2 else other[CROWD.truth[name]])
        for n in range(count)
        for name in [names[n % len(names)]]
    ]


@pytest.mark.parametrize(("opened", "most"), [(100, 5), (40, 3), (4, 3), (0, 0)])
def test_pick_stays_within_the_cap_and_takes_one_of_a_person(opened: int, most: int) -> None:
    found = said(opened)
    played = cast(found, people=10)
    picked = pick(found, CROWD, played)
    assert len(picked) == most
    assert len({id(played.authors[one.assignment]) for one in picked}) == most
    assert sum(not one.founded for one in picked) == most // 2


def test_pick_takes_nothing_where_no_truth_is_known() -> None:
    found = said(40)
    assert pick(found, replace(CROWD, truth={}), cast(found, people=10)) == []


def test_a_review_is_explained_when_every_rejection_has_one_end() -> None:
    whole = Review(rejected=3, contested=2, overturned=1, upheld=1, withdrawn=1)
    assert whole.is_explained
    assert not replace(whole, withdrawn=0).is_explained
    assert not replace(whole, contested=3).is_explained


def test_flaws_name_what_does_not_add_up() -> None:
    reward = money.parse(CROWD.batch["reward"]["amount"])
    paid = CROWD.wanted - 1
    good = play.Outcome(
        CROWD,
        answers=CROWD.wanted,
        approved=paid,
        delivered=paid,
        spent=paid * reward * 11 // 10,
        refunded=reward * 11 // 10,
        earned=paid * reward + reward // 10,
        review=Review(rejected=2, contested=2, overturned=1, upheld=1),
    )
    assert good.flaws() == []
    assert good.flaws() != replace(good, refunded=0).flaws()
    [flaw] = replace(good, earned=paid * reward).flaws()
    assert "not paid exactly once" in flaw
