"""Tasks and images of a draft: read as a stream, checked, stored whole or not at all."""

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import person
from accounts.selectors import acting_member
from accounts.states import Scope
from core import rules
from core.api.bodies import Raw, spooled
from core.api.fields import Shape, Strict
from core.api.schema import endpoint
from core.api.views import Api
from tasks import models
from tasks.services import batches, media, uploads


class Tasks(Api):
    scope = Scope.BATCHES_WRITE
    parser_classes = (Raw,)

    class Out(Shape):
        count = serializers.IntegerField(help_text="Tasks added, or deleted.")

    @endpoint(
        "upload_tasks",
        takes={
            "application/json": {"type": "array", "items": {"type": "object"}},
            "application/x-ndjson": OpenApiTypes.BINARY,
            "text/csv": OpenApiTypes.BINARY,
        },
        gives=Out,
        status=201,
        refuses={
            400: ["empty", "encoding", "incomplete_body", "not_an_array"],
            409: ["not_a_draft", "no_interface"],
            411: ["length_required"],
            413: ["too_large"],
            415: ["unsupported_media_type"],
            422: ["bad_rows"],
        },
        idempotent=True,
    )
    def post(self, request: Request, batch_id: int) -> Response:
        """Add tasks to a draft: all of the file, or nothing.

        A JSON array of objects, one object a line (NDJSON), or CSV with a head. `external_id` is
        your own name of the task, unique in the batch; everything else is its payload. Up to
        256 MiB and 10 million rows, a row up to 256 KiB. `bad_rows` names the first hundred wrong
        rows: by line, of a JSON array by item.
        """
        by, kind = acting_member(person(request)), request.content_type or ""
        uploads.format_of(kind)
        with spooled(request, most=rules.MAX_UPLOAD_BYTES) as body:

            def run() -> tuple[int, Any]:
                count = uploads.upload_tasks(
                    batch_id=batch_id,
                    by=by,
                    body=body.file,
                    content_type=kind,
                    now=timezone.now(),
                )
                return 201, {"count": count}

            return self.once(kind, body.digest, run=run)

    @endpoint("delete_tasks", gives=Out, refuses={409: ["not_a_draft"]})
    def delete(self, request: Request, batch_id: int) -> Response:
        """Empty a draft of its tasks."""
        by = acting_member(person(request))
        count = batches.delete_tasks(batch_id=batch_id, by=by, now=timezone.now())
        return Response({"count": count})


class Media(Api):
    scope = Scope.BATCHES_WRITE
    parser_classes = (Raw,)

    class Query(Strict):
        name = serializers.CharField(default="", allow_blank=True, max_length=200)

    class Out(Shape):
        id = serializers.UUIDField()
        reference = serializers.SerializerMethodField(help_text="`media:<id>`: its name in tasks.")
        content_type = serializers.CharField()
        size = serializers.IntegerField()
        name = serializers.CharField()

        def get_reference(self, stored: models.Media) -> str:
            return f"media:{stored.pk}"

    @endpoint(
        "upload_media",
        takes={"image/*": OpenApiTypes.BINARY},
        query=Query,
        gives=Out,
        status=201,
        refuses={
            400: ["incomplete_body"],
            409: ["not_a_draft"],
            411: ["length_required"],
            413: ["too_large"],
            415: ["not_an_image"],
        },
    )
    def post(self, request: Request, batch_id: int) -> Response:
        """Store an image for a draft: the body is the file, PNG, JPEG, GIF or WebP up to 10 MB.

        What it is is seen from its first bytes, not from Content-Type.
        """
        by, asked = acting_member(person(request)), self.query(self.Query)
        with spooled(request, most=rules.MAX_MEDIA_BYTES) as body:
            stored = media.store_media(
                batch_id=batch_id, by=by, body=body.file, now=timezone.now(), **asked
            )
        return Response(self.Out(stored).data, status=201)
