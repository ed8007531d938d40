"""People and organisations for the operator: to read, and to record that a client is verified."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import services
from accounts.models import Client, Member, User
from core.admin import ReadOnly


@admin.register(User)
class UserAdmin(ReadOnly):
    list_display = ("id", "email", "role", "is_active", "is_staff", "date_joined")
    list_display_links = ("id", "email")
    list_filter = ("role", "is_active", "is_staff")
    fields = ("email", "name", "role", "language", "is_active", "is_staff", "date_joined")
    search_fields = ("email", "name")
    ordering = ("-id",)


class MemberInline(admin.TabularInline[Member, Client]):
    model = Member
    fields = ("user", "role", "joined_at")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Client | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Client | None = None) -> bool:
        return False


@admin.register(Client)
class ClientAdmin(ReadOnly):
    list_display = ("id", "name", "created_at", "verified_at", "verified_by")
    list_display_links = ("id", "name")
    list_filter = (("verified_at", admin.EmptyFieldListFilter),)
    list_select_related = ("verified_by",)
    fields = ("name", "about", "created_at", "verified_at", "verified_by")
    search_fields = ("name",)
    ordering = ("-id",)
    inlines = (MemberInline,)
    actions = ("verify",)

    @admin.action(description=_("Verified: staff has checked who they are"))
    def verify(self, request: HttpRequest, queryset: QuerySet[Client]) -> None:
        """Records the staff member who did it, as the page for it does."""
        assert isinstance(request.user, User)
        for client in queryset.order_by("pk"):
            services.verify_client(client_id=client.pk, by=request.user, now=timezone.now())
        messages.success(request, str(_("Recorded.")))
