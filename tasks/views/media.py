"""Images of batches, served by us to those who may see the batch and to nobody else (R18)."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from accounts.models import User
from tasks.selectors import readable

# The name of an image never comes to mean another one.
KEEP_SECONDS = 7 * 86_400


def media_url(media_id: str) -> str:
    """Where the image that a task names `media:<uuid>` is served."""
    return reverse("media", args=[media_id])


@require_safe
@login_required
def media(request: HttpRequest, media_id: UUID) -> FileResponse:
    """The file, under the type it was recognised as; kept by this browser, by no proxy."""
    assert isinstance(request.user, User)
    found = get_object_or_404(readable.media(request.user), pk=media_id)
    response = FileResponse(found.file.open("rb"), content_type=found.content_type)
    response["Content-Disposition"] = "inline"
    response["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(response, private=True, max_age=KEEP_SECONDS, immutable=True)
    return response
