"""What the order is made of: a person's line, an entry's tally and spot, and the turns that were taken."""

from collections import Counter
from dataclasses import dataclass, field

from core.limits import TURN_WINDOW
from core.room import Room
from core.types import EntryId, PersonId

Key = tuple[int, int, EntryId]
"""Minus the score, the first request, the id: the order within a round and within a line."""


@dataclass(slots=True)
class Line:
    """A person's entries of one lane, best first; the first one's round is `start`."""

    start: int = 0
    keys: list[Key] = field(default_factory=list[Key])
    lengths: list[float] | None = None
    """Sums of the track lengths, from 0; None until somebody asks."""


@dataclass(slots=True)
class Tally:
    """The votes for an entry that count."""

    up: int = 0
    down: int = 0

    @property
    def score(self) -> int:
        """Up minus down."""
        return self.up - self.down

    def add(self, value: int, times: int = 1) -> None:
        """Count a vote of `value`; `times` −1 takes it back."""
        if value > 0:
            self.up += times
        elif value < 0:
            self.down += times


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an entry stands: its lane, its round, and which turn of its person it is (from 0)."""

    lane: int
    round: int
    turn: int
    key: Key


def turns_taken(room: Room, now: int) -> Counter[PersonId]:
    """Each person's turns: started within six hours and since the room was last empty, the one on air included."""
    on_air = room.current.entry.id if room.current else None
    return Counter(
        turn.person
        for turn in room.turns.values()
        if turn.counted
        and (turn.entry == on_air or (now - turn.started_at < TURN_WINDOW and turn.started_at >= room.emptied_at))
    )
