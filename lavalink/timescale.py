"""Speed and pitch, by FFmpeg's asetrate and atempo (a Java node uses SoundTouch)."""

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph

from lavalink import filters
from lavalink.convolver import Sound
from lavalink.opus import RATE

SLOWEST, FASTEST = 0.5, 2.0
"""What one atempo does well: a slower one cannot be, a faster one drops samples."""


class Timescale:
    """Sound at another speed: as many samples in as the effect's `tempo` make one out, some 50 ms later."""

    def __init__(self, effect: filters.Timescale) -> None:
        rate = round(RATE * effect.pitch * effect.rate)
        stretch = effect.speed * effect.rate * RATE / rate
        steps = [("asetrate", str(rate)), ("aresample", str(RATE))] if rate != RATE else []
        steps += [("atempo", f"{factor:.12f}") for factor in _factors(stretch)]
        steps.append(("aformat", f"sample_fmts=flt:channel_layouts=stereo:sample_rates={RATE}"))
        self._graph = graph = Graph()  # a FilterContext does not keep its graph alive
        graph.threads = 1
        self._source = last = graph.add_abuffer(
            sample_rate=RATE, format="flt", layout="stereo", time_base=Fraction(1, RATE)
        )
        for name, args in steps:
            step = graph.add(name, args)
            last.link_to(step)
            last = step
        self._sink = graph.add("abuffersink")
        last.link_to(self._sink)
        graph.configure()
        self._taken = 0

    def process(self, sound: Sound) -> Sound:
        """What is ready of the sound so far."""
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(sound).reshape(1, -1), "flt", "stereo")
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), self._taken
        self._taken += len(sound)
        self._source.push(frame)
        return self._pull()

    def flush(self) -> Sound:
        """The rest; nothing can be given afterwards."""
        self._source.push(None)
        return self._pull()

    def _pull(self) -> Sound:
        return np.concatenate([np.zeros((0, 2), np.float32), *self._pieces()])

    def _pieces(self) -> Iterator[Sound]:
        while True:
            try:
                frame = cast("AudioFrame", self._sink.pull())
            except (BlockingIOError, EOFError):
                return
            yield np.frombuffer(memoryview(frame.planes[0]), np.float32, frame.samples * 2).reshape(-1, 2)


def _factors(stretch: float) -> Iterator[float]:
    """Factors that multiply to `stretch`, each of which one atempo does well; none for 1."""
    while not SLOWEST <= stretch <= FASTEST:
        factor = SLOWEST if stretch < 1 else FASTEST
        yield factor
        stretch /= factor
    if stretch != 1:
        yield stretch
