"""A worker's lists: what is on offer, one batch, her work, her archive; and how she works."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import Suspension, User
from core import problems, rules
from core.errors import Text
from tasks.forms.exclusions import ExclusionReplyForm
from tasks.forms.work import MAX_PAGE, OfferFilter, WorkSettings, language_names
from tasks.interfaces import parse as interfaces
from tasks.models import Archived, Assignment, Batch, Exclusion, Task, Workbench
from tasks.selectors import answers, readable
from tasks.selectors import batches as selectors
from tasks.selectors import work as own
from tasks.services import claims
from tasks.states import AssignmentState
from tasks.views.media import media_url
from tasks.views.workers import PAGE, Refusal, for_workers, link, number, rows_before

SORTS: dict[str, Text] = {
    "new": gettext_lazy("Newest"),
    "hourly": gettext_lazy("Pay an hour"),
    "reward": gettext_lazy("Reward"),
}
TABS: dict[str, tuple[Text, tuple[str, ...]]] = {
    "": (gettext_lazy("All"), ()),
    "claimed": (gettext_lazy("In work"), (AssignmentState.CLAIMED,)),
    "submitted": (gettext_lazy("Waiting for review"), (AssignmentState.SUBMITTED,)),
    "approved": (gettext_lazy("Paid"), (AssignmentState.APPROVED,)),
    "rejected": (
        gettext_lazy("Rejected"),
        (AssignmentState.REJECTED, AssignmentState.DISPUTED, AssignmentState.REFUSED),
    ),
    "ended": (
        gettext_lazy("Given back or expired"),
        (AssignmentState.RELEASED, AssignmentState.EXPIRED),
    ),
}


@require_GET
@for_workers
def work(request: HttpRequest, worker: User) -> HttpResponse:
    """The batches that can be worked on now, and what she holds already."""
    form = OfferFilter(request.GET)
    form.is_valid()
    wanted = form.cleaned_data
    page = number(request, "page", most=MAX_PAGE) or 1
    found = selectors.offers(
        query=wanted.get("q") or "",
        min_hourly=wanted.get("min_hourly"),
        language=wanted.get("language") or "",
        sort=wanted.get("sort") or "new",
    )[(page - 1) * PAGE : page * PAGE + 1]
    offers = [(selectors.offer(batch), language_names(batch.languages)) for batch in found]
    context = {
        "form": form,
        "offers": offers[:PAGE],
        "in_hand": own.in_hand(worker=worker),
        "sorts": SORTS,
        "sort": wanted.get("sort") or "new",
        "newer": link(request, page=page - 1 if page > 2 else None) if page > 1 else "",
        "older": link(request, page=page + 1) if len(offers) > PAGE and page < MAX_PAGE else "",
    }
    return render(request, "tasks/work_list.html", context)


@require_GET
@for_workers
def work_batch(request: HttpRequest, worker: User, batch_id: int) -> HttpResponse:
    """All there is to know before a claim: instructions, criteria, examples, a task, the pay."""
    hers = Exclusion.objects.filter(batch=OuterRef("pk"), worker=worker)
    running = Suspension.objects.filter(user=worker, ended_at__isnull=True)
    found = readable.batches(worker).select_related("client__record", "figures")
    found = found.annotate(is_excluded=Exists(hers), is_suspended=Exists(running))
    batch = get_object_or_404(found, pk=batch_id)
    sample = selectors.sample_task(batch)
    context = {
        "batch": batch,
        "offer": selectors.offer(batch),
        "languages": language_names(batch.languages),
        "takes_claims": readable.takes_claims(batch),
        "sample": sample and _shown(batch, sample),
        "held": _held(worker, batch_id),
        "exclusion": _exclusion(worker, batch) if getattr(batch, "is_excluded", False) else None,
        "reply_form": ExclusionReplyForm(),
    }
    return render(request, "tasks/work_batch.html", context)


def _exclusion(worker: User, batch: Batch) -> Exclusion | None:
    found = Exclusion.objects.filter(batch=batch, worker=worker)
    return found.select_related("by").first()


def _shown(batch: Batch, task: Task, answer: Any = None, *, id_prefix: str = "") -> str:
    """A task in the batch's interface."""
    interface = interfaces.parse_cached(batch.interface)
    return interface.render(task.payload, answer=answer, image_url=media_url, id_prefix=id_prefix)


