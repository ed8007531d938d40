"""Errors that are for the person at the keyboard: printed in one line, without a traceback."""


class DevError(Exception):
    """Something could not be started or stopped; the message says what to do."""


class AlreadyHeld(DevError):
    """Another process holds the lock file."""


class Stopped(Exception):
    """Somebody asked this program to stop (Ctrl-C, SIGTERM, a closed terminal)."""
