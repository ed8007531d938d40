"""What a worker is promised of the lists of her work: what is on offer, one batch, her own."""

import io
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Member, User
from core import money
from tasks.models import Archived, Assignment, Batch, Workbench
from tasks.services import batches, claims, figures, media, uploads
from tests import factories

# What opens and ends transactions, and who is asking.
BESIDES = re.compile(
    "SAVEPOINT|RELEASE|ROLLBACK|BEGIN|COMMIT"
    '|SELECT "django_session"|SELECT "accounts_user".* WHERE "accounts_user"."id" = '
)


@contextmanager
def statements(most: int) -> Iterator[None]:
    """Fails when more SQL than `most` is run, session and user not counted."""
    with CaptureQueriesContext(connection) as captured:
        yield
    found = [query["sql"] for query in captured if not BESIDES.match(query["sql"])]
    assert len(found) <= most, "\n\n".join(found)


@pytest.fixture
def browser(bea: User) -> Browser:
    """Bea's."""
    browser = Browser()
    browser.force_login(bea)
    return browser


def text(response: Any) -> str:
    return str(response.content.decode())


# --- what is on offer ------------------------------------------------------------------------


def test_the_list_says_what_work_pays_an_hour_and_how_its_client_decides(
    browser: Browser, owner: Member, cem: User
) -> None:
    batch = factories.make_open_batch(owner, reward=25 * money.CENT, declared_seconds=50)
    factories.make_assignment(worker=cem, batch=batch, state="approved")
    figures.refresh_figures(now=factories.NOW)
    page = text(browser.get(reverse("work")))
    assert "18.00\u00a0USD" in page
    assert "an hour, as declared" in page
    assert "Acme" in page
    assert "Identity verified" in page
    assert "1 answer, 0 of them by the clock" in page
    assert reverse("work_batch", args=[batch.pk]) in page


def test_the_list_narrows_by_words_language_and_pay(browser: Browser, owner: Member) -> None:
    factories.make_open_batch(owner, title="Birds", languages=["es"], reward=10 * money.CENT)
    factories.make_open_batch(owner, title="Songs", languages=["ar"], reward=40 * money.CENT)
    for query, seen in (
        ({"q": "birds"}, ["Birds"]),
        ({"language": "ar"}, ["Songs"]),
        ({"min_hourly": "20,00"}, ["Songs"]),
        ({"q": "birds", "language": "ar"}, []),
        ({}, ["Songs", "Birds"]),
    ):
        page = text(browser.get(reverse("work"), query))
        assert [title for title in ("Songs", "Birds") if title in page] == seen, query


@pytest.mark.parametrize(
    "query",
    [
        {"min_hourly": "lots"},
        {"min_hourly": "999999999999"},
        {"language": "klingon"},
        {"sort": "luck"},
        {"q": "\0"},
        {"q": "'\"& <b"},
        {"page": "-1"},
        {"page": "9" * 30},
    ],
)
def test_a_filter_that_cannot_be_read_breaks_nothing(
    browser: Browser, owner: Member, query: dict[str, str]
) -> None:
    factories.make_open_batch(owner)
    assert browser.get(reverse("work"), query).status_code == 200


def test_the_best_paid_hour_comes_first_when_asked(browser: Browser, owner: Member) -> None:
    factories.make_open_batch(owner, title="Well paid", reward=40 * money.CENT)
    factories.make_open_batch(owner, title="Long", reward=60 * money.CENT, declared_seconds=120)
    by_hour = text(browser.get(reverse("work"), {"sort": "hourly"}))
    by_reward = text(browser.get(reverse("work"), {"sort": "reward"}))
    assert by_hour.index("Well paid") < by_hour.index("Long")
    assert by_reward.index("Long") < by_reward.index("Well paid")


def test_the_list_comes_in_pages_of_twenty(browser: Browser, owner: Member) -> None:
    for number in range(21):
        factories.make_open_batch(owner, title=f"Batch {number:02}", tasks=1)
    first = browser.get(reverse("work"))
    assert text(first).count("<article") == 20
    second = browser.get(reverse("work") + first.context["older"])
    assert text(second).count("<article") == 1
    assert second.context["newer"] == reverse("work")


