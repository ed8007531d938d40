"""The adjudicators' console: what is in front, who comes in, and what deciding there does."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Member, User
from accounts.selectors import pseudonym
from core import rules
from core.models import Event
from disputes.models import Decision, Dispute, Evidence
from disputes.selectors import console, console_case
from disputes.services import contests, judging, replies
from tasks.models import Assignment, Batch, Media
from tasks.services import claims, openings, work
from tests import factories
from tests.factories import EXPLANATION, NOW, make_assignment, make_open_batch

pytestmark = pytest.mark.django_db
REASONS = "The criterion asks for the writer's feeling, and the client's reason is about grammar."


@pytest.fixture
def staff(dia: User) -> Browser:
    """Dia, signed in."""
    browser = Browser()
    browser.force_login(dia)
    return browser


@pytest.fixture
def eli(db: None) -> User:
    """Another adjudicator."""
    return factories.make_user("eli", role="adjudicator", is_staff=True)


def answered(one: Assignment, owner: Member, *, now: datetime = NOW) -> Dispute:
    """The case of a disputed assignment, after the client's reply."""
    dispute = Dispute.objects.get(rejections__assignment=one)
    return replies.reply(
        dispute_id=dispute.pk, by=owner, text="We stand by what we wrote there.", now=now
    )


def case(
    worker: User, batch: Batch, owner: Member, *, value: str = "positive", now: datetime = NOW
) -> Dispute:
    one = make_assignment(worker=worker, batch=batch, state="disputed", value=value, now=now)
    return answered(one, owner, now=now)


def braked(owner: Member, worker: User, *, answers: int = 6, now: datetime = NOW) -> Dispute:
    """A frozen batch, and the answered case of its group: half of one worker's answers."""
    batch = make_open_batch(owner, tasks=answers)
    for number in range(answers):
        one = make_assignment(worker=worker, batch=batch, state="opened", now=now)
        if Batch.objects.get(pk=batch.pk).frozen_at is None and number >= answers // 2:
            factories.reject(one, by=owner, explanation=f"{EXPLANATION} {number}", now=now)
    dispute = Dispute.objects.get(batch=batch, kind="collective")
    return replies.reply(dispute_id=dispute.pk, by=owner, text="All of it is careless.", now=now)


def choices(dispute: Dispute, value: str, **changes: str) -> dict[str, str]:
    found = dispute.rejections.filter(sampled=True).values_list("assignment", flat=True)
    return {f"unfounded_{pk}": value for pk in found} | {"reasons": REASONS} | changes


# --- who comes in --------------------------------------------------------------------------------


def test_everybody_else_finds_no_console(
    dia: User, ada: User, bea: User, owner: Member, client: Browser
) -> None:
    dispute = case(bea, make_open_batch(owner), owner)
    paths = [
        reverse("console"),
        reverse("console_case", args=[dispute.pk]),
        reverse("console_reports"),
        reverse("console_suspensions"),
        reverse("console_log"),
        reverse("console_unfreeze", args=[dispute.batch_id]),
    ]
    for path in paths:
        assert client.get(path).status_code == 302
    for user in (ada, bea):
        client.force_login(user)
        assert [client.get(path).status_code for path in paths] == [404] * len(paths)
        decide = reverse("console_decide", args=[dispute.pk])
        assert client.post(decide, choices(dispute, "yes")).status_code == 404
    dispute.refresh_from_db()
    assert dispute.state == "answered"


# --- the queue -----------------------------------------------------------------------------------


