"""Over the API: a dispute from the worker's objection to its end, as each side sees it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Client, Member, User
from core.models import Event
from disputes.models import Dispute, Rejection
from disputes.services import clocks
from tasks.models import Assignment, Batch
from tests import factories
from tests.api import Api, problem, statements, usd

pytestmark = pytest.mark.django_db
REASON = {"category": "instructions", "criterion": 1, "explanation": factories.EXPLANATION}
REPLY = "Our criterion says what to judge, and this answer judges something else."
REASONS = "Criterion 1 asks for what the writer feels, and the answer says just that."
OBJECTION = "The decision overlooks the second sentence."
SCRIPT = "<script>alert(1)</script> & <b>read</b> it again, please."
CANARY = "negative"


@pytest.fixture
def api(ada: User) -> Api:
    return Api(ada)


@pytest.fixture
def worker(bea: User) -> Api:
    return Api(bea)


@pytest.fixture
def judge(dia: User) -> Api:
    return Api(dia)


@pytest.fixture
def second() -> Api:
    return Api(factories.make_user("dan", role="adjudicator", is_staff=True))


@pytest.fixture
def batch(owner: Member) -> Batch:
    return factories.make_open_batch(owner, tasks=30)


@pytest.fixture
def one(api: Api, bea: User, batch: Batch) -> Assignment:
    """Rejected just now."""
    found = factories.make_assignment(
        worker=bea, batch=batch, state="opened", value=CANARY, now=timezone.now()
    )
    assert api.post(f"/assignments/{found.pk}/reject", REASON).status_code == 200
    return found


def contest(worker: Api, one: Assignment, **said: str) -> int:
    """The id of the dispute."""
    found = worker.post(f"/work/assignments/{one.pk}/contest", said)
    assert found.status_code == 200, found.content
    number: int = found.json()["dispute"]
    return number


def decide(judge: Api, dispute: int, *ids: int, unfounded: bool, reasons: str = REASONS) -> Any:
    judged = [{"assignment": pk, "unfounded": unfounded} for pk in ids]
    return judge.post(f"/disputes/{dispute}/decide", {"unfounded": judged, "reasons": reasons})


def upheld(api: Api, worker: Api, judge: Api, one: Assignment) -> int:
    """Contested, replied to, and decided against the worker."""
    dispute = contest(worker, one)
    assert api.post(f"/disputes/{dispute}/reply", {"text": REPLY}).status_code == 200
    assert decide(judge, dispute, one.pk, unfounded=False).status_code == 201
    return dispute


def overdue(dispute: int) -> None:
    """The clock is moved past what the dispute waits for."""
    past = timezone.now() - timedelta(seconds=1)
    Dispute.objects.filter(pk=dispute).update(due_at=past)


# --- the worker's side -------------------------------------------------------------------------


def test_the_worker_reads_who_rejected_why_and_what_she_can_do(
    worker: Api, one: Assignment
) -> None:
    with statements(3):
        found = worker.get(f"/work/assignments/{one.pk}/rejection").json()
    assert {name: found[name] for name in REASON} == REASON
    assert (found["criterion_text"], found["by"]) == (factories.FIELDS["criteria"][0], "Ada")
    assert (found["client"], found["verified"]) == ("Acme", True)
    assert (found["reward"], found["opened"]["by"]) == (usd("0.10"), "Ada")
    assert (found["allowed"], found["case"]) == (["contest"], None)


def test_a_member_without_a_name_is_not_known_by_the_address(
    worker: Api, one: Assignment, ada: User
) -> None:
    User.objects.filter(pk=ada.pk).update(name="")
    found = worker.get(f"/work/assignments/{one.pk}/rejection")
    assert found.json()["by"] == f"#{ada.pk}"
    assert ada.email.encode() not in found.content


def test_contesting_takes_one_call_without_words(worker: Api, one: Assignment) -> None:
    found = worker.post(f"/work/assignments/{one.pk}/contest", {}).json()
    assert (found["state"], found["case"]["state"]) == ("disputed", "filed")
    assert (found["case"]["cause"], found["allowed"]) == ("contest", ["say", "evidence"])
    assert found["statements"] == []
    again = problem(worker.post(f"/work/assignments/{one.pk}/contest", {}), 409, "illegal_move")
    assert again["state"] == "disputed"


def test_after_fourteen_days_nothing_is_contested(worker: Api, one: Assignment) -> None:
    Rejection.objects.update(contest_by=timezone.now())
    found = worker.get(f"/work/assignments/{one.pk}/rejection").json()
    assert found["allowed"] == []
    problem(worker.post(f"/work/assignments/{one.pk}/contest", {}), 409, "too_late")
    clocks.run(now=timezone.now())
    problem(worker.post(f"/work/assignments/{one.pk}/contest", {}), 409, "illegal_move")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("contest", {"statement": "x" * 4_001}, "text_length"),
        ("contest", {"statement": 7}, "invalid"),
        ("contest", {"statement": "nul\0"}, "invalid"),
        ("contest", {"why": "x"}, "invalid"),
        ("say", {"text": " "}, "text_length"),
        ("say", {}, "invalid"),
        ("appeal", {"statement": "no"}, "text_length"),
        ("appeal", {}, "invalid"),
    ],
)
def test_words_of_a_worker_have_a_length(
    worker: Api, one: Assignment, path: str, body: dict[str, Any], code: str
) -> None:
    problem(worker.post(f"/work/assignments/{one.pk}/{path}", body), 400, code)
    assert Rejection.objects.get().state == "open"


def test_there_is_nothing_to_say_or_appeal_before_a_dispute(worker: Api, one: Assignment) -> None:
    url = f"/work/assignments/{one.pk}"
    problem(worker.post(f"{url}/say", {"text": "Read it."}), 409, "not_undecided")
    problem(worker.post(f"{url}/appeal", {"statement": OBJECTION}), 409, "illegal_move")


def test_what_was_not_rejected_has_no_rejection(worker: Api, bea: User, batch: Batch) -> None:
    done = factories.make_assignment(worker=bea, batch=batch, state="approved")
    for method, path in (("GET", "rejection"), ("POST", "contest")):
        body: Any = None if method == "GET" else {}
        found = worker.send(method, f"/work/assignments/{done.pk}/{path}", body)
        problem(found, 404, "not_found")


def test_somebody_elses_rejection_does_not_exist(api: Api, one: Assignment, cem: User) -> None:
    stranger = Api(cem)
    url = f"/work/assignments/{one.pk}"
    problem(stranger.get(f"{url}/rejection"), 404, "not_found")
    for verb, body in (
        ("contest", {}),
        ("say", {"text": "x"}),
        ("appeal", {"statement": OBJECTION}),
    ):
        problem(stranger.post(f"{url}/{verb}", body), 404, "not_found")
        problem(api.post(f"{url}/{verb}", body), 403, "forbidden")


# --- both sides --------------------------------------------------------------------------------


def test_a_client_reads_what_was_said_and_never_the_answer(
    api: Api, worker: Api, one: Assignment
) -> None:
    dispute = contest(worker, one, statement=SCRIPT)
    response = api.get(f"/disputes/{dispute}")
    found = response.json()
    assert [(said["side"], said["text"]) for said in found["statements"]] == [("worker", SCRIPT)]
    [rejection] = found["rejections"]
    assert (rejection["answer"], rejection["payload"], rejection["person"]) == (None, None, None)
    assert rejection["worker"].startswith("w_")
    assert (found["allowed"], found["terms"]) == (["reply", "evidence"], None)
    for secret in (CANARY.encode(), b"Bea", b"bea@", b'"choices"'):
        assert secret not in response.content
    assert response["Content-Type"] == "application/json"
    assert not Event.objects.filter(kind="answer.judged").exists()


def test_a_worker_reads_her_side_and_whom_she_faces(api: Api, worker: Api, one: Assignment) -> None:
    dispute = contest(worker, one)
    api.post(f"/disputes/{dispute}/reply", {"text": REPLY})
    found = worker.get(f"/disputes/{dispute}").json()
    assert (found["client"], found["reply"], found["state"]) == ("Acme", REPLY, "answered")
    assert found["rejections"][0]["worker"] is None
    hers = worker.get(f"/work/assignments/{one.pk}/rejection").json()
    assert (hers["reply"], hers["case"]["state"]) == (REPLY, "answered")


def test_a_dispute_is_listed_for_its_two_sides_and_the_judge_only(
    api: Api, worker: Api, judge: Api, one: Assignment, cem: User, dia: User
) -> None:
    dispute = contest(worker, one)
    factories.make_client("Rival", owner="eve", verified_by=dia)
    eve = User.objects.get(email="eve@example.org")
    for side in (api, worker, judge):
        [found] = side.get("/disputes").json()["results"]
        assert (found["id"], found["rejection_count"]) == (dispute, 1)
        assert side.get("/disputes?state=closed").json()["results"] == []
    for stranger in (Api(cem), Api(eve), Api(factories.make_user("lou", role="member"))):
        assert stranger.get("/disputes").json()["results"] == []
        problem(stranger.get(f"/disputes/{dispute}"), 404, "not_found")
    problem(Api(None).get("/disputes"), 401, "not_authenticated")
    problem(api.get("/disputes?state=lost"), 400, "invalid")


@pytest.mark.parametrize("scope", ["results:read", "money:write"])
def test_a_key_of_another_scope_reads_no_dispute(
    ada: User, worker: Api, one: Assignment, scope: str
) -> None:
    dispute = contest(worker, one)
    problem(Api(ada, scope).get(f"/disputes/{dispute}"), 403, "forbidden")
    problem(Api(ada, "batches:read").post(f"/disputes/{dispute}/reply", {}), 403, "forbidden")


def test_the_judges_queue_has_what_is_due_first_in_front(
    api: Api, worker: Api, judge: Api, bea: User, batch: Batch, one: Assignment
) -> None:
    later = contest(worker, one)
    other = factories.make_assignment(worker=bea, batch=batch, state="opened", now=timezone.now())
    api.post(f"/assignments/{other.pk}/reject", REASON)
    sooner = contest(worker, other)
    Dispute.objects.filter(pk=sooner).update(due_at=timezone.now() + timedelta(hours=1))
    listed = judge.get("/disputes?page_size=1").json()
    assert [found["id"] for found in listed["results"]] == [sooner]
    following = judge.get(listed["next"]).json()
    assert [found["id"] for found in following["results"]] == [later]
    assert [found["id"] for found in api.get("/disputes").json()["results"]] == [sooner, later]


# --- the client's reply ------------------------------------------------------------------------


def test_a_reply_is_given_once_and_in_time(api: Api, worker: Api, one: Assignment) -> None:
    dispute = contest(worker, one)
    url = f"/disputes/{dispute}/reply"
    problem(api.post(url, {"text": "no"}), 400, "text_length")
    problem(api.post(url, {"text": "x" * 4_001}), 400, "text_length")
    found = api.post(url, {"text": REPLY}).json()
    assert (found["state"], found["allowed"]) == ("answered", ["evidence"])
    assert found["due_at"] == found["decide_by"]
    problem(api.post(url, {"text": REPLY}), 409, "illegal_move")


def test_after_its_deadline_a_reply_comes_too_late_and_the_worker_wins(
    api: Api, worker: Api, one: Assignment
) -> None:
    dispute = contest(worker, one)
    overdue(dispute)
    problem(api.post(f"/disputes/{dispute}/reply", {"text": REPLY}), 409, "too_late")
    clocks.run(now=timezone.now())
    problem(api.post(f"/disputes/{dispute}/reply", {"text": REPLY}), 409, "illegal_move")
    found = worker.get(f"/work/assignments/{one.pk}/rejection").json()
    assert (found["outcome"], found["compensation"]) == ("unanswered", usd("0.00"))
    assert worker.get("/work/earnings").json()["balance"] == usd("0.10")


def test_only_the_client_of_a_case_replies(
    worker: Api, judge: Api, one: Assignment, dia: User
) -> None:
    dispute = contest(worker, one)
    factories.make_client("Rival", owner="eve", verified_by=dia)
    url, body = f"/disputes/{dispute}/reply", {"text": REPLY}
    problem(Api(User.objects.get(email="eve@example.org")).post(url, body), 404, "not_found")
    problem(worker.post(url, body), 403, "forbidden")
    problem(judge.post(url, body), 403, "forbidden")


# --- the decision ------------------------------------------------------------------------------


def test_a_judge_reads_the_answer_and_it_is_noted(
    api: Api, worker: Api, judge: Api, dia: User, one: Assignment
) -> None:
    dispute = contest(worker, one)
    api.post(f"/disputes/{dispute}/reply", {"text": REPLY})
    with statements(13):
        found = judge.get(f"/disputes/{dispute}").json()
    [rejection] = found["rejections"]
    assert rejection["answer"] == factories.answer(CANARY)
    assert rejection["payload"] == {"text": "Sentence number 0."}
    assert found["terms"]["criteria"] == factories.FIELDS["criteria"]
    assert found["allowed"] == ["decide"]
    [noted] = Event.objects.filter(kind="answer.judged")
    assert (noted.by_id, noted.about_id) == (dia.pk, one.pk)
    assert CANARY not in json.dumps(noted.data)


def test_an_unfounded_rejection_is_paid_with_a_tenth_on_top(
    api: Api, worker: Api, judge: Api, one: Assignment
) -> None:
    dispute = contest(worker, one)
    api.post(f"/disputes/{dispute}/reply", {"text": REPLY})
    made = decide(judge, dispute, one.pk, unfounded=True)
    assert (made.status_code, made.json()["overturned"], made.json()["upheld"]) == (201, 1, 0)
    hers = worker.get(f"/work/assignments/{one.pk}/rejection").json()
    assert (hers["outcome"], hers["compensation"]) == ("overturned", usd("0.01"))
    assert [said["reasons"] for said in hers["decisions"]] == [REASONS]
    assert worker.get("/work/earnings").json()["balance"] == usd("0.11")
    assert api.get(f"/assignments/{one.pk}").json()["answer"] == factories.answer(CANARY)
    assert api.get(f"/disputes/{dispute}").json()["decisions"][0]["reasons"] == REASONS
    problem(decide(judge, dispute, one.pk, unfounded=True), 409, "illegal_move")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"unfounded": [], "reasons": REASONS}, "not_all_judged"),
        ({"unfounded": [{"assignment": 10**9, "unfounded": True}]}, "invalid"),
        ({"unfounded": {"7": True}, "reasons": REASONS}, "invalid"),
        ({"unfounded": [{"assignment": 1, "unfounded": "yes"}], "reasons": REASONS}, "invalid"),
        ({"unfounded": [{"assignment": 1, "unfounded": True}] * 2, "reasons": REASONS}, "invalid"),
        ({"unfounded": [], "reasons": "no"}, "text_length"),
    ],
)
def test_a_decision_is_about_every_rejection_and_has_reasons(
    api: Api, worker: Api, judge: Api, one: Assignment, body: dict[str, Any], code: str
) -> None:
    dispute = contest(worker, one)
    api.post(f"/disputes/{dispute}/reply", {"text": REPLY})
    problem(judge.post(f"/disputes/{dispute}/decide", body), 400, code)
    assert Dispute.objects.get().state == "answered"


def test_reasons_quote_no_answer(api: Api, owner: Member, worker: Api, judge: Api) -> None:
    view = '<View><Text name="text" value="$text"/><TextArea name="w" toName="text"/></View>'
    batch = factories.make_open_batch(owner, interface=view)
    claimed = worker.post(f"/work/batches/{batch.pk}/claim").json()["id"]
    said = "the quick brown canary"
    content = [{"id": "w", "from_name": "w", "to_name": "text", "type": "textarea"}]
    content[0]["value"] = {"text": [said]}  # type: ignore[assignment]
    worker.post(f"/work/assignments/{claimed}/submit", {"content": content, "key": "a"})
    api.post(f"/assignments/{claimed}/open")
    api.post(f"/assignments/{claimed}/reject", REASON)
    dispute = contest(worker, Assignment.objects.get(pk=claimed))
    api.post(f"/disputes/{dispute}/reply", {"text": REPLY})
    quoted = f"The worker wrote “{said}”, which is what the criterion asks for."
    refused = decide(judge, dispute, claimed, unfounded=True, reasons=quoted)
    problem(refused, 400, "quotes_answer")
    assert said.encode() not in refused.content


def test_nobody_decides_before_the_client_had_its_say(
    worker: Api, judge: Api, one: Assignment
) -> None:
    dispute = contest(worker, one)
    problem(decide(judge, dispute, one.pk, unfounded=True), 409, "illegal_move")


def test_who_belongs_to_a_side_neither_reads_nor_decides(
    api: Api, worker: Api, judge: Api, owner: Member, dia: User, one: Assignment
) -> None:
    dispute = contest(worker, one)
    api.post(f"/disputes/{dispute}/reply", {"text": REPLY})
    Member.objects.create(client=owner.client, user=dia, role="reviewer", joined_at=factories.NOW)
    problem(decide(judge, dispute, one.pk, unfounded=False), 403, "conflict_of_interest")
    read = judge.get(f"/disputes/{dispute}")
    problem(read, 403, "conflict_of_interest")
    assert CANARY.encode() not in read.content
    assert not Event.objects.filter(kind="answer.judged").exists()


def test_neither_side_decides(api: Api, worker: Api, one: Assignment) -> None:
    dispute = contest(worker, one)
    api.post(f"/disputes/{dispute}/reply", {"text": REPLY})
    for side in (api, worker):
        problem(decide(side, dispute, one.pk, unfounded=True), 403, "forbidden")


def test_what_opened_by_itself_is_not_upheld_before_the_worker_has_spoken(
    api: Api, worker: Api, judge: Api, bea: User, batch: Batch
) -> None:
    found = {}
    for i in range(4):
        hand = bea if i == 3 else factories.make_user(f"w{i}")
        one = factories.make_assignment(
            worker=hand, batch=batch, state="opened", now=timezone.now()
        )
        said = REASON | {"explanation": f"{i}. {factories.EXPLANATION}"}
        found = api.post(f"/assignments/{one.pk}/reject", said).json()
    dispute, pk = found["dispute"], found["assignment"]
    api.post(f"/disputes/{dispute}/reply", {"text": REPLY})
    problem(decide(judge, dispute, pk, unfounded=False), 409, "too_early")
    hers = worker.get(f"/work/assignments/{pk}/rejection").json()
    assert hers["allowed"] == ["contest", "say", "evidence"]
    said_it = worker.post(f"/work/assignments/{pk}/say", {"text": "It is right."}).json()
    assert said_it["statements"][0]["text"] == "It is right."
    assert decide(judge, dispute, pk, unfounded=False).status_code == 201


# --- the appeal --------------------------------------------------------------------------------


def test_an_appeal_goes_to_another_and_is_final(
    api: Api, worker: Api, judge: Api, second: Api, one: Assignment
) -> None:
    dispute = upheld(api, worker, judge, one)
    url = f"/work/assignments/{one.pk}"
    assert worker.get(f"{url}/rejection").json()["allowed"] == ["appeal"]
    problem(worker.post(f"{url}/say", {"text": "But."}), 409, "not_undecided")
    appealed = worker.post(f"{url}/appeal", {"statement": OBJECTION}).json()
    assert (appealed["case"]["state"], appealed["allowed"]) == ("appealed", ["say", "evidence"])
    problem(worker.post(f"{url}/appeal", {"statement": OBJECTION}), 409, "illegal_move")
    assert judge.get(f"/disputes/{dispute}").json()["allowed"] == []
    problem(decide(judge, dispute, one.pk, unfounded=False), 403, "conflict_of_interest")
    assert second.get(f"/disputes/{dispute}").json()["allowed"] == ["decide"]
    assert decide(second, dispute, one.pk, unfounded=False).json()["level"] == 2
    problem(worker.post(f"{url}/appeal", {"statement": OBJECTION}), 409, "illegal_move")
    hers = worker.get(f"{url}/rejection").json()
    assert (hers["outcome"], hers["explanation"]) == ("upheld", factories.EXPLANATION)
    assert [said["text"] for said in hers["statements"]] == [OBJECTION]
    assert (hers["reply"], len(hers["decisions"])) == (REPLY, 2)


def test_after_a_final_refusal_the_client_finds_nothing_it_wrote_about_the_answer(
    api: Api, worker: Api, judge: Api, one: Assignment
) -> None:
    dispute = upheld(api, worker, judge, one)
    overdue(dispute)
    clocks.run(now=timezone.now())
    found = api.get(f"/disputes/{dispute}").json()
    assert (found["state"], found["reply"]) == ("closed", "")
    assert found["rejections"][0]["explanation"] == ""
    assert judge.get(f"/disputes/{dispute}").json()["rejections"][0]["answer"] is None


def test_after_fourteen_days_an_appeal_comes_too_late(
    api: Api, worker: Api, judge: Api, one: Assignment
) -> None:
    dispute = upheld(api, worker, judge, one)
    overdue(dispute)
    url = f"/work/assignments/{one.pk}"
    assert worker.get(f"{url}/rejection").json()["allowed"] == []
    problem(worker.post(f"{url}/appeal", {"statement": OBJECTION}), 409, "too_late")


def test_the_client_appeals_nothing(api: Api, worker: Api, judge: Api, one: Assignment) -> None:
    upheld(api, worker, judge, one)
    body = {"statement": OBJECTION}
    problem(api.post(f"/work/assignments/{one.pk}/appeal", body), 403, "forbidden")


# --- a group's case ----------------------------------------------------------------------------


def test_in_a_groups_case_each_worker_reads_what_concerns_her(
    acme: Client, api: Api, judge: Api, owner: Member
) -> None:
    batch = factories.make_open_batch(owner, tasks=30)
    people = [factories.make_user(f"w{i}") for i in range(10)]
    ids = []
    for i, hand in enumerate(people):
        one = factories.make_assignment(
            worker=hand, batch=batch, state="opened", now=timezone.now()
        )
        said = REASON | {"explanation": f"{i}. {factories.EXPLANATION}"}
        api.post(f"/assignments/{one.pk}/reject", said)
        ids.append(one.pk)
    [dispute] = [
        found["id"]
        for found in api.get("/disputes").json()["results"]
        if found["kind"] == "collective"
    ]
    first, other = Api(people[0]), Api(people[1])
    first.post(f"/work/assignments/{ids[0]}/contest", {"statement": "Mine is right."})
    mine = first.get(f"/disputes/{dispute}").json()
    theirs = other.get(f"/disputes/{dispute}").json()
    assert [one["assignment"] for one in mine["rejections"]] == [ids[0]]
    assert (len(mine["statements"]), theirs["statements"]) == (1, [])
    with statements(13):
        whole = judge.get(f"/disputes/{dispute}").json()
    assert [one["assignment"] for one in whole["rejections"]] == ids
    assert Event.objects.filter(kind="answer.judged").count() == 10
    unfreeze = f"/batches/{batch.pk}/unfreeze"
    problem(judge.post(unfreeze, {"reasons": REASONS}), 409, "case_undecided")
    api.post(f"/disputes/{dispute}/reply", {"text": REPLY})
    problem(decide(judge, dispute, *ids[1:], unfounded=True), 400, "not_all_judged")
    assert decide(judge, dispute, *ids, unfounded=True).json()["overturned"] == 10
    lifted = judge.post(unfreeze, {"reasons": REASONS}).json()
    assert lifted == {"batch": batch.pk, "frozen_at": None}
    problem(judge.post(unfreeze, {"reasons": REASONS}), 409, "not_frozen")
