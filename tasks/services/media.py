"""Images of a draft: known by their first bytes, stored by us, named `media:<uuid>` in tasks."""

import uuid
from datetime import datetime
from pathlib import PurePath
from typing import IO

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.utils.translation import gettext_lazy as _

from accounts.models import Member
from core import events, rules, text
from core.db import operation
from core.errors import Invalid, TooLarge, UnsupportedMedia
from tasks.models import Media
from tasks.services import batches

NAME = 200
HEAD = 16


class NotAnImage(UnsupportedMedia):
    code = "not_an_image"


def image_type(head: bytes) -> str | None:
    """The Content-Type of the image whose file begins so; what its sender says is not asked."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def store_media(*, batch_id: int, by: Member, body: IO[bytes], name: str, now: datetime) -> Media:
    """Stores an image for a draft; tasks name it `media:<id>`.

    Raises NotAnImage 415 for anything but PNG, JPEG, GIF and WebP, TooLarge 413 over 10 MB,
    Invalid 400 for a bad name, NotADraft 409, NotFound 404.
    """
    name = PurePath(name.replace("\\", "/")).name[:NAME]
    if text.unstorable(name):
        raise Invalid(_("This file name cannot be stored."), code="nul", field="name")
    size = body.seek(0, 2)
    if size > rules.MAX_MEDIA_BYTES:
        raise TooLarge(_("An image has at most 10 MB."))
    body.seek(0)
    kind = image_type(body.read(HEAD))
    if kind is None:
        raise NotAnImage(_("This is no PNG, JPEG, GIF or WebP image."))
    body.seek(0)
    media = Media(id=uuid.uuid4(), batch_id=batch_id, content_type=kind, size=size, created_at=now)
    media.name = name or str(media.id)
    return _record(media, by=by, body=body, now=now)


@operation
def _record(media: Media, *, by: Member, body: IO[bytes], now: datetime) -> Media:
    """The row and the file; no file stays behind if the row cannot be written."""
    batches.lock_draft(batch_id=media.batch_id, by=by)
    # Its own name, never the sender's: that one goes into no path.
    media.file.save(f"{media.id}.{media.content_type.partition('/')[2]}", File(body), save=False)
    try:
        media.save(force_insert=True)
        events.record("media.stored", by=by.user, about=media.batch, now=now, media=str(media.id))
    except BaseException:
        default_storage.delete(str(media.file.name))
        raise
    return media
