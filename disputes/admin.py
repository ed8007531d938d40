"""Cases for the operator: to read. What was said of an answer may quote it: it is not here."""

from django.contrib import admin

from core.admin import ReadOnly
from disputes.models import Decision, Dispute, LogEntry, Rejection, Report


@admin.register(Dispute)
class DisputeAdmin(ReadOnly):
    list_display = ("id", "batch_id", "client", "kind", "cause", "state", "filed_at", "due_at")
    list_filter = ("state", "kind", "cause")
    list_select_related = ("client",)
    exclude = ("reply",)
    search_fields = ("client__name",)
    search_numbers = ("id", "batch_id")
    search_help_text = "The id of a dispute or a batch; or the name of a client."
    ordering = ("-id",)


@admin.register(Rejection)
class RejectionAdmin(ReadOnly):
    list_display = ("id", "assignment_id", "batch_id", "category", "state", "outcome", "at")
    list_filter = ("state", "outcome", "category")
    fields = (
        *("id", "assignment_id", "batch", "client", "worker", "by", "category", "criterion"),
        *("state", "at", "contest_by", "dispute", "contested_at", "sampled", "unfounded"),
        *("outcome", "closed_at", "compensation"),
    )
    readonly_fields = ("assignment_id",)
    search_fields = ("state__exact",)
    search_numbers = ("id", "assignment_id", "batch_id", "worker_id", "dispute_id")
    search_help_text = "The id of a rejection, an assignment, a batch, a worker or a dispute."
    ordering = ("-id",)


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    list_display = ("id", "dispute_id", "level", "by", "overturned", "upheld", "at")
    list_filter = ("level",)
    list_select_related = ("by",)
    search_fields = ("by__email",)
    search_numbers = ("id", "dispute_id")
    search_help_text = "The id of a decision or a dispute; or who decided."
    ordering = ("-id",)


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnly):
    list_display = ("number", "kind", "by", "about_kind", "about_id", "at")
    list_filter = ("kind",)
    list_select_related = ("by",)
    fields = ("number", "kind", "by", "about_kind", "about_id", "data", "at")
    search_fields = ("kind__startswith",)
    search_numbers = ("number", "about_id")
    search_help_text = "The number of an entry, or the id of what it is about; or its kind."
    ordering = ("-number",)


@admin.register(Report)
class ReportAdmin(ReadOnly):
    list_display = ("id", "batch_id", "kind", "state", "at", "decided_by")
    list_filter = ("state", "kind")
    list_select_related = ("decided_by",)
    # What a worker tells the adjudicators in confidence stays with them.
    exclude = ("text",)
    search_fields = ("kind__exact",)
    search_numbers = ("id", "batch_id")
    search_help_text = "The id of a report or a batch; or its kind."
    ordering = ("-id",)
