"""The turns that people took, counted or weighed by what was heard."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from core import people
from core.limits import TURN_WINDOW
from core.room import Room
from core.types import HOUSE, PersonId, Track, Turn, TurnMeasure

MEAN_LENGTH = 210_000
"""Ms of airtime that make a round: the length of a usual track. What plays without an end is counted as one."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a round is worth, what a track to come costs, and what a turn that was taken cost."""

    unit: int
    cost: Callable[[Track], int]
    spent: Callable[[Turn], int]


def airtime(track: Track) -> int:
    """Ms that a track is going to be on air."""
    return MEAN_LENGTH if track.length is None else track.length


MEASURES = {
    TurnMeasure.COUNT: Measure(1, lambda _track: 1, lambda _turn: 1),
    TurnMeasure.AIRTIME: Measure(MEAN_LENGTH, airtime, lambda turn: turn.airtime),
}


def counted(room: Room, now: int) -> Iterator[Turn]:
    """The turns that count: started within six hours and since the room was last empty, the one on air included."""
    on_air = room.current.entry.id if room.current else None
    for turn in room.turns.values():
        fresh = now - turn.started_at < TURN_WINDOW and turn.started_at >= room.emptied_at
        if turn.counted and (fresh or turn.entry == on_air):
            yield turn


class Turns:
    """What each person has had, and the round that nobody starts before."""

    def __init__(self, room: Room, measure: Measure) -> None:
        self._room = room
        self.measure = measure
        self.taken: Counter[PersonId] = Counter()
        self.times: Counter[PersonId] = Counter()

    def retake(self, now: int) -> None:
        """Count again."""
        self.taken, self.times = Counter(), Counter()
        for turn in counted(self._room, now):
            person = people.one(self._room, turn.person)
            self.taken[person] += self.measure.spent(turn)
            self.times[person] += 1

    def floor(self, waiting: Iterable[PersonId]) -> int:
        """One round less than whoever is on air has had, else than the one who waits and had least.

        Nobody starts lower, so that a latecomer catches up by one round at most.
        """
        current = self._room.current
        if current is not None and current.entry.person != HOUSE:
            least = self.taken[people.one(self._room, current.entry.person)]
        else:
            least = min((self.taken[person] for person in waiting), default=0)
        return least - self.measure.unit
