"""The theft bench: the whole of it on a small scale, and its parts."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Member, User
from disputes.models import Rejection
from marketplace.simulate import plot, strategies, theft
from marketplace.simulate.desk import Brake, Desk
from marketplace.simulate.draw import Draw
from marketplace.simulate.theft import Count, Result
from tasks.models import Assignment, Batch, Opening
from tests import factories
from tests.factories import NOW

ROOT = Path(__file__).parent.parent.parent
DRAW = Draw()
GOOD = Count(tasks=1_000, submitted=1_000, delivered=995, opened=110, rejected=20, kept=5)


def result(*batches: Count, name: str = "reject all") -> Result:
    return Result(name, list(batches), paid=0, compensation=0, fund=0, flaws=[])


# --- the command ------------------------------------------------------------------------------


def databases(pid: int) -> list[tuple[str]]:
    with connection.cursor() as cursor:
        named = f"fairclick_simulate_{pid}_%"
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [named])
        return list(cursor.fetchall())


@pytest.mark.django_db
def test_simulate_plays_a_strategy_and_leaves_nothing_behind(tmp_path: Path) -> None:
    picture = tmp_path / "theft.svg"
    command = [sys.executable, "manage.py", "simulate", "theft", "--tasks", "60"]
    command += ["--strategy", "never reply", "--plot", str(picture)]
    run = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    said, errors = run.communicate(timeout=300)
    assert run.returncode == 0, errors
    lines = said.splitlines()
    [real, model] = [line.split() for line in lines if line.startswith("never reply")]
    # Who answers no dispute keeps only what nobody contests and no cap or brake sends to one.
    assert real[2] == "60"
    assert model[-3:] == ["100.00%"] * 3
    assert lines[-1] == "books balance; every bound holds"
    assert ET.fromstring(picture.read_text()).tag.endswith("svg")
    assert databases(run.pid) == []


def test_simulate_is_refused_where_money_is_real(settings) -> None:
    settings.SANDBOX = False
    with pytest.raises(CommandError, match="SANDBOX"):
        call_command("simulate", "theft")


@pytest.mark.parametrize("chance", ["1.5", "-0.1", "often"])
def test_simulate_takes_chances_between_none_and_certain(chance: str) -> None:
    with pytest.raises(CommandError, match="workers-contest"):
        call_command("simulate", "theft", f"--workers-contest={chance}")


@pytest.mark.django_db
def test_reject_all_is_braked_and_judged() -> None:
    played = theft.play(strategies.BY_NAME["reject all"], replace(DRAW, tasks=40))
    assert played.flaws == []
    assert played.total.rejected >= 10
    assert played.total.kept < played.total.rejected / 2
    assert played.compensation > 0
    assert not Rejection.objects.exclude(state="closed").exists()
    assert not Batch.objects.filter(settled_at__isnull=True).exists()


@pytest.mark.django_db
def test_a_batch_that_sends_people_elsewhere_loses_its_right_to_reject() -> None:
    draw = replace(DRAW, tasks=40, contest=1.0, accuracy=1.0)
    played = theft.play(strategies.BY_NAME["external link"], draw)
    assert (played.total.kept, played.flaws) == (0, [])
    assert Batch.objects.filter(rejections_barred_at__isnull=False).exists()


# --- what it says -----------------------------------------------------------------------------


def test_draw_answers_the_same_question_the_same_way() -> None:
    asked = [DRAW.happens(0.5, "contest", n) for n in range(200)]
    assert asked == [DRAW.happens(0.5, "contest", n) for n in range(200)]
    assert 60 < sum(asked) < 140
    assert asked != [replace(DRAW, seed=2).happens(0.5, "contest", n) for n in range(200)]
    assert not DRAW.happens(0, "contest")
    assert DRAW.happens(1, "contest")


def test_the_issues_nine_strategies_are_bounded() -> None:
    bounded = [one.name for one in strategies.STRATEGIES if one.bounded]
    assert bounded == [
        "reject all",
        "just under the cap",
        "many 20-item batches",
        "fresh accounts",
        "withdraw on day 13",
        "majority theft",
        "copy-paste reasons",
        "never reply",
        "external link",
    ]


@pytest.mark.parametrize(
    ("batches", "said"),
    [
        ([GOOD], ""),
        ([GOOD, replace(GOOD, kept=11)], "1.10% of a batch of 1000"),
        ([replace(GOOD, opened=40)], "12.50% of what was opened"),
        # What has no thousand tasks may not be judged by its batches, nor by so few openings.
        ([replace(GOOD, tasks=20, submitted=20, opened=20)], ""),
    ],
)
def test_broken_names_the_bound(batches: list[Count], said: str) -> None:
    assert said in " ".join(result(*batches).broken())
    assert bool(said) == bool(result(*batches).broken())


def test_what_is_beyond_the_bounds_breaks_none() -> None:
    assert result(replace(GOOD, kept=500), name="slow drip").broken() == []


def test_the_worst_batch_counts_and_not_the_mean() -> None:
    found = result(GOOD, replace(GOOD, kept=20))
    assert (found.worst, found.total.leak) == (0.02, 25 / 2_000)


def test_the_model_of_today_keeps_everything() -> None:
    then = theft.today(result(GOOD), DRAW)
    assert (then.kept, then.leak, then.of_opened) == (1_000, 1.0, 1.0)


def test_the_picture_is_the_same_each_time_and_says_what_it_shows() -> None:
    results = [result(GOOD), result(GOOD, name="slow drip")]
    text = plot.svg(results, DRAW)
    assert text == plot.svg(results, DRAW)
    found = ET.fromstring(text)
    space = {"svg": "http://www.w3.org/2000/svg"}
    assert "reject all: 0.50% of the answers" in (found.findtext("svg:desc", "", space))
    assert found.findtext("svg:title", "", space)
    assert len(found.findall("svg:circle", space)) == 2 + 1
    assert "slow drip *" in text


def test_marks_stand_by_the_logarithm_and_none_on_its_own() -> None:
    places = [plot._at(share) for share in (0, 0.0001, 0.001, 0.01, 0.1, 1)]
    assert places == sorted(places)
    assert places[1] == places[2] == plot.FIRST
    assert places[-1] == plot.LAST


# --- the adversary knows the brake ------------------------------------------------------------


@pytest.fixture
def desk(owner: Member) -> Desk:
    return Desk(factories.make_open_batch(owner, tasks=40), owner, per_day=10, now=NOW)


@pytest.mark.django_db
def test_brake_allows_up_to_nine_of_few_reviewed_and_not_half_of_anybodys(
    desk: Desk, owner: Member, bea: User
) -> None:
    for _ in range(6):
        factories.make_assignment(worker=bea, batch=desk.batch, state="opened")
    assert Opening.objects.count() == 6
    one = Assignment.objects.order_by("pk")[0]
    brake = Brake(desk)
    allowed = 0
    while brake.allows(one):
        brake.note(one)
        allowed += 1
    # Two of six; the third would be half.
    assert (allowed, brake.is_near) == (2, False)
    brake.rejected.clear()
    brake.rejected[0] = 9
    assert brake.is_near


@pytest.mark.django_db
def test_reject_stops_before_the_brake(desk: Desk) -> None:
    workers = [factories.make_user(f"w{n}") for n in range(14)]
    for worker in workers:
        factories.make_assignment(worker=worker, batch=desk.batch, state="opened")
    strategies.under_the_brake(desk)
    assert Rejection.objects.count() == 9
    assert not desk.frozen