def test_what_is_to_be_decided_comes_first_and_what_runs_out_first_in_front(
    staff: Browser, owner: Member, bea: User, cem: User
) -> None:
    batch = make_open_batch(owner, tasks=30)
    waiting = make_assignment(worker=cem, batch=batch, state="disputed")
    late, soon, appealed = (case(bea, batch, owner) for _ in range(3))
    Dispute.objects.filter(pk=soon.pk).update(due_at=NOW + timedelta(days=3))
    decided = case(cem, batch, owner)
    Dispute.objects.filter(pk=decided.pk).update(
        state="decided", decided_at=NOW, decided_by=cem, due_at=NOW
    )
    Dispute.objects.filter(pk=appealed.pk).update(
        state="appealed",
        decided_at=NOW,
        decided_by=cem,
        appealed_at=NOW,
        due_at=NOW + timedelta(days=30),
    )
    filed = Dispute.objects.get(rejections__assignment=waiting)
    page = staff.get(reverse("console"))
    assert [row.dispute for row in page.context["rows"]] == [soon, late, appealed, filed]
    for state, expected in (
        ("filed", [filed]),
        ("decided", [decided]),
        ("appealed", [appealed]),
        ("closed", []),
        ("nonsense", [soon, late, appealed, filed]),
    ):
        page = staff.get(reverse("console"), {"state": state})
        assert [row.dispute for row in page.context["rows"]] == expected
    # Not a real decision: the audit of the log would not find it.
    Dispute.objects.filter(pk__in=(decided.pk, appealed.pk)).update(
        state="answered", decided_at=None, decided_by=None, appealed_at=None
    )


def test_a_row_says_what_is_at_stake_and_how_long_is_left(
    staff: Browser, owner: Member, bea: User
) -> None:
    dispute = case(bea, make_open_batch(owner), owner)
    due = timezone.now() + timedelta(hours=30)
    Dispute.objects.filter(pk=dispute.pk).update(due_at=due)
    [row] = staff.get(reverse("console")).context["rows"]
    assert (row.answers, row.stake, row.level, row.urgent) == (1, 100_000, 1, True)
    body = staff.get(reverse("console")).content.decode()
    assert "29 hours" in body
    assert "Acme" in body
    assert "Bea" not in body


def test_the_queue_is_paged_without_losing_a_case(
    staff: Browser, owner: Member, bea: User, cem: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "PAGE", 2)
    batch = make_open_batch(owner, tasks=30)
    cases = [case(worker, batch, owner) for worker in (bea, bea, bea, cem, cem)]
    found, path = [], reverse("console")
    while path:
        page = staff.get(path)
        found += [row.dispute for row in page.context["rows"]]
        path = page.context["next"] and reverse("console") + page.context["next"]
    assert found == cases
    assert staff.get(reverse("console"), {"cursor": "nonsense"}).status_code == 400


def queries(browser: Browser, path: str) -> int:
    browser.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(path).status_code == 200
    # Whether the session is in the cache is not the page's doing.
    return len([one for one in captured if "django_session" not in one["sql"]])


def test_the_queue_costs_the_same_whatever_waits(
    staff: Browser, owner: Member, bea: User, cem: User
) -> None:
    batch = make_open_batch(owner, tasks=30)
    case(bea, batch, owner)
    braked(owner, bea)
    one = queries(staff, reverse("console"))
    for _ in range(4):
        case(cem, batch, owner)
    braked(owner, cem)
    assert queries(staff, reverse("console")) == one


def test_a_frozen_batch_is_shown_with_its_case(staff: Browser, owner: Member, bea: User) -> None:
    dispute = braked(owner, bea)
    [frozen] = staff.get(reverse("console")).context["frozen"]
    assert (frozen.batch, frozen.cases) == (dispute.batch, [dispute])
    assert not frozen.may_be_lifted


# --- a case --------------------------------------------------------------------------------------


