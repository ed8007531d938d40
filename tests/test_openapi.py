"""The API is described as it is: docs/openapi.yaml and docs/api.md are compared with the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator

from marketplace import error_codes

ROOT = Path(__file__).resolve().parent.parent
DOC = (ROOT / "docs" / "api.md").read_text()
VERBS = {"get", "post", "put", "patch", "delete"}
# Where the code of a flaw stands among the arguments of what makes one.
MAKERS = {
    "Flaw": 1,
    "Problem": 0,
    "problem": 0,
    "answer_problem": 0,
    "report": 0,
    "_refused": 0,
    "BadValue": 1,
    "ErrorDetail": 1,
    "ValidationError": 1,
}


def schema() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, description) of every endpoint."""
    for path, methods in schema()["paths"].items():
        for method in VERBS & methods.keys():
            yield method.upper(), path.removeprefix("/api/v1"), methods[method]


def test_the_file_describes_the_code(tmp_path: Path) -> None:
    made = tmp_path / "openapi.yaml"
    call_command("spectacular", file=str(made), validate=True, fail_on_warn=True)
    assert made.read_text() == (ROOT / "docs" / "openapi.yaml").read_text(), "run: make openapi"


def test_the_file_is_openapi_3_1() -> None:
    found = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
    assert found["openapi"] == "3.1.0"


def test_every_endpoint_stands_in_the_page_with_its_summary() -> None:
    told = set(re.findall(r"^\| `(\w+) (\S+)` \| (.+) \|$", DOC, re.MULTILINE))
    assert told == {(method, path, found["summary"]) for method, path, found in operations()}


def test_every_operation_has_a_name_of_its_own_and_says_how_it_refuses() -> None:
    names = [found["operationId"] for _method, _path, found in operations()]
    assert len(names) == len(set(names))
    for _method, _path, found in operations():
        refused = found["responses"]["default"]["content"]["application/problem+json"]
        assert refused["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_refusals_name_codes_that_exist() -> None:
    known = {(str(code.status), code.name) for code in error_codes.CODES}
    said = {
        (status, code)
        for _method, _path, found in operations()
        for status, answer in found["responses"].items()
        if status[0] in "45"
        for code in re.findall(r"`(\w+)`", answer["description"])
    }
    assert said <= known


def test_the_page_has_every_code_with_what_to_do() -> None:
    told = re.findall(r"^\| (\d{3}) \| `(\w+)` \| (.+) \|$", DOC, re.MULTILINE)
    assert told == [
        (str(code.status), code.name, str(code.text))
        for group in error_codes.by_status()
        for code in group.codes
    ]


def flaw_codes() -> Iterator[str]:
    for app in ("core", "accounts", "payments", "tasks", "disputes"):
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call):
                    continue
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name not in MAKERS:
                    continue
                at = MAKERS[name]
                given = [word.value for word in node.keywords if word.arg == "code"]
                for value in given or node.args[at : at + 1]:
                    if isinstance(value, ast.Constant):
                        yield str(value.value)


def test_the_page_has_every_code_of_a_flaw() -> None:
    told = set(re.findall(r"`(\w+)`", DOC.partition("## Codes in `errors`")[2]))
    assert set(flaw_codes()) - told == set()


@pytest.mark.parametrize(
    "scope", ["batches:read", "results:read", "work", "payout", "disputes:decide"]
)
def test_a_reader_sees_what_a_key_needs(scope: str) -> None:
    assert any(
        found["description"].endswith(f"Scope of a key: `{scope}`.")
        for _method, _path, found in operations()
    )
