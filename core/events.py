"""Events: recorded in the transaction of the change, delivered afterwards, at least once.

`record` writes the row; `@on("assignment.approved")` in an app's handlers.py listens. The table
is the queue (jobs.py polls it), so that wiping Redis loses nothing.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models

from core.db import inside_operation, rows
from core.models import Event

Handler = Callable[[Event], None]
handlers: dict[str, list[Handler]] = defaultdict(list)


def on(kind: str) -> Callable[[Handler], Handler]:
    """Registers a reaction to events of `kind`. It must be idempotent: it may run twice."""

    def register(handler: Handler) -> Handler:
        handlers[kind].append(handler)
        return handler

    return register


# A function, because the hot paths in the database call it too (core/migrations/0004_record.py).
RECORD = "SELECT core_record(%(kind)s, %(by)s, %(about)s, %(ids)s, %(data)s, %(now)s, %(heard)s)"


def heard(kind: str) -> bool:
    """Whether anybody listens to this kind of event."""
    return kind in handlers


@inside_operation
def record(
    kind: str, *, by: AbstractBaseUser | None, about: models.Model, now: datetime, **data: Any
) -> Event:
    """Writes one event (and its delivery, if anybody listens) into the open transaction."""
    name = about._meta.model_name or ""
    [pk] = _write(kind, by, name, [about.pk], data, now)
    return Event(
        pk=pk,
        kind=kind,
        by_id=by.pk if by else None,
        about_kind=name,
        about_id=about.pk,
        data=data,
        at=now,
    )


@inside_operation
def record_many(
    kind: str,
    *,
    by: AbstractBaseUser | None,
    about: type[models.Model],
    ids: Sequence[int],
    now: datetime,
) -> None:
    """One event each about the `ids` of a model; two statements at most, whatever the number."""
    _write(kind, by, about._meta.model_name or "", ids, {}, now)


def _write(
    kind: str,
    by: AbstractBaseUser | None,
    about: str,
    ids: Sequence[int],
    data: dict[str, Any],
    now: datetime,
) -> list[int]:
    params = {
        "kind": kind,
        "by": by.pk if by else None,
        "about": about,
        "ids": list(ids),
        "data": json.dumps(data),
        "now": now,
        "heard": heard(kind),
    }
    return [row[0] for row in rows(RECORD, params)]
