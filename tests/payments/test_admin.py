"""The admin shows the books and lets nobody touch them, the highest of staff included."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.options import ModelAdmin
from django.test import RequestFactory

from accounts.models import User
from payments.admin import PayoutAdmin
from payments.models import Account, Fund, Journal, Payout, PayoutAccount


@pytest.mark.parametrize("model", [Account, Fund, Journal, Payout, PayoutAccount])
def test_the_admin_is_read_only(model: type, rf: RequestFactory) -> None:
    request = rf.get("/")
    request.user = User(is_superuser=True, is_staff=True, is_active=True)
    shown: ModelAdmin[Any] = admin.site.get_model_admin(model)
    for inline in (kind(model, admin.site) for kind in shown.inlines):
        assert not inline.has_add_permission(request, None)
        assert not inline.has_change_permission(request)
        assert not inline.can_delete
    assert not shown.has_change_permission(request)
    assert not shown.has_add_permission(request)
    assert not shown.has_delete_permission(request)
    assert shown.has_view_permission(request)


def test_amounts_are_readable() -> None:
    shown = PayoutAdmin(Payout, admin.site).shown_amount(Payout(amount=12_340_000))
    assert shown == "12.34\u00a0USD"
