"""The list of error codes is complete: what the source raises stands on the page, and no more."""

import ast
from collections.abc import Iterator
from pathlib import Path

from core.errors import DomainError
from marketplace import error_codes, urls

ROOT = Path(__file__).resolve().parents[2]
APPS = ("core", "accounts", "payments", "tasks", "disputes", "marketplace")


def subclasses(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    for sub in kind.__subclasses__():
        yield sub
        yield from subclasses(sub)


def ours(kind: type[DomainError]) -> bool:
    return kind.__module__.partition(".")[0] in APPS


def given_codes(statuses: dict[str, int]) -> Iterator[tuple[int, str]]:
    """Codes given at the raise: `Invalid(…, code="empty")`, with the status of their class."""
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call):
                    continue
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                values = [word.value for word in node.keywords if word.arg == "code"]
                for value in values:
                    if isinstance(value, ast.Constant) and name in statuses:
                        yield statuses[name], str(value.value)


def test_every_code_the_source_raises_is_explained_and_no_other() -> None:
    assert urls.urlpatterns  # every module of every app is loaded by now
    kinds: list[type[DomainError]] = [DomainError, *filter(ours, subclasses(DomainError))]
    raised = {(kind.status, kind.code) for kind in kinds}
    statuses = {kind.__name__: kind.status for kind in kinds} | {"AuthenticationFailed": 401}
    raised |= set(given_codes(statuses))
    assert raised == {(code.status, code.name) for code in error_codes.CODES}


def test_a_code_has_one_status() -> None:
    names = [code.name for code in error_codes.CODES]
    assert len(names) == len(set(names))
