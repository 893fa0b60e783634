"""A track on its way to the ear: opened and read on worker threads, cancelled from the loop."""

import threading

from lavalink.decoder import Decoder, Pcm
from lavalink.fetch import HttpFile  # noqa: TC001 (beside its siblings)
from lavalink.opus import BLOCK, FRAME, RATE
from lavalink.playlists import open_sound
from lavalink.protocol import LoadError, Track
from lavalink.sources import MANAGER, Sources


class Reel:
    """One opening of one track, from `start` (ms) on."""

    def __init__(self, track: Track, sources: Sources, start: int) -> None:
        self.track = track
        self.start = start
        self.end: int | None = None
        """Where to stop, in ms of the track."""
        self.error: LoadError | None = None
        self.opened = False
        """Whether `open` is done, well or not."""
        self._sources = sources
        self._file: HttpFile | None = None
        self._decoder: Decoder | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._samples = 0

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

    def read(self, *, copy: bool) -> bytes | Pcm | None:
        """The next 100 ms or less (see Decoder); None at the end; LoadError. In a worker thread."""
        with self._lock:
            if self.error is not None:
                raise self.error
            if self._decoder is None:
                return None
            left = FRAME * BLOCK if self.end is None else (self.end - self.start) * RATE // 1000 - self._samples
            piece = self._decoder.read(copy=copy) if left > 0 else None
        if not isinstance(piece, Pcm):
            self._samples += FRAME
            return piece
        piece = Pcm(piece.plane, piece.start, min(piece.samples, left))
        self._samples += piece.samples
        return piece

    @property
    def position(self) -> float:
        """The place in the track, in ms, up to which it was read."""
        return self.start + self._samples * 1000 / RATE

    def cancel(self) -> None:
        """End whatever waits for this track's source, at once; then `close` it. From any thread."""
        self._closed = True
        if self._file is not None:
            self._file.close()

    def close(self) -> None:
        """Give everything back. In a worker thread."""
        self.cancel()
        with self._lock:
            decoder, self._decoder = self._decoder, None
            if decoder is not None:
                decoder.close()

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
