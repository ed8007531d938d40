"""The adversaries. Each wants answers without paying for them, and keeps to what the services let
it do. All answers are right, so that each rejection is unfounded."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from marketplace.simulate.desk import SAME, Brake, Desk
from tasks.models import Assignment


@dataclass(frozen=True)
class Posting:
    """A batch that is posted on a day, by client number `client`."""

    day: int
    tasks: int
    client: int = 0


@dataclass(frozen=True)
class Strategy:
    """What a client does each day with a batch, and which batches it posts.

    `bounded`: the bounds of the theft bench hold for it. Those for which they do not are limited
    by R9 alone, to three rejections of a verified client in thirty days.
    """

    name: str
    plan: str
    review: Callable[[Desk], None]
    post: Callable[[int], list[Posting]] = lambda tasks: [Posting(0, tasks)]
    overlap: int = 1
    work_days: int = 20
    days: int = 45
    replies: bool = True
    reported: bool = False
    bounded: bool = True


def reject_all(desk: Desk) -> None:
    """Everything that opens is rejected, until the brake."""
    desk.look()
    for one in desk.opened():
        if desk.frozen:
            return
        desk.reject(one)


def under_the_cap(desk: Desk) -> None:
    """As many as no adjudicator will see."""
    desk.look()
    _reject(desk, desk.opened(), while_=desk.room)


def under_the_brake(desk: Desk) -> None:
    """Past the cap, but never so many that a batch or a worker triggers the brake."""
    desk.look()
    _reject(desk, desk.opened())


def same_text(desk: Desk) -> None:
    """Pays at once what it cannot open, so that it has reviewed much, and gives one reason."""
    desk.look()
    opened = desk.opened()
    desk.approve(but=opened)
    _reject(desk, opened, text=SAME)


def diluted(desk: Desk) -> None:
    """Pays at once what it cannot open, so that the brake lets it reject more."""
    desk.look()
    opened = desk.opened()
    desk.approve(but=opened)
    _reject(desk, opened)


def withdraw_late(desk: Desk) -> None:
    """Withdraws on day 13, hoping to have the cap to itself again."""
    desk.withdraw(older_than=desk.now - timedelta(days=13))
    desk.look()
    _reject(desk, desk.opened(), while_=desk.room_if_withdrawn_were_none)


def reject_the_third(desk: Desk) -> None:
    """Pays two answers to a task, which tell it what it wants to know, and rejects the third."""
    desk.look()
    third = {one.task_id: one for one in desk.opened()}
    desk.approve(but=list(third.values()))
    paid = [one for one in third.values() if _paid(desk, one) >= 2]
    _reject(desk, paid)


def _paid(desk: Desk, one: Assignment) -> int:
    return Assignment.objects.filter(batch=desk.batch, task=one.task_id, state="approved").count()


def _reject(
    desk: Desk,
    opened: list[Assignment],
    *,
    while_: Callable[[], bool] = lambda: True,
    text: str = "",
) -> None:
    """Rejects, as long as `while_`, whatever triggers no brake."""
    if not opened or desk.frozen:
        return
    brake = Brake(desk)
    for one in opened:
        if brake.is_near or not while_():
            return
        if brake.allows(one):
            desk.reject(one, text=text)
            brake.note(one)


def _small(tasks: int) -> list[Posting]:
    return [Posting(day=n // 5, tasks=20) for n in range(max(1, tasks // 20))]


STRATEGIES = (
    Strategy("reject all", "rejects everything it can open", reject_all),
    Strategy("just under the cap", "rejects as many as nobody looks at", under_the_cap),
    Strategy(
        "many 20-item batches",
        "of which all can be opened; up to nine rejections in each",
        under_the_brake,
        post=_small,
        work_days=1,
    ),
    Strategy(
        "fresh accounts",
        "a new verified client for each batch, each just under its cap",
        under_the_cap,
        post=lambda tasks: [Posting(day=5 * n, tasks=tasks, client=n) for n in range(3)],
        work_days=10,
    ),
    Strategy("withdraw on day 13", "before they lapse, to reject anew", withdraw_late),
    Strategy(
        "majority theft",
        "pays two of three answers, rejects the third",
        reject_the_third,
        overlap=3,
    ),
    Strategy("copy-paste reasons", "one text for all, below the brake", same_text),
    Strategy("never reply", "rejects all, answers no dispute", reject_all, replies=False),
    Strategy(
        "external link",
        "has the answers from elsewhere, rejects below the brake",
        diluted,
        reported=True,
    ),
    Strategy(
        "slow drip",
        "a batch worked on for half a year, three rejections in thirty days",
        under_the_cap,
        work_days=180,
        days=200,
        bounded=False,
    ),
    Strategy(
        "fresh accounts, 20 items",
        "a new verified client for each batch of 20",
        under_the_cap,
        post=lambda tasks: [Posting(n, 20, client=n) for n in range(max(1, tasks // 100))],
        work_days=1,
        bounded=False,
    ),
)
BY_NAME = {one.name: one for one in STRATEGIES}
