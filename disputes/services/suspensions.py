"""Suspending people: by named staff, with a reason, logged (R16)."""

from datetime import datetime

from accounts import services as accounts
from accounts.models import Suspension, User
from core.db import operation
from disputes.services import log


@operation
def suspend(*, user_id: int, by: User, reason: str, now: datetime) -> Suspension:
    """Ends what a person may begin. See `accounts.services.apply_suspend` for what it raises."""
    suspension = accounts.apply_suspend(user_id=user_id, by=by, reason=reason, now=now)
    log.write("suspended", by=by, about=suspension, now=now, reasons=suspension.reason)
    return suspension


@operation
def end_suspension(*, suspension_id: int, by: User, reason: str, now: datetime) -> Suspension:
    """Gives a suspended person everything back. Raises Forbidden, NotFound, Conflict, Invalid."""
    suspension = accounts.apply_end_suspension(
        suspension_id=suspension_id, by=by, reason=reason, now=now
    )
    log.write("unsuspended", by=by, about=suspension, now=now, reasons=suspension.end_reason)
    return suspension
