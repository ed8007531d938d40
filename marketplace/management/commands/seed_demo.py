"""Loads the demonstration once, and says who one can sign in as."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from marketplace import demo


class Command(BaseCommand):
    """Changes nothing when the demonstration is there already. Only with SANDBOX=1."""

    help = "Loads the demonstration (only with SANDBOX=1) and prints its sign-ins."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SANDBOX:
            raise CommandError("The demonstration is play money: it needs SANDBOX=1.")
        if not demo.is_loaded():
            demo.load(now=timezone.now())
        for person in demo.SIGN_INS:
            self.stdout.write(f"{person.who:<16} {person.email:<20} password {demo.PASSWORD}")
