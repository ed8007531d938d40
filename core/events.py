"""Events: recorded in the transaction of the change, delivered afterwards, at least once.

`record` writes the row; `@on("assignment.approved")` in an app's handlers.py listens. The table
is the queue (jobs.py polls it), so that wiping Redis loses nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models

from core.db import inside_operation
from core.models import Event, Outbox

Handler = Callable[[Event], None]
handlers: dict[str, list[Handler]] = defaultdict(list)


def on(kind: str) -> Callable[[Handler], Handler]:
    """Registers a reaction to events of `kind`. It must be idempotent: it may run twice."""

    def register(handler: Handler) -> Handler:
        handlers[kind].append(handler)
        return handler

    return register


@inside_operation
def record(
    kind: str, *, by: AbstractBaseUser | None, about: models.Model, now: datetime, **data: Any
) -> Event:
    """Writes one event (and its delivery, if anybody listens) into the open transaction."""
    return record_many(kind, by=by, about=[(about, data)], now=now)[0]


@inside_operation
def record_many(
    kind: str,
    *,
    by: AbstractBaseUser | None,
    about: Sequence[tuple[models.Model, dict[str, Any]]],
    now: datetime,
) -> list[Event]:
    """One event each for (object, data); two statements at most, whatever the number."""
    events = Event.objects.bulk_create(
        Event(
            kind=kind,
            by_id=by.pk if by else None,
            about_kind=thing._meta.model_name or "",
            about_id=thing.pk,
            data=data,
            at=now,
        )
        for thing, data in about
    )
    if kind in handlers:
        Outbox.objects.bulk_create(Outbox(event=event, due_at=now) for event in events)
    return events