def test_an_empty_list_says_so(browser: Browser) -> None:
    assert "No work is on offer just now" in text(browser.get(reverse("work")))
    assert "No work fits that" in text(browser.get(reverse("work"), {"q": "birds"}))


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_two_statements_whatever_is_on_it(
    browser: Browser, owner: Member, count: int
) -> None:
    for _number in range(count):
        factories.make_open_batch(owner)
    with statements(2):
        assert text(browser.get(reverse("work"))).count("<article") == count


@pytest.mark.parametrize("name", ["work", "my_work", "archive", "work_settings"])
def test_work_is_for_workers_who_signed_in(ada: User, name: str) -> None:
    browser = Browser()
    response = browser.get(reverse(name))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))
    browser.force_login(ada)
    assert browser.get(reverse(name)).status_code == 403


# --- one batch -------------------------------------------------------------------------------


def test_a_batch_can_be_read_whole_before_a_claim(browser: Browser, owner: Member) -> None:
    batch = factories.make_open_batch(owner, content_warnings=["Rude words"])
    page = text(browser.get(reverse("work_batch", args=[batch.pk])))
    assert "<strong>liked</strong>" in page
    assert "Judge what the writer feels" in page
    assert "The writer is glad." in page
    assert "Sentence number 0." in page
    assert "Rude words" in page
    assert "Start a task" in page
    assert not Assignment.objects.exists()


def test_a_client_cannot_put_code_into_its_instructions(browser: Browser, owner: Member) -> None:
    batch = factories.make_open_batch(
        owner,
        instructions="<script>alert(1)</script> ![x](https://tracker.example/x.png)",
        title="<img src=x onerror=alert(1)>",
    )
    page = text(browser.get(reverse("work_batch", args=[batch.pk])))
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert 'src="https://tracker' not in page


def test_the_sample_cannot_be_answered(browser: Browser, owner: Member) -> None:
    batch = factories.make_open_batch(owner)
    page = text(browser.get(reverse("work_batch", args=[batch.pk])))
    assert page.index(" disabled>") < page.index("Sentence number 0.")


@pytest.mark.parametrize("state", ["draft", "closed", "paused"])
def test_a_batch_that_is_not_on_offer_is_not_there(
    browser: Browser, owner: Member, state: str
) -> None:
    if state == "draft":
        batch = factories.make_batch(owner)
    else:
        batch = factories.make_open_batch(owner)
        verb = batches.close_batch if state == "closed" else batches.pause_batch
        verb(batch_id=batch.pk, by=owner, now=factories.NOW)
    assert browser.get(reverse("work_batch", args=[batch.pk])).status_code == 404


def test_a_batch_she_worked_in_stays_readable_after_its_end(
    browser: Browser, owner: Member, bea: User
) -> None:
    batch = factories.make_open_batch(owner)
    factories.make_assignment(worker=bea, batch=batch, state="submitted")
    batches.close_batch(batch_id=batch.pk, by=owner, now=factories.NOW)
    response = browser.get(reverse("work_batch", args=[batch.pk]))
    assert "gives out no tasks now" in text(response)
    assert "Start a task" not in text(response)


def test_a_batch_costs_three_statements(browser: Browser, owner: Member) -> None:
    batch = factories.make_open_batch(owner)
    with statements(3):
        browser.get(reverse("work_batch", args=[batch.pk]))


# --- the claim -------------------------------------------------------------------------------


def start(browser: Browser, batch: Batch, **data: str) -> Any:
    return browser.post(reverse("claim", args=[batch.pk]), data)


def test_a_claim_leads_to_the_task(browser: Browser, owner: Member, bea: User) -> None:
    batch = factories.make_open_batch(owner)
    response = start(browser, batch)
    one = Assignment.objects.get(worker=bea)
    assert response["Location"] == reverse("work_task", args=[one.pk])