def test_a_case_shows_everything_on_one_page(
    staff: Browser, owner: Member, bea: User, cem: User, dia: User
) -> None:
    batch = make_open_batch(owner, tasks=2, overlap=2)
    other = make_assignment(worker=cem, batch=batch, state="approved", value="negative")
    one = make_assignment(worker=bea, batch=batch, state="disputed")
    assert other.task_id == one.task_id
    dispute = answered(one, owner)
    body = staff.get(reverse("console_case", args=[dispute.pk])).content.decode()
    for part in (
        "Decide whether its writer <strong>liked</strong> the thing.",
        "Judge what the writer feels, not what you would.",
        "Sentence number 0.",
        'value="positive" checked',
        EXPLANATION,
        "I read it.",
        "We stand by what we wrote there.",
        "1 of 1",
        pseudonym(client=owner.client, worker_id=bea.pk),
        "The instructions were not followed",
    ):
        assert part in body, part
    assert "Bea" not in body
    assert "bea@example.org" not in body
    for step in ("Answer opened by the client", "Contested by the worker", "Case opened"):
        assert step in body, step
    # The look is recorded with who looked.
    [look] = Event.objects.filter(kind="answer.judged", about_id=one.pk)
    assert look.by == dia


def test_files_of_both_sides_can_be_opened_from_a_case(
    staff: Browser, owner: Member, bea: User
) -> None:
    one = make_assignment(worker=bea, batch=make_open_batch(owner), state="disputed")
    dispute = Dispute.objects.get(rejections__assignment=one)
    for by, member in ((bea, None), (owner.user, owner)):
        replies.add_evidence(
            dispute_id=dispute.pk,
            by=by,
            member=member,
            file=ContentFile(b"\x89PNG\r\n\x1a\n" + b"0" * 99, name="x.png"),
            name=f"of {by.role}.png",
            shared=False,
            now=NOW,
        )
    body = staff.get(reverse("console_case", args=[dispute.pk])).content.decode()
    for file in Evidence.objects.all():
        path = reverse("evidence", args=[file.pk])
        assert path in body
        assert file.name in body
        assert staff.get(path).status_code == 200


def test_how_others_answered_is_counted(owner: Member, bea: User, cem: User, dia: User) -> None:
    batch = make_open_batch(owner, tasks=1, overlap=4)
    make_assignment(worker=cem, batch=batch, state="approved", value="negative")
    eve, fay = factories.make_user("eve"), factories.make_user("fay")
    make_assignment(worker=eve, batch=batch, state="submitted", value="negative")
    make_assignment(worker=fay, batch=batch, state="submitted")
    dispute = case(bea, batch, owner)
    found = console_case.load(dispute, by=dia, now=NOW)
    assert [(g.text, g.count, g.paid, g.same) for g in found.judged[0].others] == [
        ("negative", 2, 1, False),
        ("positive", 1, 0, True),
    ]


def test_the_records_of_both_sides(owner: Member, bea: User, dia: User) -> None:
    batch = make_open_batch(owner, tasks=30)
    lost, won, open_ = (case(bea, batch, owner) for _ in range(3))
    for one, unfounded in ((lost, True), (won, False)):
        ids = {r.assignment_id: unfounded for r in one.rejections.all()}
        judging.decide(dispute_id=one.pk, by=dia, unfounded=ids, reasons=REASONS, now=NOW)
    found = console_case.load(open_, by=dia, now=NOW)
    assert found.client_record == console_case.ClientRecord(3, 3, 1, 1, 0, 0)
    assert found.judged[0].record == console_case.WorkerRecord(3, 1, 1)
    later = console_case.load(open_, by=dia, now=NOW + timedelta(days=91))
    assert later.judged[0].record == console_case.WorkerRecord()


def test_a_group_costs_the_same_however_large(
    staff: Browser, owner: Member, bea: User, cem: User
) -> None:
    small = braked(owner, bea)
    large = braked(owner, cem, answers=12)
    assert large.rejections.count() > small.rejections.count()
    few = queries(staff, reverse("console_case", args=[small.pk]))
    assert queries(staff, reverse("console_case", args=[large.pk])) == few


