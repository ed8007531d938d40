"""What a visitor of `make run` finds: loaded once, by the services, with books that balance."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import Client as Browser

from accounts.models import User
from disputes.models import Dispute, Rejection
from marketplace import demo
from marketplace.replay import crowds
from tasks.models import Assignment, Batch

pytestmark = pytest.mark.django_db


def test_the_demonstration_is_loaded_once_and_says_who_one_can_be(settings) -> None:
    settings.SANDBOX = True
    said = io.StringIO()
    for _ in range(2):
        call_command("seed_demo", stdout=said)
    assert User.objects.count() == len(demo.SIGN_INS)
    assert set(Batch.objects.values_list("state", flat=True)) == {"open"}
    assert Assignment.objects.filter(state="approved").exists()
    waiting = Dispute.objects.order_by("state").values_list("state", flat=True)
    assert list(waiting) == ["answered", "filed"]
    assert Rejection.objects.filter(state="open").exists()
    for person in demo.SIGN_INS:
        assert f"{person.email}" in said.getvalue()
        assert Browser().login(email=person.email, password=demo.PASSWORD)


def test_the_demonstration_is_refused_where_money_is_real(settings) -> None:
    settings.SANDBOX = False
    with pytest.raises(CommandError, match="SANDBOX"):
        call_command("seed_demo")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("name", "tasks", "wanted"), [("bluebirds", 108, 4_212), ("sentences", 3_000, 9_000)]
)
def test_a_recorded_crowd_has_an_answer_of_everybody_for_every_task(
    name: str, tasks: int, wanted: int
) -> None:
    crowd = crowds.load(name, limit=None, error_rate=0.15)
    assert (len(crowd.tasks), crowd.wanted) == (tasks, wanted)
    said = {crowd.answer(n, task["name"]) for n in range(crowd.workers) for task in crowd.tasks}
    assert said == set(crowd.truth.values())


def test_the_words_have_ten_ratings_each() -> None:
    crowd = crowds.load("words", limit=None, error_rate=0)
    assert crowd.wanted == 75_200
    said = {int(crowd.answer(n, task["name"])) for n in range(10) for task in crowd.tasks}
    assert said == set(range(-4, 5))
