"""Images of a draft: several uploaded at a time, and their names as a file of tasks."""

from collections.abc import Iterator

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.models import Member
from core import problems
from tasks.forms.batches import ImagesForm
from tasks.interfaces import parse as interfaces
from tasks.interfaces.variables import IMAGE
from tasks.models import Batch, Media
from tasks.selectors import exports
from tasks.services import media
from tasks.services.uploads import ID
from tasks.views.batches import batch_page
from tasks.views.clients import batch_or_404, for_members


@require_http_methods(["GET", "POST"])
@for_members
def batch_images(request: HttpRequest, member: Member, batch_id: int) -> HttpResponseBase:
    """Stores images for a draft; read, it is a file of tasks with one row for each of them."""
    batch = batch_or_404(member, batch_id)
    if request.method != "POST":
        return _list(batch)
    form = ImagesForm(request.POST, request.FILES)
    if form.is_valid():
        with problems.on(form):
            for file in form.cleaned_data["images"]:
                media.store_media(
                    batch_id=batch.pk, by=member, body=file, name=file.name, now=timezone.now()
                )
    if form.is_valid():
        count = len(form.cleaned_data["images"])
        said = ngettext("%(n)d image is stored.", "%(n)d images are stored.", count) % {"n": count}
        messages.success(request, said)
        return redirect("batch", batch.pk)
    return batch_page(request, member, batch, status=422, images_form=form)


def _list(batch: Batch) -> StreamingHttpResponse:
    kinds = interfaces.parse_cached(batch.interface).variables if batch.interface else {}
    response = StreamingHttpResponse(
        exports.csv_table([ID, *kinds], _rows(batch, list(kinds.values()))),
        content_type="text/csv; charset=utf-8",
    )
    response["Content-Disposition"] = f'attachment; filename="batch-{batch.pk}-images.csv"'
    return response


def _rows(batch: Batch, kinds: list[str]) -> Iterator[list[str]]:
    for image in Media.objects.filter(batch=batch).order_by("name", "pk").iterator():
        yield [image.name, *(f"media:{image.pk}" if kind == IMAGE else "" for kind in kinds)]
