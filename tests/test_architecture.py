"""House rules that no linter knows: sizes, schedules, the table of states, the way to answers."""

import ast
import re
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver

from accounts import states as account_states
from core.states import Moves
from disputes import states as dispute_states
from payments import states as payment_states
from tasks import states as task_states

ROOT = Path(__file__).parent.parent
APPS = ("core", "accounts", "payments", "tasks", "disputes", "delivery", "marketplace", "dev", "bench")
SOURCES = sorted(
    path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts
)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_modules_and_functions_stay_short(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400
    long = [
        f"{node.name}: {(node.end_lineno or 0) - node.lineno + 1}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > 40
    ]
    assert long == []


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.html")), ids=relative)
def test_templates_stay_short_and_hold_no_inline_code(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 150
    assert (
        re.search(
            r"\son(?:click|load|change|submit|input|key\w+|mouse\w+|focus|blur|error)="
            r"|\sstyle=|<style|javascript:",
            text,
        )
        is None
    )
    assert re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", text) is None


def test_the_readme_is_short() -> None:
    assert (ROOT / "README.md").read_text().count("\n") <= 120


def test_no_module_is_called_tasks() -> None:
    assert [relative(p) for p in SOURCES if p.name == "tasks.py"] == []


def test_every_job_is_scheduled_and_every_schedule_is_a_job() -> None:
    current_app.loader.import_default_modules()
    registered = {name for name in current_app.tasks if not name.startswith("celery.")}
    assert registered == set(settings.JOBS)


def tables() -> dict[str, Moves]:
    modules = (account_states, dispute_states, payment_states, task_states)
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Moves)
    }


def test_docs_list_exactly_the_legal_moves() -> None:
    listed = set(
        re.findall(
            r"^\| `(\w+)` \| `([\w|]+)` \| `(\w+)` \|", (ROOT / "docs/states.md").read_text(), re.M
        )
    )
    assert listed == {
        (move.verb, "|".join(sorted(move.sources)), move.target)
        for moves in tables().values()
        for move in moves.table
    }


ANSWER_READERS = {
    "tasks/models/__init__.py",
    "tasks/models/work.py",
    "tasks/selectors/answers.py",
    "tasks/services/work.py",
    "tasks/migrations",
}


def test_answers_are_read_through_one_door_only() -> None:
    """No module but the door (and the services that write them) names the model of answers."""
    found = set()
    for path in SOURCES:
        if path.is_relative_to(ROOT / "bench"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module == "tasks.models":
                names = [alias.name for alias in node.names]
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                names = re.findall(r"tasks_answer|answer__content", node.value)
            if {"Answer", "tasks_answer", "answer__content"} & set(names):
                found.add(relative(path))
    assert found <= ANSWER_READERS | {"tasks/selectors/audit.py"}


def test_no_model_overrides_save_and_no_foreign_key_cascades_into_money() -> None:
    for path in SOURCES:
        if path.name == "models.py" or path.parent.name == "models":
            names = {
                n.name
                for n in ast.walk(ast.parse(path.read_text()))
                if isinstance(n, ast.FunctionDef)
            }
            assert not names & {"save", "delete", "clean"}, path


def all_patterns(resolver: URLResolver, prefix: str = "") -> list[tuple[str, URLPattern]]:
    found = []
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            found += all_patterns(entry, route)
        else:
            found.append((route, entry))
    return found


def test_every_url_has_a_name() -> None:
    nameless = [
        route
        for route, pattern in all_patterns(get_resolver())
        if not pattern.name and not route.startswith(("admin/", "api/v1/"))
    ]
    assert nameless == []


def test_every_model_says_what_it_is() -> None:
    for model in [m for m in models.Model.__subclasses__() if m.__module__.split(".")[0] in APPS]:
        if model._meta.auto_created:
            continue
        assert model.__str__ is not models.Model.__str__, model
