"""On a node that cannot join tracks: the next one is sent just before the end of the current one.

While a Java node opens the new track, what it had decoded of the old one plays on, so that no silence is heard between
the two; what is left of it when the new one begins is lost. Where people wished for a crossfade the sound dips instead:
a node re-encodes what it has buffered with a ramp of a second when the volume changes.
"""

from collections.abc import Callable
from dataclasses import replace

from audio.link import Link
from audio.seen import Seen, Target
from core import playing, sound
from core.room import Room
from core.types import Entry, EntryId

LEAD = (300, 800)
"""ms before the end at which the next track is sent, at least and at most."""
OPENING = 200
"""ms until a track is heard that a node has answered for."""
DIP = 1_200
"""ms before that in which the volume goes down."""


class Handover:
    """Of one room; `look_in(seconds)` has it looked at again by then."""

    def __init__(self, link: Link, look_in: Callable[[float], None]) -> None:
        self._link = link
        self._look_in = look_in
        self._sent: tuple[EntryId, EntryId] | None = None

    def alter(self, room: Room, target: Target, seen: Seen) -> Target:
        """The target for a node without the extension when the end is near."""
        current, following = target.entry, self._following(room, target, seen)
        if current is None or following is None:
            self._sent = None
            return target
        dips = sound.heard_crossfade(room) > 0
        if self._sent != (current.id, following.id):
            left = self._left(current) - self._lead
            if left > (DIP if dips else 0):
                self._look_in((left - (DIP if dips else 0)) / 1000)
                return target
            if left > 0:
                self._look_in(left / 1000)
                return replace(target, volume=0)
            self._sent = (current.id, following.id)
        return replace(target, entry=following, volume=0 if dips else target.volume)

    def _following(self, room: Room, target: Target, seen: Seen) -> Entry | None:
        """What may be sent early: nothing after live or accelerated tracks, and only what begins at its beginning."""
        current, following = target.entry, playing.locked_entry(room)
        if target.chorus or target.paused or current is None or following is None:
            return None
        if current.track.length is None or following.begins or seen.rate != 1 or following.id == self._link.bad_next:
            return None
        on = self._sent == (current.id, following.id) or (seen.entry == current.id and seen.started)
        return following if on else None

    def _left(self, current: Entry) -> float:
        position = self._link.position()
        return float("inf") if position is None else (current.track.length or 0) - position

    @property
    def _lead(self) -> float:
        return min(max(self._link.opening * 1000 + OPENING, LEAD[0]), LEAD[1])
