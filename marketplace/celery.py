"""Celery: the alarm clock. What has to be done stands in rows with a due time, never here."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")

app = Celery("fairclick")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Background work is a "job": a module called tasks.py would be the labelling work.
app.autodiscover_tasks(related_name="jobs")
