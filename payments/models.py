"""The books (insert only, guarded by the database: migration 0002) and the payouts."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now

from core.money import MicrosField
from payments.states import OWNED, AccountKind, Answer, JournalKind, Part, PayoutState


class XidField(models.BigIntegerField[int, int]):
    """The transaction that wrote a row (PostgreSQL's xid8): ids are not commit order, this is."""

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: str | None, *_: Any) -> int | None:
        return None if value is None else int(value)


class Account(models.Model):
    """Never changed, never deleted. `owner`: a client, a worker (user) or a batch."""

    kind = models.CharField(max_length=20, choices=AccountKind)
    owner = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "owner", "currency"], nulls_distinct=False, name="account_once"
            ),
            models.CheckConstraint(condition=Q(kind__in=AccountKind.values), name="account_kind"),
            models.CheckConstraint(
                condition=Q(kind__in=OWNED, owner__isnull=False)
                | (~Q(kind__in=OWNED) & Q(owner__isnull=True)),
                name="account_owner",
            ),
        ]

    def __str__(self) -> str:
        return self.kind if self.owner is None else f"{self.kind} {self.owner}"


class Balance(models.Model):
    """What has passed through an account that must not go below zero. Written by triggers only.

    `side` is +1 where credits increase the balance, -1 where debits do.
    """

    account = models.OneToOneField(
        Account, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False
    )
    side = models.SmallIntegerField()
    floor = models.BooleanField()
    debits = MicrosField(default=0)
    credits = MicrosField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(floor=False)
                | Q(side=1, credits__gte=F("debits"))
                | Q(side=-1, debits__gte=F("credits")),
                name="balance_floor",
            ),
            models.CheckConstraint(condition=Q(side__in=(1, -1)), name="balance_side"),
        ]

    def __str__(self) -> str:
        return f"balance of account {self.account_id}"


class Journal(models.Model):
    """One business fact that moved money, once: `idem` is its natural key."""

    kind = models.CharField(max_length=20, choices=JournalKind)
    idem = models.CharField(max_length=200, unique=True)
    legs_hash = models.BinaryField(help_text="SHA-256 of the transfers.")
    reverses = models.OneToOneField(
        "self", null=True, on_delete=models.DO_NOTHING, related_name="reversed_by"
    )
    # What it is about. Plain numbers: the books know no task, and a hot insert locks no other row.
    actor = models.BigIntegerField(null=True, help_text="User; empty where nobody acted.")
    client_id = models.BigIntegerField(null=True)
    batch_id = models.BigIntegerField(null=True)
    place_id = models.BigIntegerField(null=True)
    assignment_id = models.BigIntegerField(null=True)
    payout_id = models.BigIntegerField(null=True)
    effective_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())
    xid = XidField(db_default=Func(function="pg_current_xact_id"), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=JournalKind.values), name="journal_kind"),
            models.CheckConstraint(condition=~Q(idem=""), name="journal_idem"),
        ]
        indexes = [
            models.Index(
                fields=["place_id"], name="journal_place", condition=Q(place_id__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return self.idem


class Fund(models.Model):
    """The money locked for one batch: its escrow account, and who is refunded."""

    account = models.OneToOneField(
        Account, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False
    )
    payer = models.ForeignKey(
        Account,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="funds_paid",
    )
    funded = MicrosField(default=0)
    allocated = MicrosField(default=0)
    returned = MicrosField(default=0, help_text="Refunded without ever having been allocated.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(allocated__gte=0, returned__gte=0)
                & Q(funded__gte=F("allocated") + F("returned")),
                name="fund_covers",
            )
        ]

    def __str__(self) -> str:
        return f"fund {self.account_id}"


class Hold(models.Model):
    """The money of one place. With its transfers it is the ledger of the task.

    `x_out` is what has left of part `x`; pay and fee leave whole.
    """

    place_id = models.BigIntegerField(primary_key=True)
    fund = models.ForeignKey(Fund, on_delete=models.DO_NOTHING, db_constraint=False)
    pay = MicrosField()
    fee = MicrosField()
    top = MicrosField(default=0)
    pay_out = MicrosField(default=0)
    fee_out = MicrosField(default=0)
    top_out = MicrosField(default=0)
    refunded = models.BooleanField(default=False, help_text="The pay went back to the client.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(pay__gt=0) & (Q(pay_out=0) | Q(pay_out=F("pay"))), name="hold_pay_once"
            ),
            models.CheckConstraint(
                condition=Q(fee__gte=0) & (Q(fee_out=0) | Q(fee_out=F("fee"))),
                name="hold_fee_once",
            ),
            models.CheckConstraint(
                condition=Q(top_out__gte=0, top_out__lte=F("top")), name="hold_top"
            ),
        ]

    def __str__(self) -> str:
        return f"hold of place {self.place_id}"


class Transfer(models.Model):
    """One movement, debit to credit: it balances by being one row. Insert only."""

    journal = models.ForeignKey(
        Journal, on_delete=models.DO_NOTHING, db_constraint=False, related_name="transfers"
    )
    debit = models.ForeignKey(
        Account,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="debits",
    )
    credit = models.ForeignKey(
        Account,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="credits",
    )
    currency = models.CharField(max_length=3)
    amount = MicrosField()
    hold = models.ForeignKey(
        Hold,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="transfers",
    )
    part = models.CharField(max_length=3, choices=Part, blank=True, default="")
    xid = XidField(db_default=Func(function="pg_current_xact_id"), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_amount"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="transfer_two_accounts"),
            models.CheckConstraint(
                condition=Q(hold__isnull=True, part="")
                | Q(hold__isnull=False, part__in=Part.values),
                name="transfer_part_of_hold",
            ),
        ]
        indexes = [
            models.Index(fields=["debit", "id"], name="transfer_debit"),
            models.Index(fields=["credit", "id"], name="transfer_credit"),
        ]

    def __str__(self) -> str:
        return f"transfer {self.pk}"


class Edge(models.Model):
    """A transfer the books allow: kind of journal, from, to, part of a hold. What has no row here
    cannot happen: no row leads from a worker to the platform (R17).

    Made and filled beside the guards by migrations, read by them, written by nobody.
    """

    pk = models.CompositePrimaryKey("kind", "debit_kind", "credit_kind", "part")
    kind = models.CharField(max_length=20)
    debit_kind = models.CharField(max_length=20)
    credit_kind = models.CharField(max_length=20)
    part = models.CharField(max_length=3)

    class Meta:
        managed = False
        db_table = "payments_edge"

    def __str__(self) -> str:
        return f"{self.kind}: {self.debit_kind} → {self.credit_kind} {self.part}".rstrip()


class Checkpoint(models.Model):
    """The sums of an account over all transactions before `upto_xid`, which are all over."""

    account = models.ForeignKey(
        Account, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    upto_xid = XidField()
    debits = MicrosField()
    credits = MicrosField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "upto_xid"], name="checkpoint_once")
        ]

    def __str__(self) -> str:
        return f"account {self.account_id} before {self.upto_xid}"


