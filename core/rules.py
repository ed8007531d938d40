"""The rule book: every number Fairclick lives by, once, with its reason. `/rules/` is made of it.

Durations are timedeltas, money is micros (core/money.py), rates are basis points of a whole.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from core import money
from core.errors import Text

FEE_BPS = 1_000
GUARANTEE_SHARE_BPS = 1_000
REVIEW_WINDOW = timedelta(hours=72)
REVIEW_WINDOW_MIN = timedelta(hours=1)
REVIEW_WINDOW_MAX = timedelta(days=7)
UNSUBMIT_WITHIN = timedelta(minutes=10)
EXPLANATION_MIN_CHARS = 40
SAME_TEXT_LIMIT = 3
SAMPLE_FIRST = 20
SAMPLE_SHARE_BPS = 1_000
CONTEST_WITHIN = timedelta(days=14)
REPLY_WITHIN = timedelta(hours=72)
DECIDE_WITHIN = timedelta(days=10)
DECIDE_ALARM = timedelta(days=8)
APPEAL_WITHIN = timedelta(days=14)
APPEAL_DECIDE_WITHIN = timedelta(days=30)
CAP_MIN, CAP_BPS, CAP_OVER = 3, 500, timedelta(days=30)
BRAKE_MIN, BRAKE_BPS, BRAKE_OVER = 10, 500, timedelta(days=7)
EXPOSURE_HOURS = 2
EXPOSED_REVIEW = timedelta(hours=24)
PRESENCE = timedelta(seconds=60)
PAUSE = timedelta(hours=72)
LEASE_MIN = timedelta(minutes=10)
LEASE_TIMES = 10
EXTENSIONS = 2
OPEN_CLAIMS, OPEN_CLAIMS_OFFLINE = 2, 5
RELEASES_PER_BATCH, RELEASES_OVER = 20, timedelta(hours=1)
FLOOR_PER_HOUR = 12 * money.UNIT
OVERHEAD_BPS = 4_900
MEASURE_MIN_WORKERS = 5
MEASURE_TOLERANCE_BPS = 15_000
GOLD_MIN, GOLD_BPS = 5, 6_000
# Known answers may always be opened: they are as few as the sample.
GOLD_MOST, GOLD_MOST_BPS = 5, 1_000
UPHOLD_AFTER = timedelta(days=7)
GROUP_SAMPLE, GROUP_UNFOUNDED = 60, 5
WORKER_BRAKE_MIN, WORKER_BRAKE_BPS = 5, 5_000
PAYOUT_MIN = 5 * money.UNIT
PAYOUT_EVERY = timedelta(days=7)
COMPENSATION_BPS = 1_000

# Limits of inputs, for everybody the same. Bytes, characters or counts.
MAX_UPLOAD_BYTES = 256 * 1024 * 1024
MAX_ROW_BYTES = 1024 * 1024
MAX_UPLOAD_ROWS = 10_000_000
MAX_OVERLAP = 100
MAX_BODY_BYTES = 2_621_440
MAX_MEDIA_BYTES = 10_000_000
MAX_REPORTED_FLAWS = 100
MAX_STATEMENT_CHARS = 4_000
MAX_STATEMENTS = 20
MAX_EVIDENCE_BYTES = 10_000_000
MAX_EVIDENCE_FILES = 5

EXPOSURE_BOUND = EXPOSURE_HOURS * FLOOR_PER_HOUR


def floor_reward(declared_seconds: int) -> int:
    """The least reward, in micros of whole cents, for work declared to take so many seconds (R14).

    floor × declared time × (1 + unpaid overhead), rounded up to the next cent.
    """
    numerator = FLOOR_PER_HOUR * declared_seconds * (10_000 + OVERHEAD_BPS)
    denominator = 3_600 * 10_000 * money.CENT
    return -(-numerator // denominator) * money.CENT


def fee(reward: int) -> int:
    """The platform's fee on a reward of whole cents, in micros: always exact (R1)."""
    return reward // 10_000 * FEE_BPS


def lease(declared_seconds: int) -> timedelta:
    """How long a claim may be worked on before it pauses (R12)."""
    return max(LEASE_MIN, timedelta(seconds=declared_seconds) * LEASE_TIMES)


