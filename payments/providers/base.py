"""What a payout needs of a payment provider, and how its answers are told apart."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol


class RemoteState(StrEnum):
    """How far a payout is at the provider."""

    PENDING = "pending"
    SETTLED = "settled"
    FAILED = "failed"
    RETURNED = "returned"


@dataclass(frozen=True)
class Remote:
    """A payout as the provider knows it; `amount` in micros."""

    id: str
    reference: str
    amount: int
    state: RemoteState
    detail: str = ""


@dataclass(frozen=True)
class Made:
    """The provider accepted the payout."""

    remote: Remote


@dataclass(frozen=True)
class Refused:
    """The provider refused for good: nothing was made, nothing will be."""

    detail: str


@dataclass(frozen=True)
class Unknown:
    """Nobody knows what happened: no answer in time, a broken connection, an error over there.

    `stored`: the provider did answer, and would repeat the same error to the same key.
    """

    detail: str
    stored: bool


Outcome = Made | Refused | Unknown


class ProviderSilent(Exception):
    """A look-up got no usable answer. Nothing follows from it; ask again later."""


class Provider(Protocol):
    """One payment provider. No method touches the database; each may take some seconds."""

    name: str
    # How long after the last try a look-up may still miss what was made.
    consistency_delay: timedelta
    # How long the provider is sure to remember a key.
    key_lifetime: timedelta

    def send(
        self, *, payout_reference: str, amount: int, currency: str, destination: str, key: str
    ) -> Outcome:
        """Asks for a payout, once for each `key`. Never raises for what happens on the way."""
        ...

    def find(self, reference: str) -> list[Remote]:
        """Everything made under our reference: one, none, or (never, we hope) more.

        Raises ProviderSilent.
        """
        ...

    def get(self, remote_id: str) -> Remote:
        """The payout as it is now. Raises ProviderSilent."""
        ...
