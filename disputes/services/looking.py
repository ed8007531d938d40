"""An adjudicator's look at a case: who looked at whose answers is written before any is shown."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import events
from core.db import operation
from core.errors import NotFound
from disputes.models import Dispute, Rejection
from disputes.services.judging import check_adjudicator, check_interest
from tasks.models import Assignment


@operation
def look_at_case(*, dispute_id: int, by: User, now: datetime) -> Dispute:
    """The case, after noting that `by` looks at the answers to be judged in it (`answer.judged`).

    Raises Forbidden 403 for anybody but an adjudicator, ConflictOfInterest 403 for one who belongs
    to a side (a client must not read what it has not paid for), NotFound 404.
    """
    check_adjudicator(by)
    dispute = Dispute.objects.select_related("batch", "client").filter(pk=dispute_id).first()
    if dispute is None:
        raise NotFound(_("There is no such dispute, or it is not yours."))
    check_interest(dispute, by=by)
    judged = Rejection.objects.filter(dispute=dispute, sampled=True)
    ids = list(judged.order_by("pk").values_list("assignment", flat=True))
    if ids:
        events.record_many("answer.judged", by=by, about=Assignment, ids=ids, now=now)
    return dispute
