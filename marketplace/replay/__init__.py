"""A real crowd, replayed over HTTP: what `manage.py replay` does. Data: docs/data.md."""
