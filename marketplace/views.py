"""Pages of nobody's app: the front door, the rules, the error codes, health."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views import defaults
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.i18n import set_language as django_set_language

from accounts import selectors as people
from accounts import services as accounts
from accounts.models import User
from core import problems, rules
from core.errors import DomainError, NotFound
from core.money import CENT
from marketplace import error_codes, health
from tasks.models import Batch


class Broken(DomainError):
    status, code, title = 500, "broken", _lazy("A fault of ours")


START = {"worker": "work", "member": "batches", "adjudicator": "clients_to_verify"}


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The promise, for strangers; whoever is signed in goes on to where her work is."""
    user = request.user
    if isinstance(user, User):
        lost = user.is_member and people.member_of(user) is None
        return redirect("create_client" if lost else START[user.role])
    context = {
        "open_batches": Batch.objects.on_offer().filter(figures__open__gt=0).count(),
        "floor": rules.FLOOR_PER_HOUR,
        "overhead_percent": rules.OVERHEAD_BPS // 100,
        "fee_percent": rules.FEE_BPS // 100,
        "review_window": rules.REVIEW_WINDOW,
        "payout_min": rules.PAYOUT_MIN,
        "example": _example_ledger(reward=25 * CENT),
    }
    return render(request, "marketplace/home.html", context)


def _example_ledger(*, reward: int) -> dict[str, int]:
    """What moves for one task of this reward, in micros."""
    fee = rules.fee(reward)
    return {"total": reward + fee, "reward": reward, "fee": fee, "rest": 0}


@require_GET
def rule_book(request: HttpRequest) -> HttpResponse:
    """Every rule with its reason and its numbers, straight from core/rules.py."""
    in_force = sum(rule.in_force for rule in rules.RULES)
    context = {"rules": rules.RULES, "in_force": in_force}
    return render(request, "marketplace/rules.html", context)


@require_GET
def errors(request: HttpRequest) -> HttpResponse:
    """What each `code` of the API's problems means; a problem's `type` points here."""
    return render(request, "marketplace/errors.html", {"groups": error_codes.by_status()})


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Django's own, which sets the cookie; the account of who is signed in follows."""
    response = django_set_language(request)
    user, language = request.user, request.POST.get("language", "")
    if isinstance(user, User):
        accounts.change_settings(user=user, name=user.name, language=language, now=timezone.now())
    return response


@require_GET
def favicon(request: HttpRequest) -> HttpResponse:
    """For what asks without having read a page."""
    return redirect(static("img/icon.svg"))


@never_cache
@require_GET
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_GET
def readyz(request: HttpRequest) -> JsonResponse:
    """Database and Redis answer too: 200, or 503 with what does not."""
    missing = health.missing()
    return JsonResponse(
        {"status": "missing" if missing else "ok", "missing": missing},
        status=503 if missing else 200,
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404: a problem for programs, a page for people."""
    if request.path.startswith("/api/"):
        return problems.respond(NotFound(_("There is no such address.")), request)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: says nothing about the bug; the log does, under the request's id."""
    if request.path.startswith("/api/"):
        return problems.respond(Broken(_("Something broke here. We have its record.")), request)
    return defaults.server_error(request)
