"""The operator's view of what happened: to read, never to write."""

from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from core.models import Event, Outbox


class ReadOnly(admin.ModelAdmin[Any]):
    """Rows can be looked at and nothing else: writes are services' alone."""

    # Counting millions of rows for a heading takes longer than reading the page.
    show_full_result_count = False
    list_per_page = 50
    # Columns in which a number is looked for; Django's own search would read it as text.
    search_numbers: tuple[str, ...] = ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if self.search_numbers and term.isdecimal() and len(term) < 19:
            wanted = [Q((name, int(term))) for name in self.search_numbers]
            return queryset.filter(reduce(or_, wanted)), False
        return super().get_search_results(request, queryset, search_term)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Event)
class EventAdmin(ReadOnly):
    list_display = ("id", "at", "kind", "about_kind", "about_id", "by_id")
    list_display_links = ("id", "kind")
    fields = ("id", "at", "kind", "about_kind", "about_id", "by", "data")
    search_fields = ("kind__startswith",)
    search_numbers = ("about_id",)
    search_help_text = "The beginning of a kind, or the id of what it is about."
    ordering = ("-id",)


@admin.register(Outbox)
class OutboxAdmin(ReadOnly):
    list_display = ("event", "due_at", "attempts", "done_at", "error")
    list_filter = (("done_at", admin.EmptyFieldListFilter),)
    fields = ("event", "due_at", "attempts", "done_at", "error")
    list_select_related = ("event",)
    ordering = ("-event_id",)
