"""The one door to answers: who goes through it, read from the code and the map of URLs.

tests/test_architecture.py shows that nothing else names what holds answers. Here is who calls the
door: a table for each way through it. What is not in a table fails, whatever it would have shown.
"""

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.contrib import admin
from django.core.management import get_commands, load_command_class
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.module_loading import import_string
from rest_framework import serializers

from core import events
from core.models import Event
from tests import reach

DOOR = "tasks.selectors.answers"
WAYS = {"readable", "results", "results_by_task", "own", "archive", "in_case", "of_task"}
# These two say yes or no about an answer, and only to those who decide.
BOUNDS = {"equals_paid", "quotes"}

API, ONE = "api/v1/", "<id:assignment_id>"
REVIEW = f"batches/<id:batch_id>/assignments/{ONE}/"
REFUSAL = f"work/tasks/{ONE}/refusal/"

# The client: what is paid for, and what it opens in review. `openings` records each look.
CLIENT_READS = {
    REVIEW,  # a paid one
    f"{REVIEW}review/",
    f"{REVIEW}open/",
    f"{REVIEW}reject/",  # shows the same page again where the form has flaws
    f"{API}assignments/{ONE}",
    f"{API}assignments/{ONE}/open",
}
CLIENT_TAKES_RESULTS = {
    "batches/<id:batch_id>/results/",
    f"{API}batches/<id:batch_id>/results",
}
WORKER_READS_HERS = {
    f"work/tasks/{ONE}/",
    *(f"{REFUSAL}{step}" for step in ("", "contest/", "say/", "appeal/")),
    "disputes/<id:dispute_id>/evidence/",  # shows the refusal again where the form has flaws
    f"{API}work/assignments/{ONE}",
}
WORKER_READS_HER_ARCHIVE = {"work/archive/", f"{API}work/archive"}
# `look_at_case` records the look.
ADJUDICATOR_READS = {
    "console/disputes/<id:dispute_id>/",
    "console/disputes/<id:dispute_id>/decide/",  # shows the case again where the form has flaws
    f"{API}disputes/<id:dispute_id>",
    f"{API}disputes/<id:dispute_id>/decide",  # whether the reasons quote one
}
# Only whether what is written here quotes an answer.
ASKED_OF_WRITERS = {
    "console/disputes/<id:dispute_id>/decide/",
    f"{API}disputes/<id:dispute_id>/decide",
    "batches/<id:batch_id>/exclusions/",
    f"{API}batches/<id:batch_id>/exclusions",
}
ALLOWED = {
    "readable": CLIENT_READS,
    "results": CLIENT_TAKES_RESULTS,
    "results_by_task": CLIENT_TAKES_RESULTS,
    "own": WORKER_READS_HERS,
    "archive": WORKER_READS_HER_ARCHIVE,
    "in_case": ADJUDICATOR_READS | ASKED_OF_WRITERS,
    "of_task": ADJUDICATOR_READS,
    "equals_paid": {f"{REVIEW}reject/", f"{API}assignments/{ONE}/reject"},
    "quotes": ASKED_OF_WRITERS,
}
# Pages that list the formats lead to what writes them, by name; only `.stream` opens the door.
FORMATS = "tasks.selectors.exports.FORMATS"
STREAMING = {"tasks.api.results", "tasks.views.results"}


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        else:
            yield route, entry


def routes() -> dict[str, Callable[..., Any]]:
    return {route: pattern.callback for route, pattern in patterns(get_resolver())}


def ways(names: frozenset[str]) -> set[str]:
    """The ways through the door among these names."""
    return {way for way in WAYS | BOUNDS if f"{DOOR}.{way}" in names}


def lists_formats_only(entry: Callable[..., Any]) -> bool:
    inner: Any = getattr(entry, "view_class", entry)
    module = getattr(inner, "__wrapped__", inner).__module__
    return FORMATS in reach.reached_by(entry) and module not in STREAMING


# --- the map of URLs -------------------------------------------------------------------------


def test_the_reader_of_sources_sees_the_ways_it_must_see() -> None:
    """Else the tables below would prove nothing."""
    found = routes()
    for route, way in (
        (f"{API}assignments/{ONE}", "readable"),
        (f"{API}batches/<id:batch_id>/results", "results"),
        (f"work/tasks/{ONE}/", "own"),
        ("work/archive/", "archive"),
    ):
        assert way in ways(reach.reached_by(found[route]))
    ours = [
        entry for route, entry in found.items() if not route.startswith(("admin/", "accounts/"))
    ]
    unread = [entry for entry in ours if not reach.reached_by(entry)]
    assert {entry.__module__.partition(".")[0] for entry in unread} <= {
        "drf_spectacular",
        "allauth",
    }


