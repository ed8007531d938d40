"""What people say in a case: of a length, in time, and such that it can be stored."""

import unicodedata

from django.utils.translation import gettext_lazy as _

from core import rules, text
from core.errors import Conflict, Invalid


class TooLate(Conflict):
    code = "too_late"


def checked(said: object, *, field: str, least: int = 1, most: int = 0) -> str:
    """The text without blanks around it. Raises Invalid `text_length` or `nul`."""
    most = most or rules.MAX_STATEMENT_CHARS
    words = said.strip() if isinstance(said, str) else ""
    if length(words) < least or len(words) > most:
        raise Invalid(
            _("Write %(least)d to %(most)d characters.") % {"least": least, "most": most},
            code="text_length",
            field=field,
        )
    if text.unstorable(words):
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
