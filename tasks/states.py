"""States of batches, places and assignments, and the only list of legal moves between them."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.states import Moves


class BatchState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    PUBLISHING = "publishing", _("Being published")
    OPEN = "open", _("Open")
    PAUSED = "paused", _("Paused")
    CLOSED = "closed", _("Closed")


class PlaceState(models.TextChoices):
    OPEN = "open", _("Open")
    TAKEN = "taken", _("Taken")
    SETTLED = "settled", _("Settled")


class AssignmentState(models.TextChoices):
    CLAIMED = "claimed", _("In work")
    SUBMITTED = "submitted", _("Waiting for review")
    APPROVED = "approved", _("Approved and paid")
    REJECTED = "rejected", _("Rejected")
    DISPUTED = "disputed", _("In dispute")
    REFUSED = "refused", _("Refused")
    RELEASED = "released", _("Given back")
    EXPIRED = "expired", _("Expired")


class ExclusionCause(models.TextChoices):
    CLIENT = "client", _("The client's decision")
    GOLD = "gold", _("Known answers")


class ArchiveCause(models.TextChoices):
    LATE = "late", _("It came after the place was taken")
    REFUSED = "refused", _("It was refused")


# An assignment that ended without a claim to the place: the place is free for somebody.
ENDED_EMPTY = (AssignmentState.RELEASED, AssignmentState.EXPIRED, AssignmentState.REFUSED)
# Ended in a way after which the same worker may claim the same task again.
MAY_TRY_AGAIN = (AssignmentState.RELEASED, AssignmentState.EXPIRED)

BATCH = Moves(
    ("publish", "draft", "publishing", "owner of the client"),
    ("open", "publishing", "open", "job, when every place is made"),
    ("pause", "open", "paused", "member of the client"),
    ("resume", "paused", "open", "member of the client"),
    ("close", "publishing|open|paused", "closed", "owner of the client"),
)

PLACE = Moves(
    ("claim", "open", "taken", "worker"),
    ("return", "taken", "open", "worker, or job when the claim expires"),
    ("settle", "open|taken", "settled", "approval, or refund of a closed batch"),
)

ASSIGNMENT = Moves(
    ("submit", "claimed", "submitted", "worker"),
    ("unsubmit", "submitted", "claimed", "worker: once, within 10 minutes"),
    ("approve", "submitted", "approved", "member of the client, or the clock"),
    ("reject", "submitted", "rejected", "member of the client"),
    ("withdraw", "rejected|disputed", "approved", "member of the client; or the clock: equal"),
    ("contest", "rejected", "disputed", "worker; or by itself: cap, same text, brake"),
    ("overturn", "disputed", "approved", "adjudicator; or the clock, when the client is silent"),
    ("refuse", "rejected|disputed", "refused", "the clock; or an adjudicator on appeal"),
    ("release", "claimed", "released", "worker"),
    ("expire", "claimed", "expired", "the clock"),
)
