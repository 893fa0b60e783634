"""Measuring sound by EBU R128 with FFmpeg's filter: loudness, true peak and the peaks of a waveform. Blocks."""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph
from numpy.typing import NDArray  # noqa: TC002 (beside its siblings)

from core.records.measures import POINTS

RATE = 48_000
STEP = RATE // 50
"""Samples of which one peak is kept."""
SILENCE = -69.0
"""LUFS: R128 counts nothing below -70."""
LARGEST = 255


class Meter:
    """Takes the frames of a track in order; `loudness` and the others tell what it was, after `finish`."""

    def __init__(self) -> None:
        self._meter = _Graph((RATE, "s16", "stereo"), ["ebur128=metadata=1:peak=true"])
        self._format: tuple[int, str, str] | None = None
        self._stereo: _Graph | None = None
        self._peaks: list[NDArray[np.float32]] = []
        self._loudness = -math.inf
        self._true_peak = 0.0

    def feed(self, frame: AudioFrame) -> None:
        """The next frame; a track may change its format on the way."""
        format_ = (frame.sample_rate, frame.format.name, frame.layout.name)
        if self._stereo is None or self._format != format_:
            self._flush()
            self._format, self._stereo = format_, _Graph(format_, _as_heard(frame))
        frame.pts = None  # gaps in the time of a file are not heard
        self._pass(self._stereo, frame)

    def finish(self) -> None:
        """No more frames come."""
        self._flush()
        self._take(None)

    def _flush(self) -> None:
        if self._stereo is not None:
            self._pass(self._stereo, None)
            self._stereo = None

    def _pass(self, stereo: "_Graph", frame: AudioFrame | None) -> None:
        for piece in stereo.run(frame):
            piece.pts = None
            self._take(piece)

    def _take(self, piece: AudioFrame | None) -> None:
        for frame in self._meter.run(piece):
            if "lavfi.r128.I" in frame.metadata:  # the last piece may be too short to have it
                self._loudness = float(frame.metadata["lavfi.r128.I"])
                self._true_peak = max(self._true_peak, float(frame.metadata["lavfi.r128.true_peak"]))
            samples = np.abs(frame.to_ndarray().reshape(-1, 2)).max(axis=1)
            edges = np.arange(0, len(samples), STEP)
            self._peaks.append(np.maximum.reduceat(samples, edges).astype(np.float32))

    @property
    def loudness(self) -> float | None:
        """Integrated, in LUFS; None when it was silent, or shorter than 0.4 s."""
        return self._loudness if self._loudness > SILENCE else None

    @property
    def peak(self) -> float | None:
        """The true peak in dBTP."""
        return 20 * math.log10(self._true_peak) if self._true_peak > 0 else None

    @property
    def waveform(self) -> bytes:
        """POINTS peaks of 0 to 255 (full scale)."""
        peaks = np.concatenate(self._peaks) if self._peaks else np.zeros(1, np.float32)
        edges = np.arange(POINTS) * len(peaks) // POINTS
        heights = np.maximum.reduceat(peaks, edges) if len(peaks) >= POINTS else peaks[edges]
        return np.clip(np.rint(heights * LARGEST), 0, LARGEST).astype(np.uint8).tobytes()


def _as_heard(frame: AudioFrame) -> list[str]:
    """48 kHz stereo as the node makes it. Mono is heard on both ears as it is: FFmpeg's own up-mix is 3 dB quieter.

    And in its sample format: FFmpeg mixes 5.1 down 8 dB louder where samples may exceed full scale.
    """
    mono = ["pan=stereo|c0=c0|c1=c0"] if frame.layout.nb_channels == 1 else []
    return [*mono, f"aresample={RATE}", f"aformat=sample_fmts=s16:channel_layouts=stereo:sample_rates={RATE}"]


class _Graph:
    """Frames of one kind (rate, format, layout) through FFmpeg's filters."""

    def __init__(self, kind: tuple[int, str, str], filters: list[str]) -> None:
        rate, format_, layout = kind
        self._graph = graph = Graph()
        graph.threads = 1
        self._source = last = graph.add_abuffer(
            sample_rate=rate, format=format_, layout=layout, time_base=Fraction(1, rate)
        )
        for step in (*filters, "abuffersink"):
            name, _, options = step.partition("=")
            following = graph.add(name, options)
            last.link_to(following)
            last = following
        self._sink = last
        graph.configure()

    def run(self, frame: AudioFrame | None) -> Iterator[Any]:
        """What comes out when this goes in; None: that was all."""
        self._source.push(frame)
        while True:
            try:
                yield self._sink.pull()
            except (BlockingIOError, av.error.EOFError):
                return
