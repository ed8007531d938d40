"""What PostgreSQL cannot hold (NUL characters, halves of surrogate pairs), and what nests too deep.

Nothing here recurses: values come from outside, and so does their depth.
"""

import re
from typing import Any

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
