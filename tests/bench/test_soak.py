"""Whom a soak blames for a late packet."""

import pytest

from bench.soak import Wait, by_share, cause
from bench.soak_room import Late

LATE = Late(at=100.0, by=0.06, room=1)
"""It was due at 99.94."""


def wait(at: float, *, slept: float = 0.0, loop: float = 0.0, others: float = 0.0, stolen: float = 0.0) -> Wait:
    return Wait(at, slept, loop, others, stolen)


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
        ([wait(99.7, stolen=0.09), wait(99.98, stolen=0.09)], "stolen"),
        ([wait(99.6, stolen=0.09), wait(99.98, stolen=0.09)], "node"),
        ([wait(99.7, stolen=0.09), wait(99.98, stolen=0.07)], "node"),
    ],
)
def test_half_of_the_lateness_has_to_be_proved(waits: list[Wait], blamed: str) -> None:
    assert cause(LATE, waits) == blamed


def test_late_packets_beside_what_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    waits = [wait(100.0 + tick / 100, stolen=0.011 * (tick >= 500)) for tick in range(1000)]
    late = [Late(at, by=0.06, room=1) for at in (102.0, 108.0, 109.0)]
    found = by_share(late, waits)
    assert found["0 to 10 %"]["late"] == 1
    assert found["50 to 60 %"]["late"] == 2
    assert sum(it["seconds"] for it in found.values()) == pytest.approx(10, abs=1)