@pytest.mark.parametrize("way", sorted(WAYS | BOUNDS))
def test_urls_reach_answers_as_listed(way: str) -> None:
    found = {
        route
        for route, entry in routes().items()
        if way in ways(reach.reached_by(entry))
        and not (way.startswith("results") and lists_formats_only(entry))
    }
    assert found - ALLOWED[way] == set()


def test_results_are_streamed_where_they_are_recorded() -> None:
    streaming = {
        module
        for module, tree in reach.trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "stream"
    }
    assert streaming == STREAMING
    for route in CLIENT_TAKES_RESULTS:
        names = reach.reached_by(routes()[route])
        assert "tasks.services.openings.record_results" in names


def test_every_look_of_a_client_or_adjudicator_is_recorded() -> None:
    """Nobody but the recording services calls these ways."""
    callers = {
        way: {
            module
            for module in reach.trees()
            for definition in reach.definitions(module)
            if module != DOOR and f"{DOOR}.{way}" in reach.names(module, definition)
        }
        for way in WAYS | BOUNDS
    }
    assert callers["readable"] == {"tasks.services.openings"}
    assert callers["results"] == callers["results_by_task"] == {"tasks.selectors.exports"}
    assert callers["in_case"] | callers["of_task"] <= {
        "disputes.selectors.console_case",
        "disputes.api.cases",
        "disputes.services.restoring",  # compares hashes
        "marketplace.erasure",  # looks for it, shows places only
    }
    assert callers["own"] | callers["archive"] <= {
        *("tasks.api.work", "tasks.api.earnings", "tasks.views.work", "tasks.views.work_task"),
        *("disputes.selectors.pages", "disputes.selectors.cases"),
    }
    assert callers["equals_paid"] == {"disputes.services.rejections", "disputes.services.clocks"}
    assert callers["quotes"] == {"disputes.services.judging", "tasks.services.exclusions"}
    looking = "disputes.services.looking.look_at_case"
    for route, entry in routes().items():
        if "in_case" in ways(reach.reached_by(entry)) and route not in ASKED_OF_WRITERS:
            assert looking in reach.reached_by(entry), route


def test_the_way_of_clients_takes_on_their_role() -> None:
    """Row-level security stands behind each read for a client, in the same function."""
    for way in ("readable", "_results", "results_by_task"):
        assert f"{DOOR}._as_client" in reach.names(DOOR, way)
    for module in reach.trees():
        if module != DOOR:
            assert f"{DOOR}._as_client" not in {
                name
                for definition in reach.definitions(module)
                for name in reach.names(module, definition)
            }


def test_the_role_of_clients_is_taken_on_in_the_door_only() -> None:
    found = {
        module
        for module, tree in reach.trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and re.search(r"set_config|SET ROLE", str(node.value))
    }
    assert found == {DOOR}


# --- what runs without a URL -----------------------------------------------------------------


TEMPLATES: Any = settings.TEMPLATES
CONTEXT = TEMPLATES[0]["OPTIONS"]["context_processors"]


def entries() -> dict[str, Callable[..., Any]]:
    """Jobs, reactions to events, middleware, context processors."""
    current_app.loader.import_default_modules()
    found = {
        name: job.run for name, job in current_app.tasks.items() if not name.startswith("celery.")
    }
    found |= {f"on {kind}": one for kind, all_ in events.handlers.items() for one in all_}
    dotted = [*settings.MIDDLEWARE, *CONTEXT]
    return found | {name: import_string(name) for name in dotted}


def test_no_job_handler_or_middleware_reads_an_answer() -> None:
    found = {name: ways(reach.reached_by(entry)) for name, entry in entries().items()}
    # Whether a rejection that lapses is of an answer equal to a paid one (R4): yes or no.
    assert {name: said for name, said in found.items() if said} == {
        "disputes.run_clocks": {"equals_paid"}
    }


def test_commands_that_read_answers_are_known() -> None:
    ours = {name: app for name, app in get_commands().items() if app in reach.APPS}
    found = {
        name
        for name, app in ours.items()
        if ways(reach.reached_by(type(load_command_class(app, name)))) & WAYS
    }
    # A play of people, through their own services; proofs and restores, which show no content.
    assert found <= {
        *("prove_erasure", "list_erasures", "redo_erasures", "after_restore"),
        *("seed_demo", "simulate"),
    }


