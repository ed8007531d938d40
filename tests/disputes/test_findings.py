"""Ways round the rules that a review found: each is closed."""

from datetime import timedelta

import pytest

from accounts import services as accounts
from accounts.models import Member, User
from accounts.selectors import pseudonym
from core import rules, text
from core.db import rows
from core.errors import DomainError
from disputes.models import Dispute, Rejection
from disputes.services import clocks, contests, judging, rejections, replies
from disputes.states import Outcome
from tasks.interfaces import parse as interfaces
from tasks.models import Batch, Exclusion, GoldCheck, Opening
from tasks.services import batches, exclusions, gold, openings, reviews
from tests import factories
from tests.factories import NOW, answer

pytestmark = pytest.mark.django_db
WORDS = """<View><Text name="t" value="$text"/>
  <TextArea name="w" toName="t" required="true"/></View>"""
REASONS = "The criterion asks what the writer feels, which is what she answered here."
REPLY = "We read it again and stand by what we wrote."


def refused(code: str) -> pytest.RaisesExc[DomainError]:
    return pytest.RaisesExc(DomainError, check=lambda error: error.code == code)


def told(text: str) -> list[dict[str, object]]:
    value = {"text": [text]}
    return [{"id": "w", "from_name": "w", "to_name": "t", "type": "textarea", "value": value}]


def test_a_reason_to_exclude_tells_nothing_of_a_sealed_answer(owner: Member, bea: User) -> None:
    """Whether it quotes one is asked of what was opened only; the rest would be an oracle."""
    batch = factories.make_open_batch(owner, interface=WORDS)
    one = factories.claims.claim(worker=bea, batch_id=batch.pk, now=NOW)
    factories.work.submit(
        assignment_id=one.pk, worker=bea, content=told("Reykjavik harbour"), key="k", now=NOW
    )
    name = pseudonym(client=owner.client, worker_id=bea.pk)
    guess = "It says Reykjavik harbour, again and again."
    made = exclusions.exclude(batch_id=batch.pk, worker=name, by=owner, reason=guess, now=NOW)
    assert made.reason == guess
    with refused("already_excluded"):
        exclusions.exclude(batch_id=batch.pk, worker=name, by=owner, reason=guess, now=NOW)
    Exclusion.objects.all().delete()
    openings.open_answer(assignment_id=one.pk, by=owner, now=NOW)
    with refused("quotes_answer"):
        exclusions.exclude(batch_id=batch.pk, worker=name, by=owner, reason=guess, now=NOW)


def known(count: int) -> list[dict[str, object]]:
    return [{"external_id": f"t{i}", "answer": answer()} for i in range(count)]


def test_known_answers_are_as_few_as_the_sample(owner: Member) -> None:
    """Else every answer could be opened."""
    batch = factories.make_batch(owner, tasks=60)
    factories.fund(owner.client, "100.00")
    gold.set_gold(batch_id=batch.pk, by=owner, known=known(7), now=NOW)
    with pytest.raises(DomainError) as error:
        batches.publish_batch(batch_id=batch.pk, by=owner, now=NOW)
    assert {flaw.code for flaw in error.value.flaws} == {"gold_too_many"}
    gold.set_gold(batch_id=batch.pk, by=owner, known=known(6), now=NOW)
    batches.publish_batch(batch_id=batch.pk, by=owner, now=NOW)


def test_a_known_answer_of_no_text_is_a_flaw(owner: Member) -> None:
    batch = factories.make_batch(owner, tasks=3)
    with pytest.raises(DomainError):
        gold.set_gold(
            batch_id=batch.pk, by=owner, known=[{"external_id": 5, "answer": answer()}], now=NOW
        )


