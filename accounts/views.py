"""Pages about oneself and one's organisation. Sign-in, password and second factor are allauth's."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import selectors, services
from accounts.forms import (
    ApiKeyForm,
    MemberForm,
    OrganisationForm,
    SettingsForm,
    SuspensionReplyForm,
    remember_language,
)
from accounts.models import User
from core import problems
from core.errors import Forbidden


class Signed(HttpRequest):
    """What a request is behind `login_required`."""

    user: User


@login_required
@require_http_methods(["GET", "POST"])
def settings(request: Signed) -> HttpResponse:
    """Name, language, and the way to password, addresses, second factor and keys."""
    user = request.user
    initial = {"name": user.name, "language": user.language}
    form = SettingsForm(request.POST or None, initial=initial)
    if form.is_valid():
        with problems.on(form):
            services.change_settings(user=user, now=timezone.now(), **form.cleaned_data)
        if form.is_valid():
            response = redirect("settings")
            remember_language(response, user.language)
            messages.success(request, _("Saved."))
            return response
    context = {"form": form, "suspended": selectors.suspension_of(user) is not None}
    return render(request, "accounts/settings.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def api_keys(request: Signed) -> HttpResponse:
    """Her keys; a new one's text is in the answer to its making, and nowhere else."""
    form = ApiKeyForm(request.POST or None, role=request.user.role)
    secret, now = "", timezone.now()
    if form.is_valid():
        with problems.on(form):
            _key, secret = services.create_api_key(user=request.user, now=now, **form.cleaned_data)
        if secret:
            form = ApiKeyForm(role=request.user.role)
    keys = selectors.keys_of(request.user)
    context = {"form": form, "keys": keys, "secret": secret, "now": now}
    return render(request, "accounts/api_keys.html", context)


@login_required
@require_POST
def revoke_api_key(request: Signed, key_id: int) -> HttpResponse:
    services.revoke_api_key(key_id=key_id, by=request.user, now=timezone.now())
    messages.success(request, _("The key is revoked: it opens nothing any more."))
    return redirect("api_keys")


@login_required
@require_http_methods(["GET", "POST"])
def members(request: Signed) -> HttpResponse:
    """Who acts for the organisation; its owners add people here."""
    me = selectors.member_of(request.user)
    if me is None:
        return redirect("create_client")
    form = MemberForm(request.POST or None)
    if form.is_valid():
        with problems.on(form):
            services.add_member(
                client_id=me.client_id, by=me, now=timezone.now(), **form.cleaned_data
            )
        if form.is_valid():
            messages.success(request, _("%(email)s is a member now.") % form.cleaned_data)
            return redirect("members")
    context = {"me": me, "members": selectors.members_of(me.client_id), "form": form}
    return render(request, "accounts/members.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def create_client(request: Signed) -> HttpResponse:
    """For a client member without an organisation: to found one, or to know whom to ask."""
    form = OrganisationForm(request.POST or None)
    if form.is_valid():
        name = form.cleaned_data["organisation"]
        with problems.on(form):
            services.create_client(user=request.user, name=name, now=timezone.now())
        if form.is_valid():
            return redirect("home")
    return render(request, "accounts/create_client.html", {"form": form})


@login_required
@require_POST
def remove_member(request: Signed, member_id: int) -> HttpResponse:
    me = selectors.acting_member(request.user)
    services.remove_member(member_id=member_id, by=me, now=timezone.now())
    messages.success(request, _("The person is no member any more."))
    return redirect("home" if me.pk == member_id else "members")


@login_required
@require_http_methods(["GET", "POST"])
def suspension(request: Signed) -> HttpResponse:
    """Why she is suspended, by whom, since when; and what she says to it (R16)."""
    running = selectors.suspension_of(request.user)
    given = {"text": running.reply if running else ""}
    form = SuspensionReplyForm(request.POST if request.method == "POST" else None, initial=given)
    if form.is_valid():
        with problems.on(form):
            services.reply_to_suspension(user=request.user, now=timezone.now(), **form.cleaned_data)
        if form.is_valid():
            messages.success(request, _("Your reply is with us."))
            return redirect("suspension")
    context = {"suspension": running, "form": form}
    status = 422 if form.errors else 200
    return render(request, "accounts/suspension.html", context, status=status)


@login_required
@require_GET
def clients_to_verify(request: Signed) -> HttpResponse:
    """For staff: the organisations that nobody has checked yet, the oldest first."""
    if not request.user.is_staff:
        raise Forbidden(_("Only staff verifies clients."))
    clients = selectors.unverified_clients().prefetch_related("members__user")
    return render(request, "accounts/clients_to_verify.html", {"clients": clients})


@login_required
@require_POST
def verify_client(request: Signed, client_id: int) -> HttpResponse:
    client = services.verify_client(client_id=client_id, by=request.user, now=timezone.now())
    messages.success(request, _("%(client)s is verified.") % {"client": client})
    return redirect("clients_to_verify")
