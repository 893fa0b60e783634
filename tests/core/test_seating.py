"""The arithmetic of seats."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.seating import GAP, raised, squeeze

seats = st.integers(-(2**61), 2**61)
near = st.integers(-5, 5)


@given(seats | near, st.lists(near | seats, max_size=30).map(sorted))
def test_a_newcomer_gets_a_seat_and_as_few_as_possible_give_way(bound: int, beyond: list[int]) -> None:
    beyond = [seat for seat in beyond if seat >= bound]
    given_ = squeeze(bound, beyond)
    stay = beyond[len(given_) - 1 :]
    assert all(one < other for one, other in pairwise([bound, *given_, *stay[:1]]))
    for fewer in range(1, len(given_)):
        assert beyond[fewer - 1] - bound <= fewer
    if not beyond:
        assert given_ == [bound + GAP]


@given(st.lists(near, max_size=20).map(sorted), st.none() | near)
def test_seats_are_raised_as_little_as_makes_them_rise(before: list[int], above: int | None) -> None:
    after = raised(before, above)
    floor = [] if above is None else [above]
    assert all(one < other for one, other in pairwise([*floor, *after]))
    least = floor[-1] if floor else None
    for one, other in zip(before, after, strict=True):
        assert other == one or other - 1 == least
        assert other >= one
        least = other
