"""How much a client may reject before somebody else looks at it (R9)."""

from datetime import datetime

from django.db.models import Q

from core import rules
from disputes.models import Rejection
from disputes.states import JUDGED, DisputeState, RejectionState
from tasks.models import Opening


def cap(*, client_id: int, now: datetime) -> int:
    """How many rejections nobody has judged a client may have, over 30 days and all batches."""
    opened = Opening.objects.filter(client=client_id, at__gt=now - rules.CAP_OVER).count()
    return max(rules.CAP_MIN, opened * rules.CAP_BPS // 10_000)


def unjudged(*, client_id: int, now: datetime) -> int:
    """The client's rejections of 30 days that no adjudicator judged, lapsed and withdrawn too."""
    lately = Rejection.objects.filter(client=client_id, at__gt=now - rules.CAP_OVER)
    judged = (
        Q(outcome__in=JUDGED)
        | Q(state=RejectionState.UPHELD)
        | Q(state=RejectionState.DISPUTED, dispute__state=DisputeState.APPEALED)
    )
    return lately.exclude(judged).count()


def over_cap(*, client_id: int, now: datetime) -> bool:
    """Whether the client has more of them than the cap."""
    return unjudged(client_id=client_id, now=now) > cap(client_id=client_id, now=now)
