"""Every `code` of a problem, with what it means to who meets it; `/docs/errors` is made of it.

A test finds every code that the source raises and compares.
"""

from dataclasses import dataclass
from http import HTTPStatus
from itertools import groupby

from django.utils.translation import gettext_lazy as _

from core.errors import Text


@dataclass(frozen=True)
class Code:
    status: int
    name: str
    text: Text


@dataclass(frozen=True)
class Group:
    """The codes of one HTTP status."""

    status: int
    phrase: str
    codes: tuple[Code, ...]


def by_status() -> list[Group]:
    """All codes under their HTTP statuses, in order."""
    ordered = sorted(CODES, key=lambda code: (code.status, code.name))
    return [
        Group(status, HTTPStatus(status).phrase, tuple(codes))
        for status, codes in groupby(ordered, key=lambda code: code.status)
    ]


# What is wrong with the request itself: correct it, then send it again.
REQUEST = (
    Code(400, "address_unconfirmed", _("The person has to confirm the address first.")),
    Code(400, "invalid", _("A value is missing or wrong; “errors” has each with its place.")),
    Code(400, "malformed", _("The body is not what its Content-Type says. Check its syntax.")),
    Code(400, "incomplete_body", _("The body ended before its announced length. Send it again.")),
    Code(400, "encoding", _("The body is not UTF-8. Encode it as UTF-8.")),
    Code(400, "nul", _("A text holds a NUL character or half a surrogate pair. Remove it.")),
    Code(400, "too_deep", _("The JSON is nested deeper than we read. Flatten it.")),
    Code(400, "bad_cursor", _("This is no cursor of this list. Start from its first page.")),
    Code(400, "idempotency_key_missing", _("This call needs an Idempotency-Key header.")),
    Code(405, "method_not_allowed", _("The address exists, but not for this HTTP method.")),
    Code(406, "not_acceptable", _("We answer application/json; accept it.")),
    Code(411, "length_required", _("Send a Content-Length with the body.")),
    Code(412, "changed_meanwhile", _("Somebody changed it since your ETag. Read it again.")),
    Code(413, "too_large", _("The body is over the limit. Send it in smaller parts.")),
    Code(415, "unsupported_media_type", _("Use a Content-Type that the schema names.")),
    Code(
        415,
        "not_an_image",
        _("The file is no image of a kind we show. Send PNG, JPEG, GIF or WebP."),
    ),
    Code(422, "idempotency_key_reused", _("This Idempotency-Key came with another body before.")),
    Code(409, "still_running", _("A request with this Idempotency-Key is not done yet. Wait.")),
    Code(429, "throttled", _("Too many requests. Wait as long as Retry-After says.")),
)

# Who is asking, and what she may.
PEOPLE = (
    Code(401, "not_authenticated", _("Sign in, or send “Authorization: Bearer fck_…”.")),
    Code(401, "key_malformed", _("The Authorization header does not hold a key of ours.")),
    Code(401, "key_unknown", _("The key is unknown, expired or revoked. Make a new one.")),
    Code(403, "forbidden", _("Your account, role or key may not do this.")),
    Code(403, "not_owner", _("Only an owner of the client may do this.")),
    Code(403, "not_yours", _("It belongs to somebody else.")),
    Code(403, "suspended", _("The account is suspended. See the reason, and reply.")),
    Code(404, "not_found", _("There is no such thing, or it is not yours to see.")),
    Code(409, "name_taken", _("An organisation has this name. Its owner can add you.")),
    Code(409, "already_member", _("The person belongs to an organisation already.")),
    Code(409, "last_owner", _("Make another member an owner first.")),
    Code(409, "price_changed", _("The batch was changed since its price was shown. Look again.")),
    Code(409, "too_many_keys", _("Revoke a key before you make another.")),
    Code(409, "already_suspended", _("The person is suspended already.")),
    Code(409, "not_suspended", _("The suspension has ended already.")),
)

