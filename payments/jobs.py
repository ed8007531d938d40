"""Background work of the money. The rows know what is due; these are the alarm clock."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from payments.services import payouts


@shared_task(name="payments.send_payouts")
def send_payouts(**_: Any) -> None:
    payouts.send_due(now=timezone.now())


@shared_task(name="payments.resolve_payouts")
def resolve_payouts(**_: Any) -> None:
    payouts.resolve_unknown(now=timezone.now())


@shared_task(name="payments.request_weekly_payouts")
def request_weekly_payouts(**_: Any) -> None:
    payouts.request_weekly(now=timezone.now())
