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


class Files(Protocol):
    """Where tracks of one kind lie."""

    async def path(self, ref: TrackRef) -> Path | None:
        """The file of a track, None when it is gone."""
        ...


class Chapters:
    """Reads them when they are asked for, and remembers them."""

    def __init__(self, library: Files, uploads: Files, prober: Prober) -> None:
        self._read: dict[str, Callable[[TrackRef], Awaitable[Sequence[Chapter]]]] = {
            "library": lambda ref: _of_file(library, ref),
            "upload": lambda ref: _of_file(uploads, ref),
            "url": lambda ref: prober.chapters(ref.partition(":")[2]),
        }
        self._known: OrderedDict[TrackRef, Sequence[Chapter]] = OrderedDict()

    async def of(self, track: Track) -> Sequence[Chapter]:
        """In order; none when the track has fewer than two, cannot be looked into, or never ends."""
        read = self._read.get(track.ref.partition(":")[0])
        if read is None or track.length is None:
            return ()
        if track.ref not in self._known:
            try:
                found = await read(track.ref)
            except UnplayableError:
                found = ()
            self._known[track.ref] = _within(found, track.length)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return self._known[track.ref]


async def _of_file(files: Files, ref: TrackRef) -> Sequence[Chapter]:
    path = await files.path(ref)
    return await asyncio.to_thread(read_chapters, str(path)) if path else ()


def _within(found: Sequence[Chapter], length: int) -> Sequence[Chapter]:
    """Those that can be sought."""
    kept = [chapter for chapter in found if 0 <= chapter.start < length]
    return tuple(sorted(kept, key=lambda chapter: chapter.start)) if len(kept) > 1 else ()
