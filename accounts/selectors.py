"""Reads of people and organisations."""

import base64
import hashlib
import hmac

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey, Client, Member, Suspension, User
from core.errors import Forbidden


def member_of(user: User) -> Member | None:
    """The membership by which `user` acts for a client, if any."""
    return getattr(user, "member", None) if user.is_authenticated and user.is_member else None


def acting_member(user: User) -> Member:
    """The membership by which `user` acts. Raises Forbidden 403 for anybody without one."""
    member = member_of(user)
    if member is None:
        raise Forbidden(
            _("This page is for members of a client. Ask an owner of your organisation to add you.")
        )
    return member


def client_of(user: User) -> Client | None:
    member = member_of(user)
    return member.client if member else None


def pseudonym(*, client: Client, worker_id: int) -> str:
    """The worker's name for this client: HMAC-SHA256 of her id under the client's key (R18)."""
    digest = hmac.digest(bytes(client.pseudonym_key), str(worker_id).encode(), hashlib.sha256)
    return "w_" + base64.b32encode(digest[:10]).decode().lower()


def client_named(name: str) -> Client | None:
    return Client.objects.filter(name__iexact=name.strip()).first()


def unverified_clients() -> models.QuerySet[Client]:
    return Client.objects.filter(verified_at__isnull=True).order_by("created_at", "pk")


def members_of(client_id: int) -> models.QuerySet[Member]:
    """Everybody who acts for the client, who joined first in front."""
    return (
        Member.objects.filter(client=client_id).select_related("user").order_by("joined_at", "pk")
    )


def keys_of(user: User) -> models.QuerySet[ApiKey]:
    """Her keys, revoked and expired ones too, newest first."""
    return ApiKey.objects.filter(user=user).order_by("-created_at", "-pk")


def suspension_of(user: User) -> Suspension | None:
    """The suspension that runs, if one does."""
    found = Suspension.objects.filter(user=user, ended_at__isnull=True)
    return found.select_related("by").first()


def suspensions() -> models.QuerySet[Suspension]:
    """All of them for staff: running ones first, then newest."""
    return Suspension.objects.select_related("user", "by", "ended_by").order_by(
        models.F("ended_at").desc(nulls_first=True), "-pk"
    )
