"""A track on its way to the ear: opened and read on worker threads, cancelled from the loop."""

import threading
from collections import deque
from math import ceil

from lavalink.decoder import Decoder
from lavalink.fetch import HttpFile  # noqa: TC001 (beside its siblings)
from lavalink.opus import BLOCK, FRAME, RATE
from lavalink.pcm import Pcm
from lavalink.playlists import open_sound
from lavalink.protocol import LoadError, Track
from lavalink.resampler import Resampler
from lavalink.sources import MANAGER, Sources
from lavalink.workers import waiting

STRIDE = 4
"""Pieces that are read ahead in one go: so reading ahead is over soon, and nobody else waits for long."""


class Reel:
    """One opening of one track, from `start` (ms) on."""

    def __init__(self, track: Track, sources: Sources, start: int, crossfade: int = 0) -> None:
        """`crossfade`: for how many ms it is to be heard together with the track before it."""
        self.track = track
        self.start = start
        self.crossfade = crossfade
        self.end: int | None = None
        """Where to stop, in ms of the track."""
        self.successor: Reel | None = None
        """What is joined to it to the sample."""
        self.error: LoadError | None = None
        self.opened = False
        """Whether `open` is done, well or not."""
        self._sources = sources
        self._file: HttpFile | None = None
        self._decoder: Decoder | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._samples = 0  # given out
        self._ahead = deque[Pcm]()
        self._ahead_samples = 0
        self._ended = False
        self._fault: LoadError | None = None

    def open(self) -> None:
        """Open the track; what goes wrong is kept in `error`. In a worker thread."""
        with self._lock:
            try:
                self._decoder = self._open()
            except LoadError as error:
                self.error = error
            except Exception as error:  # noqa: BLE001 (a decoder's surprise ends one track only)
                self.error = LoadError("The file cannot be opened", "fault", repr(error))
            self.opened = True

    def read(self, *, copy: int) -> list[bytes] | Pcm | None:
        """The next 100 ms or less, or up to `copy` packets (see Decoder); None at the end; LoadError. In a worker."""
        with self._lock:
            if self.error is not None:
                raise self.error
            most = FRAME * max(BLOCK, copy) if self.end is None else self._until(self.end)
            piece = self._next(copy=min(copy, ceil(most / FRAME)) if copy else 0) if most > 0 else None
        if isinstance(piece, Pcm):
            piece = Pcm(piece.plane, piece.start, min(piece.samples, most))
            self._samples += piece.samples
        elif piece is not None:
            self._samples += FRAME * len(piece)
        return piece

    def look_ahead(self, samples: int) -> int | None:
        """Read on without giving out, some pieces at a time, until there are so many, but wait for none of them.

        How many are left until the end, as soon as that is known. In a worker thread.
        """
        with self._lock:
            for _ in range(STRIDE):
                if self._ahead_samples < samples and not self._ended and (self._file is None or self._file.plenty):
                    self._read_ahead()
        seen = self._ahead_samples
        limit = None if self.end is None else max(0, self._until(self.end))
        if limit is not None and (limit <= seen or self._ended):
            return min(limit, seen)
        return seen if self._ended else None

    @property
    def length(self) -> int | None:
        """Where the track ends, in ms, as far as its file tells; None if it may never."""
        decoder = self._decoder
        told = decoder.length if decoder is not None else None
        return min(self.end, told) if self.end and told else self.end or told

    @property
    def position(self) -> float:
        """The place in the track, in ms, up to which it was read."""
        return self.start + self._samples * 1000 / RATE

    def follow(self, resampler: Resampler) -> bool:
        """Go on with another track's resampler; False if that does not fit. In a worker thread."""
        if not self.opened:  # that may take long
            return False
        with self._lock:
            return self._decoder is not None and self.error is None and self._decoder.go_on_with(resampler)

    def cancel(self) -> None:
        """End whatever waits for this track's source, at once; then `close` it. From any thread."""
        self._closed = True
        if self._file is not None:
            self._file.close()

    def close(self) -> None:
        """Give everything back. In a worker thread."""
        self.cancel()
        with waiting():  # FFmpeg may be asleep until a live stream goes on
            self._lock.acquire()
        try:
            decoder, self._decoder = self._decoder, None
            self._ahead.clear()
            if decoder is not None:
                decoder.close()
        finally:
            self._lock.release()

    def _until(self, end: int) -> int:
        """Samples that are still to be given out."""
        return (end - self.start) * RATE // 1000 - self._samples

    def _next(self, *, copy: int) -> list[bytes] | Pcm | None:
        if self._ahead:
            piece = self._ahead.popleft()
            self._ahead_samples -= piece.samples
            return piece
        if self._fault is not None:
            raise self._fault
        if self._decoder is None or self._ended:
            return None
        return self._decoder.read(copy=copy, then=self._hand_over)

    def _hand_over(self, resampler: Resampler) -> bool:
        """Let the track that is joined to this one go on with its resampler, and with what that still holds."""
        following = self.successor
        return following is not None and following.follow(resampler)

    def _read_ahead(self) -> None:
        try:
            piece = self._decoder.read(copy=0) if self._decoder is not None else None
        except LoadError as error:  # what was read before it is heard first
            self._fault, piece = error, None
        if isinstance(piece, Pcm):
            self._ahead.append(piece)
            self._ahead_samples += piece.samples
        else:
            self._ended = True

    def _open(self) -> Decoder:
        info = self.track.info
        if info.source_name != MANAGER:
            raise LoadError(f"This node has no source named {info.source_name}")
        decoder = self._sources.take(info.identifier)
        self._file = decoder.file if decoder else self._sources.file(info.identifier)
        if self._closed:  # before there was a file to close
            self._file.close()
        if decoder is None:
            open_sound(self._file)
            decoder = Decoder(self._file)
        if self.start and decoder.seekable:
            decoder.seek(self.start)
        else:
            self.start = 0
        return decoder
