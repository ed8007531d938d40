"""The words of rejections and disputes, and the legal moves of both."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.states import Moves


class Category(models.TextChoices):
    """The closed list of grounds (R4). How long it took, on what device or line, is none."""

    WRONG = "wrong", _("The answer is wrong under the criterion")
    INCOMPLETE = "incomplete", _("A part that the instructions ask for is missing")
    INSTRUCTIONS = "instructions", _("The instructions were not followed")
    LANGUAGE = "language", _("It is in another language than asked for")
    RANDOM = "random", _("It does not refer to the task at all")


class RejectionState(models.TextChoices):
    OPEN = "open", _("May be contested")
    DISPUTED = "disputed", _("In dispute")
    UPHELD = "upheld", _("Upheld, may be appealed")
    CLOSED = "closed", _("Final")


class Outcome(models.TextChoices):
    """How a rejection ended: paid by the client, refused, or paid by the fund."""

    WITHDRAWN = "withdrawn", _("Withdrawn by the client: paid")
    EQUAL = "equal", _("Equal to an answer that was paid for: paid")
    UNANSWERED = "unanswered", _("The client did not reply in time: paid")
    OVERTURNED = "overturned", _("Overturned by an adjudicator: paid")
    ANNULLED = "annulled", _("Annulled with the whole group: paid")
    LAPSED = "lapsed", _("Not contested in time: refused")
    UPHELD = "upheld", _("Upheld: refused")
    UNJUDGED = "unjudged", _("We did not decide in time: paid by the guarantee fund")


# Unpaid by the client, and erased for it. All others are paid by it.
REFUSED = (Outcome.LAPSED, Outcome.UPHELD, Outcome.UNJUDGED)
# An adjudicator found them wrong.
UNFOUNDED = (Outcome.OVERTURNED, Outcome.ANNULLED)
# An adjudicator has looked at it: it does not count towards the cap (R9).
JUDGED = (*UNFOUNDED, Outcome.UPHELD)


class DisputeKind(models.TextChoices):
    INDIVIDUAL = "individual", _("One answer")
    COLLECTIVE = "collective", _("A group of answers")


class DisputeCause(models.TextChoices):
    CONTEST = "contest", _("Contested by the worker")
    CAP = "cap", _("The client is over its cap of unjudged rejections")
    SAME_TEXT = "same_text", _("The same text was given again and again")
    BRAKE = "brake", _("Many rejections in one batch")
    WORKER_BRAKE = "wbrake", _("Many rejections of one worker")


class DisputeState(models.TextChoices):
    FILED = "filed", _("Waiting for the client's reply")
    ANSWERED = "answered", _("Waiting for a decision")
    DECIDED = "decided", _("Decided, may be appealed")
    APPEALED = "appealed", _("Waiting for the decision on appeal")
    CLOSED = "closed", _("Closed")


# Before the first decision: a group in one of these keeps its batch frozen.
BEFORE_DECISION = (DisputeState.FILED, DisputeState.ANSWERED)
# It is our turn.
TO_DECIDE = (DisputeState.ANSWERED, DisputeState.APPEALED)
# Both sides may speak.
UNDECIDED = (*BEFORE_DECISION, DisputeState.APPEALED)


class Side(models.TextChoices):
    WORKER = "worker", _("Worker")
    CLIENT = "client", _("Client")
    ADJUDICATOR = "adjudicator", _("Adjudicator")


class ReportKind(models.TextChoices):
    EXTERNAL = "external", _("It sends workers elsewhere to answer")
    PERSONAL = "personal", _("It asks for personal data")
    HARMFUL = "harmful", _("It shows something harmful without a warning")
    BROKEN = "broken", _("It cannot be done as it is")


class ReportState(models.TextChoices):
    OPEN = "open", _("Waiting for an adjudicator")
    UPHELD = "upheld", _("Founded")
    DISMISSED = "dismissed", _("Unfounded")


REJECTION = Moves(
    ("join", "open", "disputed", "worker; or by itself: cap, same text, brake"),
    ("uphold", "disputed", "upheld", "adjudicator"),
    ("appeal", "upheld", "disputed", "worker"),
    ("close", "open|disputed|upheld", "closed", "client, adjudicator or the clock"),
)

DISPUTE = Moves(
    ("reply", "filed", "answered", "member of the client"),
    ("decide", "answered", "decided", "adjudicator, not of the client"),
    ("appeal", "decided", "appealed", "worker, within 14 days"),
    ("close", "filed|answered|decided|appealed", "closed", "client, adjudicator or the clock"),
)

REPORT = Moves(
    ("uphold", "open", "upheld", "adjudicator"),
    ("dismiss", "open", "dismissed", "adjudicator"),
)
