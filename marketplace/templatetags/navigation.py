"""The header's links, by who is looking. No query: the role stands on the user."""

from dataclasses import dataclass, replace
from typing import Any

from django import template
from django.contrib.auth.models import AnonymousUser
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.errors import Text

register = template.Library()

ANYBODY = (("rules", _("Rules")), ("account_login", _("Sign in")), ("account_signup", _("Sign up")))
WORKER = (
    ("work", _("Find work")),
    ("my_work", _("My work")),
    ("disputes", _("Disputes")),
    ("earnings", _("Earnings")),
)
MEMBER = (
    ("batches", _("Batches")),
    ("disputes", _("Disputes")),
    ("money", _("Money")),
    ("api_keys", _("Keys")),
    ("members", _("Members")),
)
ADJUDICATOR = (("console", _("Console")),)
STAFF = (("clients_to_verify", _("Clients to verify")), ("admin:index", _("Administration")))


@dataclass(frozen=True)
class Link:
    """`current` is the value of aria-current: "page", "true" for a page below it, or ""."""

    url: str
    label: Text
    current: str = ""


def links_for(user: User | AnonymousUser, path: str) -> list[Link]:
    """The links of `user`'s header; the one nearest above `path` is marked."""
    links = [Link(reverse(name), label) for name, label in _names(user)]
    above = [link for link in links if path.startswith(link.url)]
    nearest = max(above, key=lambda link: len(link.url), default=None)
    return [
        replace(link, current="page" if link.url == path else "true") if link is nearest else link
        for link in links
    ]


def _names(user: User | AnonymousUser) -> tuple[tuple[str, Text], ...]:
    if not isinstance(user, User):
        return ANYBODY
    if user.is_worker:
        return WORKER
    if user.is_member:
        return MEMBER
    return ADJUDICATOR + STAFF if user.is_staff else ADJUDICATOR


@register.inclusion_tag("components/nav.html", takes_context=True)
def navigation(context: dict[str, Any]) -> dict[str, Any]:
    """Draws the header's navigation."""
    request = context["request"]
    return {"user": request.user, "links": links_for(request.user, request.path)}