BATCHES = (
    Code(400, "invalid_interface", _("The task interface has errors; each is listed by line.")),
    Code(400, "empty", _("The upload holds no task.")),
    Code(400, "not_an_array", _("Tasks as JSON are an array of objects.")),
    Code(422, "bad_rows", _("Some rows are wrong, so none was stored; “errors” has their lines.")),
    Code(422, "not_ready", _("“errors” says what is missing before the batch can be published.")),
    Code(422, "rule_broken", _("It breaks one of the rules; the detail says which.")),
    Code(409, "no_interface", _("The batch needs a task interface first.")),
    Code(409, "has_tasks", _("This cannot change while the draft holds tasks. Delete them first.")),
    Code(409, "not_a_draft", _("A published batch never changes. Make a new one.")),
    Code(409, "illegal_move", _("Its state does not allow this; “allowed” has what it does.")),
    Code(409, "conflict", _("It does not fit with what is there already.")),
    Code(409, "busy", _("Somebody else is changing it this moment. Try again.")),
)

WORK = (
    Code(400, "answer_invalid", _("The answer does not fit the task; “errors” says where.")),
    Code(403, "excluded", _("You make no further claims in this batch; the offer says why.")),
    Code(409, "batch_not_open", _("The batch takes no claims now.")),
    Code(409, "nothing_left", _("No task of this batch is left for you.")),
    Code(409, "claim_limit", _("You hold as many tasks as you may. Finish or give back one.")),
    Code(409, "no_more_extensions", _("The time was extended as often as it can be.")),
    Code(409, "newer_draft", _("A newer draft is stored; it comes with this answer. Compare.")),
    Code(409, "too_late", _("The time in which this was possible has passed.")),
    Code(422, "name_missing", _("Give your name under Settings: people read who decided.")),
    Code(409, "too_many_statements", _("Twenty statements in a case are enough.")),
    Code(409, "sealed", _("An answer is readable once it is paid for, or opened in the sample.")),
    Code(409, "already_excluded", _("This worker is excluded from the batch already.")),
)

DISPUTES = (
    Code(400, "text_length", _("The text is too short or too long; the detail says how long.")),
    Code(400, "not_all_judged", _("Say of each judged assignment whether it was unfounded.")),
    Code(400, "quotes_answer", _("The client reads the reasons: do not quote the answer.")),
    Code(403, "conflict_of_interest", _("You belong to a side, or decided it before.")),
    Code(403, "not_verified", _("Staff has to verify who the client is before it rejects.")),
    Code(409, "frozen", _("So much was rejected that an adjudicator has to look first.")),
    Code(409, "not_undecided", _("No case waits for a decision here.")),
    Code(409, "too_many_files", _("A side adds at most five files.")),
    Code(409, "too_early", _("Hear the worker first, or wait until seven days have passed.")),
    Code(409, "not_frozen", _("The batch is not frozen.")),
    Code(409, "case_undecided", _("Decide the group's case first.")),
    Code(409, "reported", _("You have reported this; it is being looked at.")),
    Code(415, "not_evidence", _("The file is no PNG, JPEG or PDF. Send one of these.")),
    Code(422, "unopened", _("Only an answer that was opened can be rejected.")),
    Code(422, "equals_paid", _("An equal answer to the task was paid for: it is not wrong.")),
    Code(422, "no_right_to_reject", _("The batch sends workers elsewhere: it rejects nothing.")),
)

MONEY = (
    Code(400, "unknown_provider", _("There is no such way of paying.")),
    Code(400, "deposit_reference", _("Give the payment's reference: 1 to 150 characters.")),
    Code(402, "insufficient_funds", _("The balance does not cover the price. Deposit first.")),
    Code(403, "sandbox_only", _("Play money works in the sandbox only.")),
    Code(404, "no_fund", _("The batch was never funded.")),
    Code(404, "no_hold", _("No money is held for this place.")),
    Code(409, "already_settled", _("The money of this place has gone its way already.")),
    Code(409, "idem_conflict", _("The same posting exists with other amounts.")),
    Code(422, "deposit_amount", _("A deposit is whole cents and more than nothing.")),
    Code(422, "payout_refused", _("The payout cannot be made; the detail says why.")),
    Code(422, "no_payout_account", _("Say first where the money is to go.")),
    Code(422, "payout_above_balance", _("The payout is more than the balance.")),
    Code(422, "payout_below_minimum", _("The payout is below the least amount.")),
)

OURS = (Code(500, "broken", _("A fault of ours. Tell us the request_id; trying again is safe.")),)

CODES = REQUEST + PEOPLE + BATCHES + WORK + DISPUTES + MONEY + OURS
