"""Template helpers that know no app."""

from datetime import timedelta
from functools import lru_cache
from typing import Any

import nh3
from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from markdown_it import MarkdownIt

from core import money

register = template.Library()
# What a client's Markdown may contain. No images: workers' browsers load nothing from elsewhere.
TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "a"),
}


@register.filter
def amount(micros: int | None) -> str:
    """Money, exact, with its currency, as the reader's language writes it."""
    return "–" if micros is None else money.localized(micros)


@register.filter
def duration(value: timedelta | float | None) -> str:
    """About how long: two units at most."""
    if value is None:
        return "–"
    seconds = int(value.total_seconds() if isinstance(value, timedelta) else value)
    if seconds < 60:
        return ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    if hours < 48:
        rest = minutes % 60
        whole = ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
        minute = _("min")
        return f"{whole} {rest} {minute}" if rest and hours < 10 else whole
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


@register.filter
def percent(share: float | None) -> str:
    """A share of one as a percentage."""
    return "–" if share is None else f"{share * 100:.0f} %"


@register.filter
def markdown(text: str) -> SafeString:
    """A client's Markdown as clean HTML; headings start two levels down, links say where to."""
    return mark_safe(_clean(text))


@lru_cache(maxsize=512)
def _clean(text: str) -> str:
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return nh3.clean(
        html,
        tags=TAGS,
        attributes={"a": {"href", "title"}, "th": {"align"}, "td": {"align"}},
        url_schemes={"https", "http", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """The present query string with some parameters changed (None takes one away)."""
    params = context["request"].GET.copy()
    for name, value in changes.items():
        if value is None:
            params.pop(name, None)
        else:
            params[name] = value
    return f"?{params.urlencode()}" if params else "?"
