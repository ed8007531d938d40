"""Drafts survive, answers count exactly once, and lateness costs nobody her work."""

from datetime import timedelta

import pytest

from accounts.models import Member, User
from core import rules
from core.errors import IllegalMove, Invalid, NotFound
from tasks.models import Answer, Assignment, Draft
from tasks.selectors import answers
from tasks.services import batches, claims, publishing, work
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def submit(one: Assignment, worker: User, *, key: str = "k", now=NOW, value: str = "positive"):
    return work.submit(
        assignment_id=one.pk, worker=worker, content=factories.answer(value), key=key, now=now
    )


def test_save_draft_counts_revisions_and_keeps_the_newest(owner: Member, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=factories.make_open_batch(owner))
    for revision in range(3):
        saved = work.save_draft(
            assignment_id=one.pk,
            worker=bea,
            content=factories.answer(),
            revision=revision,
            now=NOW,
        )
    assert saved.revision == 3


def test_save_draft_from_an_older_page_is_refused_with_the_newer_draft(
    owner: Member, bea: User
) -> None:
    one = factories.make_assignment(worker=bea, batch=factories.make_open_batch(owner))

    def save(value: str, revision: int) -> Draft:
        content = factories.answer(value)
        return work.save_draft(
            assignment_id=one.pk, worker=bea, content=content, revision=revision, now=NOW
        )

    save("positive", 0)
    with pytest.raises(work.NewerDraft) as refused:
        save("negative", 0)
    assert refused.value.extra["content"] == factories.answer("positive")
    assert Draft.objects.get(assignment=one).content == factories.answer("positive")


@pytest.mark.parametrize("content", [None, "text", {"a": 1}, ["\0"], ["\ud800"], ["x" * 300_000]])
def test_save_draft_refuses_what_is_no_answer(owner: Member, bea: User, content) -> None:
    one = factories.make_assignment(worker=bea, batch=factories.make_open_batch(owner))
    with pytest.raises(Invalid):
        work.save_draft(assignment_id=one.pk, worker=bea, content=content, revision=0, now=NOW)
    assert not Draft.objects.exists()


def test_submit_starts_the_clients_clock_and_forgets_the_draft(owner: Member, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=factories.make_open_batch(owner))
    work.save_draft(
        assignment_id=one.pk, worker=bea, content=factories.answer(), revision=0, now=NOW
    )
    done = submit(one, bea).assignment
    assert done.state == "submitted"
    assert done.review_due_at == NOW + rules.REVIEW_WINDOW
    assert not Draft.objects.exists()


def test_submit_again_with_the_same_key_returns_the_first_result(owner: Member, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=factories.make_open_batch(owner))
    submit(one, bea, value="positive")
    again = submit(one, bea, value="positive", now=NOW + timedelta(minutes=1))
    assert again.repeated
    assert again.assignment.submitted_at == NOW


def test_submit_again_with_another_key_is_refused(owner: Member, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=factories.make_open_batch(owner))
    submit(one, bea)
    with pytest.raises(IllegalMove) as refused:
        submit(one, bea, key="other", value="negative")
    assert refused.value.extra["state"] == "submitted"
    assert Answer.objects.get(assignment=one).content == factories.answer("positive")


def test_submit_of_an_incomplete_answer_says_what_is_missing_and_changes_nothing(
    owner: Member, bea: User
) -> None:
    one = factories.make_assignment(worker=bea, batch=factories.make_open_batch(owner))
    with pytest.raises(Invalid) as refused:
        work.submit(assignment_id=one.pk, worker=bea, content=[], key="k", now=NOW)
    assert [flaw.pointer for flaw in refused.value.flaws] == ["/sentiment"]
    one.refresh_from_db()
    assert one.state == "claimed"


def test_submit_after_expiry_counts_while_the_place_is_free(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=1)
    one = factories.make_assignment(worker=bea, batch=batch, state="expired")
    late = submit(one, bea, now=NOW + timedelta(days=6))
    assert not late.archived
    assert late.assignment.pk != one.pk
    assert late.assignment.state == "submitted"


def test_submit_after_expiry_goes_to_her_archive_when_the_place_is_taken(
    owner: Member, bea: User, cem: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=1)
    one = factories.make_assignment(worker=bea, batch=batch, state="expired")
    claims.claim(worker=cem, batch_id=batch.pk, now=NOW + timedelta(days=6))
    for _ in range(2):
        late = submit(one, bea, now=NOW + timedelta(days=6))
        assert late.archived
    [kept] = answers.archive(worker=bea)
    assert kept.content == factories.answer()
    assert answers.archive(worker=cem) == []


def test_submit_after_expiry_goes_to_her_archive_when_the_batch_has_closed(
    owner: Member, bea: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=1)
    one = factories.make_assignment(worker=bea, batch=batch, state="expired")
    batches.close_batch(batch_id=batch.pk, by=owner, now=NOW)
    assert submit(one, bea, now=NOW + timedelta(days=6)).archived
    publishing.settle_closed(now=NOW)
    assert submit(one, bea, now=NOW + timedelta(days=6)).archived


def test_a_late_answer_taken_back_and_sent_again_finds_its_claim(owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner, tasks=1)
    one = factories.make_assignment(worker=bea, batch=batch, state="expired")
    late = submit(one, bea).assignment
    work.unsubmit(assignment_id=late.pk, worker=bea, now=NOW)
    again = submit(one, bea)
    assert again.repeated
    assert again.assignment.pk == late.pk


def test_submit_of_somebody_elses_claim_is_not_found(owner: Member, bea: User, cem: User) -> None:
    one = factories.make_assignment(worker=bea, batch=factories.make_open_batch(owner))
    with pytest.raises(NotFound):
        submit(one, cem)


def test_unsubmit_brings_the_answer_back_as_draft_once_within_ten_minutes(
    owner: Member, bea: User
) -> None:
    one = factories.make_assignment(worker=bea, batch=factories.make_open_batch(owner))
    submit(one, bea)
    soon = NOW + timedelta(minutes=9)
    back = work.unsubmit(assignment_id=one.pk, worker=bea, now=soon)
    assert back.state == "claimed"
    assert back.lease_ends_at == one.lease_ends_at + timedelta(minutes=9)
    assert Draft.objects.get(assignment=one).content == factories.answer()
    submit(one, bea, key="second", now=soon)
    with pytest.raises(work.TooLate):
        work.unsubmit(assignment_id=one.pk, worker=bea, now=soon)


def test_unsubmit_after_ten_minutes_is_too_late(owner: Member, bea: User) -> None:
    one = factories.make_assignment(worker=bea, batch=factories.make_open_batch(owner))
    submit(one, bea)
    with pytest.raises(work.TooLate):
        work.unsubmit(assignment_id=one.pk, worker=bea, now=NOW + timedelta(minutes=11))


def test_review_is_due_in_a_day_once_two_hours_at_the_floor_wait(owner: Member, bea: User) -> None:
    """R11: 24.00 waits; each task here pays 10.00, so that the third passes the bound."""
    batch = factories.make_open_batch(owner, tasks=3, reward=10_000_000)
    due = []
    for _ in range(3):
        one = claims.claim(worker=bea, batch_id=batch.pk, now=NOW)
        submit(one, bea, key=str(one.pk))
        due.append(one.pk)
    dates = set(Assignment.objects.filter(pk__in=due).values_list("review_due_at", flat=True))
    assert dates == {NOW + rules.EXPOSED_REVIEW}