def _held(worker: User, batch_id: int) -> list[Assignment]:
    return [one for one in own.in_hand(worker=worker) if one.batch_id == batch_id]


@require_POST
@for_workers
def claim(request: HttpRequest, worker: User, batch_id: int) -> HttpResponse:
    """Takes a task of the batch; asked twice it is the same one, unless another is asked for."""
    return to_next_task(request, worker, batch_id, another="another" in request.POST)


def to_next_task(
    request: HttpRequest, worker: User, batch_id: int, *, another: bool = False
) -> HttpResponse:
    """To what she holds of the batch already, else to a new claim; back to it if none is left."""
    held = [] if another else _held(worker, batch_id)
    if held:
        return redirect("work_task", held[0].pk)
    refusal = Refusal()
    with problems.on(refusal):
        one = claims.claim(worker=worker, batch_id=batch_id, now=timezone.now())
        return redirect("work_task", one.pk)
    refusal.tell(request)
    return redirect("work_batch", batch_id)


@require_GET
@for_workers
def my_work(request: HttpRequest, worker: User) -> HttpResponse:
    """Everything she has done and holds: state, amount, until when."""
    tab = request.GET.get("state", "")
    tab = tab if tab in TABS else ""
    rejected = Assignment.objects.filter(worker=worker, state=AssignmentState.REJECTED)
    found = own.assignments(worker=worker).annotate(waits_for_her=Exists(rejected))
    if tab:
        found = found.filter(state__in=TABS[tab][1])
    rows, pages = rows_before(found, request)
    first = rows[0] if rows and not tab and not pages["newer"] else None
    context = {
        "rows": rows,
        "tabs": TABS,
        "tab": tab,
        "now": timezone.now(),
        "rejected": _to_contest(worker) if getattr(first, "waits_for_her", False) else [],
        **pages,
    }
    return render(request, "tasks/work_mine.html", context)


def _to_contest(worker: User) -> list[tuple[Assignment, datetime]]:
    """What was rejected and waits for her word, what runs out first in front; until when."""
    found = own.assignments(worker=worker, state=AssignmentState.REJECTED)
    oldest = found.order_by("decided_at", "pk")[:PAGE]
    return [(one, one.decided_at + rules.CONTEST_WITHIN) for one in oldest if one.decided_at]


@require_GET
@for_workers
def archive(request: HttpRequest, worker: User) -> HttpResponse:
    """Work that came too late or was refused: hers to read, nobody else's."""
    kept = answers.archive(worker=worker)
    tasks = Task.objects.in_bulk({one.assignment.task_id for one in kept})
    shown = [(one, _archived(one, tasks[one.assignment.task_id])) for one in kept]
    return render(request, "tasks/work_archive.html", {"shown": shown})


def _archived(one: Archived, task: Task) -> str:
    return _shown(one.assignment.batch, task, one.content, id_prefix=f"kept-{one.pk}-")


@require_http_methods(["GET", "POST"])
@for_workers
def work_settings(request: HttpRequest, worker: User) -> HttpResponse:
    """Whether she works offline, and holds more tasks for it (R12)."""
    bench = Workbench.objects.filter(worker=worker).first()
    posted = request.POST if request.method == "POST" else None
    form = WorkSettings(posted, initial={"offline": bench and bench.offline})
    if form.is_valid():
        claims.set_offline(worker=worker, now=timezone.now(), **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("work_settings")
    return render(request, "tasks/work_settings.html", {"form": form})
