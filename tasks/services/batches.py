"""A client's batch: drafted, changed, priced, published, paused, closed."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.models import Member
from accounts.services import check_active
from core import events, money, rules, text
from core.db import inside_operation, operation
from core.errors import Conflict, Flaw, Forbidden, Invalid, NotFound, PreconditionFailed, RuleBroken
from payments.services import escrow
from tasks.interfaces import parse as interfaces
from tasks.models import Batch, Gold, Media, SampleCount, Task
from tasks.selectors import batches as selectors
from tasks.states import BATCH, BatchState

# What a client writes, and nothing else: state, money held and counts are not among them.
FIELDS = frozenset(
    {
        "title",
        "instructions",
        "criteria",
        "examples",
        "interface",
        "reward",
        "overlap",
        "declared_seconds",
        "time_limit_s",
        "review_window_s",
        "languages",
        "content_warnings",
        "external_work",
    }
)
MAX_ITEMS = 50
MAX_TEXT = 2_000
MAX_SECONDS = 8 * 3600
MAX_REWARD = 10_000 * money.UNIT


class HasTasks(Conflict):
    code = "has_tasks"


class NotADraft(Conflict):
    code = "not_a_draft"


class PriceChanged(Conflict):
    code = "price_changed"


class NotReady(RuleBroken):
    code = "not_ready"


@operation
def create_batch(*, by: Member, fields: Mapping[str, Any], now: datetime) -> Batch:
    """A new draft. `reward` is in micros. Raises Invalid with a flaw for each wrong field."""
    batch = Batch(client=by.client, created_by=by.user, created_at=now)
    _apply(batch, fields)
    batch.save()
    events.record("batch.created", by=by.user, about=batch, now=now)
    return batch


@operation
def edit_batch(
    *, batch_id: int, by: Member, fields: Mapping[str, Any], revision: int | None, now: datetime
) -> Batch:
    """Changes a draft. `revision` is the one the editor saw: 412 when it has changed since.

    Raises NotADraft 409 once published, HasTasks 409 for another interface under uploaded tasks.
    """
    batch = lock_draft(batch_id=batch_id, by=by)
    if revision is not None and revision != batch.revision:
        raise PreconditionFailed(
            _("Somebody changed this batch meanwhile. Load it again, then repeat your change.")
        )
    changed_interface = fields.get("interface", batch.interface) != batch.interface
    if changed_interface and batch.task_count:
        raise HasTasks(
            _("Tasks were uploaded for this interface. Delete them first, then change it."),
            field="interface",
        )
    _apply(batch, fields)
    batch.revision += 1
    batch.save()
    events.record("batch.edited", by=by.user, about=batch, now=now, fields=sorted(fields))
    return batch


@operation
def delete_batch(*, batch_id: int, by: Member, now: datetime) -> None:
    """Deletes a draft with its tasks and images. A published batch stays (409)."""
    batch = lock_draft(batch_id=batch_id, by=by)
    events.record("batch.deleted", by=by.user, about=batch, now=now, title=batch.title)
    Gold.objects.filter(batch=batch).delete()
    Task.objects.filter(batch=batch).delete()
    _delete_media(batch)
    batch.delete()


@inside_operation
def _delete_media(batch: Batch) -> None:
    """The rows now, the files once that is certain."""
    found = Media.objects.filter(batch=batch)
    for name in found.values_list("file", flat=True):
        transaction.on_commit(partial(default_storage.delete, name))
    found.delete()


@operation
def delete_tasks(*, batch_id: int, by: Member, now: datetime) -> int:
    """Empties a draft of its tasks; returns how many there were."""
    batch = lock_draft(batch_id=batch_id, by=by)
    count = batch.task_count
    Gold.objects.filter(batch=batch).delete()
    Task.objects.filter(batch=batch).delete()
    Batch.objects.filter(pk=batch.pk).update(task_count=0, revision=F("revision") + 1)
    events.record("batch.tasks_deleted", by=by.user, about=batch, now=now, count=count)
    return count


@inside_operation
def lock(*, batch_id: int, by: Member) -> Batch:
    """The batch under lock, if it is the client's. Raises NotFound 404."""
    batch = (
        Batch.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk=batch_id, client=by.client_id)
        .first()
    )
    if batch is None:
        raise NotFound(_("There is no such batch, or it is not yours."))
    return batch


