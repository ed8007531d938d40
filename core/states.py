"""Legal moves: an app's `states.py` is one table of `Move`s, and the only list of them."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from core.errors import IllegalMove


@dataclass(frozen=True)
class Move:
    """`verb` leads from any of `sources` to `target`; `by` names who may cause it."""

    verb: str
    sources: frozenset[str]
    target: str
    by: str


class Moves:
    """The transition table of one kind of object."""

    def __init__(self, *table: tuple[str, str, str, str]) -> None:
        """Rows of (verb, sources separated by |, target, who may cause it)."""
        self.table = tuple(
            Move(verb, frozenset(sources.split("|")), target, by)
            for verb, sources, target, by in table
        )
        self.by_verb = {move.verb: move for move in self.table}

    def sources(self, verb: str) -> list[str]:
        """The states from which `verb` is legal, for a set-based guarded UPDATE."""
        return sorted(self.by_verb[verb].sources)

    def target(self, verb: str) -> str:
        return self.by_verb[verb].target

    def allowed(self, state: str) -> list[str]:
        """The verbs that are legal in `state`."""
        return [move.verb for move in self.table if state in move.sources]

    def check(self, verb: str, state: str) -> str:
        """The state that `verb` leads to. Raises IllegalMove (409) naming what is allowed."""
        if state not in self.by_verb[verb].sources:
            raise IllegalMove(
                _("“%(verb)s” is not possible: this is %(state)s. Possible now: %(allowed)s.")
                % {
                    "verb": verb,
                    "state": state,
                    "allowed": ", ".join(self.allowed(state)) or "–",
                },
                extra={"state": state, "allowed": self.allowed(state)},
            )
        return self.by_verb[verb].target
