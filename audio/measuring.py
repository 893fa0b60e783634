"""Measures how loud tracks are, one after the other in a child process: what is played soon first, then the library."""

import asyncio
import base64
import itertools
import time
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import structlog

from audio.gauge import Request
from audio.gauge_child import GaugeChild, GaugeError
from audio.loudness import Levels
from audio.media import Files
from core.errors import StoreUnavailableError
from core.ports.measures import Measures
from core.ports.tracks import MediaAddress
from core.records.measures import Measure
from core.types import Track, TrackRef

QUICK = 10.0
"""Seconds that a first look may take."""
LIVE = 25.0
"""A live source comes no faster than it is heard."""
WHOLE = 900.0
LONGEST = 60 * 60_000
"""ms of a foreign track that are fetched a second time to be measured; of a longer one a sample has to do."""
FOREIGN = ("url:", "source:")
PATIENCE = 1.0
"""Seconds that somebody's track waits for another one that can wait longer."""
AGAIN = 600.0
"""Seconds until what could not be measured is tried again, if it is wanted then: its server may be back."""

log = structlog.get_logger()


class Shelves(Files, Protocol):
    """The library."""

    async def stamps(self) -> Mapping[TrackRef, str]:
        """All tracks, and what tells whether their files changed."""
        ...


class Measuring:
    """The job. What it finds is stored, and told to `levels`; what it was doing when it ended is begun anew."""

    def __init__(
        self, levels: Levels, measures: Measures, library: Shelves, uploads: Files, media: MediaAddress
    ) -> None:
        self._levels = levels
        self._measures = measures
        self._library = library
        self._files: dict[str, Files] = {"library": library, "upload": uploads}
        self._media = media
        self._child = GaugeChild()
        self._unmeasured: deque[tuple[TrackRef, str]] = deque()
        self._hopeless: dict[TrackRef, float] = {}  # until when, in monotonic seconds
        self._late: set[tuple[TrackRef, bool]] = set()  # what did not come in time; True: even a first look

    async def survey(self) -> None:
        """Have everything in the library measured that was not yet, or that has changed since."""
        try:
            known = await self._measures.stamps("library")
        except StoreUnavailableError:
            log.warning("measures not readable")
            return
        files = await self._library.stamps()
        self._unmeasured = deque((ref, stamp) for ref, stamp in files.items() if known.get(ref) != stamp)
        log.info("tracks to measure", count=len(self._unmeasured))
        self._levels.changed.set()

    async def run(self) -> None:
        """Measure until cancelled."""
        try:
            while True:
                self._levels.changed.clear()
                if not await self._step():
                    await self._child.rest()
                    await self._levels.changed.wait()
        finally:
            await self._child.end()

    async def _step(self) -> bool:
        """Measure what is needed first; False if there is nothing."""
        track, quick = await self._first()
        if track is not None:
            work = self._measure(track, quick=quick)
            done = await self._patiently(track.ref, work, urgent=quick and track.length is not None)
            if not done and not quick and track.ref.startswith(FOREIGN):  # not all of it once more right away
                self._give_up(track.ref)
        elif self._unmeasured:
            await self._sweep()
        else:
            return False
        return True

    async def _sweep(self) -> None:
        """Measure one track of the library."""
        ref, stamp = self._unmeasured.popleft()
        known = await self._levels.look(ref)
        if known is not None and known.whole and known.stamp == stamp:
            return
        if not await self._patiently(ref, self._measure_file(ref, stamp), urgent=False):
            self._unmeasured.appendleft((ref, stamp))

    async def _patiently(self, ref: TrackRef, work: Coroutine[Any, Any, None], *, urgent: bool) -> bool:
        """Do it, whatever comes of it; whether it was done.

        It is broken off when somebody's track has to be measured quickly.
        """
        task = asyncio.create_task(work)
        try:
            while not task.done():
                changed = asyncio.ensure_future(self._levels.changed.wait())
                await asyncio.wait({task, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                self._levels.changed.clear()
                if not urgent and not task.done() and await self._hurried():
                    await asyncio.wait({task}, timeout=PATIENCE)
                    break
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("track not measured", kind=ref.partition(":")[0], exc_info=error)
            self._give_up(ref)
        return not task.cancelled()

    def _give_up(self, ref: TrackRef) -> None:
        now = time.monotonic()
        self._hopeless = {one: until for one, until in self._hopeless.items() if until > now}
        self._hopeless[ref] = now + AGAIN

    async def _hurried(self) -> bool:
        """Whether a track that ends is wanted of which nothing is known."""
        track, quick = await self._first()
        return quick and track is not None and track.length is not None

    async def _first(self) -> tuple[Track | None, bool]:
        """The track that is played soonest and not measured, and whether nothing at all is known of it."""
        rough: Track | None = None
        live: Track | None = None
        for track in _in_turns(self._levels.wanted.values()):
            if self._hopeless.get(track.ref, 0.0) > time.monotonic() or track.ref.startswith("node:"):
                continue
            measure = await self._levels.look(track.ref)
            if measure is None and (track.ref, True) not in self._late:
                if track.length is not None:
                    return track, True
                live = live or track
            elif rough is None and not (measure and measure.whole) and self._worth(track):
                rough = track
        return (live, True) if live else (rough, False)

    def _worth(self, track: Track) -> bool:
        """Whether all of it is to be measured."""
        if track.length is None or (track.ref, False) in self._late:
            return False
        return not track.ref.startswith(FOREIGN) or track.length <= LONGEST

    async def _measure(self, track: Track, *, quick: bool) -> None:
        if track.ref.startswith(FOREIGN):
            url = self._media.media_url(track, bound_to="measure")
            within = LIVE if track.length is None else QUICK
            await self._take(track.ref, "", Request(url=url, quick=quick), within if quick else WHOLE)
        else:
            await self._measure_file(track.ref, None, quick=quick)

    async def _measure_file(self, ref: TrackRef, stamp: str | None, *, quick: bool = False) -> None:
        files = self._files.get(ref.partition(":")[0])
        path = await files.path(ref) if files is not None else None
        if path is None:
            self._give_up(ref)
            return
        stamp = await asyncio.to_thread(stamp_of, path) if stamp is None else stamp
        await self._take(ref, stamp, Request(path=str(path), quick=quick), QUICK if quick else WHOLE)

    async def _take(self, ref: TrackRef, stamp: str, request: Request, within: float) -> None:
        """Have it measured and keep what comes of it. What cannot be measured is left alone for a while."""
        try:
            found = await self._child.ask(request, within=within)
        except GaugeError as error:
            log.info("track not measured", kind=ref.partition(":")[0], error=str(error))
            if error.late and (request.quick or request.url):
                self._late.add((ref, request.quick))
            else:
                self._give_up(ref)
            return
        measure = Measure(
            ref,
            found["loudness"],
            found["peak"],
            opus=found["opus"],
            whole=found["whole"],
            stamp=stamp,
            waveform=base64.b64decode(found["waveform"]),
        )
        self._levels.note(measure)
        await self._keep(measure)

    async def _keep(self, measure: Measure) -> None:
        try:
            await self._measures.put(measure)
        except StoreUnavailableError:
            log.warning("measure not stored")


def stamp_of(path: Path) -> str:
    """Tells whether a file changed: its time of change and its size."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_mtime_ns}:{found.st_size}"


def _in_turns(wanted: Any) -> list[Track]:
    """The first of every room, then the second ones."""
    rounds: Sequence[Sequence[Track | None]] = list(itertools.zip_longest(*wanted))
    return [track for round_ in rounds for track in round_ if track is not None]
