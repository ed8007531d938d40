"""What a worker can claim: the list, one batch in full, the claim."""

from typing import Any

from django.db.models import FilteredRelation, Q
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import person
from accounts.states import Scope
from core.api.fields import Cents, Json, Money, Shape
from core.api.schema import endpoint, paged
from core.api.views import Api, PageQuery
from tasks.api.shapes import (
    ExampleOut,
    ExclusionOut,
    WorkOut,
    exclusion_shown,
    time,
    when,
    work_shown,
)
from tasks.models import Batch
from tasks.selectors import batches as selectors
from tasks.services import claims


class RecordOut(Shape):
    """How a client has treated workers."""

    name = serializers.CharField()
    verified = serializers.BooleanField(help_text="Staff has checked who it is.")
    decided = serializers.IntegerField(help_text="Answers decided so far, all batches.")
    by_clock = serializers.IntegerField(help_text="Of these, approved because it was silent.")
    median_review_s = serializers.IntegerField(allow_null=True)
    rejected = serializers.IntegerField(help_text="Answers rejected so far.")
    judged = serializers.IntegerField(help_text="Of these, finally decided by an adjudicator.")
    overturned = serializers.IntegerField(help_text="Of the judged: it had been wrong.")


class OfferOut(Shape):
    id = serializers.IntegerField()
    title = serializers.CharField()
    client = RecordOut()
    reward = Money(help_text="Of one task.")
    hourly = Money(help_text="What that pays an hour.")
    seconds = serializers.IntegerField(help_text="How long a task takes.")
    measured = serializers.BooleanField(help_text="Seconds were measured, not declared.")
    left = serializers.IntegerField(help_text="Open places, counted every few seconds.")
    review_window_s = serializers.IntegerField(help_text="Paid after it at the latest.")
    languages = serializers.ListField(child=serializers.CharField())
    content_warnings = serializers.ListField(child=serializers.CharField())
    external_work = serializers.BooleanField(
        help_text="You answer elsewhere; nothing of it can be rejected (R19)."
    )
    opened_at = time()


def offer_shown(batch: Batch) -> dict[str, Any]:
    """A batch as workers see it; client, record and figures are loaded."""
    offer = selectors.offer(batch)
    return {
        "id": batch.pk,
        "title": batch.title,
        "client": {
            "name": batch.client.name,
            "verified": batch.client.verified_at is not None,
            "decided": offer.record.decided if offer.record else 0,
            "by_clock": offer.record.by_clock if offer.record else 0,
            "median_review_s": offer.record.median_review_seconds if offer.record else None,
            "rejected": offer.record.rejected if offer.record else 0,
            "judged": offer.record.judged if offer.record else 0,
            "overturned": offer.record.overturned if offer.record else 0,
        },
        "reward": batch.reward,
        "hourly": offer.hourly,
        "seconds": offer.seconds,
        "measured": offer.measured,
        "left": offer.left,
        "review_window_s": batch.review_window_seconds,
        "languages": batch.languages,
        "content_warnings": batch.content_warnings,
        "external_work": batch.external_work,
        "opened_at": batch.opened_at,
    }


class Offers(Api):
    scope = Scope.WORK

    class Query(PageQuery):
        min_hourly = Cents(required=False, help_text="Pay an hour, such as 12.00.")
        language = serializers.CharField(default="", allow_blank=True, max_length=8)
        q = serializers.CharField(default="", allow_blank=True, max_length=200)
        sort = serializers.ChoiceField(choices=list(selectors.SORTS), default="new")

    @endpoint("list_offers", query=Query, gives=paged(OfferOut))
    def get(self, request: Request) -> Response:
        """What can be claimed now, with what it truly pays and how its client behaves."""
        asked = self.query(self.Query)
        found = selectors.offers(
            query=asked["q"],
            min_hourly=asked.get("min_hourly"),
            language=asked["language"],
            sort=asked["sort"],
        )
        order = selectors.SORTS[asked["sort"]]
        return self.page(found, OfferOut, order=order, query=self.Query, show=offer_shown)


class OfferDetail(Api):
    scope = Scope.WORK

    class Out(OfferOut):
        instructions = serializers.CharField(help_text="Markdown.")
        criteria = serializers.ListField(child=serializers.CharField())
        examples = ExampleOut(many=True)
        interface = serializers.CharField(help_text="Label Studio XML.")
        sample = Json(allow_null=True, help_text="The payload of one task.")
        closed_at = when()
        exclusion = ExclusionOut(
            allow_null=True, help_text="Why you make no further claims in it, if that is so."
        )

    @endpoint("get_offer", gives=Out)
    def get(self, request: Request, batch_id: int) -> Response:
        """Instructions, criteria, examples and a sample task. No claim is needed to read them."""
        worker = person(request)
        hers = FilteredRelation("exclusions", condition=Q(exclusions__worker=worker))
        found = selectors.readable_by(worker).annotate(hers=hers)
        # One query for both; the plugin of mypy knows no such relation.
        found = found.select_related("hers__by")  # type: ignore[misc]
        batch = get_object_or_404(found, pk=batch_id)
        excluded = getattr(batch, "hers", None)
        sample = selectors.sample_task(batch)
        shown = offer_shown(batch) | {
            "instructions": batch.instructions,
            "criteria": batch.criteria,
            "examples": batch.examples,
            "interface": batch.interface,
            "sample": sample.payload if sample else None,
            "closed_at": batch.closed_at,
            "exclusion": exclusion_shown(excluded) if excluded else None,
        }
        return Response(self.Out(shown).data)


class Claim(Api):
    scope = Scope.WORK

    @endpoint(
        "claim",
        gives=WorkOut,
        status=201,
        refuses={409: ["nothing_left", "claim_limit", "batch_not_open"]},
    )
    def post(self, request: Request, batch_id: int) -> Response:
        """Claim the next place of a batch: its task is yours until you submit or give it back."""
        now = timezone.now()
        claimed = claims.claim(worker=person(request), batch_id=batch_id, now=now)
        headers = {"Location": f"/api/v1/work/assignments/{claimed.pk}"}
        return Response(WorkOut(work_shown(claimed, now=now)).data, status=201, headers=headers)
