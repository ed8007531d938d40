"""A client's money page: its balance, what is locked and spent, deposits and transfers.

Here, because it joins payments with the titles of batches.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Member
from core import idempotency, problems
from payments.selectors import balances, statements
from payments.selectors.statements import Entry
from payments.services import deposits
from payments.states import JournalKind
from tasks.forms.fields import AmountField
from tasks.models import Batch
from tasks.selectors import overview
from tasks.views.clients import for_members
from tasks.views.workers import link, new_key, number, pager

# Movements read for a page. A closed batch refunds each place: what belongs together is one line.
PAGE = 500


class DepositForm(forms.Form):
    """Play money, once however often the form is sent."""

    amount = AmountField(label=_("Amount"), help_text=_("In whole cents, such as 100.00."))
    key = forms.CharField(max_length=64, widget=forms.HiddenInput)


@dataclass(frozen=True)
class Line:
    """Movements of one kind, batch and moment together. Micros; negative is what went."""

    at: datetime
    kind: str
    amount: int
    count: int
    batch: Batch | None
    batch_id: int | None


@require_GET
@for_members
def money(request: HttpRequest, member: Member) -> HttpResponse:
    """Balance, money at work, deposit, transfers (of one batch: `?batch=`)."""
    form = DepositForm(initial={"key": new_key()})
    return _page(request, member, form)


@require_POST
@for_members
def deposit(request: HttpRequest, member: Member) -> HttpResponse:
    """Puts play money on the balance, in the sandbox."""
    form = DepositForm(request.POST)
    if form.is_valid():
        with problems.on(form):
            _deposit(member, amount=form.cleaned_data["amount"], key=form.cleaned_data["key"])
    if form.is_valid():
        messages.success(request, _("Deposited."))
        return redirect("money")
    return _page(request, member, form, status=422)


def _deposit(member: Member, *, amount: int, key: str) -> None:
    now = timezone.now()

    def run() -> tuple[int, int]:
        journal = deposits.deposit(
            client_id=member.client_id,
            amount=amount,
            provider=deposits.SANDBOX,
            reference=f"page:{member.user_id}:{key}",
            by=member.user,
            now=now,
        )
        return 200, journal.pk

    hashed = idempotency.fingerprint("deposit", member.client_id, amount)
    idempotency.once(user=member.user, key=key, request_hash=hashed, now=now, run=run)


def _page(
    request: HttpRequest, member: Member, form: DepositForm, *, status: int = 200
) -> HttpResponse:
    before, batch_id = number(request, "before"), number(request, "batch")
    entries = statements.client_transfers(
        member.client_id, batch_id=batch_id, before=before, limit=PAGE
    )
    more = entries[-1].id if len(entries) == PAGE else None
    batches = Batch.objects.visible_to(member.user)
    context = {
        "member": member,
        "form": form,
        "sandbox": settings.SANDBOX,
        "balance": balances.client_balance(member.client_id),
        "totals": overview.totals(client_id=member.client_id),
        "lines": _lines(member, entries),
        "only_batch": batches.filter(pk=batch_id).first() if batch_id is not None else None,
        "all_transfers": link(request, batch=None, before=None),
        **pager(request, newest=before is not None, before=more),
    }
    return render(request, "marketplace/money.html", context, status=status)


def _lines(member: Member, entries: list[Entry]) -> list[Line]:
    wanted = {entry.batch_id for entry in entries if entry.batch_id is not None}
    batches = Batch.objects.visible_to(member.user).in_bulk(wanted) if wanted else {}
    lines = []
    for (at, kind, batch_id), group in groupby(entries, lambda e: (e.at, e.kind, e.batch_id)):
        found = list(group)
        total = sum(entry.amount for entry in found)
        label = str(JournalKind(kind).label)
        lines.append(Line(at, label, total, len(found), batches.get(batch_id or 0), batch_id))
    return lines
