"""The environment variables of the processes that `make` starts."""

import os
import secrets
from pathlib import Path

from dev.ports import LOCAL
from dev.process import write_private
from dev.services import Services

# Set in somebody's shell for another purpose, these would silently change Python, libpq, Django,
# Celery or Granian.
DROPPED_PREFIXES = ("PG", "DJANGO_", "CELERY_", "GRANIAN_", "EMAIL_")
DROPPED = {
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "BEHIND_PROXY",
    "DEFAULT_FROM_EMAIL",
}
# Settings that a developer may change for one run.
PASSED_ON = {"API_RATE", "LOG_LEVEL", "METRICS_TOKEN"}


def inherited() -> dict[str, str]:
    """This process' environment less what would surprise, and without a proxy to ourselves."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in DROPPED and not name.startswith(DROPPED_PREFIXES)
    }
    direct = ",".join(
        filter(None, [kept.get("NO_PROXY"), kept.get("no_proxy"), LOCAL, "localhost"])
    )
    return kept | {"NO_PROXY": direct, "no_proxy": direct}


def lasting_secret(path: Path) -> str:
    """A secret made at the first call and kept in a file that only its owner can read."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(64))
    return path.read_text()


def site_environment(
    var: Path, services: Services, *, port: int, bank_port: int, debug: bool
) -> dict[str, str]:
    """The variables of the running demonstration, without the inherited ones."""
    return _common(var, services) | {
        "DEBUG": "1" if debug else "0",
        "DATABASE_ROLE": "fairclick_runtime",
        "BASE_URL": f"http://{LOCAL}:{port}",
        "SANDBOX_BANK_URL": f"http://{LOCAL}:{bank_port}",
    }


def tool_environment(var: Path, services: Services) -> dict[str, str]:
    """The variables of tests and benchmarks, without the inherited ones."""
    return _common(var, services) | {
        "DEBUG": "0",
        # The tests make their own database and take on the other roles themselves.
        "DATABASE_ROLE": "fairclick_owner",
        "BASE_URL": "http://localhost",
        # Port 9 (discard) answers nobody: a test that needs a bank brings one.
        "SANDBOX_BANK_URL": f"http://{LOCAL}:9",
    }


def _common(var: Path, services: Services) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "SECRET_KEY": lasting_secret(var / "secret_key"),
        "SANDBOX": "1",
        "HTTPS": "0",
        "ALLOWED_HOSTS": f"localhost,{LOCAL}",
        "DATABASE_URL": services.database_url,
        "REDIS_URL": services.redis_url,
        "SANDBOX_BANK_SECRET": lasting_secret(var / "sandbox_bank_secret"),
        "MEDIA_ROOT": str(var / "media"),
        "STATIC_ROOT": str(var / "static"),
    }