def test_withdrawing_what_was_drawn_does_not_save_the_rest(
    owner: Member, bea: User, dia: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "GROUP_SAMPLE", 4)
    monkeypatch.setattr(rules, "GROUP_UNFOUNDED", 1)
    monkeypatch.setattr(rules, "WORKER_BRAKE_MIN", 99)
    batch = factories.make_open_batch(owner, tasks=20)
    for i in range(10):
        one = factories.make_assignment(worker=bea, batch=batch, state="opened")
        factories.reject(one, by=owner, explanation=f"{factories.EXPLANATION} {'abcdefghij'[i]}")
    group = Dispute.objects.get(kind="collective")
    for drawn in group.rejections.filter(sampled=True).order_by("pk")[:2]:
        rejections.withdraw_rejection(assignment_id=drawn.assignment_id, by=owner, now=NOW)
    replies.reply(dispute_id=group.pk, by=owner, text=REPLY, now=NOW)
    judged = group.rejections.filter(sampled=True, outcome="")
    unfounded = {one.assignment_id: False for one in judged}
    assert len(unfounded) == 4
    judging.decide(dispute_id=group.pk, by=dia, unfounded=unfounded, reasons=REASONS, now=NOW)
    assert set(Rejection.objects.values_list("outcome", flat=True)) == {"withdrawn", "annulled"}


def owed(owner: Member) -> int:
    [(micros,)] = rows(
        "SELECT coalesce(sum(b.debits - b.credits), 0) FROM payments_balance b"
        " JOIN payments_account a ON a.id = b.account_id"
        " WHERE a.kind = 'receivable' AND a.owner = %(client)s",
        {"client": owner.client_id},
    )
    return int(micros)


def test_what_the_fund_lent_is_taken_from_the_next_deposit(
    owner: Member, bea: User, dia: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=3)
    one = factories.make_assignment(worker=bea, batch=batch, state="disputed")
    dispute = Dispute.objects.get()
    replies.reply(dispute_id=dispute.pk, by=owner, text=REPLY, now=NOW)
    judging.decide(
        dispute_id=dispute.pk, by=dia, unfounded={one.pk: True}, reasons=REASONS, now=NOW
    )
    assert owed(owner) == batch.reward // 10
    factories.fund(owner.client, "50.00")
    assert owed(owner) == 0
    [(left,)] = rows(
        "SELECT credits - debits FROM payments_balance b JOIN payments_account a"
        " ON a.id = b.account_id WHERE a.kind = 'client' AND a.owner = %(client)s",
        {"client": owner.client_id},
    )
    assert left == 50_000_000 - batch.reward // 10


@pytest.mark.parametrize("equal", [True, False])
def test_an_answer_equal_to_one_paid_for_later_is_paid_too(
    equal: bool, owner: Member, bea: User, cem: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=1, overlap=2)
    one = factories.make_assignment(worker=bea, batch=batch, state="rejected")
    said = "positive" if equal else "negative"
    factories.make_assignment(worker=cem, batch=batch, state="approved", value=said)
    clocks.run(now=NOW + timedelta(days=14))
    one.refresh_from_db()
    outcome = Rejection.objects.get().outcome
    assert (one.state, outcome) == (
        ("approved", Outcome.EQUAL) if equal else ("refused", Outcome.LAPSED)
    )


@pytest.mark.parametrize("category", ["wrong", "incomplete", "instructions", "random"])
def test_the_clients_own_known_answer_cannot_be_wrong(
    category: str, owner: Member, bea: User
) -> None:
    batch = factories.make_batch(owner, tasks=3)
    gold.set_gold(batch_id=batch.pk, by=owner, known=known(1), now=NOW)
    factories.fund(owner.client, "100.00")
    batch = factories.publish(batch, by=owner)
    one = factories.make_assignment(worker=bea, batch=batch, state="opened")
    assert GoldCheck.objects.get().passed
    with refused("equals_paid"):
        rejections.reject_assignment(
            assignment_id=one.pk,
            by=owner,
            category=category,
            criterion=1,
            explanation=factories.EXPLANATION,
            now=NOW,
        )


