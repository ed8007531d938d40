"""Prometheus metrics: requests by view, and what the operator must never let grow."""

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

from core import errors
from core.models import Outbox
from tasks.selectors import figures

REQUESTS = Counter("fairclick_requests", "Requests answered", ["view", "method", "status"])
SECONDS = Histogram("fairclick_request_seconds", "Time to answer", ["view"])
EVENTS_WAITING = Gauge("fairclick_events_waiting", "Events not yet delivered")
OVERDUE = Gauge("fairclick_overdue", "Rows whose due time has passed", ["what"])


def observe(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    match = request.resolver_match
    view = match.route if match else "none"
    REQUESTS.labels(view, request.method or "", response.status_code).inc()
    SECONDS.labels(view).observe(seconds)


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus: needs `Authorization: Bearer METRICS_TOKEN`; 404 when no token is set."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    expected = settings.METRICS_TOKEN
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise errors.NotFound("No metrics here.")
    EVENTS_WAITING.set(Outbox.objects.filter(done_at__isnull=True).count())
    for what, count in figures.overdue(now=timezone.now()).items():
        OVERDUE.labels(what).set(count)
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)
