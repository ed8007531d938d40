"""What a worker earned, where it comes from, and how it reaches her: money and work together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from core import money, problems, rules
from core.errors import Text
from payments.models import Payout
from payments.selectors import statements
from payments.selectors.statements import Entry
from payments.services import payouts as services
from payments.states import PAYOUT_MOVES, JournalKind, PayoutState
from tasks.forms.work import OptionalAmountField
from tasks.models import Assignment
from tasks.selectors import work as own
from tasks.views.workers import PAGE, for_workers, new_key, number, pager, rows_before

FEW = 5


class PayoutForm(forms.Form):
    """How much to send; nothing typed is everything. The key makes a second click harmless."""

    amount = OptionalAmountField(
        label=gettext_lazy("Amount"), help_text=gettext_lazy("Leave it empty to take everything.")
    )
    key = forms.CharField(max_length=64, widget=forms.HiddenInput)


@dataclass(frozen=True)
class Line:
    """One entry of her statement, and the work it is for, if it is for work."""

    entry: Entry
    assignment: Assignment | None

    @property
    def label(self) -> Text:
        return JournalKind(self.entry.kind).label


@dataclass(frozen=True)
class Told:
    """A payout in plain words."""

    payout: Payout

    @property
    def text(self) -> Text:
        return WORDS[PayoutState(self.payout.state)]

    @property
    def may_cancel(self) -> bool:
        return "cancel" in PAYOUT_MOVES.allowed(self.payout.state)


WORDS: dict[PayoutState, Text] = {
    PayoutState.REQUESTED: gettext_lazy("Asked for."),
    PayoutState.RESERVED: gettext_lazy("Set aside; it is sent within a minute."),
    PayoutState.SUBMITTING: gettext_lazy("Being sent to your bank."),
    PayoutState.UNKNOWN: gettext_lazy(
        "Your bank has not answered yet. We keep asking; it is never sent twice, and never lost."
    ),
    PayoutState.SENT: gettext_lazy("Sent. Your bank has it and is booking it."),
    PayoutState.SETTLED: gettext_lazy("Paid out."),
    PayoutState.FAILED: gettext_lazy("Your bank refused it. The money is back on your balance."),
    PayoutState.RETURNED: gettext_lazy("Your bank sent it back. It is on your balance again."),
    PayoutState.CANCELLED: gettext_lazy("You cancelled it. The money is back on your balance."),
}


@require_GET
@for_workers
def earnings(request: HttpRequest, worker: User) -> HttpResponse:
    """What she has, what is pending, what was paid out, and what each cent is for."""
    return _page(request, worker, PayoutForm(initial={"key": new_key()}))


def _page(
    request: HttpRequest, worker: User, form: PayoutForm, *, status: int = 200
) -> HttpResponse:
    sums = statements.worker_earnings(worker.pk)
    before = number(request, "before")
    found: Sequence[Entry] = sums.entries
    if before is not None:
        found = statements.worker_entries(worker.pk, before=before, limit=PAGE + 1)
    more = found[PAGE - 1].id if len(found) > PAGE else None
    paid = list(statements.worker_payouts(worker.pk)[: FEW + 1])
    context: dict[str, Any] = {
        "sums": sums,
        "pending": own.pending(worker=worker),
        "form": form,
        "lines": _lines(found[:PAGE]),
        "payouts": [Told(payout) for payout in paid[:FEW]],
        "more_payouts": len(paid) > FEW,
        "minimum": rules.PAYOUT_MIN,
        "can_pay_out": sums.balance >= rules.PAYOUT_MIN,
        **pager(request, newest=before is not None, before=more),
    }
    return render(request, "marketplace/earnings.html", context, status=status)


def _lines(entries: Sequence[Entry]) -> list[Line]:
    """The entries with their work: one query, however many."""
    ids = {entry.assignment_id for entry in entries if entry.assignment_id}
    known = Assignment.objects.select_related("batch__client", "task").in_bulk(ids)
    return [Line(entry, known.get(entry.assignment_id or 0)) for entry in entries]


@require_POST
@for_workers
def payout_request(request: HttpRequest, worker: User) -> HttpResponse:
    """Asks for a payout, once however often the form is sent."""
    form = PayoutForm(request.POST)
    if form.is_valid():
        with problems.on(form):
            payout = services.request_payout(
                worker=worker, by=worker, now=timezone.now(), **form.cleaned_data
            )
            amount = money.localized(payout.amount)
            messages.success(request, _("%(amount)s is on its way to you.") % {"amount": amount})
            return redirect("earnings")
    return _page(request, worker, form, status=422)


@require_GET
@for_workers
def payouts(request: HttpRequest, worker: User) -> HttpResponse:
    """All her payouts, newest first."""
    rows, pages = rows_before(statements.worker_payouts(worker.pk), request)
    context = {"payouts": [Told(payout) for payout in rows], **pages}
    return render(request, "marketplace/earnings_payouts.html", context)


@require_POST
@for_workers
def payout_cancel(request: HttpRequest, worker: User, payout_id: int) -> HttpResponse:
    """Takes a payout back that has not been sent yet."""
    services.cancel_payout(payout_id=payout_id, by=worker, now=timezone.now())
    messages.success(request, _("Cancelled. The money is back on your balance."))
    return redirect("earnings")
