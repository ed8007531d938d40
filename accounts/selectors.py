"""Reads of people and organisations."""

import base64
import hashlib
import hmac

from django.db import models

from accounts.models import Client, Member, User


def member_of(user: User) -> Member | None:
    """The membership by which `user` acts for a client, if any."""
    return getattr(user, "member", None) if user.is_authenticated and user.is_member else None


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
