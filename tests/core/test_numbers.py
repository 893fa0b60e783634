"""Numbers as people write them."""

import pytest

from core.numbers import number, signed


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_digits_are_a_number(text: str, value: int) -> None:
    assert number(text) == value < 1 << 63


@pytest.mark.parametrize("text", ["", "-1", "+1", "1e5", "1_0", " 1", "1\n", "٣", "²", "9" * 19, "9" * 5000])
def test_anything_else_is_none(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize(
    ("text", "value"), [("-1001", -1001), ("42", 42), ("-0", 0), ("--5", None), ("-", None), ("5-", None), ("", None)]
)
def test_ids_of_chats_may_be_below_zero(text: str, value: int | None) -> None:
    assert signed(text) == value
