"""Which code reaches which: read from the sources, by names, without running anything.

A definition reaches what it names, and what that names. Instances are not followed: whoever holds
one has named what made it.
"""

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
APPS = ("core", "accounts", "payments", "tasks", "disputes", "delivery", "marketplace")


def sources() -> Iterator[tuple[str, Path]]:
    """(module, file) of all that runs in production; migrations apart."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts:
                parts = path.relative_to(ROOT).with_suffix("").parts
                yield ".".join(part for part in parts if part != "__init__"), path


@cache
def trees() -> dict[str, ast.Module]:
    return {module: ast.parse(path.read_text()) for module, path in sources()}


def imports(module: str) -> dict[str, str]:
    """What each imported name stands for, by its full dotted name."""
    found = {}
    for node in ast.walk(trees()[module]):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = alias.name
    return found


def definitions(module: str) -> dict[str, ast.AST]:
    """Functions, classes and values at the top of a module."""
    found: dict[str, ast.AST] = {}
    for node in trees()[module].body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id: node for target in targets if isinstance(target, ast.Name)}
    return found


def dotted(node: ast.AST) -> str:
    """“a.b.c” of such an expression, else nothing."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


@cache
def names(module: str, definition: str) -> frozenset[str]:
    """The full names of everything that a definition names, of this module or of another."""
    here, imported = definitions(module), imports(module)
    found = set()
    for node in ast.walk(here[definition]):
        first, _dot, rest = dotted(node).partition(".")
        if first in here:
            found.add(f"{module}.{first}")
        elif first in imported:
            found.add(f"{imported[first]}.{rest}".rstrip("."))
    return frozenset(found)


@cache
def defined(name: str) -> tuple[str, str] | None:
    """(module, definition) that a full name leads to; re-exports are followed."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        module, definition = ".".join(parts[:end]), parts[end]
        if module in trees():
            if definition in definitions(module):
                return module, definition
            behind = imports(module).get(definition)
            return defined(behind) if behind and behind != name else None
    return None


@cache
def reached(module: str, definition: str) -> frozenset[str]:
    """“module.definition” of everything that this one leads to, itself included."""
    seen: set[tuple[str, str]] = set()
    waiting = [(module, definition)]
    while waiting:
        at = waiting.pop()
        if at not in seen:
            seen.add(at)
            waiting += [found for name in names(*at) if (found := defined(name))]
    return frozenset(".".join(one) for one in seen)


def reached_by(entry: Callable[..., Any]) -> frozenset[str]:
    """The same of a view, a job, a handler: what stands behind its decorators and `as_view`."""
    inner: Any = getattr(entry, "view_class", getattr(entry, "cls", entry))
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    module, definition = inner.__module__, inner.__qualname__.partition(".")[0]
    known = module in trees() and definition in definitions(module)
    return reached(module, definition) if known else frozenset()
