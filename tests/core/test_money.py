"""Money is exact or refused; nothing rounds silently."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from core import money, rules


@given(st.integers(min_value=0, max_value=10**17))
def test_every_amount_is_read_back_as_it_was_written(micros: int) -> None:
    assert money.parse(money.plain(micros)) == micros


@pytest.mark.parametrize(
    "wrong",
    [0.05, 1, None, Decimal("1.00"), True, "", "1,00", "1e3", "-1", "+1", " 1", "1.", ".5", "NaN"]
    + ["0.0000001", "1" * 13, "١", "1_000", "0x1", "1.00\n", "1.00\0"],
)
def test_an_amount_is_a_plain_decimal_text(wrong: object) -> None:
    with pytest.raises(ValidationError):
        money.parse(wrong)


def test_half_cents_are_refused_where_cents_are_paid() -> None:
    assert money.parse_cents("0.05") == 50_000
    with pytest.raises(ValidationError) as refused:
        money.parse_cents("0.055")
    assert refused.value.code == "half_cent"


@pytest.mark.parametrize("value", [1.0, Decimal(1), "1", True])
def test_the_money_column_takes_whole_numbers_only(value: object) -> None:
    with pytest.raises(TypeError):
        money.MicrosField().get_prep_value(value)


@given(st.integers(min_value=1, max_value=10**8))
def test_the_fee_of_whole_cents_is_exact(cents: int) -> None:
    reward = cents * money.CENT
    assert rules.fee(reward) * 10_000 == reward * rules.FEE_BPS


@given(st.integers(min_value=1, max_value=100_000))
def test_the_floor_is_the_least_whole_cent_that_is_enough(seconds: int) -> None:
    floor = rules.floor_reward(seconds)
    exact = rules.FLOOR_PER_HOUR * seconds * (10_000 + rules.OVERHEAD_BPS)
    assert floor % money.CENT == 0
    assert floor * 36_000_000 >= exact > (floor - money.CENT) * 36_000_000


def test_people_see_money_exactly_in_the_way_of_their_language() -> None:
    with translation.override("en"):
        assert money.localized(1_234_567_800_000) == "1,234,567.80\u00a0USD"
        assert money.localized(-333) == "-0.000333\u00a0USD"
    with translation.override("es"):
        assert money.localized(50_000) == "0,05\u00a0USD"
