"""The providers of this deployment, by name."""

from django.conf import settings

from payments.providers.base import Provider
from payments.providers.sandbox import SandboxBank


def providers() -> dict[str, Provider]:
    """Those that are configured; empty where no money can leave."""
    found: dict[str, Provider] = {}
    if settings.SANDBOX and settings.SANDBOX_BANK_URL:
        found[SandboxBank.name] = SandboxBank()
    return found
