"""The server's ceiling: Django without middleware, and the raw SQL. Never part of the product."""

import json
import os
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

HAND_OUT = "SELECT raw.hand_out(%s, %s)"
SUBMIT = """
WITH done AS (
    UPDATE raw.assignment SET state = 'submitted', submitted_at = now()
     WHERE id = %s AND worker_id = %s AND state = 'claimed' RETURNING id
)
INSERT INTO raw.answer (assignment_id, content) SELECT id, %s::jsonb FROM done
"""


def answered(body: bytes) -> HttpResponse:
    """An answer with the one header that a client needs to find its end."""
    return HttpResponse(body, headers={"Content-Length": str(len(body))})


def ok(request: HttpRequest) -> HttpResponse:
    """Nothing but Django."""
    return answered(b"ok")


def constant(request: HttpRequest, size: int) -> HttpResponse:
    """A page of that size, made of nothing."""
    return answered(b"x" * size)


def hand_out(request: HttpRequest, worker: int, batch: int) -> HttpResponse:
    """One claim, one round trip, one commit."""
    with connection.cursor() as cursor:
        cursor.execute(HAND_OUT, [worker, batch])
        return answered(str(cursor.fetchone()[0]).encode())


def submit_and_next(request: HttpRequest, worker: int, batch: int, one: int) -> HttpResponse:
    """An answer stored, and the next claim: two statements, each committed."""
    content = json.dumps(json.loads(request.body)["content"])
    with connection.cursor() as cursor:
        cursor.execute(SUBMIT, [one, worker, content])
        cursor.execute(HAND_OUT, [worker, batch])
        return answered(str(cursor.fetchone()[0]).encode())


urlpatterns = [
    path("healthz", ok),
    path("constant/<int:size>", constant),
    path("claim/<int:worker>/<int:batch>", hand_out),
    path("submit/<int:worker>/<int:batch>/<int:one>", submit_and_next),
]

if not settings.configured:
    at = urlsplit(os.environ["DATABASE_URL"])
    settings.configure(
        ROOT_URLCONF="bench.bare",
        ALLOWED_HOSTS=["*"],
        SECRET_KEY=os.environ["SECRET_KEY"],
        USE_I18N=False,
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": at.path.strip("/"),
                "USER": unquote(at.username or ""),
                "PASSWORD": unquote(at.password or ""),
                "HOST": at.hostname or "",
                "PORT": str(at.port or ""),
                "CONN_MAX_AGE": None,
                "OPTIONS": {"options": "-c role=fairclick_runtime"},
            }
        },
    )
    application = get_wsgi_application()
