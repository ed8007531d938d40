"""Background work: each job finds what is due and calls one service."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from disputes.services import clocks, transparency


@shared_task(name="disputes.run_clocks")
def run_clocks(**_: Any) -> None:
    clocks.run(now=timezone.now())


@shared_task(name="disputes.count_months")
def count_months(**_: Any) -> None:
    transparency.count_months(now=timezone.now())
