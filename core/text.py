"""Text from outside: what PostgreSQL cannot hold (NUL characters, halves of surrogate pairs), what
nests too deep, how much of it a reader sees.

Nothing here recurses: values come from outside, and so does their depth.
"""

import re
import unicodedata
from typing import Any

from django.utils.translation import gettext_lazy as _

from core import rules
from core.errors import Invalid

UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def unstorable(value: Any) -> bool:
    """Whether any text in `value` (JSON-like, nested) holds a NUL or a lone surrogate."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if UNSTORABLE.search(item):
                return True
        elif isinstance(item, dict):
            waiting += item
            waiting += item.values()
        elif isinstance(item, list | tuple):
            waiting += item
    return False


def deeper_than(value: Any, depth: int) -> bool:
    """Whether lists and objects in `value` stand in each other more than `depth` times."""
    level = [value]
    for _step in range(depth + 1):
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            return False
        level = [
            inner
            for item in containers
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return True


def checked(said: object, *, field: str, least: int = 1, most: int = 0) -> str:
    """What a person wrote, without blanks around it: at least so many characters to be seen.

    Raises Invalid `text_length` or `nul`. `most` is 4,000 unless told.
    """
    most = most or rules.MAX_STATEMENT_CHARS
    words = said.strip() if isinstance(said, str) else ""
    if length(words) < least or len(words) > most:
        raise Invalid(
            _("Write %(least)d to %(most)d characters.") % {"least": least, "most": most},
            code="text_length",
            field=field,
        )
    if unstorable(words):
        raise Invalid(
            _("NUL characters and broken Unicode are not allowed."), code="nul", field=field
        )
    return words


# Letters that show nothing, and letters that look like Latin ones (Unicode TR 39, the commonest).
FILLERS = "\u115f\u1160\u3164\uffa0"
LOOKS = str.maketrans("аеіјорсухѕһԁԛԝкмтвнαινορτυχκ", "aeijopcyxshdqwkmtbhaivoptuxk")


def length(said: str) -> int:
    """How many characters a reader sees: runs of blanks as one, what shows nothing as none."""
    shown = (c for c in said if c not in FILLERS and unicodedata.category(c) not in ("Cf", "Mn"))
    return len(" ".join("".join(shown).split()))


def letters(said: str) -> str:
    """What makes two texts the same to a reader: letters and digits, in one case and script."""
    folded = unicodedata.normalize("NFKC", said).casefold().translate(LOOKS)
    return "".join(c for c in folded if c.isalnum() and c not in FILLERS)