def test_the_order_of_clicks_makes_no_known_answer_wrong() -> None:
    view = """<View><Text name="t" value="$text"/>
      <Choices name="c" toName="t" choice="multiple"><Choice value="a"/><Choice value="b"/>
      </Choices></View>"""
    interface = interfaces.parse_cached(view)
    said = [
        [{"from_name": "c", "to_name": "t", "type": "choices", "value": {"choices": chosen}}]
        for chosen in (["a", "b"], ["b", "a"])
    ]
    assert interface.canonical(said[0]) == interface.canonical(said[1])


def test_a_worker_says_it_twenty_times_at_most(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=3)
    one = factories.make_assignment(worker=bea, batch=batch, state="disputed")
    for _ in range(rules.MAX_STATEMENTS - 1):
        contests.say(assignment_id=one.pk, worker=bea, text="Once more.", now=NOW)
    with refused("too_many_statements"):
        contests.say(assignment_id=one.pk, worker=bea, text="Once more.", now=NOW)


@pytest.mark.parametrize("empty", ["\u3164" * 40, "\u200b" * 40, "ab" + " " * 60 + "c"])
def test_what_shows_nothing_explains_nothing(empty: str, owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=3)
    one = factories.make_assignment(worker=bea, batch=batch, state="opened")
    with pytest.raises(DomainError):
        factories.reject(one, by=owner, explanation=empty)


@pytest.mark.parametrize("like", ["Аnswer", "an\u200bswer", "ANSWER!", "a n s w e r"])
def test_texts_that_look_alike_are_the_same_text(like: str) -> None:
    assert text.letters(like) == text.letters("answer")


def test_who_has_no_name_rejects_nothing(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=3)
    one = factories.make_assignment(worker=bea, batch=batch, state="opened")
    owner.user.name = " "
    owner.user.save()
    with refused("name_missing"):
        factories.reject(one, by=owner)


def test_a_known_answer_leaves_no_trace_of_an_erased_one(owner: Member, bea: User) -> None:
    batch = factories.make_batch(owner, tasks=3)
    gold.set_gold(batch_id=batch.pk, by=owner, known=known(1), now=NOW)
    factories.fund(owner.client, "100.00")
    batch = factories.publish(batch, by=owner)
    one = factories.make_assignment(worker=bea, batch=batch, state="refused", value="negative")
    assert one.state == "refused"
    assert not GoldCheck.objects.exists()


def test_a_suspended_adjudicator_decides_nothing(owner: Member, bea: User, dia: User) -> None:
    batch = factories.make_open_batch(owner, tasks=3)
    one = factories.make_assignment(worker=bea, batch=batch, state="disputed")
    dispute = Dispute.objects.get()
    replies.reply(dispute_id=dispute.pk, by=owner, text=REPLY, now=NOW)
    eli = factories.make_user("eli", role="adjudicator")
    from_dia = judging.operation(accounts.apply_suspend)
    from_dia(user_id=eli.pk, by=dia, reason="Left the team in a hurry.", now=NOW)
    with refused("suspended"):
        judging.decide(
            dispute_id=dispute.pk, by=eli, unfounded={one.pk: True}, reasons=REASONS, now=NOW
        )


def test_opening_known_answers_earns_no_rejections(owner: Member, bea: User) -> None:
    batch = factories.make_batch(owner, tasks=3)
    gold.set_gold(batch_id=batch.pk, by=owner, known=known(3), now=NOW)
    factories.fund(owner.client, "100.00")
    batch = factories.publish(batch, by=owner)
    factories.make_assignment(worker=bea, batch=batch, state="opened")
    assert Opening.objects.count() == 1
    counted = rejections.bounds._cap(Opening.objects.all())
    assert counted == rules.CAP_MIN
    assert reviews.approve_due(now=NOW + timedelta(days=4)) == 1
    assert Batch.objects.get().frozen_at is None
