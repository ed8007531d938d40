"""Who is asking the API: a key, or the session of a page. One query, scopes included."""

import functools
import hashlib
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.db.models import Exists, Model, OuterRef
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from redis import Redis
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts.models import ApiKey, Client, Member, Suspension, User
from accounts.states import SCOPES_OF, Role
from core.loading import load

if TYPE_CHECKING:
    # The settings of REST framework load this module while its own views are being loaded.
    from rest_framework.views import APIView

# A key's last use is a help to its owner, not a log: written once in this time.
LAST_USED_EVERY = timedelta(minutes=5)


class PageBackend(AuthenticationBackend):  # type: ignore[misc] # allauth has no types
    """Who is signed in, and whether a suspension of hers runs (`is_suspended`): one query."""

    def get_user(self, user_id: int) -> User | None:
        running = Suspension.objects.filter(user=OuterRef("pk"), ended_at__isnull=True)
        user = User.objects.annotate(is_suspended=Exists(running)).filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer fck_<prefix>_<secret>`."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        word, _space, token = request.headers.get("Authorization", "").partition(" ")
        if not word:
            return None
        parts = token.strip().split("_")
        if word.lower() != "bearer" or len(parts) != 3 or parts[0] != "fck" or "\0" in token:
            raise AuthenticationFailed(
                _("Send “Authorization: Bearer fck_…”."), code="key_malformed"
            )
        now = timezone.now()
        hashed = hashlib.sha256(parts[2].encode()).hexdigest()
        key = _usable_key(parts[1], hashed, now)
        if key is None:
            raise AuthenticationFailed(
                _("This key is unknown, expired or revoked. Make a new one under Settings → Keys."),
                code="key_unknown",
            )
        if key.last_used_at is None or now - key.last_used_at > LAST_USED_EVERY:
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


KEY = "accounts_key(%(prefix)s, %(hashed)s, %(now)s)"


def _usable_key(prefix: str, hashed: str, now: datetime) -> ApiKey | None:
    """The key, its person and what she acts for loaded; one round trip."""
    params = {"prefix": prefix, "hashed": hashed, "now": now}
    out: dict[str, type[Model]] = {
        "key": ApiKey,
        "person": User,
        "member": Member,
        "client": Client,
    }
    key: ApiKey | None
    [(key, user, member, client)] = load(KEY, params, **out)
    if key is None or user is None:
        return None
    key.user = user
    if member is not None:
        member.user, member.client = user, client
    return key


class PageSessionAuthentication(SessionAuthentication):
    """The signed-in person of a page; CSRF is checked."""


def person(request: Request) -> User:
    """Who is asking; only behind `HasScope`, which lets nobody unknown in."""
    user = request.user
    assert isinstance(user, User)
    return user


class HasScope(BasePermission):
    """A view names `scope` (or per method `scopes`); keys need it, and the person's role too."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        scopes: dict[str, str] = getattr(view, "scopes", {})
        method = "GET" if request.method == "HEAD" else request.method or ""
        wanted = scopes.get(method, getattr(view, "scope", None))
        if not request.user.is_authenticated:
            return False
        if wanted is None:
            self.message = str(_("No key may do this. Sign in with your browser."))
            return request.auth is None
        if wanted not in SCOPES_OF[Role(request.user.role)]:
            self.message = str(_("This is for another kind of account than yours."))
            return False
        if isinstance(request.auth, ApiKey) and wanted not in request.auth.scopes:
            self.message = str(_("This key lacks the scope “%(scope)s”.")) % {"scope": wanted}
            return False
        return True


@functools.cache
def _redis() -> Redis:
    """Without Django's cache, which makes a client for each call and counts in two round trips."""
    return Redis.from_url(settings.REDIS_URL)


class KeyThrottle(SimpleRateThrottle):
    """So many requests a minute for each key, person or, unknown, address.

    A count for each minute; DRF's own keeps, reads and writes the time of each request.
    """

    scope = "api"

    def __init__(self) -> None:
        # Annotated here, since DRF's own says neither.
        self.num_requests: int
        self.duration: int
        super().__init__()

    def allow_request(self, request: Request, view: "APIView") -> bool:
        minute = int(time.time()) // self.duration
        name = f"{self.get_cache_key(request, view)}-{minute}"
        counter = _redis().pipeline(transaction=False)
        counter.incr(name)
        counter.expire(name, self.duration)
        count: int = counter.execute()[0]
        return count <= self.num_requests

    def wait(self) -> float:
        """Seconds until the next minute begins."""
        return self.duration - time.time() % self.duration

    def get_cache_key(self, request: Request, view: "APIView") -> str:
        if isinstance(request.auth, ApiKey):
            ident: Any = f"key-{request.auth.pk}"
        elif request.user.is_authenticated:
            ident = f"user-{request.user.pk}"
        else:
            ident = self.get_ident(request)
        return self.cache_format % {"scope": self.scope, "ident": ident}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "fck_…"}


class PageSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = PageSessionAuthentication
    name = "Session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
