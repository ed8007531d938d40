"""Same key and same request: same answer, for 24 hours (IETF draft-07)."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.translation import gettext_lazy as _

from core.db import operation
from core.errors import Conflict, Invalid, RuleBroken
from core.models import IdempotencyKey

KEEP = timedelta(hours=24)
# A request that has not answered in this time is taken to have died with its process; what it
# did is protected by natural keys in the books, so that running it again is harmless.
ABANDONED = timedelta(seconds=60)
Answer = tuple[int, Any]


class KeyMissing(Invalid):
    code = "idempotency_key_missing"


class KeyReused(RuleBroken):
    code = "idempotency_key_reused"


class StillRunning(Conflict):
    code = "still_running"


def fingerprint(*parts: Any) -> str:
    """The hash by which a repeated request is recognised."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def once(
    *, user: AbstractBaseUser, key: str, request_hash: str, now: datetime, run: Callable[[], Answer]
) -> Answer:
    """Runs `run` unless `key` has an answer already, and remembers a successful answer.

    Raises KeyMissing 400, KeyReused 422 (same key, other request), StillRunning 409. A refusal
    changes nothing and is not remembered: the same key may be tried again.
    """
    if not key or len(key) > 200 or not key.isprintable():
        raise KeyMissing(
            _("Send an Idempotency-Key header (1 to 200 characters), a new one for each intent.")
        )
    earlier = _begin(user=user, key=key, request_hash=request_hash, now=now)
    if earlier is not None:
        return earlier
    # Taken for dead meanwhile and run by another: then the row is the other's.
    mine = IdempotencyKey.objects.filter(user_id=user.pk, key=key, started_at=now)
    try:
        status, body = run()
    except BaseException:
        mine.delete()
        raise
    mine.update(status=status, body=body)
    return status, body


@operation
def _begin(*, user: AbstractBaseUser, key: str, request_hash: str, now: datetime) -> Answer | None:
    IdempotencyKey.objects.bulk_create(
        [
            IdempotencyKey(
                user_id=user.pk, key=key, request_hash=request_hash, started_at=now, status=0
            )
        ],
        ignore_conflicts=True,
    )
    row = IdempotencyKey.objects.select_for_update().get(user_id=user.pk, key=key)
    if row.request_hash != request_hash:
        raise KeyReused(_("This Idempotency-Key was used for another request. Use a new one."))
    if row.status:
        return row.status, row.body
    # Fresh rows carry 0, so that the one who made the row and no other goes on.
    if row.status is None and now - row.started_at < ABANDONED:
        raise StillRunning(
            _("The same request is still running. Ask again in a moment."), retry_after=2
        )
    IdempotencyKey.objects.filter(pk=row.pk).update(status=None, started_at=now)
    return None


def forget(*, now: datetime) -> int:
    """Deletes keys older than 24 hours; returns how many."""
    return IdempotencyKey.objects.filter(started_at__lt=now - KEEP).delete()[0]
