"""Synthesised music with the dynamics of a programme, at a wanted loudness; and a second meter of loudness."""

import av
import numpy as np
from av.filter import Graph

from tests.sound import RATE, Samples


def programme(lufs: float, seconds: float = 20, *, seed: int = 1, crest: float | None = None) -> Samples:
    """Chords, a beat and phrases that swell, in stereo, of that integrated loudness.

    `crest`: dB between loudness and the peaks, which are rounded off there; None: as they are.
    """
    noise = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    chord = sum(np.sin(2 * np.pi * hz * time + seed) for hz in (110, 220, 277.2, 329.6, 660))
    phrase = 0.55 + 0.45 * np.sin(2 * np.pi * time / 6.5 + seed)
    beat = np.exp(-((time % 0.5) * 18))
    left = phrase * chord + beat * 2.5 * np.sin(2 * np.pi * 62 * time) + 0.15 * noise.standard_normal(len(time))
    right = phrase * np.roll(chord, 250) + beat * 2.5 * np.sin(2 * np.pi * 62 * time)
    sound = np.stack([left, right], axis=1).astype(np.float32)
    for _ in range(12):
        sound *= 10 ** ((lufs - loudness(sound)) / 20)
        if crest is None:
            break
        ceiling = 10 ** ((lufs + crest) / 20)
        sound = (ceiling * np.tanh(sound / ceiling)).astype(np.float32)
    return sound


def loudness(samples: Samples) -> float:
    """Integrated loudness in LUFS of (samples, 2) at 48 kHz, by FFmpeg's ebur128 summary on one whole frame."""
    return _measure(samples)[0]


def true_peak(samples: Samples) -> float:
    """In dBTP."""
    return _measure(samples)[1]


def _measure(samples: Samples) -> tuple[float, float]:
    graph = Graph()
    source = graph.add_abuffer(sample_rate=RATE, format="flt", layout="stereo")
    meter, sink = graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples, np.float32).reshape(1, -1), "flt", "stereo")
    frame.sample_rate = RATE
    source.push(frame)
    source.push(None)
    last: dict[str, str] = {}
    while True:
        try:
            last = dict(sink.pull().metadata) or last  # the last piece may be too short to have any
        except (BlockingIOError, EOFError):
            return float(last["lavfi.r128.I"]), 20 * np.log10(max(float(last["lavfi.r128.true_peak"]), 1e-6))
