"""Resampling: whatever a decoder gives, as 48 kHz s16 stereo in pieces of 20 ms and then 100 ms."""

from collections import deque
from fractions import Fraction
from typing import cast

from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.filter import Graph
from av.filter.context import FilterContext

from lavalink.opus import BLOCK, FRAME, RATE

FORMAT = f"aformat=sample_fmts=s16:channel_layouts=stereo:sample_rates={RATE}"

_RIGHT = {(RATE, "s16", "stereo"), (RATE, "s16", "2 channels")}


class Resampler:
    """Frames of one kind in, pieces of whole frames out (the last one shorter).

    The first is of 960 samples, so that sound begins at once.
    """

    def __init__(self, frame: AudioFrame) -> None:
        self._kind = _kind(frame)
        self.ended = False
        graph = Graph()
        graph.threads = 1
        # Mono is given to both ears as it is; FFmpeg's own up-mix would make it 3 dB quieter.
        mono = ["pan=stereo|c0=c0|c1=c0"] if frame.layout.nb_channels == 1 else []
        source = graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=Fraction(1, frame.sample_rate),
        )
        last = source
        for step in (*mono, f"aresample={RATE}", FORMAT):
            name, _, args = step.partition("=")
            last = _link(last, graph.add(name, args))
        self._sink = _link(last, graph.add("abuffersink"))
        self._source = source
        graph.configure()
        graph.set_audio_frame_size(FRAME)
        self._graph = graph  # a FilterContext does not keep its graph alive
        self._started = False
        self.loose = False
        """Whether it gives out pieces of any size."""

    def takes(self, sound: AudioFrame | AudioCodecContext) -> bool:
        """Whether a frame, or what such a decoder gives, is of the kind this graph was built for."""
        return self._kind == _kind(sound)

    def push(self, frame: AudioFrame) -> None:
        """Give a frame; then `pull` until there is no piece left."""
        if self.loose:
            self.loose = False
            self._graph.set_audio_frame_size(FRAME * BLOCK)
        self._source.push(frame)

    def loosen(self) -> None:
        """Give out what there is, in pieces of any size, but for the few samples that what follows bears upon."""
        self._started = self.loose = True
        self._graph.set_audio_frame_size(0)

    def end(self) -> None:
        """No more frames will come: give out what is left."""
        self.ended = True
        self._source.push(None)

    def pull(self) -> AudioFrame | None:
        """The next piece, or None until more is pushed."""
        try:
            piece = cast("AudioFrame", self._sink.pull())
        except (BlockingIOError, EOFError):
            return None
        if not self._started:
            self._started = True
            self._graph.set_audio_frame_size(FRAME * BLOCK)
        return piece


class Untouched:
    """In place of a Resampler for frames that are right as they are: out as they come in."""

    def __init__(self) -> None:
        self.ended = False
        self._frames: deque[AudioFrame] = deque()

    @staticmethod
    def takes(frame: AudioFrame) -> bool:
        """Whether a frame needs nothing done to it."""
        return _kind(frame) in _RIGHT

    def push(self, frame: AudioFrame) -> None:
        """Give a frame."""
        self._frames.append(frame)

    def end(self) -> None:
        """No more frames will come."""
        self.ended = True

    def pull(self) -> AudioFrame | None:
        """The next frame, of whatever size."""
        return self._frames.popleft() if self._frames else None


def _link(upstream: FilterContext, downstream: FilterContext) -> FilterContext:
    upstream.link_to(downstream)
    return downstream


def _kind(sound: AudioFrame | AudioCodecContext) -> tuple[int, str, str]:
    return sound.sample_rate, sound.format.name, sound.layout.name
