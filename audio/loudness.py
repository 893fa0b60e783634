"""How much louder or quieter a track is played, so that all of them are about equally loud."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable

import structlog

from core.errors import StoreUnavailableError
from core.ports.measures import Measures
from core.records.measures import Measure
from core.types import RoomId, Track, TrackRef

TARGET = -16.0
"""LUFS."""
CEILING = -1.0
"""dBTP that the built-in node's limiter keeps to."""
LIMITING = 3.0
"""dB that the limiter may take off the peaks: more would be heard."""
LOUDEST = 5.0
"""The largest factor that Lavalink's `filters.volume` takes."""
NEAR = 2.0
"""dB by which Opus may be off: it is passed on as it is, which costs nothing."""
KEPT = 5_000
Told = Callable[[RoomId], None]

SOON = 0.1
"""Seconds that a start waits for the store; what comes later is approached."""
AGAIN = 60.0
"""Seconds until the store is asked again for what it did not know: another process may have measured it."""

log = structlog.get_logger()


def gain_of(measure: Measure | None, *, limiter: bool) -> float:
    """The factor for `filters.volume`; 1.0 for what was not measured.

    A node without a `limiter` would clip: there peaks stay below full scale.
    """
    if measure is None or measure.loudness is None:
        return 1.0
    wanted = TARGET - measure.loudness
    if measure.opus and abs(wanted) <= NEAR:
        return 1.0
    if wanted > 0:
        peak = CEILING if measure.peak is None else measure.peak  # tags need not tell it
        wanted = max(0.0, min(wanted, _room(limiter=limiter) - peak))
    return min(factor(round(wanted, 1)), LOUDEST)


def _room(*, limiter: bool) -> float:
    """Where a peak may be once it is louder, in dBTP."""
    return CEILING + LIMITING if limiter else 0.0


def factor(decibels: float) -> float:
    """As a factor of the amplitude."""
    return round(10 ** (decibels / 20), 4)


def decibels(factor: float) -> float:
    """The other way round."""
    return 20 * math.log10(max(factor, 1e-6))


CURVE = 0.79
"""Of Lavaplayer's volume."""


def bent(factor: float) -> float:
    """What a Java node has to be told, as `volume` or in `filters`, so that a factor is heard: it makes v tan(0.79 v).

    (Lavaplayer's PcmVolumeProcessor, lavadsp's VolumeConverter.)
    """
    return 1.0 if factor == 1.0 else round(math.atan(factor) / CURVE, 4)


class Levels:
    """The measures of what is played, in memory; between the players, who want them, and the job that makes them."""

    def __init__(self, measures: Measures) -> None:
        self.wanted: dict[RoomId, tuple[Track, ...]] = {}
        """What each room plays next, soonest first."""
        self.changed = asyncio.Event()
        """Set when something else is wanted."""
        self.told: Told = lambda _room: None
        """Called for each room that wants a track of which more is known now."""
        self._measures = measures
        self._known: OrderedDict[TrackRef, Measure] = OrderedDict()
        self._unknown: dict[TrackRef, float] = {}

    def want(self, room: RoomId, tracks: tuple[Track, ...]) -> None:
        """A room plays these next."""
        if self.wanted.get(room, ()) != tracks:
            self.wanted[room] = tracks
            if not tracks:
                del self.wanted[room]
            self.changed.set()

    async def look(self, ref: TrackRef) -> Measure | None:
        """What is known of a track: never an error, and the store is not asked twice within a minute."""
        now = time.monotonic()
        if ref in self._known:
            self._known.move_to_end(ref)
        elif now >= self._unknown.get(ref, 0.0):
            await self._read(ref)
            if ref not in self._known:
                self._unknown = {one: until for one, until in self._unknown.items() if until > now}
                self._unknown[ref] = now + AGAIN
        return self._known.get(ref)

    async def _read(self, ref: TrackRef) -> None:
        try:
            async with asyncio.timeout(SOON):
                measure = await self._measures.get(ref)
        except (StoreUnavailableError, TimeoutError) as error:
            log.warning("measure not readable", error=type(error).__name__)
            return
        if measure is not None:
            self._remember(measure)

    def note(self, measure: Measure) -> None:
        """This was measured just now."""
        self._remember(measure)
        for room, tracks in tuple(self.wanted.items()):
            if any(track.ref == measure.ref for track in tracks):
                self.told(room)

    def _remember(self, measure: Measure) -> None:
        self._unknown.pop(measure.ref, None)
        self._known[measure.ref] = measure
        self._known.move_to_end(measure.ref)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)

    async def waveform(self, ref: TrackRef) -> bytes:
        """The port `Waveforms`."""
        measure = await self.look(ref)
        return measure.waveform if measure is not None else b""
