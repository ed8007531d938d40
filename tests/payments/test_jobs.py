"""The alarm clock calls the right service, with the time, and nothing else."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments import jobs
from payments.services import payouts


@pytest.mark.parametrize(
    ("job", "service"),
    [
        (jobs.send_payouts, "send_due"),
        (jobs.resolve_payouts, "resolve_unknown"),
        (jobs.request_weekly_payouts, "request_weekly"),
    ],
)
def test_a_job_calls_one_service(job: Any, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[datetime] = []
    monkeypatch.setattr(payouts, service, lambda *, now: called.append(now))
    job(sent_by="a newer version")
    [at] = called
    assert abs(timezone.now() - at) < timedelta(minutes=1)
