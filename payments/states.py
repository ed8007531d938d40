"""The words of the books, and the legal moves of a payout."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.states import Moves


class AccountKind(models.TextChoices):
    """Whose money, or what it is. Those of OWNED have one account for each owner."""

    CLIENT = "client", _("Client's balance")
    WORKER = "worker", _("Worker's balance")
    ESCROW = "escrow", _("Escrow of a batch")
    FEES = "fees", _("Fees")
    PSP = "psp", _("Payment provider")
    PSP_COST = "psp_cost", _("Cost of the payment provider")
    BANK = "bank", _("Bank")
    PAYOUT_CLEARING = "payout_clearing", _("Payouts on their way")
    PAYOUT_COST = "payout_cost", _("Cost of payouts")
    GUARANTEE = "guarantee", _("Guarantee fund")
    GUARANTEE_COST = "guarantee_cost", _("Cost of the guarantee fund")
    RECEIVABLE = "receivable", _("Owed by a client")
    SUSPENSE = "suspense", _("Unassigned")
    ROUNDING_COST = "rounding_cost", _("Cost of rounding")
    TAX_PAYABLE = "tax_payable", _("Tax to be paid")
    BAD_DEBT = "bad_debt", _("Bad debt")


OWNED = (AccountKind.CLIENT, AccountKind.WORKER, AccountKind.ESCROW, AccountKind.RECEIVABLE)


class JournalKind(models.TextChoices):
    """Why money moves. Which accounts each may join stands in the table `edge`."""

    DEPOSIT = "deposit", _("Deposit")
    FUND = "fund", _("Locked for a batch")
    SETTLE = "settle", _("Approved work")
    REFUND = "refund", _("Refund of a place")
    REFUND_REST = "refund_rest", _("Refund of what was never allocated")
    COMPENSATION = "compensation", _("Compensation for a lost dispute")
    GUARANTEE_PAY = "guarantee_pay", _("Paid by the guarantee fund")
    DEBT_REPAID = "debt_repaid", _("Owed compensation paid back")
    PAYOUT_REQUESTED = "payout_requested", _("Payout requested")
    PAYOUT_CANCELLED = "payout_cancelled", _("Payout cancelled")
    PAYOUT_FAILED = "payout_failed", _("Payout failed")
    PAYOUT_SETTLED = "payout_settled", _("Payout settled")
    PAYOUT_RETURNED = "payout_returned", _("Payout returned")


class Part(models.TextChoices):
    """Which part of a hold a transfer moves."""

    PAY = "pay", _("Pay")
    FEE = "fee", _("Fee")
    TOP = "top", _("Top-up")


class PayoutState(models.TextChoices):
    REQUESTED = "requested", _("Requested")
    RESERVED = "reserved", _("Waiting to be sent")
    SUBMITTING = "submitting", _("Being sent")
    UNKNOWN = "unknown", _("Waiting for the bank's answer")
    SENT = "sent", _("Sent")
    SETTLED = "settled", _("Paid")
    FAILED = "failed", _("Failed; the money is back on the balance")
    RETURNED = "returned", _("Returned by the bank; the money is back on the balance")
    CANCELLED = "cancelled", _("Cancelled")


# The money of these has left the worker's balance and not yet reached her bank: I8 of the audit.
IN_CLEARING = (
    PayoutState.RESERVED,
    PayoutState.SUBMITTING,
    PayoutState.UNKNOWN,
    PayoutState.SENT,
)


class Answer(models.TextChoices):
    """What the provider answered to an attempt. Of SILENT and ERROR nobody knows what happened."""

    PENDING = "pending", _("No answer yet")
    MADE = "made", _("Accepted")
    REFUSED = "refused", _("Refused")
    ERROR = "error", _("Error, stored under the key")
    SILENT = "silent", _("No answer")


PAYOUT_MOVES = Moves(
    ("reserve", "requested", "reserved", "worker"),
    ("cancel", "reserved", "cancelled", "worker"),
    ("submit", "reserved", "submitting", "system"),
    ("resubmit", "unknown", "submitting", "system"),
    ("doubt", "submitting", "unknown", "system"),
    ("accept", "submitting|unknown", "sent", "provider"),
    ("settle", "sent", "settled", "provider"),
    ("fail", "submitting|unknown|sent", "failed", "provider"),
    ("return", "settled", "returned", "provider"),
)