@inside_operation
def lock_draft(*, batch_id: int, by: Member) -> Batch:
    """Like `lock`, for a draft only. Raises NotADraft 409."""
    batch = lock(batch_id=batch_id, by=by)
    if batch.state != BatchState.DRAFT:
        raise NotADraft(
            _("A published batch does not change. Make a new batch for a change."),
            extra={"state": batch.state, "allowed": BATCH.allowed(batch.state)},
        )
    return batch


@operation
def publish_batch(*, batch_id: int, by: Member, now: datetime, agreed: int | None = None) -> Batch:
    """Locks the whole price in escrow, and lets the places be made; they open when all are.

    `agreed`: the price in micros that was shown to whoever pays. Raises PriceChanged 409 if it is
    another now, NotReady 422 (every missing thing named), InsufficientFunds 402, Forbidden for a
    reviewer. Published already: IllegalMove 409.
    """
    _owners_only(by)
    check_active(by.user)
    batch = lock(batch_id=batch_id, by=by)
    target = BATCH.check("publish", batch.state)
    quote = selectors.quote(batch)
    if quote.missing:
        raise NotReady(_("This batch cannot be published yet."), flaws=quote.missing)
    if agreed is not None and agreed != quote.total:
        raise PriceChanged(
            _("The price is %(total)s now. Look at it again, then publish.")
            % {"total": money.localized(quote.total)}
        )
    batch.state, batch.fee = target, quote.fee
    batch.published_at, batch.published_by = now, by.user
    batch.save(update_fields=["state", "fee", "published_at", "published_by"])
    SampleCount.objects.create(batch=batch)
    escrow.fund_batch(
        batch_id=batch.pk,
        client_id=batch.client_id,
        amount=quote.total,
        number=1,
        by=by.user,
        now=now,
    )
    events.record("batch.published", by=by.user, about=batch, now=now, places=quote.places)
    return batch


@operation
def pause_batch(*, batch_id: int, by: Member, now: datetime) -> Batch:
    """No new claims until resumed; what is claimed goes on."""
    return _move(batch_id=batch_id, verb="pause", event="batch.paused", by=by, now=now)


@operation
def resume_batch(*, batch_id: int, by: Member, now: datetime) -> Batch:
    return _move(batch_id=batch_id, verb="resume", event="batch.resumed", by=by, now=now)


@operation
def close_batch(*, batch_id: int, by: Member, now: datetime) -> Batch:
    """No new claims for good. Running work goes on and is paid; what nobody does is refunded.

    A job settles the open places in chunks (`publishing.settle_closed`).
    """
    _owners_only(by)
    return _move(
        batch_id=batch_id, verb="close", event="batch.closed", by=by, now=now, closed_at=now
    )


def _move(*, batch_id: int, verb: str, event: str, by: Member, now: datetime, **also: Any) -> Batch:
    batch = lock(batch_id=batch_id, by=by)
    batch.state = BATCH.check(verb, batch.state)
    for name, value in also.items():
        setattr(batch, name, value)
    batch.save(update_fields=["state", *also])
    events.record(event, by=by.user, about=batch, now=now)
    return batch


def _owners_only(by: Member) -> None:
    if not by.is_owner:
        raise Forbidden(_("Only an owner of the organisation may spend its money."))


# --- fields --------------------------------------------------------------------------------


def _apply(batch: Batch, fields: Mapping[str, Any]) -> None:
    """Sets the client's fields on a draft. Raises Invalid naming every wrong one."""
    flaws = [
        Flaw(_("There is no such field."), "unknown_field", pointer=f"/{name}")
        for name in sorted(set(fields) - FIELDS)
    ]
    for name in FIELDS & set(fields):
        value = fields[name]
        if name == "time_limit_s":
            batch.lease_seconds = value or 0
        elif name == "review_window_s":
            batch.review_window_seconds = value
        else:
            setattr(batch, name, value)
    flaws += [*_number_flaws(batch), *_text_flaws(batch), *_interface_flaws(batch)]
    if flaws:
        raise Invalid(_("The batch is not valid."), flaws=flaws)
    least = rules.lease(batch.declared_seconds).total_seconds()
    batch.lease_seconds = max(batch.lease_seconds, int(least))


