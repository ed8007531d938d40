"""What every page knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation


def site(request: HttpRequest) -> dict[str, Any]:
    """The deployment's facts, and the reading direction of the page's language."""
    return {
        "SANDBOX": settings.SANDBOX,
        "CURRENCY": settings.CURRENCY,
        "LANGUAGE_DIRECTION": "rtl" if translation.get_language_bidi() else "ltr",
    }
