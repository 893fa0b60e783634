"""The turns that people took, counted or weighed by what was heard."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core import people
from core.enums import TurnMeasure
from core.limits import TURN_WINDOW
from core.room import Room
from core.types import PersonId, Track, Turn

ROUND = 210_000
"""Ms of airtime that make a round: the length of a usual track. What plays without an end is counted as one."""


def airtime(track: Track) -> int:
    """Ms that a track is going to be on air."""
    return ROUND if track.length is None else track.length


@dataclass(frozen=True, slots=True)
class Measure:
    """What a track to come costs, and what a turn that was taken cost; in ms, whole rounds if turns are `counted`."""

    counted: bool
    cost: Callable[[Track], int]
    spent: Callable[[Turn], int]


MEASURES = {
    TurnMeasure.COUNT: Measure(counted=True, cost=lambda _track: ROUND, spent=lambda _turn: ROUND),
    TurnMeasure.AIRTIME: Measure(counted=False, cost=airtime, spent=lambda turn: turn.airtime),
}


def counted(room: Room, now: int) -> Iterator[Turn]:
    """The turns that count: started within six hours and since the room was last empty, the one on air included."""
    on_air = room.current.entry.id if room.current else None
    since = max(now - TURN_WINDOW + 1, room.emptied_at)
    for turn in room.turns.values():
        if turn.counted and (turn.started_at >= since or turn.entry == on_air):
            yield turn


class Turns:
    """Each person's account (start-time fair queueing): where their last turn ended, their next one starts.

    Nobody starts before the round of the turn that was taken last, so that a latecomer catches up by one round at
    most. A forced turn is paid for, but moves nobody else's start.
    """

    def __init__(self, room: Room, measure: Measure) -> None:
        self._room = room
        self.measure = measure
        self.times: Counter[PersonId] = Counter()
        self._ends: dict[PersonId, int] = {}
        self._latest = 0

    def retake(self, now: int) -> None:
        """Add up again."""
        self.times, self._ends, self._latest = Counter(), {}, 0
        spent = self.measure.spent
        for turn in counted(self._room, now):
            person = people.one(self._room, turn.person)
            self.times[person] += 1
            self._ends[person] = max(self._ends.get(person, 0), turn.start + spent(turn))
            if not turn.forced:
                self._latest = max(self._latest, turn.start // ROUND * ROUND)

    def start(self, person: PersonId) -> int:
        """Where somebody's next turn starts."""
        return max(self._ends.get(person, 0), self._latest)
