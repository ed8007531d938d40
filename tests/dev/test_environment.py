"""What a shell happens to export does not change what `make` starts."""

import pytest

from dev.environment import PASSED_ON, inherited, lasting_secret, site_environment
from dev.services import Services
from tests.test_deployment import settings_variables


@pytest.fixture
def services(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody@127.0.0.1:1/theirs")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    return Services(tmp_path, logs=tmp_path)


@pytest.fixture
def site(services, tmp_path):
    return site_environment(tmp_path, services, port=8123, bank_port=8124, debug=False)


def test_every_setting_is_set_or_dropped_unless_meant_to_be_passed_on(monkeypatch, site):
    for name in settings_variables():
        monkeypatch.setenv(name, "from the shell")

    env = inherited() | site

    assert {name for name, value in env.items() if value == "from the shell"} == PASSED_ON


@pytest.mark.parametrize(
    "name", ["PYTHONPATH", "PYTHONHOME", "PGHOST", "PGOPTIONS", "GRANIAN_PORT", "DJANGO_COLORS"]
)
def test_variables_that_would_surprise_are_dropped(monkeypatch, name):
    monkeypatch.setenv(name, "x")

    assert name not in inherited()


def test_a_proxy_is_not_asked_for_this_machine(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "intranet.example")

    assert inherited()["no_proxy"].split(",")[0] == "intranet.example"
    assert "127.0.0.1" in inherited()["NO_PROXY"]


def test_the_site_knows_its_address_and_runs_as_the_runtime_role(site):
    assert site["BASE_URL"] == "http://127.0.0.1:8123"
    assert site["SANDBOX_BANK_URL"] == "http://127.0.0.1:8124"
    assert site["DATABASE_ROLE"] == "fairclick_runtime"


def test_lasting_secret_is_made_once(tmp_path):
    first = lasting_secret(tmp_path / "key")

    assert len(first) >= 50
    assert lasting_secret(tmp_path / "key") == first