def _number_flaws(batch: Batch) -> list[Flaw]:
    window = (
        int(rules.REVIEW_WINDOW_MIN.total_seconds()),
        int(rules.REVIEW_WINDOW_MAX.total_seconds()),
    )
    ranges = {
        "overlap": (batch.overlap, 1, rules.MAX_OVERLAP),
        "declared_seconds": (batch.declared_seconds, 1, MAX_SECONDS),
        "review_window_s": (batch.review_window_seconds, *window),
        "time_limit_s": (batch.lease_seconds, 0, 7 * 86_400),
    }
    flaws = [
        Flaw(
            _("Give a whole number from %(least)d to %(most)d.") % {"least": least, "most": most},
            "out_of_range",
            pointer=f"/{name}",
        )
        for name, (value, least, most) in ranges.items()
        if type(value) is not int or not least <= value <= most
    ]
    reward = batch.reward
    if type(reward) is not int or not 0 <= reward <= MAX_REWARD:
        flaws.append(Flaw(_("Give an amount up to 10,000.00."), "out_of_range", "/reward"))
    elif reward % money.CENT:
        flaws.append(
            Flaw(_("Whole cents only: at most two decimals."), "half_cent", pointer="/reward")
        )
    return flaws


def _text_flaws(batch: Batch) -> list[Flaw]:
    flaws = []
    if not isinstance(batch.title, str) or not 1 <= len(batch.title.strip()) <= 120:
        flaws.append(Flaw(_("Give a title of 1 to 120 characters."), "title", pointer="/title"))
    if not isinstance(batch.external_work, bool):
        flaws.append(Flaw(_("Say true or false."), "boolean", pointer="/external_work"))
    if not isinstance(batch.instructions, str) or len(batch.instructions) > 20_000:
        flaws.append(
            Flaw(_("At most 20,000 characters of text."), "too_long", pointer="/instructions")
        )
    if not _is_texts(batch.criteria, MAX_TEXT):
        flaws.append(
            Flaw(_("Give up to 50 texts of 1 to 2,000 characters."), "list", pointer="/criteria")
        )
    if not _are_examples(batch.examples):
        flaws.append(
            Flaw(
                _("Give up to 50 objects with the texts “task”, “answer” and “why”."),
                "list",
                pointer="/examples",
            )
        )
    for name, value, longest in (
        ("languages", batch.languages, 8),
        ("content_warnings", batch.content_warnings, 60),
    ):
        if not _is_texts(value, longest):
            flaws.append(
                Flaw(
                    _("Give a list of texts of 1 to %(longest)d characters.")
                    % {"longest": longest},
                    "list",
                    pointer=f"/{name}",
                )
            )
    return flaws + _unstorable_flaws(batch)


def _unstorable_flaws(batch: Batch) -> list[Flaw]:
    return [
        Flaw(_("NUL characters and broken Unicode are not allowed."), "nul", pointer=f"/{name}")
        for name in ("title", "instructions", "criteria", "examples", "languages")
        + ("content_warnings", "interface")
        if text.unstorable(getattr(batch, name))
    ]


def _is_texts(value: Any, longest: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_ITEMS
        and all(isinstance(item, str) and 1 <= len(item.strip()) <= longest for item in value)
    )


def _are_examples(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_ITEMS
        and all(
            isinstance(item, dict)
            and set(item) == {"task", "answer", "why"}
            and _is_texts(list(item.values()), MAX_TEXT)
            for item in value
        )
    )


def _interface_flaws(batch: Batch) -> list[Flaw]:
    if not isinstance(batch.interface, str):
        return [Flaw(_("Give the interface as XML text."), "interface", pointer="/interface")]
    if not batch.interface or text.unstorable(batch.interface):
        return []
    try:
        interfaces.parse_cached(batch.interface)
    except interfaces.InterfaceError as error:
        return [
            Flaw(problem.message, problem.code, pointer="/interface", line=problem.line)
            for problem in error.problems
        ]
    return []


# --- R14: the measured floor -----------------------------------------------------------------


@operation
def stop_underpaid(*, batch_id: int, median_seconds: int, now: datetime) -> bool:
    """Stops new claims of an open batch that takes far longer than declared (R14)."""
    stopped = Batch.objects.filter(
        pk=batch_id, state=BatchState.OPEN, claims_stopped_at__isnull=True
    ).update(claims_stopped_at=now)
    if stopped:
        batch = Batch.objects.get(pk=batch_id)
        events.record(
            "batch.claims_stopped", by=None, about=batch, now=now, median_seconds=median_seconds
        )
    return bool(stopped)
