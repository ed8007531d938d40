"""Drafting a batch on its pages: the form, its preview, uploads of tasks and images."""

import io
import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Member, User
from core import money
from tasks.models import Batch, Media, Task
from tasks.services import batches as services
from tests import factories
from tests.factories import FIELDS, INTERFACE, NOW, make_batch, make_open_batch
from tests.tasks.test_views_batches import text_of

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
IMAGES = """<View>
  <Image name="image" value="$image"/>
  <Text name="about" value="$about"/>
  <TextArea name="said" toName="image" required="true"/>
</View>"""


@pytest.fixture
def page(client: Browser, ada: User) -> Browser:
    """Ada, signed in."""
    client.force_login(ada)
    return client


def typed(**changes: Any) -> dict[str, Any]:
    """The editor as a client fills it in; line breaks as browsers send them."""
    rows = [{"task": "Great!", "answer": "positive", "why": "Glad."}, {}, {}]
    form = {
        "title": "Is it positive?",
        "instructions": "Read.\r\n\r\nThen **decide**.",
        "criteria": "Judge the writer.\r\n\r\nNot yourself.",
        "interface": INTERFACE.replace("\n", "\r\n"),
        "reward": "0.10",
        "declared_seconds": "20",
        "overlap": "2",
        "review_window_s": "86400",
        "languages": ["en", "ar"],
        "other_languages": "de, pt",
        "content_warnings": "violence، grief",
        "examples-TOTAL_FORMS": str(len(rows)),
        "examples-INITIAL_FORMS": "0",
    }
    for number, row in enumerate(rows):
        for name in ("task", "answer", "why"):
            form[f"examples-{number}-{name}"] = row.get(name, "")
    return form | changes


def test_a_draft_is_saved_as_it_was_typed(page: Browser, owner: Member) -> None:
    response = page.post(reverse("batch_new"), typed())
    draft = Batch.objects.get()
    assert response["Location"] == reverse("batch", args=[draft.pk])
    assert draft.client == owner.client
    assert draft.instructions == "Read.\n\nThen **decide**."
    assert draft.criteria == ["Judge the writer.", "Not yourself."]
    assert draft.examples == [{"task": "Great!", "answer": "positive", "why": "Glad."}]
    assert draft.interface == INTERFACE
    assert draft.reward == 10 * money.CENT
    assert (draft.declared_seconds, draft.overlap) == (20, 2)
    assert draft.review_window_seconds == 86_400
    assert draft.languages == ["en", "ar", "de", "pt"]
    assert draft.content_warnings == ["violence", "grief"]


def test_a_new_draft_begins_with_an_interface_that_works(page: Browser) -> None:
    response = page.get(reverse("batch_new"))
    assert "$text" in response.content.decode()
    assert "Here stands “text” of each task." in text_of(response)


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"title": ""}, "title", "This field is required."),
        ({"reward": "0.125"}, "reward", "Whole cents only"),
        ({"reward": "1,000"}, "reward", "Give an amount as text"),
        ({"overlap": "101"}, "overlap", "less than or equal to 100"),
        ({"declared_seconds": "0"}, "declared_seconds", "greater than or equal to 1"),
        ({"interface": "<View>\n<Blink/>\n</View>"}, "interface", "Line 2: There is no tag"),
        ({"criteria": "x" * 2001}, "criteria", "1 to 2,000 characters"),
        ({"other_languages": "abcdefghij"}, "languages", "1 to 8 characters"),
        ({"content_warnings": "x" * 61}, "content_warnings", "1 to 60 characters"),
        ({"examples-0-why": ""}, "examples-0-why", "An example needs all three"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    page: Browser, changes: dict[str, Any], field: str, said: str
) -> None:
    response = page.post(reverse("batch_new"), typed(**changes))
    assert response.status_code == 422
    [found] = re.findall(
        rf'<ul class="errors" id="id_{field}_error">(.*?)</ul>', response.content.decode(), re.S
    )
    assert said in found
    assert not Batch.objects.exists()


def test_a_decimal_comma_is_understood_where_nothing_else_can_be_meant(page: Browser) -> None:
    page.post(reverse("batch_new"), typed(reward="0,25"))
    assert Batch.objects.get().reward == 25 * money.CENT


def test_the_preview_shows_what_was_typed_and_saves_nothing(page: Browser) -> None:
    response = page.post(reverse("batch_new"), typed(preview="1", title=""))
    said = text_of(response)
    assert response.status_code == 200
    assert not Batch.objects.exists()
    assert "<strong>decide</strong>" in response.content.decode()
    assert "What does the sentence say?" in said
    assert "Pays an hour, at the declared time 18.00 USD" in said
    assert "The reward is at or above the floor." in said
    assert "This field is required" not in said
    assert 'value="0.10"' in response.content.decode()


