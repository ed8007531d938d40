"""Background work: each job finds what is due and calls one service."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from tasks.services import claims, figures, gold, publishing, reviews


@shared_task(name="tasks.publish_batches")
def publish_batches(**_: Any) -> None:
    publishing.publish_batches(now=timezone.now())


@shared_task(name="tasks.expire_claims")
def expire_claims(**_: Any) -> None:
    claims.expire_due(now=timezone.now())


@shared_task(name="tasks.approve_due")
def approve_due(**_: Any) -> None:
    reviews.approve_due(now=timezone.now())


@shared_task(name="tasks.run_operations")
def run_operations(**_: Any) -> None:
    reviews.run_operations(now=timezone.now())


@shared_task(name="tasks.settle_closed")
def settle_closed(**_: Any) -> None:
    publishing.settle_closed(now=timezone.now())


@shared_task(name="tasks.refresh_figures")
def refresh_figures(**_: Any) -> None:
    figures.refresh_figures(now=timezone.now())


@shared_task(name="tasks.exclude_by_gold")
def exclude_by_gold(**_: Any) -> None:
    gold.exclude_by_gold(now=timezone.now())
