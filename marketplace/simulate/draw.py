"""What chance decides, and how large it all is."""

import hashlib
import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Draw:
    """The chances of a run. The same question has the same answer, whatever was asked before."""

    contest: float = 0.05
    accuracy: float = 0.95
    tasks: int = 1_000
    seed: int = 1

    def happens(self, chance: float, *what: object) -> bool:
        return random.Random(self._named(*what)).random() < chance

    def secret(self, *what: object) -> bytes:
        """In place of a batch's random one, so that a run can be repeated."""
        return hashlib.sha256(self._named(*what).encode()).digest()

    def _named(self, *what: object) -> str:
        return ":".join(map(str, (self.seed, *what)))