def test_the_preview_names_what_is_wrong_with_the_interface_and_the_pay(page: Browser) -> None:
    wrong = typed(preview="1", interface="<View>\n<Blink/>\n</View>", reward="0.01")
    said = text_of(page.post(reverse("batch_new"), wrong))
    assert "Line 2: There is no tag" in said
    assert "Below the floor: it can be saved, but not published. Pay at least 0.10 USD" in said


def test_a_script_gets_the_preview_alone(page: Browser, owner: Member) -> None:
    draft = make_batch(owner, tasks=1)
    response = page.post(
        reverse("batch_edit", args=[draft.pk]), typed(preview="1"), headers={"HX-Request": "true"}
    )
    assert "<html" not in response.content.decode()
    assert 'id="preview"' in response.content.decode()
    assert "Sentence number 0." in text_of(response)


def test_another_row_for_an_example_keeps_what_was_typed(page: Browser) -> None:
    response = page.post(reverse("batch_new"), typed(add_example="1", title="Half"))
    body = response.content.decode()
    assert 'name="examples-3-task"' in body
    assert 'value="Half"' in body
    assert "Great!" in body
    assert not Batch.objects.exists()


def test_a_draft_is_edited(page: Browser, owner: Member) -> None:
    draft = make_batch(owner, tasks=2, languages=["en", "tr"], review_window_s=7200)
    path = reverse("batch_edit", args=[draft.pk])
    shown = page.get(path).content.decode()
    assert 'value="tr"' in shown
    assert re.search(r'<option value="7200" selected>\s*2 hours', shown)
    revision = str(draft.revision)
    # The interface only has other line breaks: no reason to refuse it under uploaded tasks.
    response = page.post(path, typed(revision=revision, title="Better"))
    assert response.status_code == 302
    assert Batch.objects.get(pk=draft.pk).title == "Better"


def test_an_edit_of_what_somebody_changed_meanwhile_is_refused_and_kept_on_the_page(
    page: Browser, owner: Member
) -> None:
    draft = make_batch(owner, tasks=0)
    stale = str(draft.revision)
    services.edit_batch(
        batch_id=draft.pk, by=owner, fields={"title": "Hers"}, revision=None, now=NOW
    )
    response = page.post(
        reverse("batch_edit", args=[draft.pk]), typed(revision=stale, title="Mine")
    )
    assert response.status_code == 422
    assert "Somebody changed this batch meanwhile" in text_of(response)
    assert 'value="Mine"' in response.content.decode()
    assert Batch.objects.get(pk=draft.pk).title == "Hers"


def test_another_interface_under_uploaded_tasks_is_refused_at_its_field(
    page: Browser, owner: Member
) -> None:
    draft = make_batch(owner, tasks=1)
    changed = INTERFACE.replace("negative", "not")
    response = page.post(reverse("batch_edit", args=[draft.pk]), typed(interface=changed))
    assert "Delete them first, then change it." in text_of(response)


def test_a_published_batch_is_not_edited(page: Browser, owner: Member) -> None:
    batch = make_open_batch(owner)
    assert page.get(reverse("batch_edit", args=[batch.pk])).status_code == 409
    assert page.post(reverse("batch_edit", args=[batch.pk]), typed()).status_code == 409


# --- tasks -----------------------------------------------------------------------------------

CSV = b"external_id,text\na,One\nb,Two\n"


def upload(page: Browser, draft: Batch, name: str, body: bytes) -> Any:
    file = SimpleUploadedFile(name, body, content_type="application/octet-stream")
    return page.post(reverse("batch_upload", args=[draft.pk]), {"file": file}, follow=True)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("tasks.csv", CSV),
        ("TASKS.CSV", CSV),
        ("tasks.jsonl", b'{"external_id":"a","text":"One"}\n{"external_id":"b","text":"Two"}'),
        ("tasks.ndjson", b'{"external_id":"a","text":"One"}\n{"external_id":"b","text":"Two"}'),
        ("tasks.json", b'[{"external_id":"a","text":"One"},{"external_id":"b","text":"Two"}]'),
    ],
)
def test_a_file_of_tasks_is_read_by_the_ending_of_its_name(
    page: Browser, owner: Member, name: str, body: bytes
) -> None:
    draft = make_batch(owner, tasks=0)
    response = upload(page, draft, name, body)
    assert "2 tasks were added." in text_of(response)
    stored = Task.objects.filter(batch=draft).order_by("position")
    assert [(task.external_id, task.payload) for task in stored] == [
        ("a", {"text": "One"}),
        ("b", {"text": "Two"}),
    ]


