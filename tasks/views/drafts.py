"""Making a batch: its form with a preview, the upload of its tasks and images."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Member
from core import problems
from tasks.forms.batches import BatchForm, UploadForm
from tasks.forms.fields import numbered
from tasks.models import Batch
from tasks.selectors import batches as selectors
from tasks.selectors import preview
from tasks.services import batches as services
from tasks.services import uploads
from tasks.views.batches import batch_page
from tasks.views.clients import batch_or_404, for_members
from tasks.views.media import media_url

# What a new draft's interface begins with: something that works, to be changed.
STARTER = """<View>
  <Text name="text" value="$text"/>
  <Header value="What does the writer feel?"/>
  <Choices name="feeling" toName="text" choice="single" required="true">
    <Choice value="Positive"/>
    <Choice value="Negative"/>
    <Choice value="Neither"/>
  </Choices>
</View>
"""


@require_http_methods(["GET", "POST"])
@for_members
def batch_new(request: HttpRequest, member: Member) -> HttpResponse:
    """A new draft."""
    return _editor(request, member, None)


@require_http_methods(["GET", "POST"])
@for_members
def batch_edit(request: HttpRequest, member: Member, batch_id: int) -> HttpResponse:
    """Changes a draft; what is published stays as it is (409)."""
    batch = batch_or_404(member, batch_id)
    if not batch.is_draft:
        raise services.NotADraft(
            _("A published batch does not change. Make a new batch for a change.")
        )
    return _editor(request, member, batch)


def _editor(request: HttpRequest, member: Member, batch: Batch | None) -> HttpResponse:
    if request.method != "POST":
        form = BatchForm(batch=batch, initial=None if batch else {"interface": STARTER})
        return _show(request, form, dict(form.initial))
    form = BatchForm(request.POST, batch=batch)
    valid = form.is_valid()
    # The preview says itself what is wrong with the interface.
    tried = dict(form.cleaned_data) | {"interface": form.typed_interface}
    if {"preview", "add_example"} & request.POST.keys():
        return _show(request, form.as_typed(more_rows="add_example" in request.POST), tried)
    if valid:
        with problems.on(form), numbered():
            saved = _save(member, batch, form)
    if form.is_valid():
        messages.success(request, _("Saved."))
        return redirect("batch", saved.pk)
    return _show(request, form, tried, status=422)


def _save(member: Member, batch: Batch | None, form: BatchForm) -> Batch:
    fields, now = form.service_fields(), timezone.now()
    if batch is None:
        return services.create_batch(by=member, fields=fields, now=now)
    revision = form.cleaned_data["revision"]
    return services.edit_batch(
        batch_id=batch.pk, by=member, fields=fields, revision=revision, now=now
    )


def _show(
    request: HttpRequest, form: BatchForm, values: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """The editor beside what `values`, as far as they are valid, will look like."""
    task = selectors.sample_task(form.batch) if form.batch else None
    context = {
        "form": form,
        "batch": form.batch,
        "instructions": values.get("instructions", ""),
        "pay": preview.pay(
            reward=values.get("reward") or 0, seconds=values.get("declared_seconds")
        ),
        "preview": preview.preview(
            values.get("interface", ""),
            payload=task.payload if task else None,
            image_url=media_url,
        ),
    }
    fragment = request.headers.get("HX-Request") == "true"
    template = "tasks/_batch_preview.html" if fragment else "tasks/batch_form.html"
    return render(request, template, context, status=status)


@require_POST
@for_members
def batch_upload(request: HttpRequest, member: Member, batch_id: int) -> HttpResponse:
    """Adds a file of tasks to a draft: all of it, or nothing and the lines that are wrong."""
    batch = batch_or_404(member, batch_id)
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        with problems.on(form), numbered():
            count = uploads.upload_tasks(
                batch_id=batch.pk,
                by=member,
                body=form.cleaned_data["file"].file,
                content_type=form.content_type,
                now=timezone.now(),
            )
    if form.is_valid():
        said = ngettext("%(n)d task was added.", "%(n)d tasks were added.", count) % {"n": count}
        messages.success(request, said)
        return redirect("batch", batch.pk)
    return batch_page(request, member, batch, status=422, upload_form=form)
