"""Work for the operator: to read. Payloads, drafts and answers are nobody's business here."""

from django.contrib import admin

from core.admin import ReadOnly
from tasks.models import Assignment, Batch, Operation


@admin.register(Batch)
class BatchAdmin(ReadOnly):
    list_display = ("id", "title", "client", "state", "task_count", "overlap", "created_at")
    list_display_links = ("id", "title")
    list_filter = ("state", ("frozen_at", admin.EmptyFieldListFilter))
    list_select_related = ("client",)
    search_fields = ("title", "client__name")
    ordering = ("-id",)
    exclude = ("secret",)


@admin.register(Assignment)
class AssignmentAdmin(ReadOnly):
    list_display = ("id", "batch_id", "task_id", "worker_id", "state", "claimed_at", "moved_at")
    list_filter = ("state",)
    fields = (
        *("id", "batch", "client", "task_id", "place_id", "worker", "state"),
        *("claimed_at", "last_seen_at", "lease_ends_at", "due_at", "extensions"),
        *("active_seconds", "submitted_at", "review_due_at", "decided_at", "decided_by"),
        *("ended_at", "moved_at"),
    )
    readonly_fields = ("task_id", "place_id")
    search_fields = ("state__exact",)
    search_numbers = ("id", "batch_id", "worker_id")
    search_help_text = "The id of an assignment, a batch or a worker; or a state."
    ordering = ("-id",)


@admin.register(Operation)
class OperationAdmin(ReadOnly):
    list_display = ("id", "batch", "by", "done", "total", "created_at", "finished_at")
    list_filter = (("finished_at", admin.EmptyFieldListFilter),)
    list_select_related = ("batch", "by")
    fields = ("batch", "by", "up_to", "done", "total", "errors", "created_at", "finished_at")
    ordering = ("-id",)
