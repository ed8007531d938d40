"""What should become of answers and cases, in plain Python: the machine's word against the code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

HOURS_72, DAYS_7 = timedelta(hours=72), timedelta(days=7)
UNJUDGED = ("filed", "answered", "appealed")


@dataclass(eq=False)
class Case:
    kind: str
    cause: str
    filed_at: datetime
    due: datetime | None
    state: str = "filed"
    judge: int | None = None
    decided: bool = False

    def close(self) -> None:
        self.state, self.due = "closed", None


@dataclass(eq=False)
class One:
    """An assignment, and its rejection if there is one."""

    pk: int
    worker: int
    batch: int
    state: str = "claimed"
    due: datetime | None = None
    submitted_at: datetime | None = None
    opened_at: datetime | None = None
    taken_back: bool = False
    reviewed_at: datetime | None = None
    rejected_at: datetime | None = None
    rejection: str = ""
    outcome: str = ""
    case: Case | None = None
    contested: bool = False
    spoke: bool = False
    uphold_from: datetime | None = None
    fee_of_loss: bool = False
    judged: bool = False

    @property
    def unheard_at(self) -> datetime | None:
        """Until when it is not upheld, if the worker does not speak (R9)."""
        return None if self.contested or self.spoke else self.uphold_from

    @property
    def may_be_read(self) -> bool:
        return self.state == "approved" or (
            self.state == "submitted" and self.opened_at is not None
        )


def within_cap(rejected: Iterable[One], opened: Sequence[One]) -> bool:
    unjudged = [one for one in rejected if one.rejected_at and not one.judged]
    return len(unjudged) <= max(3, len(opened) // 20)


@dataclass
class Market:
    ones: dict[int, One] = field(default_factory=dict)
    frozen: set[int] = field(default_factory=set)
    closed: set[int] = field(default_factory=set)
    excluded: set[tuple[int, int]] = field(default_factory=set)
    suspended: set[int] = field(default_factory=set)

    def of(self, case: Case) -> list[One]:
        """Those of a case that are not final."""
        return [one for one in self.ones.values() if one.case is case and one.rejection != "closed"]

    def running(self) -> list[Case]:
        found = {id(one.case): one.case for one in self.ones.values() if one.case is not None}
        return [case for case in found.values() if case.state != "closed"]

    # --- what ends --------------------------------------------------------------------------

    def pay(self, one: One, outcome: str, *, at: datetime | None) -> None:
        """`at`: when a person decided; a clock's decision is nobody's review."""
        one.state, one.rejection, one.outcome = "approved", "closed", outcome
        one.reviewed_at = at
        lost = outcome in ("overturned", "annulled")
        one.fee_of_loss = lost and not (one.case is not None and one.case.cause == "cap")

    def refuse(self, one: One, outcome: str) -> None:
        one.state, one.rejection, one.outcome = "refused", "closed", outcome

    def close_if_done(self, case: Case | None) -> None:
        if case is not None and case.state != "closed" and not self.of(case):
            case.close()

    # --- verbs ------------------------------------------------------------------------------

    def reject(self, one: One, now: datetime) -> None:
        one.state, one.rejection, one.rejected_at, one.reviewed_at = "rejected", "open", now, now
        self.brake(one, now) or self.cap(one, now)

    def brake(self, one: One, now: datetime) -> bool:
        here = [other for other in self.ones.values() if other.batch == one.batch]
        lately = [o for o in here if o.rejected_at is not None and o.rejected_at > now - DAYS_7]
        reviewed = [o for o in here if o.reviewed_at is not None and o.reviewed_at > now - DAYS_7]
        waiting = [
            other
            for other in here
            if other.rejection in ("open", "disputed")
            and not (other.case and other.case.state == "appealed")
        ]
        if len(lately) >= 10 and len(lately) * 20 > len(reviewed):
            return self.collect(waiting, "brake", now)
        hers = [other for other in lately if other.worker == one.worker]
        opened = [
            other
            for other in here
            if other.worker == one.worker and other.opened_at and other.opened_at > now - DAYS_7
        ]
        if len(opened) >= 5 and len(hers) * 2 >= len(opened):
            mine = [other for other in waiting if other.worker == one.worker]
            return self.collect(mine, "wbrake", now)
        return False

    def collect(self, waiting: list[One], cause: str, now: datetime) -> bool:
        case = Case("collective", cause, now, now + HOURS_72)
        old = [one.case for one in waiting if one.case is not None]
        for one in waiting:
            one.state, one.rejection, one.case = "disputed", "disputed", case
        for before in old:
            before.close()
        self.frozen.add(waiting[0].batch)
        return True

    def cap(self, one: One, now: datetime) -> bool:
        """Of the one client there is, over 30 days; and of the batch, over its life."""
        month = now - timedelta(days=30)
        everywhere, here = (
            self.ones.values(),
            [o for o in self.ones.values() if o.batch == one.batch],
        )
        lately = [o for o in everywhere if o.rejected_at and o.rejected_at > month]
        opened = [o for o in everywhere if o.opened_at and o.opened_at > month]
        if within_cap(lately, opened) and within_cap(here, [o for o in here if o.opened_at]):
            return False
        self.file(one, "cap", now)
        one.uphold_from = now + DAYS_7
        return True

    def file(self, one: One, cause: str, now: datetime) -> None:
        one.case = Case("individual", cause, now, now + HOURS_72)
        one.state = one.rejection = "disputed"

    def decide(self, case: Case, unfounded: dict[int, bool], judge: int, now: datetime) -> None:
        """Groups here are smaller than a sample: each is judged itself."""
        appealed = case.state == "appealed"
        for one in self.of(case):
            one.judged = True
            if unfounded[one.pk]:
                self.pay(one, "overturned", at=now)
            elif appealed:
                self.refuse(one, "upheld")
            else:
                one.rejection = "upheld"
        if not appealed:
            case.state, case.judge, case.decided = "decided", judge, True
            case.due = now + timedelta(days=14)
        self.close_if_done(case)

    def appeal(self, one: One, now: datetime) -> None:
        case, due = one.case, now + timedelta(days=30)
        assert case is not None
        one.rejection, one.spoke = "disputed", True
        if case.kind == "individual":
            case.state, case.due = "appealed", due
            return
        one.case = Case("individual", case.cause, now, due, "appealed", case.judge, decided=True)
        self.close_if_done(case)

    def clocks(self, now: datetime) -> None:
        """Everything whose time is up ends as R2 and R8 say."""
        for one in self.ones.values():
            if one.due is None or one.due > now:
                continue
            if one.state == "claimed":
                one.state = "expired"
            elif one.state == "submitted":
                one.state, one.reviewed_at = "approved", None
        for one in self.ones.values():
            late = one.rejected_at is not None and one.rejected_at + timedelta(days=14) <= now
            if one.rejection == "open" and late:
                self.refuse(one, "lapsed")
        for case in self.running():
            if case.due is not None and case.due <= now:
                for one in self.of(case):
                    if case.state == "filed":
                        self.pay(one, "unanswered", at=None)
                    else:
                        self.refuse(one, "upheld" if case.state == "decided" else "unjudged")
                case.close()