def test_an_erased_answer_is_said_to_be_erased(
    staff: Browser, owner: Member, bea: User, dia: User, eli: User
) -> None:
    dispute = case(bea, make_open_batch(owner), owner)
    [pk] = dispute.rejections.values_list("assignment", flat=True)
    judging.decide(dispute_id=dispute.pk, by=dia, unfounded={pk: False}, reasons=REASONS, now=NOW)
    contests.appeal(assignment_id=pk, worker=bea, statement="It asks for the feeling.", now=NOW)
    judging.decide(dispute_id=dispute.pk, by=eli, unfounded={pk: False}, reasons=REASONS, now=NOW)
    body = staff.get(reverse("console_case", args=[dispute.pk])).content.decode()
    assert "The refused answer is erased" in body
    assert 'value="positive" checked' not in body
    assert EXPLANATION not in body
    assert body.count(REASONS.replace("'", "&#x27;")) == 2


def test_images_of_a_case_are_shown_to_adjudicators_only(
    staff: Browser, client: Browser, owner: Member, ada: User, bea: User
) -> None:
    batch, other = make_open_batch(owner), make_open_batch(owner)
    case(bea, batch, owner)
    made = [
        Media.objects.create(
            batch=one,
            file=ContentFile(b"\x89PNG\r\n\x1a\n", name="x.png"),
            content_type="image/png",
            size=8,
            name="x.png",
            created_at=NOW,
        )
        for one in (batch, other)
    ]
    paths = [reverse("console_media", args=[one.batch_id, one.pk]) for one in made]
    assert [staff.get(path).status_code for path in paths] == [200, 404]
    client.force_login(ada)
    assert client.get(paths[0]).status_code == 404


# --- deciding ------------------------------------------------------------------------------------


def test_deciding_pays_and_goes_on_to_the_next_case(
    staff: Browser, owner: Member, bea: User, cem: User
) -> None:
    batch = make_open_batch(owner, tasks=30)
    first, second = (
        case(bea, batch, owner, now=timezone.now()),
        case(cem, batch, owner, now=timezone.now()),
    )
    page = staff.post(reverse("console_decide", args=[first.pk]), choices(first, "yes"))
    assert page["Location"] == reverse("console_case", args=[second.pk])
    assert Assignment.objects.get(rejection__dispute=first).state == "approved"
    page = staff.post(reverse("console_decide", args=[second.pk]), choices(second, "no"))
    assert page["Location"] == reverse("console")
    second.refresh_from_db()
    assert second.state == "decided"
    assert [one.reasons for one in Decision.objects.order_by("pk")] == [REASONS, REASONS]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reasons": "too short"}, "at least 40 characters"),
        ({"reasons": ""}, "This field is required."),
    ],
)
def test_a_refused_decision_keeps_what_was_typed(
    staff: Browser, owner: Member, bea: User, changes: dict[str, str], said: str
) -> None:
    dispute = case(bea, make_open_batch(owner), owner, now=timezone.now())
    data = choices(dispute, "no", **changes)
    body = staff.post(reverse("console_decide", args=[dispute.pk]), data).content.decode()
    assert said in body
    assert body.count('value="no"') == 1
    assert 'value="no" class="cards" form="decide" required' in body
    assert Decision.objects.count() == 0


def test_a_choice_is_needed_for_each(staff: Browser, owner: Member, bea: User) -> None:
    dispute = braked(owner, bea, now=timezone.now())
    data = choices(dispute, "yes")
    data.pop(min(data))
    body = staff.post(reverse("console_decide", args=[dispute.pk]), data).content.decode()
    assert "It is not decided yet" in body
    assert Decision.objects.count() == 0


def test_reasons_that_quote_the_answer_are_refused(
    staff: Browser, owner: Member, bea: User
) -> None:
    interface = '<View><Text name="t" value="$text"/><TextArea name="w" toName="t"/></View>'
    batch, now = make_open_batch(owner, interface=interface), timezone.now()
    one = claims.claim(worker=bea, batch_id=batch.pk, now=now)
    words = [{"id": "w", "from_name": "w", "to_name": "t", "type": "textarea"}]
    content: list[dict[str, Any]] = [words[0] | {"value": {"text": ["a yellow canary bird"]}}]
    work.submit(assignment_id=one.pk, worker=bea, content=content, key="k", now=now)
    openings.open_answer(assignment_id=one.pk, by=owner, now=now)
    factories.reject(one, by=owner, now=now)
    contests.contest(assignment_id=one.pk, worker=bea, statement="", now=now)
    dispute = answered(one, owner, now=now)
    data = choices(dispute, "no", reasons=f"{REASONS} It says: a yellow canary bird.")
    body = staff.post(reverse("console_decide", args=[dispute.pk]), data).content.decode()
    assert "say it without quoting the answer" in body


