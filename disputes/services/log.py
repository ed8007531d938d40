"""The append-only log of what staff decides: each entry holds the hash of the one before it."""

import json
from datetime import datetime
from typing import Any

from django.db import models

from accounts.models import User
from core.db import inside_operation, rows

# Number and hashes are the database's (migration 0002).
WRITE = """
INSERT INTO disputes_logentry (number, kind, by_id, about_kind, about_id, data, at, previous, hash)
VALUES (0, %(kind)s, %(by)s, %(about_kind)s, %(about_id)s, %(data)s, %(now)s, '', '')
RETURNING number
"""


@inside_operation
def write(kind: str, *, by: User, about: models.Model, now: datetime, **data: Any) -> int:
    """Adds an entry and returns its number. Never an answer, nor what may quote one."""
    params = {
        "kind": kind,
        "by": by.pk,
        "about_kind": about._meta.model_name,
        "about_id": about.pk,
        "data": json.dumps(data),
        "now": now,
    }
    [(number,)] = rows(WRITE, params)
    return int(number)