def test_claiming_twice_by_a_double_click_takes_one_task(
    browser: Browser, owner: Member, bea: User
) -> None:
    batch = factories.make_open_batch(owner)
    assert start(browser, batch)["Location"] == start(browser, batch)["Location"]
    assert Assignment.objects.filter(worker=bea).count() == 1


def test_one_more_task_is_taken_only_when_asked_for_and_within_the_limit(
    browser: Browser, owner: Member, bea: User
) -> None:
    batch = factories.make_open_batch(owner)
    start(browser, batch)
    page = text(browser.get(reverse("work_batch", args=[batch.pk])))
    assert "Continue" in page
    assert "Take one more" in page
    start(browser, batch, another="1")
    response = browser.post(reverse("claim", args=[batch.pk]), {"another": "1"}, follow=True)
    assert "You hold as many tasks as allowed" in text(response)
    assert Assignment.objects.filter(worker=bea).count() == 2


def test_when_nothing_is_left_the_batch_says_so(browser: Browser, owner: Member, cem: User) -> None:
    batch = factories.make_open_batch(owner, tasks=1)
    claims.claim(worker=cem, batch_id=batch.pk, now=timezone.now())
    response = browser.post(reverse("claim", args=[batch.pk]), follow=True)
    assert "No task of this batch is left for you now" in text(response)
    figures.refresh_figures(now=timezone.now())
    assert "No place is free just now" in text(browser.get(reverse("work_batch", args=[batch.pk])))


def test_a_claim_is_a_post(browser: Browser, owner: Member) -> None:
    batch = factories.make_open_batch(owner)
    assert browser.get(reverse("claim", args=[batch.pk])).status_code == 405


# --- her own ---------------------------------------------------------------------------------


def test_my_work_shows_state_amount_and_until_when(
    browser: Browser, owner: Member, bea: User, cem: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=6)
    for state in ("approved", "submitted", "released", "claimed"):
        factories.make_assignment(worker=bea, batch=batch, state=state)
    factories.make_assignment(worker=cem, batch=batch, state="claimed")
    page = text(browser.get(reverse("my_work")))
    for said in ("Approved and paid", "Waiting for review", "Given back", "In work", "0.10"):
        assert said in page
    assert page.count('scope="row"') == 4


@pytest.mark.parametrize(
    ("tab", "states"),
    [
        ("claimed", {"claimed"}),
        ("submitted", {"submitted"}),
        ("approved", {"approved"}),
        ("ended", {"released"}),
        ("nonsense", {"claimed", "submitted", "approved", "released"}),
    ],
)
def test_my_work_has_a_tab_for_each_state(
    browser: Browser, owner: Member, bea: User, tab: str, states: set[str]
) -> None:
    batch = factories.make_open_batch(owner, tasks=6)
    for state in ("approved", "submitted", "released", "claimed"):
        factories.make_assignment(worker=bea, batch=batch, state=state)
    rows = browser.get(reverse("my_work"), {"state": tab}).context["rows"]
    assert {one.state for one in rows} == states


def test_my_work_is_read_in_pages_without_counting(
    browser: Browser, owner: Member, bea: User
) -> None:
    batch = factories.make_open_batch(owner, tasks=21)
    for _number in range(21):
        factories.make_assignment(worker=bea, batch=batch, state="submitted")
    first = browser.get(reverse("my_work"), {"state": "submitted"})
    second = browser.get(reverse("my_work") + first.context["older"])
    assert len(first.context["rows"]) == 20
    assert len(second.context["rows"]) == 1
    assert second.context["newer"] == "?state=submitted"


@pytest.mark.parametrize("count", [1, 3])
def test_my_work_costs_one_statement_whatever_is_in_it(
    browser: Browser, owner: Member, bea: User, count: int
) -> None:
    batch = factories.make_open_batch(owner, tasks=5)
    for _number in range(count):
        factories.make_assignment(worker=bea, batch=batch, state="submitted")
    with statements(1):
        browser.get(reverse("my_work"))


