"""What people say in a case: of a length, in time, and such that it can be stored."""

from django.utils.translation import gettext_lazy as _

from core import rules, text
from core.errors import Conflict, Invalid


class TooLate(Conflict):
    code = "too_late"


def checked(said: object, *, field: str, least: int = 1, most: int = 0) -> str:
    """The text without blanks around it. Raises Invalid `text_length` or `nul`."""
    most = most or rules.MAX_STATEMENT_CHARS
    words = said.strip() if isinstance(said, str) else ""
    if len(" ".join(words.split())) < least or len(words) > most:
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
