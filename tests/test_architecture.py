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
from tests import reach

ROOT = Path(__file__).parent.parent
APPS = (
    "core",
    "accounts",
    "payments",
    "tasks",
    "disputes",
    "delivery",
    "marketplace",
    "dev",
    "bench",
)
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


# Who names what holds content, and why. Everybody else asks the door, tasks/selectors/answers.py;
# who asks the door is in tests/disputes/test_one_door.py.
HOLDERS = {
    "Answer": {
        "tasks.models",
        "tasks.selectors.answers",  # the door
        "tasks.services.work",  # the worker takes hers back into work
        "tasks.services.decisions",  # erases
        "disputes.services.restoring",  # erases again
    },
    "Draft": {
        "tasks.models",
        "tasks.forms.work",  # the worker's own page
        "tasks.services.work",  # saves
        "tasks.services.claims",  # deletes
        "tasks.services.decisions",  # erases
        "disputes.services.restoring",  # erases again
        "marketplace.erasure",  # proves that it is gone
    },
    "Archived": {
        "tasks.models",
        "tasks.selectors.answers",
        "tasks.services.work",  # keeps what came late
        "tasks.services.decisions",  # keeps what was refused
        "tasks.views.work",  # the worker's own page
        "disputes.selectors.cases",  # what was said of hers, for her
        "disputes.selectors.pages",  # hers, for her
        "disputes.services.restoring",
        "marketplace.erasure",
    },
}
# Statements of their own: audits count rows, they name no column of content.
STATEMENTS = {
    "tasks_answer": {"tasks.selectors.answers", "tasks.selectors.audit", "marketplace.erasure"},
    "tasks_draft": {"marketplace.erasure"},
    "tasks_archived": {"disputes.selectors.audit", "marketplace.erasure"},
}
# Rows that lead to content by a relation: the worker's own draft, on her own pages.
RELATIONS = {"tasks.api.work", "tasks.forms.work", "tasks.selectors.work"}
LOOK_UPS = {
    *("select_related", "prefetch_related", "only", "defer", "values", "values_list", "filter"),
    *("exclude", "get", "order_by", "annotate", "aggregate", "update", "getattr", "hasattr"),
    *("attrgetter", "F", "Q", "OuterRef", "Prefetch", "Count", "Max", "Min"),
}


def called(node: ast.AST) -> str:
    """The last name of what is called."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else reach.dotted(node.func)


def words_of(call: ast.Call) -> set[str]:
    """Every step of the paths that a look-up in the database names."""
    said = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
    paths = [str(one) for one in said] + [word.arg or "" for word in call.keywords]
    return {step for path in paths for step in path.split("__")}


def test_models_of_content_are_named_by_few() -> None:
    for holder, allowed in HOLDERS.items():
        found = {
            module
            for module in reach.trees()
            if {f"tasks.models.{holder}", f"tasks.models.work.{holder}"}
            & set(reach.imports(module).values())
        }
        assert found <= allowed, holder


def test_tables_of_content_are_named_by_few() -> None:
    for table, allowed in STATEMENTS.items():
        found = {
            module
            for module, tree in reach.trees().items()
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and table in str(node.value)
        }
        assert found <= allowed, table


def test_no_statement_but_those_of_the_door_names_content() -> None:
    naming = {
        module
        for module, tree in reach.trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and re.search(r"\w\.content\b", str(node.value))
    }
    assert naming == {"tasks.selectors.answers"}


def test_no_relation_leads_to_content() -> None:
    """`assignment.answer`, `filter(answer__…)`, `select_related("answer")`, `source="answer"`."""
    found = {
        module
        for module, tree in reach.trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and called(node) in LOOK_UPS
        and module.startswith(("tasks.", "disputes.", "delivery.", "marketplace."))
        and {"answer", "draft", "archived"} & words_of(node)
    }
    # Known answers are the client's own; a form and a posted body have fields of these names.
    assert found <= RELATIONS | {"tasks.services.gold", "marketplace.erasure"}


def test_no_relation_is_followed_in_code_or_templates() -> None:
    of_rows = re.compile(
        r"\b(?:one|assignment|found|row|rejection|refusal|place|task)\.(?:answer|draft|archived)\b"
    )
    said = {relative(path): path.read_text() for path in (ROOT / "templates").rglob("*.html")}
    said |= {module: ast.unparse(tree) for module, tree in reach.trees().items()}
    found = {name for name, text in said.items() if of_rows.search(text)}
    # A known answer of the client; a row of the form of examples; a recorded crowd.
    others = {"tasks.views.gold", "templates/tasks/_batch_examples.html", "marketplace.demo"}
    assert found <= others


def test_models_are_not_fetched_by_name() -> None:
    found = {
        module
        for module, tree in reach.trees().items()
        for node in ast.walk(tree)
        if called(node) in ("get_model", "get_models")
    }
    assert found == set()


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
