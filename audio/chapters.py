"""Chapters of a track: those of MP4, of ID3 (`CHAP`), of Vorbis comments and of Matroska, as FFmpeg reads them."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

from audio.media_probe import Prober
from audio.media_sound import read_chapters
from core.errors import UnplayableError
from core.ports.tracks import Chapter
from core.types import Track, TrackRef

KEPT = 128
Read = Callable[[TrackRef], Awaitable[Sequence[Chapter]]]


class Files(Protocol):
    """Where tracks of one kind lie."""

    async def path(self, ref: TrackRef) -> Path | None:
        """The file of a track, None when it is gone."""
        ...


class Chapters:
    """Reads them when they are asked for, and remembers them."""

    def __init__(self, library: Files, uploads: Files, prober: Prober) -> None:
        self._read: dict[str, Read] = {
            "library": lambda ref: _of_file(library, ref),
            "upload": lambda ref: _of_file(uploads, ref),
            "url": lambda ref: prober.chapters(ref.partition(":")[2]),
        }
        self._known: OrderedDict[TrackRef, Sequence[Chapter]] = OrderedDict()
        self._reading: dict[TrackRef, asyncio.Task[Sequence[Chapter]]] = {}

    async def of(self, track: Track) -> Sequence[Chapter]:
        """In order; none when the track has fewer than two, cannot be looked into, or never ends."""
        read = self._read.get(track.ref.partition(":")[0])
        if read is None or track.length is None:
            return ()
        if track.ref in self._known:
            return self._known[track.ref]
        if track.ref not in self._reading:
            task = self._reading[track.ref] = asyncio.create_task(self._look(track.ref, track.length, read))
            task.add_done_callback(lambda _: self._reading.pop(track.ref))
        return await asyncio.shield(self._reading[track.ref])  # whoever waits may lose patience, and ask again

    async def _look(self, ref: TrackRef, length: int, read: Read) -> Sequence[Chapter]:
        try:
            found = _within(await read(ref), length)
        except UnplayableError:
            found = ()
        self._known[ref] = found
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return found


async def _of_file(files: Files, ref: TrackRef) -> Sequence[Chapter]:
    path = await files.path(ref)
    return await asyncio.to_thread(read_chapters, str(path)) if path else ()


def _within(found: Sequence[Chapter], length: int) -> Sequence[Chapter]:
    """Those that can be sought."""
    kept = [chapter for chapter in found if 0 <= chapter.start < length]
    return tuple(sorted(kept, key=lambda chapter: chapter.start)) if len(kept) > 1 else ()
