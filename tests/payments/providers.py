"""A provider that answers what a test tells it to: faults the sandbox bank does not have."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from payments.providers.base import (
    Made,
    Outcome,
    ProviderSilent,
    Refused,
    Remote,
    RemoteState,
    Unknown,
)


@dataclass
class FaultyBank:
    """Does what `script` says to each request in turn, then plainly accepts.

    "made": accepts. "refused": refuses. "lost": the request never arrives. "unheard": it arrives,
    the answer does not. "error": answers 500, and again for this key. "crash": we die waiting.
    "fault": we fail at the answer.
    """

    script: list[str] = field(default_factory=list)
    made: dict[str, Remote] = field(default_factory=dict)
    first_answers: dict[str, Outcome] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    silent: bool = False
    during: Callable[[], Any] = lambda: None

    name = "sandbox"
    consistency_delay = timedelta(seconds=10)
    key_lifetime = timedelta(hours=20)

    def send(
        self, *, payout_reference: str, amount: int, currency: str, destination: str, key: str
    ) -> Outcome:
        self.keys.append(key)
        self.during()
        step = self.script.pop(0) if self.script else "made"
        if step == "crash":
            raise KeyboardInterrupt
        if step == "fault":
            raise ValueError("an answer that nobody expected")
        if step == "lost":
            return Unknown("ConnectTimeout", stored=False)
        if key in self.first_answers:
            return self.first_answers[key]
        if step == "error":
            self.first_answers[key] = Unknown("HTTP 500", stored=True)
        elif step == "refused":
            self.first_answers[key] = Refused("There is no such account.")
        else:
            remote = Remote(f"po_{len(self.made)}", payout_reference, amount, RemoteState.PENDING)
            self.made[remote.id] = remote
            self.first_answers[key] = Made(remote)
        return (
            Unknown("ReadTimeout", stored=False) if step == "unheard" else self.first_answers[key]
        )

    def find(self, reference: str) -> list[Remote]:
        if self.silent:
            raise ProviderSilent("ReadTimeout")
        return [remote for remote in self.made.values() if remote.reference == reference]

    def get(self, remote_id: str) -> Remote:
        if self.silent:
            raise ProviderSilent("ReadTimeout")
        return self.made[remote_id]

    def move_all(self, state: RemoteState, detail: str = "") -> None:
        """Lets everything made be in `state`."""
        self.made = {
            key: Remote(one.id, one.reference, one.amount, state, detail)
            for key, one in self.made.items()
        }