@dataclass(frozen=True)
class Value:
    """One number of a rule as the public page shows it."""

    name: Text
    shown: Text


@dataclass(frozen=True)
class Rule:
    number: str
    title: Text
    text: Text
    why: Text
    values: tuple[Value, ...] = ()
    in_force: bool = True


def _percent(bps: int) -> str:
    return f"{bps / 100:g} %"


def _rule(number: int, title: Text, text: Text, why: Text, *values: tuple[Text, Text]) -> Rule:
    return Rule(
        f"R{number}",
        title,
        text,
        why,
        tuple(Value(name, shown) for name, shown in values),
        in_force=number in IN_FORCE,
    )


# The rules that this version enforces; the page says so of each.
IN_FORCE = frozenset(range(1, 21))

RULES = (
    _rule(
        1,
        _("Escrow first"),
        _(
            "A batch is visible to workers only when reward and fee of every place in it are "
            "locked. Rewards are whole cents."
        ),
        _("Not being paid is the commonest wrong."),
        (_("Fee"), _percent(FEE_BPS)),
        (_("Share of the fee that fills the guarantee fund"), _percent(GUARANTEE_SHARE_BPS)),
    ),
    _rule(
        2,
        _("Silence pays"),
        _("A submission that nobody decides is approved when its review window ends."),
        _("Elsewhere workers wait thirty days."),
        (_("Review window"), _("72 hours; a client may choose 1 hour to 7 days")),
    ),
    _rule(
        3,
        _("Approved is final"),
        _(
            "No path leads out of “approved”. An approval by anyone the client let review binds "
            "the client."
        ),
        _("Ten hours of validated work have been refused at once elsewhere."),
    ),
    _rule(
        4,
        _("A rejection has a reason"),
        _(
            "A category from a closed list, a criterion published before the claim, an "
            "explanation about this very answer, and a named human. Slowness, device and "
            "connection are no grounds; an answer equal to a paid one cannot be “wrong”."
        ),
        _("People often are not told why."),
        (_("Explanation"), _("at least 40 characters")),
        (_("Same text in one batch"), _("from the 4th on, each opens a dispute by itself")),
    ),
    _rule(
        5,
        _("Sealed until paid"),
        _(
            "Before it is paid for, an answer can only be opened one at a time, in review, "
            "recorded, and only if it is in the sample. Nothing else a client can see depends on "
            "a sealed answer."
        ),
        _("A client cannot be made to forget: what it sees unpaid has to be bounded."),
        (_("First places of a batch"), str(SAMPLE_FIRST)),
        (_("Share of the others"), _percent(SAMPLE_SHARE_BPS)),
        (_("Tasks with a known answer"), _("a tenth at most, or 5 if that is more")),
    ),
    _rule(
        6,
        _("Rejected means gone"),
        _(
            "From the rejection on the client cannot read the answer; when it is final the "
            "answer is erased for the client for good. The worker keeps a copy."
        ),
        _("Elsewhere the client keeps the data it did not pay for."),
    ),
    _rule(
        7,
        _("Disputed money waits"),
        _("It stays in escrow from the rejection until the case is final."),
        _("Nobody should be able to spend what is in dispute."),
        (_("Contest within"), _("14 days")),
    ),
    _rule(
        8,
        _("Every wait has a clock"),
        _(
            "A client silent in a dispute: the worker wins. The platform silent: the worker is "
            "paid by the guarantee fund, the client refunded, the answer erased."
        ),
        _("The EU platform-work directive gives 14 days."),
        (_("Client's reply"), _("72 hours")),
        (_("Decision"), _("10 days after filing, alarm at day 8")),
        (_("Appeal"), _("30 days")),
    ),
    _rule(
        9,
        _("A cap on rejections"),
        _(
            "Past the cap of rejections that no adjudicator has judged, each further one opens a "
            "dispute by itself, and is not upheld before the worker has spoken. The cap is of a "
            "client, and of each batch over its whole life. Only clients whose identity staff has "
            "verified may reject at all."
        ),
        _("It bounds what a dishonest client can take."),
        (
            _("Cap over 30 days, all batches"),
            # xgettext:no-python-format
            _("3, or 5 % of what was opened if that is more"),
        ),
        (_("Upheld without the worker's word"), _("not before 7 days")),
    ),
    _rule(
        10,
        _("Mass-rejection brake"),
        _(
            "At the trigger the batch is frozen and its rejections are judged together: 60 or "
            "fewer one by one, of more a random sample of 60, where more than 5 unfounded annul "
            "all. Only an adjudicator lifts it."
        ),
        _("More than 70,000 one-cent tasks were once refused by one client."),
        (
            _("Trigger in 7 days"),
            # xgettext:no-python-format
            _("10 rejections and more than 5 % of the reviewed, or half of one worker's 5"),
        ),
    ),
    _rule(
        11,
        _("Bounded exposure"),
        _(
            "When a worker's unreviewed value at one client passes the bound, the review of what "
            "waits between the two is due within 24 hours."
        ),
        _("No ten hours up in smoke."),
        (_("Bound"), _("2 hours at the floor")),
    ),
    _rule(
        12,
        _("The clock stops when the line drops"),
        _(
            "Work is saved as it is typed. No sign of life for 60 seconds pauses the lease, and "
            "the place stays the worker's. After the pause is used up the claim expires; a later "
            "answer still counts while its place is free. Expiry, release and disconnection never "
            "count against anybody."
        ),
        _("“Disconnected in the middle of a task… may be refused payment… or thrown off.”"),
        (_("Pause"), _("72 hours in total")),
        (
            _("Lease"),
            _("at least 10 minutes and 10 times the declared time, extendable twice"),
        ),
        (_("Open claims"), _("2; 5 with “work offline” on")),
        (_("Releases"), _("20 in an hour and batch")),
    ),
    _rule(
        13,
        _("One price for one task"),
        _(
            "Whoever does it, wherever. No country, device, age or gender reaches pricing, "
            "ranking or eligibility."
        ),
        _("Elsewhere some are paid much less for the exact same work."),
    ),
    _rule(
        14,
        _("A floor"),
        _(
            "Reward ≥ floor × declared time × (1 + unpaid overhead), refused otherwise. When the "
            "measured median passes 1.5 × the declared time, the batch takes no new claims."
        ),
        _("The median on Mechanical Turk is about 2 USD an hour, a third of the time unpaid."),
        (_("Floor"), _("12.00 an hour")),
        (_("Unpaid overhead"), _percent(OVERHEAD_BPS)),
        (_("Measured from"), _("5 workers")),
    ),
    _rule(
        15,
        _("Instructions are text"),
        _(
            "With examples; criteria are numbered; all is frozen at publication. A change is a new "
            "batch."
        ),
        _("Hours are spent elsewhere on understanding a video."),
        (_("At least"), _("1 criterion and 1 example")),
    ),
    _rule(
        16,
        _("Nobody is shut out in silence"),
        _(
            "Only by a named human, with a written reason, a way to reply, and all money. A "
            "suspended person can still sign in, read, contest, export and withdraw."
        ),
        _("Accounts have been closed with the earnings in them."),
        (
            _("Known answers"),
            # xgettext:no-python-format
            _("under 60 % of at least 5 ends further claims of a batch"),
        ),
    ),
    _rule(
        17,
        _("Workers pay nothing, ever"),
        _("The ledger has no posting from a worker to the platform; payouts are free."),
        _("Fees on payouts take a tenth of small earnings elsewhere."),
        (_("Payout"), _("from 5.00, weekly or on request")),
    ),
    _rule(
        18,
        _("Pseudonyms"),
        _(
            "Clients know workers by a pseudonym that differs per client; workers know clients by "
            "their verified name and record. Workers' browsers load nothing from elsewhere."
        ),
        _("Nobody should be traced from one client to the next."),
    ),
    _rule(
        19,
        _("Work stays on the platform"),
        _(
            "A batch that sends workers elsewhere to answer says so and has no right to reject. "
            "Workers can report one that does not say so."
        ),
        _("Otherwise the client has the data before we do."),
    ),
    _rule(
        20,
        _("A lost dispute costs"),
        # xgettext:no-python-format
        _("Overturned by an adjudicator: the worker gets the reward and 10 % from the client."),
        _("Refusing should never be the cheapest thing to try."),
        (_("Compensation"), _percent(COMPENSATION_BPS)),
    ),
)