def test_a_large_file_is_read_from_disk(page: Browser, owner: Member) -> None:
    draft = make_batch(owner, tasks=0)
    lines = [f"t{number},{'word ' * 30}" for number in range(10_000)]
    response = upload(page, draft, "t.csv", "\n".join(["external_id,text", *lines]).encode())
    assert "10000 tasks were added." in text_of(response)


def test_bad_rows_are_named_by_line_and_nothing_is_stored(page: Browser, owner: Member) -> None:
    draft = make_batch(owner, tasks=0)
    rows = [{"external_id": "a", "text": "One"}, {"text": "no name"}, {"external_id": "c"}]
    body = "\n".join(json.dumps(row) for row in rows).encode()
    response = upload(page, draft, "t.jsonl", body)
    said = text_of(response)
    assert response.status_code == 422
    assert "Line 2: Give “external_id”" in said
    assert "Line 3: The interface uses $text" in said
    assert not Task.objects.filter(batch=draft).exists()


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("tasks.xlsx", b"PK", "must end in .csv, .jsonl or .json"),
        ("tasks.csv", b"", "The file is empty."),
        ("tasks.json", b"{}", "Send an array of objects."),
        ("tasks.csv", b"name,text\na,b\n", "There must be a column “external_id”"),
    ],
)
def test_a_file_that_is_none_of_tasks_is_refused_with_what_to_do(
    page: Browser, owner: Member, name: str, body: bytes, said: str
) -> None:
    draft = make_batch(owner, tasks=0)
    response = upload(page, draft, name, body)
    assert response.status_code == 422
    assert said in text_of(response)


def test_a_file_over_the_limit_is_refused(
    page: Browser, owner: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.rules.MAX_UPLOAD_BYTES", 10)
    draft = make_batch(owner, tasks=0)
    assert "larger than 256 MiB" in text_of(upload(page, draft, "t.csv", CSV))


def test_without_an_interface_there_is_no_upload(page: Browser, owner: Member) -> None:
    draft = make_batch(owner, tasks=0, interface="")
    said = text_of(page.get(reverse("batch", args=[draft.pk])))
    assert "Give the batch its interface first" in said
    assert "Give the batch its interface first" in text_of(upload(page, draft, "t.csv", CSV))


# --- images ----------------------------------------------------------------------------------


def images(page: Browser, draft: Batch, **files: bytes) -> Any:
    found = [SimpleUploadedFile(f"{name}.png", body) for name, body in files.items()]
    return page.post(reverse("batch_images", args=[draft.pk]), {"images": found}, follow=True)


def test_images_are_stored_and_listed_as_a_file_of_tasks(
    page: Browser, owner: Member, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    draft = make_batch(owner, tasks=0, interface=IMAGES)
    assert "2 images are stored." in text_of(images(page, draft, cat=PNG, dog=PNG))
    first, second = Media.objects.filter(batch=draft).order_by("name")
    response = page.get(reverse("batch_images", args=[draft.pk]))
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert lines == [
        "external_id,image,about",
        f"cat.png,media:{first.pk},",
        f"dog.png,media:{second.pk},",
    ]
    factories_body = io.BytesIO("\n".join(lines).replace(",\n", ",x\n").encode() + b"x")
    assert "2 tasks were added" in text_of(
        upload(page, draft, "images.csv", factories_body.getvalue())
    )


def test_what_is_no_image_is_named_and_none_is_stored(page: Browser, owner: Member) -> None:
    draft = make_batch(owner, tasks=0, interface=IMAGES)
    response = images(page, draft, cat=PNG, virus=b"MZ")
    assert response.status_code == 422
    assert "virus.png is no PNG, JPEG, GIF or WebP image." in text_of(response)
    assert not Media.objects.exists()


def test_images_are_asked_for_only_where_the_interface_shows_one(
    page: Browser, owner: Member
) -> None:
    plain = make_batch(owner, tasks=0)
    shown = make_batch(owner, tasks=0, interface=IMAGES)
    path = reverse("batch_images", args=[plain.pk])
    assert path not in page.get(reverse("batch", args=[plain.pk])).content.decode()
    path = reverse("batch_images", args=[shown.pk])
    assert path in page.get(reverse("batch", args=[shown.pk])).content.decode()


def test_what_a_client_wrote_is_shown_as_text(page: Browser, owner: Member) -> None:
    evil = "<script>alert(1)</script>"
    draft = make_batch(
        owner,
        tasks=1,
        title=evil,
        instructions=evil,
        criteria=[evil],
        examples=[FIELDS["examples"][0] | {"why": evil}],
    )
    for name in ("batch", "batch_edit"):
        assert evil not in page.get(reverse(name, args=[draft.pk])).content.decode()
    assert factories.FIELDS["title"] not in text_of(page.get(reverse("batches")))
