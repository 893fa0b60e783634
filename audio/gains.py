"""The filters with which a room's tracks are played: what people chose, and the gain that makes all equally loud."""

import time
from dataclasses import dataclass
from typing import Any

from audio.loudness import LOUDEST, Levels, bent, decibels, factor, gain_of
from audio.seen import Seen
from core import playing, sound
from core.ordering import order_of
from core.room import Room
from core.types import Entry, EntryId, Track

AHEAD = 5
"""Waiting tracks that are to be measured before others."""
NEAR = 2_000
"""ms before a join in which the gain of what follows stays as it was sent."""
STEP = 1.0
"""Seconds between two steps of a gain that is approached; and dB, in one."""


@dataclass(slots=True)
class _Given:
    """The gain that an entry has; `rough`: not all of it was measured when it began. `at` in monotonic seconds."""

    gain: float
    rough: bool
    at: float


class Gains:
    """One room's. A track begins with the gain that is known then; what is learned later is approached slowly."""

    def __init__(self, levels: Levels) -> None:
        self.approaching = False
        """Whether another step is due in STEP seconds."""
        self._levels = levels
        self._given: dict[EntryId, _Given] = {}

    def want(self, room: Room, now: int) -> None:
        """Have measured what the room plays next."""
        entries = [room.current.entry if room.current else None, playing.locked_entry(room)]
        entries += [room.entries[one] for one in order_of(room, now).entries(0, AHEAD)]
        tracks = dict[str, Track]((entry.track.ref, entry.track) for entry in entries if entry)
        self._levels.want(room.id, tuple(tracks.values()))

    def rest(self, room: Room) -> None:
        """The room plays nothing."""
        self._given.clear()
        self._levels.want(room.id, ())

    async def filters(self, room: Room, entry: Entry | None, seen: Seen, *, limiter: bool) -> dict[str, Any]:
        """In Lavalink's JSON, for an entry on a player as it is; a node without our limiter has Java's volume, too."""
        chosen = sound.heard_filters(room)
        if entry is None:
            return chosen
        gain = await self._gain(room, entry, seen, limiter=limiter)
        volume = min(round(chosen.get("volume", 1.0) * gain, 4), LOUDEST)
        volume = volume if limiter else bent(volume)
        return {**chosen, "volume": volume} if volume != 1.0 else chosen

    async def _gain(self, room: Room, entry: Entry, seen: Seen, *, limiter: bool) -> float:
        if entry.id == seen.entry:
            self.approaching = False
        if not sound.heard_loudness(room):
            self._given.pop(entry.id, None)
            return 1.0
        measure = await self._levels.look(entry.track.ref)
        wanted, now = gain_of(measure, limiter=limiter), time.monotonic()
        given = self._given.get(entry.id)
        if given is None or not self._heard(room, entry, seen):
            self._forget(seen)
            self._given[entry.id] = _Given(wanted, measure is None or not measure.whole, now)
            return wanted
        if entry.id == seen.entry:
            self._step(given, wanted, now)
        return given.gain

    @staticmethod
    def _heard(room: Room, entry: Entry, seen: Seen) -> bool:
        """Whether it plays, or the join with it is so near that some of it may be heard when an order arrives."""
        length = room.current.entry.track.length if room.current else None
        if entry.id != seen.following or length is None:
            return entry.id == seen.entry
        left = (length - seen.position_at(time.monotonic())) / seen.rate
        return left < seen.crossfade + NEAR

    def _step(self, given: _Given, wanted: float, now: float) -> None:
        """Come nearer to what is right; at once, if it was known from the beginning."""
        away = decibels(wanted) - decibels(given.gain)
        if not given.rough or abs(away) <= STEP / 10:
            given.gain = wanted
            return
        if now - given.at >= STEP:
            step = max(-STEP, min(STEP, away))
            given.gain, given.at = factor(decibels(given.gain) + step) if abs(away) > STEP else wanted, now
        self.approaching = given.gain != wanted

    def _forget(self, seen: Seen) -> None:
        self._given = {one: given for one, given in self._given.items() if one in {seen.entry, seen.following}}