# --- faces -----------------------------------------------------------------------------------

UNREGISTERED = {
    *("Answer", "Draft", "Archived", "Gold", "Statement", "Evidence", "IdempotencyKey", "Session")
}
# What was written about an answer may quote it.
QUOTING = {
    "Dispute": {"reply"},
    "Rejection": {"explanation", "text_hash"},
    "Decision": set(),
    "Report": {"text"},
    "Exclusion": {"reason", "reply"},
}


def test_the_admin_shows_no_content() -> None:
    registered = {model.__name__: at for model, at in admin.site._registry.items()}
    assert not UNREGISTERED & set(registered)
    for name, hidden in QUOTING.items():
        if name not in registered:
            continue
        at = registered[name]
        shown = {field.name for field in at.model._meta.fields}
        if at.fields:
            shown = set(at.fields)
        shown |= {*at.list_display, *map(str, at.search_fields)}
        assert not hidden & (shown - set(at.exclude or ())), name
    for name, at in registered.items():
        said = {str(one).split("__")[0] for one in (*at.search_fields, *at.list_display)}
        assert not {"answer", "draft", "archived", "content"} & said, name


def shapes(base: Any = serializers.BaseSerializer) -> Iterator[type]:
    one: type
    for one in base.__subclasses__():
        yield one
        yield from shapes(one)


# Each field of such a name, and who reads it.
SHAPES = {
    ("tasks.api", "AnswerOut", "answer"): "client, by `openings`",
    ("tasks.api", "In", "content"): "worker, writes it",
    ("tasks.api", "DraftOut", "content"): "worker, hers",
    ("tasks.api", "WorkPageOut", "answer"): "worker, hers",
    ("tasks.api", "WorkPageOut", "draft"): "worker, hers",
    ("tasks.api", "ArchivedOut", "content"): "worker, hers",
    ("tasks.api", "KnownIn", "answer"): "client, its own",
    ("tasks.api", "KnownOut", "answer"): "client, its own",
    ("tasks.api", "ExampleIn", "answer"): "client, its own example",
    ("tasks.api", "ExampleOut", "answer"): "everybody, the client's example",
    ("disputes.api", "CaseRejectionOut", "answer"): "adjudicator, by `looking`",
}


def test_serializers_with_content_are_known() -> None:
    get_resolver().url_patterns  # noqa: B018 loads every face
    names = {"answer", "answers", "content", "draft", "result", "annotations"}
    found = set()
    for shape in shapes():
        app = ".".join(shape.__module__.split(".")[:2])
        if app.split(".")[0] in reach.APPS:
            fields = getattr(shape, "_declared_fields", {})
            found |= {(app, shape.__name__, name) for name in names & set(fields)}
    assert found <= set(SHAPES)


# --- events, logs, errors --------------------------------------------------------------------


def calls(module: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(reach.trees()[module]) if isinstance(node, ast.Call))


SAID = {"content", "answer", "answers", "explanation", "text", "reply", "statement", "draft"}


def test_events_carry_no_content() -> None:
    """What is recorded beside an event is ids, counts and words of closed lists."""
    for module in reach.trees():
        for call in calls(module):
            if reach.dotted(call.func) in ("events.record", "core_events.record"):
                said = {word.arg for word in call.keywords} - {"by", "about", "now"}
                assert not said & SAID, (module, call.lineno)
                named = {
                    node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
                    for word in call.keywords
                    if word.arg not in ("by", "about", "now")
                    for node in ast.walk(word.value)
                }
                assert not named & SAID, (module, call.lineno)


@pytest.mark.parametrize("logger", ["log", "logger", "logging"])
def test_logs_carry_no_content(logger: str) -> None:
    methods = {"debug", "info", "warning", "error", "exception", "critical"}
    for module in reach.trees():
        for call in calls(module):
            first, _dot, method = reach.dotted(call.func).partition(".")
            if first == logger and method in methods:
                named = {
                    node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
                    for argument in call.args
                    for node in ast.walk(argument)
                }
                assert not named & SAID, (module, call.lineno)


def test_events_have_no_room_for_anything_else() -> None:
    texts = (models.TextField, models.FileField, models.BinaryField)
    assert [field.name for field in Event._meta.fields if isinstance(field, texts)] == []