class PayoutAccount(models.Model):
    """Where a worker's money goes. `destination` is the provider's word for it."""

    worker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payout_accounts"
    )
    provider = models.CharField(max_length=20)
    destination = models.CharField(max_length=100)
    label = models.CharField(max_length=100, help_text="How she recognises it.")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["worker", "provider", "destination"], name="payout_account_once"
            )
        ]

    def __str__(self) -> str:
        return self.label


class Payout(models.Model):
    """Money leaving to a worker's bank. `due_at` is when somebody has to look at it next."""

    worker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payouts"
    )
    account = models.ForeignKey(PayoutAccount, on_delete=models.PROTECT, related_name="payouts")
    provider = models.CharField(max_length=20, help_text="That of the account.")
    amount = MicrosField()
    state = models.CharField(max_length=10, choices=PayoutState, default=PayoutState.REQUESTED)
    reference = models.UUIDField(
        default=uuid.uuid4, unique=True, help_text="Our name of it at the provider."
    )
    key = models.CharField(max_length=200, blank=True, help_text="Of the request, to ask once.")
    provider_id = models.CharField(max_length=100, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    requested_at = models.DateTimeField()
    moved_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    needs_person_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=PayoutState.values), name="payout_state"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payout_amount"),
            models.UniqueConstraint(
                fields=["worker", "key"], condition=~Q(key=""), name="payout_key"
            ),
            models.UniqueConstraint(
                fields=["provider", "provider_id"],
                condition=~Q(provider_id=""),
                name="payout_provider_id",
            ),
        ]
        indexes = [
            models.Index(fields=["worker", "-id"], name="payout_of_worker"),
            models.Index(
                fields=["state", "due_at"], name="payout_due", condition=Q(due_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"payout {self.pk}"


class PayoutAttempt(models.Model):
    """One key under which a payout was sent, committed before the first byte leaves."""

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=100, unique=True)
    parameters = models.JSONField()
    started_at = models.DateTimeField()
    sent_at = models.DateTimeField(help_text="The last time it was sent under this key.")
    answered_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=10, choices=Answer, default=Answer.PENDING)
    detail = models.CharField(max_length=300, blank=True)
    absent_at = models.DateTimeField(
        null=True, help_text="The first look-up since then that found nothing."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payout", "number"], name="payout_attempt_number"),
            models.CheckConstraint(
                condition=Q(answer__in=Answer.values), name="payout_attempt_answer"
            ),
        ]

    def __str__(self) -> str:
        return self.key
