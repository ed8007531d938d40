"""The books in Django's admin: to be looked at, never touched."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from core import money
from payments.models import Account, Fund, Journal, Payout, PayoutAccount, PayoutAttempt, Transfer


class ReadOnly(admin.ModelAdmin[Any]):
    """Everything of a row can be read; nothing can be added, changed or deleted."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Attempts(admin.TabularInline[PayoutAttempt, Payout]):
    model = PayoutAttempt
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Transfers(admin.TabularInline[Transfer, Journal]):
    model = Transfer
    fields = ("debit", "credit", "amount", "currency", "hold", "part")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Account)
class AccountAdmin(ReadOnly):
    list_display = ("id", "kind", "owner", "currency")
    list_filter = ("kind",)
    search_fields = ("=owner",)
    ordering = ("-pk",)


@admin.register(Journal)
class JournalAdmin(ReadOnly):
    list_display = ("idem", "kind", "effective_at", "client_id", "batch_id", "place_id")
    list_filter = ("kind",)
    search_fields = ("=idem",)
    ordering = ("-pk",)
    inlines = (Transfers,)


@admin.register(Fund)
class FundAdmin(ReadOnly):
    list_display = ("account", "payer", "funded", "allocated", "returned")
    ordering = ("-pk",)


@admin.register(Payout)
class PayoutAdmin(ReadOnly):
    list_display = ("id", "worker", "shown_amount", "state", "requested_at", "needs_person_at")
    list_filter = ("state", "needs_person_at")
    search_fields = ("=reference", "=provider_id")
    list_select_related = ("worker",)
    ordering = ("-pk",)
    inlines = (Attempts,)

    @admin.display(description="amount", ordering="amount")
    def shown_amount(self, payout: Payout) -> str:
        return money.localized(payout.amount)


@admin.register(PayoutAccount)
class PayoutAccountAdmin(ReadOnly):
    list_display = ("id", "worker", "provider", "label", "created_at")
    list_select_related = ("worker",)
    ordering = ("-pk",)
