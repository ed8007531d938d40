"""The same request twice is the same as once."""

from datetime import timedelta

import pytest

from accounts.models import User
from core import idempotency
from core.errors import Conflict
from core.models import IdempotencyKey
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def once(user: User, key: str = "k", request: str = "r", *, now=NOW, answer=(201, {"id": 1})):
    runs = []

    def run():
        runs.append(1)
        if isinstance(answer, Exception):
            raise answer
        return answer

    found = idempotency.once(user=user, key=key, request_hash=request, now=now, run=run)
    return found, len(runs)


def test_the_same_request_is_answered_from_memory(bea: User) -> None:
    assert once(bea) == ((201, {"id": 1}), 1)
    assert once(bea) == ((201, {"id": 1}), 0)


def test_another_request_under_the_same_key_is_refused(bea: User) -> None:
    once(bea)
    with pytest.raises(idempotency.KeyReused):
        once(bea, request="other")


def test_keys_of_two_people_have_nothing_to_do_with_each_other(bea: User, cem: User) -> None:
    once(bea)
    assert once(cem, request="other")[1] == 1


def test_a_request_still_running_is_refused_until_it_is_taken_for_dead(bea: User) -> None:
    assert idempotency._begin(user=bea, key="k", request_hash="r", now=NOW) is None
    with pytest.raises(idempotency.StillRunning):
        once(bea, now=NOW + timedelta(seconds=59))
    assert once(bea, now=NOW + timedelta(seconds=60))[1] == 1


def test_a_refused_request_may_be_sent_again_with_its_key(bea: User) -> None:
    with pytest.raises(Conflict):
        once(bea, answer=Conflict("no"))
    assert once(bea)[1] == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb", "a\0"])
def test_a_key_is_a_short_printable_text(bea: User, key: str) -> None:
    with pytest.raises(idempotency.KeyMissing):
        once(bea, key=key)


def test_keys_are_forgotten_after_a_day(bea: User) -> None:
    once(bea)
    assert idempotency.forget(now=NOW + timedelta(hours=23)) == 0
    assert idempotency.forget(now=NOW + timedelta(hours=25)) == 1
    assert not IdempotencyKey.objects.exists()
