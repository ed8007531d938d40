"""Text that PostgreSQL cannot hold: NUL characters and halves of surrogate pairs."""

import re
from typing import Any

UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def unstorable(value: Any) -> bool:
    """Whether any text in `value` (JSON-like, nested) holds a NUL or a lone surrogate."""
    if isinstance(value, str):
        return UNSTORABLE.search(value) is not None
    if isinstance(value, dict):
        return any(unstorable(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple):
        return any(unstorable(item) for item in value)
    return False
