"""The project: settings, URL map and pages that join several apps. The top layer."""

from marketplace.celery import app as celery_app

__all__ = ["celery_app"]
