"""Media files as sound: FFmpeg's demuxers and decoders, 48 kHz s16 stereo out, or Opus packets untouched."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
import structlog
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.error import FFmpegError, InvalidDataError
from av.packet import Packet  # noqa: TC002 (beside its siblings)

from lavalink.containers import open_container
from lavalink.fetch import HttpFile
from lavalink.hls import Segments, open_segments, reason
from lavalink.opus import BLOCK, FRAME, RATE, can_pass_through, packet_samples
from lavalink.pcm import Pcm
from lavalink.playlists import is_hls, playlist_text
from lavalink.protocol import LoadError
from lavalink.resampler import Resampler, Untouched
from lavalink.workers import waiting

PREROLL_MS = 100
"""Decoders need some packets before the place to sound right at it (MP3's reservoir, Opus' memory)."""
PREROLL_PACKETS = 4
BAD_PACKETS = 100
"""Undecodable packets in a row after which a file counts as broken."""

_NOTHING = (None, 0, 0)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tags:
    """What a file says about itself; None where it does not. `length` in ms."""

    title: str | None
    artist: str | None
    isrc: str | None
    length: int | None


class Decoder:
    """The sound of one opened file, from `seek`'s place on. For one thread at a time."""

    def __init__(self, file: HttpFile) -> None:
        """Probe the file; LoadError if there is no sound in it that FFmpeg reads."""
        self.file = file
        text = playlist_text(file)
        self._segments: Segments | None = None
        if text is not None and is_hls(text):
            self._container, self._segments = open_segments(file, text)
        else:
            self._container = open_container(file)
        self._stream = self._sound()
        self._stream.codec_context.thread_count = 1
        self._packets = self._demux()
        self._graph: Resampler | Untouched | None = None
        self._then: Callable[[Resampler], bool] | None = None
        self._rest = _NOTHING  # of the last frame
        self._most = FRAME  # samples of the next piece: the first is short, so that sound begins at once
        self._origin = Fraction(self._container.start_time or 0, av.time_base)
        self._sound_ends = _end_of_sound(self._container.format.name, self._stream)
        self._target: Fraction | None = None
        self._skip = 0
        self._bad = 0
        self._odd: Packet[AudioStream] | None = None  # read, and not of 20 ms
        self._recent: deque[Packet[AudioStream]] = deque(maxlen=PREROLL_PACKETS)
        codec = self._stream.codec_context
        self._opus = codec.name in {"opus", "libopus"} and can_pass_through(codec.extradata)

    def _sound(self) -> AudioStream:
        streams = self._container.streams
        best = streams.best("audio")
        if not isinstance(best, AudioStream):
            raise LoadError("There is no sound in this file")
        if cast("object", best.codec_context) is None:
            raise LoadError("The sound in this file is of an unknown kind", "common", "no decoder")
        return best

    @property
    def seekable(self) -> bool:
        """Whether `seek` works."""
        return self._container.duration is not None if self._segments else self.file.seekable()

    @property
    def length(self) -> int | None:
        """How long the file says or seems to be, in ms; None for what may never end."""
        duration = self._container.duration
        return duration // 1000 if duration and duration > 0 else None

    def tags(self) -> Tags:
        """Read the file's tags and length."""
        found = _lowered(self._stream.metadata) | _lowered(self._container.metadata)
        artist = found.get("artist") or found.get("album_artist") or found.get("composer")
        title = found.get("title") or found.get("streamtitle") or found.get("icy-name")
        return Tags(title, artist, found.get("isrc") or found.get("tsrc"), self.length)

    def seek(self, position: int) -> None:
        """Go to a place in ms, exact to a sample where the container tells times; beyond the end is the end."""
        self._target = Fraction(position, 1000)
        self._graph, self._skip, self._bad = None, 0, 0
        self._rest, self._most = _NOTHING, FRAME
        self._recent.clear()
        self._odd = None
        place = max(0, position - PREROLL_MS) * 1000 + int(self._origin * av.time_base)
        try:
            self._container.seek(place, backward=True)
        except FFmpegError as error:
            raise self._failure(error) from error
        self._packets = self._demux()

    def read(self, *, copy: int, then: "Callable[[Resampler], bool] | None" = None) -> list[bytes] | Pcm | None:
        """Up to `copy` packets of 20 ms if the file holds such, else up to 100 ms of samples; None at the end.

        `then` is offered the resampler before that, with the last samples in it: whoever takes it gives them out.
        """
        self._then = then
        try:
            if copy and self._opus and self._target is None:
                return self._copy(copy)
            if self._recent:
                self._warm_up()
            return self._decode()
        except FFmpegError as error:
            raise self._failure(error) from error

    def go_on_with(self, resampler: Resampler) -> bool:
        """Resample on where another file ended, as one; False if this file is of another kind or has begun."""
        if self._opus or self._graph is not None or self._target is not None:
            return False
        codec = self._stream.codec_context
        if cast("object", codec.format) is None or not resampler.takes(codec):  # not known before the first frame
            return False
        self._graph = resampler
        return True

    def close(self) -> None:
        """Close the file; never while another thread reads it."""
        self.file.close()
        self._graph = None
        self._container.close()

    def _copy(self, most: int) -> list[bytes] | Pcm | None:
        """Some packets as they are: many in one go, as each trip through all layers costs more than a packet."""
        copied = list[bytes]()
        most = 1 if self._segments else most  # a live stream's next one may not be there yet
        while len(copied) < most and (packet := self._packet()) is not None:
            data = bytes(packet)
            if packet_samples(data) != FRAME:  # the last one is empty: it would only flush a decoder
                self._opus = not data
                self._odd = packet
                break
            self._recent.append(packet)
            copied.append(data)
        if copied:
            return copied
        return self._end() if self._opus else self.read(copy=0)

    def _warm_up(self) -> None:
        """Decode what was just passed through, unheard, so that decoding goes on where it ended."""
        self._opus = False
        recent = list(self._recent)
        self._recent.clear()
        self._skip = 0
        for packet in recent:
            for frame in packet.decode():
                self._skip += frame.samples * RATE // frame.sample_rate
                self._push(frame)

    def _decode(self) -> Pcm | None:
        """The next piece of the frame at hand, or of the next one."""
        plane, start, left = self._rest
        if plane is None:
            frame = self._frame()
            if frame is None:
                return None
            plane, start, left = frame.planes[0], self._skip, frame.samples - self._skip
            self._skip = 0
        piece = Pcm(plane, start, min(left, self._most))
        self._rest = (plane, start + self._most, left - self._most) if left > self._most else _NOTHING
        self._most = FRAME * BLOCK
        return piece

    def _frame(self) -> AudioFrame | None:
        """The next that is not skipped as a whole; None at the end."""
        while True:
            frame = self._graph.pull() if self._graph else None
            if frame is not None:
                if self._skip < frame.samples:
                    return frame
                self._skip -= frame.samples
            elif (packet := self._packet()) is not None:
                self._feed(packet)
            elif self._graph is None or self._graph.ended:
                self._end()
                return None
            else:
                self._finish(self._graph)

    def _finish(self, graph: Resampler | Untouched) -> None:
        """The file has ended: what the graph still holds comes out of it, or goes on in another file."""
        if self._then is None or isinstance(graph, Untouched):
            graph.end()
        elif not graph.loose:
            graph.loosen()
        elif self._then(graph):
            self._graph = None
        else:
            graph.end()

    def _end(self) -> None:
        error = self.file.error or (self._segments.lost if self._segments else None)
        if error is not None:  # FFmpeg takes many read errors for the end
            raise error

    def _feed(self, packet: "Packet[AudioStream]") -> None:
        try:
            frames = packet.decode()
        except InvalidDataError as error:
            self._bad += 1
            if self._bad > BAD_PACKETS:
                raise LoadError("The file is damaged", "suspicious", str(error)) from error
            return
        for frame in frames:
            self._bad = 0
            if self._target is None or self._reached(frame, self._target):
                self._push(self._unpadded(frame))

    def _unpadded(self, frame: AudioFrame) -> AudioFrame:
        """Without the silence by which an encoder filled up the last one."""
        if self._sound_ends is None or frame.pts is None or frame.time_base is None:
            return frame
        left = round((self._sound_ends - frame.pts * frame.time_base) * frame.sample_rate)
        return _shortened(frame, left) if 0 < left < frame.samples else frame

    def _reached(self, frame: AudioFrame, target: Fraction) -> bool:
        """Whether a frame holds the place sought; then what lies before it is skipped."""
        if frame.pts is None or frame.time_base is None:
            self._target = None
            return True
        before = target - (frame.pts * frame.time_base - self._origin)
        if before * frame.sample_rate >= frame.samples:
            return False
        self._skip = max(0, int(before * RATE))
        self._target = None
        return True

    def _push(self, frame: AudioFrame) -> None:
        if self._graph is None or not self._graph.takes(frame):
            self._graph = Untouched() if Untouched.takes(frame) else Resampler(frame)
        self._graph.push(frame)

    def _demux(self) -> "Iterator[Packet[AudioStream]]":
        return iter(self._container.demux(self._stream))

    def _packet(self) -> "Packet[AudioStream] | None":
        if self._odd is not None:
            packet, self._odd = self._odd, None
            return packet
        if self._segments is None:
            return next(self._packets, None)
        with waiting():  # FFmpeg sleeps until a live stream's next segment is there
            return next(self._packets, None)

    def _failure(self, error: Exception) -> LoadError:
        if self.file.error is not None:
            return self.file.error
        return LoadError("The file cannot be read", "suspicious", reason(error))


def _end_of_sound(container: str, stream: AudioStream) -> Fraction | None:
    """In seconds, where a container tells it to the sample: MP4's edit lists do, and its AAC is padded.

    An MP4 in fragments, whose frames nobody has counted, has told of the first ones only.
    """
    if not container.startswith("mov") or not (stream.frames and stream.duration) or stream.time_base is None:
        return None
    return ((stream.start_time or 0) + stream.duration) * stream.time_base


def _shortened(frame: AudioFrame, samples: int) -> AudioFrame:
    """Its first samples."""
    width = 1 if frame.format.is_planar else frame.layout.nb_channels
    kept = np.ascontiguousarray(frame.to_ndarray()[:, : samples * width])
    made = AudioFrame.from_ndarray(cast("Any", kept), frame.format.name, frame.layout.name)
    made.sample_rate, made.pts, made.time_base = frame.sample_rate, frame.pts, frame.time_base
    return made


def _lowered(tags: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value.strip() for name, value in tags.items() if value.strip()}
