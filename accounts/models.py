"""People and organisations. A person's role never changes; an organisation acts by members."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.states import MemberRole, Role


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A new person with a hashed password (or none that works)."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        fields = {"role": Role.ADJUDICATOR, "is_staff": True, "is_superuser": True} | fields
        return self.create_user(email, password, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in with an e-mail address."""

    email = models.EmailField(max_length=254, unique=True)
    role = models.CharField(max_length=12, choices=Role, default=Role.WORKER)
    name = models.CharField(max_length=100, blank=True)
    language = models.CharField(max_length=5, default="en")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_any_case"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="user_role"),
            models.CheckConstraint(
                condition=Q(is_staff=False) | Q(role=Role.ADJUDICATOR), name="user_staff_role"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def known_as(self) -> str:
        """What others call her: never her address."""
        return self.name or f"#{self.pk}"

    @property
    def is_worker(self) -> bool:
        return self.role == Role.WORKER

    @property
    def is_member(self) -> bool:
        return self.role == Role.MEMBER

    @property
    def is_adjudicator(self) -> bool:
        return self.role == Role.ADJUDICATOR


def new_secret() -> bytes:
    return secrets.token_bytes(32)


class Client(models.Model):
    """An organisation that posts work and pays."""

    name = models.CharField(max_length=120)
    about = models.TextField(max_length=2000, blank=True)
    created_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True)
    verified_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="verified_clients"
    )
    # The key of its pseudonyms: with another client's key the same worker has another name.
    pseudonym_key = models.BinaryField(default=new_secret, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), name="client_name_any_case"),
            models.CheckConstraint(
                condition=Q(verified_at__isnull=True, verified_by__isnull=True)
                | Q(verified_at__isnull=False, verified_by__isnull=False),
                name="client_verified_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Member(models.Model):
    """A person acting for a client. One client a person."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="members")
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="member")
    role = models.CharField(max_length=10, choices=MemberRole)
    joined_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(role__in=MemberRole.values), name="member_role")
        ]

    def __str__(self) -> str:
        return f"{self.user} of {self.client}"

    @property
    def is_owner(self) -> bool:
        return self.role == MemberRole.OWNER


class Suspension(models.Model):
    """A person makes no new claims and has no work done, until it ends (R16).

    She signs in, reads, contests, exports and withdraws as before.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="suspensions")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(max_length=2000)
    at = models.DateTimeField()
    reply = models.TextField(max_length=2000, blank=True)
    replied_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    end_reason = models.TextField(max_length=2000, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(ended_at__isnull=True), name="suspension_one_running"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="suspension_has_reason"),
            models.CheckConstraint(condition=~Q(user=F("by")), name="suspension_by_another"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="suspension_ended_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"suspension of {self.user_id}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self, now: datetime) -> ApiKeyQuerySet:
        return self.filter(revoked_at__isnull=True, expires_at__gt=now)


class ApiKey(models.Model):
    """A key for programs: shown once, only its SHA-256 is stored (it has 256 random bits)."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, unique=True)
    secret_hash = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=20))
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="api_key_expires_later"
            )
        ]
        indexes = [models.Index(fields=["user", "-created_at"], name="api_key_user")]

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"