def test_an_empty_record_points_to_work(browser: Browser) -> None:
    page = text(browser.get(reverse("my_work")))
    assert "You have not taken a task yet" in page
    assert "You have no task in this state" in text(
        browser.get(reverse("my_work"), {"state": "approved"})
    )


@pytest.mark.parametrize("count", [1, 3])
def test_the_archive_shows_what_came_too_late(
    browser: Browser, owner: Member, bea: User, count: int
) -> None:
    batch = factories.make_open_batch(owner, tasks=5)
    for _number in range(count):
        one = factories.make_assignment(worker=bea, batch=batch, state="released")
        Archived.objects.create(
            assignment=one, worker=bea, content=factories.answer(), at=factories.NOW
        )
    with statements(2):
        response = browser.get(reverse("archive"))
    assert text(response).count("checked") == count


def test_working_offline_is_one_switch(browser: Browser, bea: User) -> None:
    assert "Nothing is in it" in text(browser.get(reverse("archive")))
    assert browser.post(reverse("work_settings"), {"offline": "on"}).status_code == 302
    assert Workbench.objects.get(worker=bea).offline
    assert "checked" in text(browser.get(reverse("work_settings")))
    browser.post(reverse("work_settings"), {})
    assert not Workbench.objects.get(worker=bea).offline


# --- images ----------------------------------------------------------------------------------

IMAGES = """<View>
  <Image name="image" value="$image"/>
  <Choices name="kind" toName="image" required="true"><Choice value="bird"/></Choices>
</View>"""


def png() -> bytes:
    """The smallest picture there is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0\0"))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def picture(owner: Member, settings: Any, tmp_path: Any) -> tuple[Batch, str]:
    """A draft with an image in it, and the address of the image."""
    settings.MEDIA_ROOT = str(tmp_path)
    batch = factories.make_batch(owner, tasks=0, interface=IMAGES)
    stored = media.store_media(
        batch_id=batch.pk, by=owner, body=io.BytesIO(png()), name="b.png", now=factories.NOW
    )
    return batch, reverse("media", args=[stored.pk])


def published(batch: Batch, owner: Member, image: str) -> None:
    row = f'{{"external_id": "1", "image": "media:{image.split("/")[-2]}"}}'
    uploads.upload_tasks(
        batch_id=batch.pk,
        by=owner,
        body=io.BytesIO(row.encode()),
        content_type="application/x-ndjson",
        now=factories.NOW,
    )
    factories.fund(owner.client, "10.00")
    factories.publish(Batch.objects.get(pk=batch.pk), by=owner)


def test_images_are_served_as_what_they_are_and_kept_by_this_browser_only(
    browser: Browser, owner: Member, picture: tuple[Batch, str]
) -> None:
    batch, image = picture
    published(batch, owner, image)
    response = browser.get(image)
    assert response.getvalue() == png()
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == "inline"
    assert {"private", "immutable"} <= set(response["Cache-Control"].split(", "))
    page = text(browser.get(reverse("work_batch", args=[batch.pk])))
    assert f'src="{image}"' in page


def test_images_of_a_draft_are_its_clients_alone(
    browser: Browser, ada: User, dia: User, picture: tuple[Batch, str]
) -> None:
    _batch, image = picture
    assert browser.get(image).status_code == 404
    stranger = factories.make_client("Other", owner="eve").members.get().user
    statuses = {}
    for user in (ada, stranger, dia):
        other = Browser()
        other.force_login(user)
        statuses[user.name] = other.get(image).status_code
    assert statuses == {"Ada": 200, "Eve": 404, "Dia": 404}
    assert Browser().get(image).status_code == 302


def test_images_stay_visible_to_who_holds_a_task_of_a_paused_batch(
    browser: Browser, owner: Member, cem: User, picture: tuple[Batch, str]
) -> None:
    batch, image = picture
    published(batch, owner, image)
    start(browser, batch)
    batches.pause_batch(batch_id=batch.pk, by=owner, now=factories.NOW)
    assert browser.get(image).status_code == 200
    other = Browser()
    other.force_login(cem)
    assert other.get(image).status_code == 404
