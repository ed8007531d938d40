"""The ledger of a task: every posting of its places, from locked to nothing left."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from accounts.models import Client
from accounts.selectors import pseudonym
from core.errors import Text
from payments.models import Hold, Transfer
from payments.states import AccountKind, JournalKind, Part
from tasks.models import Place, Task

PAID_TO = {
    AccountKind.FEES: _("Fairclick, as fee"),
    AccountKind.GUARANTEE: _("Guarantee fund, as part of the fee"),
    AccountKind.CLIENT: _("Your balance"),
}


@dataclass(frozen=True)
class Posting:
    """Micros that came to escrow or went (negative); `left` of the whole task after it.

    `what` and `whom` are for people; `kind`, `part` and `to` say the same to programs.
    """

    at: datetime | None
    place: int
    what: Text
    whom: Text
    amount: int
    left: int
    kind: str
    part: str = ""
    to: str = AccountKind.ESCROW


@dataclass(frozen=True)
class TaskLedger:
    postings: list[Posting]
    locked: int
    left: int

    @property
    def settled(self) -> bool:
        return bool(self.postings) and not self.left


def task_ledger(task: Task, *, client: Client) -> TaskLedger:
    """Three queries, whatever the number of places. Workers by the names this client knows."""
    numbers = {
        pk: round_ + 1 for pk, round_ in Place.objects.filter(task=task).values_list("pk", "round")
    }
    holds = list(Hold.objects.filter(pk__in=numbers).order_by("pk"))
    # By the journal's place, which has an index; the hold's number is the place's.
    moves = Transfer.objects.filter(journal__place_id__in=numbers, hold__in=holds)
    moves = moves.select_related("journal", "credit")
    left = 0
    postings = []
    for hold in holds:
        left += (amount := hold.pay + hold.fee + hold.top)
        place, at = numbers[hold.pk], task.batch.published_at
        said = _("Locked for this place")
        postings.append(Posting(at, place, said, _("Escrow"), amount, left, JournalKind.FUND))
    for move in moves.order_by("pk"):
        left -= move.amount
        postings.append(
            Posting(
                move.journal.effective_at,
                numbers[move.hold_id or 0],
                Part(move.part).label,
                _paid_to(move, client),
                -move.amount,
                left,
                move.journal.kind,
                move.part,
                move.credit.kind,
            )
        )
    locked = sum(posting.amount for posting in postings if posting.amount > 0)
    return TaskLedger(postings, locked=locked, left=left)


def _paid_to(move: Transfer, client: Client) -> Text:
    kind = AccountKind(move.credit.kind)
    if kind == AccountKind.WORKER and move.credit.owner is not None:
        return pseudonym(client=client, worker_id=move.credit.owner)
    return PAID_TO.get(kind, kind.label)
