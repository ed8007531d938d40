"""Adversaries against the real services, with a clock that moves: `manage.py simulate`."""
