"""Mail to people, each in her own language. The first line of a template is the subject."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from accounts.models import User


def send(name: str, *, to: Iterable[User], **context: Any) -> None:
    """Sends templates/delivery/mail/<name>.txt to each of these people, apart.

    Raises what the mail server raises: the event is then delivered again later.
    """
    for person in to:
        with translation.override(person.language):
            text = render_to_string(
                f"delivery/mail/{name}.txt", context | {"site": settings.BASE_URL}
            )
        subject, _blank, body = text.strip().partition("\n")
        send_mail(" ".join(subject.split()), body.strip() + "\n", None, [person.email])


def address(view: str, *args: object) -> str:
    """The full address of a page."""
    return settings.BASE_URL + reverse(view, args=args)
