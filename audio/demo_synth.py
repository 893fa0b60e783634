"""A small synthesiser: chords, an arpeggio, a lead, bass and soft drums become stereo samples.

Samples are float32 at 48 kHz; sounds are mono until they are placed in a mix of (samples, 2).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
STEPS = 16
"""Steps of a bar: sixteenth notes."""

Samples = NDArray[np.float32]
Voice = Literal["pad", "keys", "bell", "pluck"]


@dataclass(frozen=True)
class Score:
    """What is played. Notes are MIDI numbers; drum patterns are 16 characters, `x` loud and `o` soft.

    `arpeggio` holds one chord tone (its index) or None per step; `scale` is what the lead improvises on from `seed`;
    `key` transposes everything.
    """

    bpm: float
    bars: int
    chords: tuple[tuple[int, ...], ...]
    scale: tuple[int, ...]
    arpeggio: tuple[int | None, ...]
    arpeggio_voice: Voice
    lead_voice: Voice
    seed: int
    bass: str
    key: int = 0
    kick: str = ""
    snare: str = ""
    hat: str = ""
    swing: float = 0.0

    @property
    def step(self) -> float:
        """Seconds of a step."""
        return 60 / self.bpm / 4


def render(score: Score) -> Samples:
    """The whole piece as (samples, 2), with an echo room, faded at both ends and levelled to about -17 dBFS RMS."""
    seconds = score.bars * STEPS * score.step + 2.5
    dry, wet = (np.zeros((round(seconds * RATE), 2), np.float32) for _ in range(2))
    for bar in range(score.bars):
        _chord(score, bar, wet)
        _arpeggio(score, bar, wet)
        _bass(score, bar, dry)
        _drums(score, bar, dry)
    _lead(score, wet)
    dry += np.float32(0.8) * wet
    dry += np.float32(0.5) * _reverberate(wet)
    return _master(dry)


def _level(score: Score, bar: int, enters: float) -> float:
    """0 until the layer enters (a share of the piece), then up within two bars; out again in the last two."""
    after = bar - round(enters * score.bars)
    return float(np.clip(min((after + 1) / 2, (score.bars - bar) / 2), 0, 1))


def _time(score: Score, bar: int, step: int) -> float:
    late = score.swing * score.step if step % 2 else 0.0
    return (bar * STEPS + step) * score.step + late


def _notes(score: Score, bar: int) -> tuple[int, ...]:
    return tuple(note + score.key for note in score.chords[bar % len(score.chords)])


def _chord(score: Score, bar: int, mix: Samples) -> None:
    notes = _notes(score, bar)
    length = STEPS * score.step
    for index, note in enumerate(notes):
        place(mix, sound("pad", note, length), _time(score, bar, 0), 0.11, pan=index / (len(notes) - 1) - 0.5)


def _arpeggio(score: Score, bar: int, mix: Samples) -> None:
    notes = _notes(score, bar)
    gain = 0.2 * _level(score, bar, 0)
    for step, index in enumerate(score.arpeggio):
        if index is not None:
            note = notes[index % len(notes)] + 12 * (1 + index // len(notes))
            pan = 0.6 * np.sin(step * 0.9 + bar)
            place(mix, sound(score.arpeggio_voice, note, 1.2), _time(score, bar, step), gain, pan=float(pan))


def _bass(score: Score, bar: int, mix: Samples) -> None:
    root = min(_notes(score, bar)) - 12
    root = root - 12 if root > 45 else root  # noqa: PLR2004  a bass stays below A2
    gain = 0.32 * _level(score, bar, 0.125)
    for step, mark in enumerate(score.bass):
        if mark in "xo" and gain:
            note = root + (7 if mark == "o" else 0)
            place(mix, bass(note, 3 * score.step), _time(score, bar, step), gain)


def _drums(score: Score, bar: int, mix: Samples) -> None:
    gain = _level(score, bar, 0.25)
    for pattern, hit, loud in ((score.kick, kick(), 0.55), (score.snare, snare(), 0.22), (score.hat, hat(), 0.1)):
        for step, mark in enumerate(pattern):
            if mark in "xo" and gain:
                strength = loud * gain * (0.5 if mark == "o" else 1)
                place(mix, hit, _time(score, bar, step), strength, pan=0.25 if hit is hat() else 0)


def _lead(score: Score, mix: Samples) -> None:
    """A phrase of two bars, walked at random on the scale, that answers itself with another ending."""
    dice = np.random.default_rng(score.seed)
    rhythm = np.flatnonzero(dice.random(2 * STEPS) < np.tile([0.5, 0.08, 0.3, 0.12], 2 * STEPS // 4))
    walk = np.cumsum(dice.integers(-2, 3, len(rhythm)))
    first = score.bars // 4 // 2 * 2
    for bar in range(first, score.bars - 2, 2):
        if (bar - first) % 8 == 6:  # noqa: PLR2004  a rest after three phrases of two bars
            continue
        places = walk + dice.integers(-1, 2) * (np.arange(len(walk)) > len(walk) // 2)
        for step, at in zip(rhythm, places, strict=True):
            octave, index = divmod(int(at), len(score.scale))
            note = score.key + score.scale[index] + 12 * int(np.clip(octave, -1, 1))
            place(mix, sound(score.lead_voice, note, 1.6), _time(score, bar, int(step)), 0.22, pan=0.15)


def place(mix: Samples, what: Samples, seconds: float, gain: float, *, pan: float = 0.0) -> None:
    """Add a mono sound to the mix at a time; `pan` from -1 (left) to 1, equal power."""
    start = round(seconds * RATE)
    room = mix[start : start + len(what)]
    angle = (pan + 1) * np.pi / 4
    room[:, 0] += what[: len(room)] * np.float32(gain * np.cos(angle) * 1.414)
    room[:, 1] += what[: len(room)] * np.float32(gain * np.sin(angle) * 1.414)


@lru_cache(maxsize=512)
def sound(voice: Voice, note: int, seconds: float) -> Samples:
    """One note of a voice, `seconds` until it is let go, with its release."""
    return _VOICES[voice](440 * 2 ** ((note - 69) / 12), seconds)


def _pad(hz: float, seconds: float) -> Samples:
    time = _clock(seconds + 0.8)
    wave = sum(
        np.sin(2 * np.pi * hz * (1 + bend) * n * time + n) / n**2
        for bend in (-0.0025, 0.0025)
        for n in range(1, 6)
        if hz * n < 9_000  # noqa: PLR2004  nothing shrill
    )
    swell = np.clip(time / 0.5, 0, 1) * np.clip((seconds + 0.8 - time) / 0.8, 0, 1)
    return _samples(wave * swell**1.5)


def _keys(hz: float, seconds: float) -> Samples:
    time = _clock(seconds)
    bite = 1.6 * np.exp(-time / 0.25) * np.sin(2 * np.pi * hz * time) + 0.12 * np.sin(2 * np.pi * 14 * hz * time) * (
        np.exp(-time / 0.04)
    )
    return _samples(np.sin(2 * np.pi * hz * time + bite) * _decay(time, seconds, 0.7))


def _bell(hz: float, seconds: float) -> Samples:
    time = _clock(seconds)
    strike = 1.4 * np.exp(-time / 0.35) * np.sin(2 * np.pi * hz * 3.51 * time)
    return _samples(np.sin(2 * np.pi * hz * time + strike) * _decay(time, seconds, 0.6))


def _pluck(hz: float, seconds: float) -> Samples:
    time = _clock(seconds)
    wave = sum(
        np.sin(2 * np.pi * hz * n * time) * np.exp(-time * (3 + 2.2 * n)) / n
        for n in range(1, 9)
        if hz * n < 12_000  # noqa: PLR2004  nothing shrill
    )
    return _samples(wave * _decay(time, seconds, 1.0))


_VOICES = {"pad": _pad, "keys": _keys, "bell": _bell, "pluck": _pluck}


@lru_cache(maxsize=64)
def bass(note: int, seconds: float) -> Samples:
    """A round bass note."""
    time = _clock(seconds)
    phase = 2 * np.pi * 440 * 2 ** ((note - 69) / 12) * time
    return _samples((np.sin(phase) + 0.35 * np.sin(2 * phase) * np.exp(-time / 0.2)) * _decay(time, seconds, 0.5))


@lru_cache(maxsize=1)
def kick() -> Samples:
    """A soft kick: a sine that falls from 120 to 46 Hz."""
    time = _clock(0.35)
    phase = 2 * np.pi * (46 * time + 74 * 0.045 * (1 - np.exp(-time / 0.045)))
    return _samples(np.sin(phase) * _decay(time, 0.35, 0.11))


@lru_cache(maxsize=1)
def snare() -> Samples:
    """A brushed snare: smoothed noise over a short tone."""
    time = _clock(0.25)
    noise = np.convolve(_noise(len(time), 2), np.ones(3) / 3, "same")
    return _samples((noise + 0.4 * np.sin(2 * np.pi * 190 * time)) * _decay(time, 0.25, 0.06))


@lru_cache(maxsize=1)
def hat() -> Samples:
    """A closed hat: differentiated noise."""
    time = _clock(0.09)
    return _samples(np.diff(_noise(len(time) + 1, 3)) * _decay(time, 0.09, 0.022))


def _clock(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(seconds * RATE)) / RATE


def _noise(count: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(-1, 1, count)


def _decay(time: NDArray[np.float64], seconds: float, fall: float) -> NDArray[np.float64]:
    """A 4 ms attack, an exponential fall and a click-free end."""
    return np.clip(time / 0.004, 0, 1) * np.exp(-time / fall) * np.clip((seconds - time) / 0.03, 0, 1)


def _samples(wave: NDArray[np.float64]) -> Samples:
    out = wave.astype(np.float32)
    out.flags.writeable = False
    return out


def _reverberate(mix: Samples) -> Samples:
    """Convolve with two seconds of decaying noise, block by block (overlap-add)."""
    tail, block = 2 * RATE, 131_072
    size = 262_144
    time = np.arange(tail) / RATE
    out = np.zeros((len(mix) + size, 2), np.float32)
    for channel in range(2):
        room = np.convolve(_noise(tail, 10 + channel), np.ones(4) / 4, "same") * np.exp(-time / 0.45) * 0.02
        spectrum = np.fft.rfft(room.astype(np.float32), size)
        for start in range(0, len(mix), block):
            piece = np.fft.rfft(mix[start : start + block, channel], size)
            out[start : start + size, channel] += np.fft.irfft(piece * spectrum, size)
    return out[: len(mix)]


def _master(mix: Samples) -> Samples:
    rms = float(np.sqrt(np.mean(mix**2))) or 1.0
    out = np.tanh(mix * np.float32(0.14 / rms))
    fade = np.minimum(np.arange(len(out)) / (0.02 * RATE), (len(out) - np.arange(len(out))) / (2.5 * RATE))
    return (out * np.clip(fade, 0, 1)[:, None]).astype(np.float32)
