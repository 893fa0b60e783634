"""Whom a soak blames for a late packet."""

import pytest

from bench.soak import Wait, cause
from bench.soak_room import Late

LATE = Late(at=100.0, by=0.06, room=1)
"""It was due at 99.94."""


def wait(at: float, *, slept: float = 0.0, loop: float = 0.0, others: float = 0.0, **core: float) -> Wait:
    return Wait(at, slept, loop, others, core.get("core", 0), core.get("stolen", 0.0))


@pytest.mark.parametrize(
    ("waits", "blamed"),
    [
        ([], "node"),
        ([wait(99.98, slept=0.04)], "sleeper"),
        ([wait(99.98, slept=0.02)], "node"),
        ([wait(99.8, slept=0.05)], "node"),
        ([wait(99.96, loop=0.02), wait(99.98, loop=0.02)], "loop"),
        ([wait(99.96, others=0.04)], "thread"),
        ([wait(99.7, others=0.1), wait(99.9, others=0.1)], "thread"),
        ([wait(99.7, others=0.1)], "node"),
        ([wait(99.96, stolen=0.02), wait(99.98, stolen=0.02)], "stolen"),
        ([wait(99.96, stolen=0.02), wait(99.98, stolen=0.02, core=1)], "node"),
        ([wait(99.9, stolen=0.03), wait(99.98, stolen=0.02)], "node"),
    ],
)
def test_half_of_the_lateness_has_to_be_proved(waits: list[Wait], blamed: str) -> None:
    assert cause(LATE, waits) == blamed