def test_of_a_large_group_only_what_was_drawn_is_judged(
    staff: Browser, owner: Member, bea: User
) -> None:
    dispute = braked(owner, bea, now=timezone.now())
    total = dispute.rejections.count()
    left_out = dispute.rejections.order_by("pk")[0]
    dispute.rejections.filter(pk=left_out.pk).update(sampled=False)
    body = staff.get(reverse("console_case", args=[dispute.pk])).content.decode()
    assert f"They were drawn from {total}" in body
    assert f"answer-{left_out.assignment_id}" not in body
    staff.post(reverse("console_decide", args=[dispute.pk]), choices(dispute, "no"))
    assert Decision.objects.get(dispute=dispute).upheld == total


def test_the_appeal_is_another_adjudicators(
    staff: Browser, owner: Member, bea: User, dia: User, eli: User
) -> None:
    dispute = case(bea, make_open_batch(owner), owner, now=timezone.now())
    [pk] = dispute.rejections.values_list("assignment", flat=True)
    judging.decide(dispute_id=dispute.pk, by=dia, unfounded={pk: False}, reasons=REASONS, now=NOW)
    contests.appeal(assignment_id=pk, worker=bea, statement="It asks for the feeling.", now=NOW)
    path = reverse("console_case", args=[dispute.pk])
    body = staff.get(path).content.decode()
    assert "Another adjudicator decides this." in body
    assert "Decide and go on" not in body
    assert console.next_case(by=dia) is None
    assert console.next_case(by=eli) == dispute
    other = Browser()
    other.force_login(eli)
    assert "Decide and go on" in other.get(path).content.decode()


def test_what_the_worker_has_not_spoken_to_is_marked(
    staff: Browser, owner: Member, bea: User
) -> None:
    batch = make_open_batch(owner, tasks=30)
    for number in range(rules.CAP_MIN + 1):
        one = make_assignment(worker=bea, batch=batch, state="opened")
        for _ in range(2):
            make_assignment(worker=bea, batch=batch, state="opened")
        factories.reject(one, by=owner, explanation=f"{EXPLANATION} {number}")
    dispute = answered(one, owner)
    assert dispute.cause == "cap"
    body = staff.get(reverse("console_case", args=[dispute.pk])).content.decode()
    assert ("The worker has not spoken yet" in body) == (
        timezone.now() < dispute.filed_at + rules.UPHOLD_AFTER
    )
    found = console_case.load(dispute, by=User.objects.get(role="adjudicator"), now=NOW)
    assert found.upheld_from == NOW + rules.UPHOLD_AFTER


def test_the_freeze_is_lifted_with_reasons_after_the_decision(
    staff: Browser, owner: Member, bea: User
) -> None:
    dispute = braked(owner, bea, now=timezone.now())
    path = reverse("console_unfreeze", args=[dispute.batch_id])
    data = {"reasons": "Judged one by one, and most of it was right."}
    assert "not decided yet" in staff.get(path).content.decode()
    staff.post(path, data)
    assert Batch.objects.get(pk=dispute.batch_id).frozen_at is not None
    staff.post(reverse("console_decide", args=[dispute.pk]), choices(dispute, "no"))
    assert (
        "Lift the freeze" in staff.get(reverse("console_case", args=[dispute.pk])).content.decode()
    )
    assert staff.post(path, {"reasons": "no"}).status_code == 200
    assert staff.post(path, data).status_code == 302
    assert Batch.objects.get(pk=dispute.batch_id).frozen_at is None
    assert staff.get(path).status_code == 404
