"""Disputes as both sides and adjudicators read them, and the files that belong to them."""

from collections.abc import Mapping
from typing import IO, Any
from uuid import UUID

from django.core.exceptions import SuspiciousOperation
from django.http import FileResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import person
from accounts.selectors import member_of
from core import rules
from core.api.bodies import length_of
from core.api.fields import Strict
from core.api.schema import Schema, endpoint, paged
from core.api.views import PageQuery
from core.errors import Invalid
from disputes.api.shapes import (
    DisputeBriefOut,
    DisputeOut,
    EvidenceOut,
    case_shown,
    dispute_shown,
    evidence_shown,
)
from disputes.api.sides import WRITERS, Sided
from disputes.models import Dispute
from disputes.selectors import cases
from disputes.services import looking, replies
from disputes.states import DisputeState
from tasks.selectors import answers

# What the parts of a form have around the file.
FORM_AROUND = 64 * 1024


class Disputes(Sided):
    class Query(PageQuery):
        state = serializers.ChoiceField(choices=DisputeState.values, required=False)

    @endpoint("list_disputes", query=Query, gives=paged(DisputeBriefOut))
    def get(self, request: Request) -> Response:
        """Your disputes, newest first. For adjudicators: all that run, what is due first in front.

        `state=closed` has the closed ones for them too, newest first.
        """
        user, now = person(request), timezone.now()
        state = self.query(self.Query).get("state", "")
        waiting = user.is_adjudicator and state != DisputeState.CLOSED
        found = (cases.queue if waiting else cases.disputes)(user, state=state)

        def show(dispute: Dispute) -> Any:
            return dispute_shown(dispute, user=user, now=now)

        order = ("due_at", "pk") if waiting else ("-pk",)
        return self.page(found, DisputeBriefOut, order=order, query=self.Query, show=show)


class DisputeDetail(Sided):
    @endpoint("get_dispute", gives=DisputeOut, refuses={403: ["conflict_of_interest"]})
    def get(self, request: Request, dispute_id: int) -> Response:
        """One dispute with what both sides said. Adjudicators also read the answers: it is noted.

        A client reads no answer here, whatever it opened before: rejected means gone.
        """
        user, now = person(request), timezone.now()
        found = cases.case(user, dispute_id)
        rejections = list(cases.rejections(found, user))
        shown = case_shown(found, rejections, user=user, now=now)
        if user.is_adjudicator:
            looking.look_at_case(dispute_id=found.pk, by=user, now=now)
            ids = [one.assignment_id for one in rejections]
            judged = answers.in_case(assignment_ids=ids)
            for one in shown["rejections"]:
                one["answer"] = judged.get(one["assignment_id"])
        return Response(DisputeOut(shown).data)


class EvidenceForm(MultiPartParser):
    """A form with a file: never larger than a file may be, whatever it announces."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except (MultiPartParserError, SuspiciousOperation) as error:
            raise Invalid(_("The body is not the form that it says."), code="malformed") from error


class EvidenceOf(Sided):
    sides = WRITERS
    parser_classes = (EvidenceForm,)

    class In(Strict):
        file = serializers.FileField(help_text="A PNG, a JPEG or a PDF of up to 10 MB.")
        shared = serializers.BooleanField(
            default=False,
            help_text="The client may open it too. What a client sends is always shared.",
        )

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before anything reads the form (the check of a session's token does): a file that is too
        # large fills neither memory nor disk.
        length_of(request, most=rules.MAX_EVIDENCE_BYTES + FORM_AROUND)
        super().initial(request, *args, **kwargs)

    @endpoint(
        "add_evidence",
        takes={"multipart/form-data": In},
        gives=EvidenceOut,
        status=201,
        refuses={
            409: ["not_undecided", "too_many_files"],
            411: ["length_required"],
            413: ["too_large"],
            415: ["not_evidence", "unsupported_media_type"],
        },
    )
    def post(self, request: Request, dispute_id: int) -> Response:
        """Add a file to a dispute that is not decided: five of each side at most.

        What it is is seen from its first bytes. A worker's goes to the adjudicator only, unless it
        is `shared`.
        """
        user = person(request)
        given = self.In(data=request.data)
        given.is_valid(raise_exception=True)
        file = given.validated_data["file"]
        added = replies.add_evidence(
            dispute_id=dispute_id,
            by=user,
            member=member_of(user),
            file=file,
            name=file.name,
            shared=given.validated_data["shared"],
            now=timezone.now(),
        )
        return Response(EvidenceOut(evidence_shown(added)).data, status=201)


class ByUuid(Schema):
    path_types = {"type": "string", "format": "uuid"}


class EvidenceFile(Sided):
    schema = ByUuid()

    @endpoint("get_evidence", gives={"application/octet-stream": OpenApiTypes.BINARY})
    def get(self, request: Request, evidence_id: UUID) -> FileResponse:
        """A file of a dispute, to be saved: under the type it was recognised as."""
        found = get_object_or_404(cases.evidence(person(request)), pk=evidence_id)
        response = FileResponse(
            found.file.open("rb"),
            as_attachment=True,
            filename=found.name,
            content_type=found.content_type,
        )
        response["X-Content-Type-Options"] = "nosniff"
        return response
