"""Who a person is here, and what a key may do."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """One account, one role: nobody reviews what she may also do, or judges her own case."""

    WORKER = "worker", _("Worker")
    MEMBER = "member", _("Member of a client")
    ADJUDICATOR = "adjudicator", _("Adjudicator")


class MemberRole(models.TextChoices):
    OWNER = "owner", _("Owner: everything, also money, members and keys")
    REVIEWER = "reviewer", _("Reviewer: reads results and approves")


class Scope(models.TextChoices):
    """What an API key may do, always within what its owner may do."""

    BATCHES_READ = "batches:read", _("See batches, progress and money")
    BATCHES_WRITE = "batches:write", _("Post, publish and close batches, approve work")
    RESULTS_READ = "results:read", _("Read paid results")
    MONEY_WRITE = "money:write", _("Deposit money")
    WORK = "work", _("Claim and do work, see earnings")
    PAYOUT = "payout", _("Ask for a payout")
    DISPUTES_DECIDE = "disputes:decide", _("Read and decide disputes")


MEMBER_SCOPES = {Scope.BATCHES_READ, Scope.BATCHES_WRITE, Scope.RESULTS_READ, Scope.MONEY_WRITE}
WORKER_SCOPES = {Scope.WORK, Scope.PAYOUT}
SCOPES_OF = {
    Role.WORKER: WORKER_SCOPES,
    Role.MEMBER: MEMBER_SCOPES,
    Role.ADJUDICATOR: {Scope.DISPUTES_DECIDE},
}
