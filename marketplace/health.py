"""What this process cannot work without."""

import logging

from django.core.cache import cache
from django.db import DatabaseError, connection
from redis.exceptions import RedisError

log = logging.getLogger("fairclick.health")


def missing() -> list[str]:
    """Names of what does not answer: "database", "redis"; each is logged with its error."""
    found = []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        log.exception("the database does not answer")
        found.append("database")
    try:
        cache.get("health")
    except RedisError:
        log.exception("redis does not answer")
        found.append("redis")
    return found
