"""Linear filters: an equalizer, a low pass or a resonance as one convolution, exact to the sample and without delay.

The responses are those of Lavaplayer's `Equalizer` and of lavadsp's converters at 48 kHz.
"""

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lavalink.filters import Equalizer, LowPass
from lavalink.opus import BLOCK, FRAME, RATE

Sound = NDArray[np.float32]
"""Samples shaped (n, 2), full scale 1.0."""

Response = NDArray[np.complexfloating]
"""At the frequencies from 0 to 24 kHz."""
Spectrum = NDArray[np.complex64]

SIZES = (6_000, 7_680, 10_240, 16_384)
"""Of the transform: where a response is soon over, the shortest takes a fifth of the time."""
LONGEST = FRAME * BLOCK
TAPS = SIZES[-1] - LONGEST
FAINTEST = 1e-6
"""Share of the strongest tap (-120 dB) below which a response is over."""
KEPT = 64
"""Spectra that are kept, of 130 kB at most: to make one takes up to 5 ms, and each seek or new track needs it."""
_GRID = 65_536

_BETA = (
    *(9.9847546664e-01, 9.9756184654e-01, 9.9616261379e-01, 9.9391578543e-01, 9.9028307215e-01),
    *(9.8485897264e-01, 9.7588512657e-01, 9.6228521814e-01, 9.4080933132e-01, 9.0702059196e-01),
    *(8.5868004289e-01, 7.8409610788e-01, 6.8332861002e-01, 5.5267518228e-01, 4.1811888447e-01),
)
_GAMMA = (
    *(1.9984647656e00, 1.9975344645e00, 1.9960947369e00, 1.9937449618e00, 1.9898465702e00),
    *(1.9837962543e00, 1.9731772447e00, 1.9556164694e00, 1.9242054384e00, 1.8653476166e00),
    *(1.7600401337e00, 1.5450725522e00, 1.1426447155e00, 4.0186190803e-01, -7.0905944223e-01),
)
"""Lavaplayer's band passes from 25 Hz to 16 kHz: y = α(x − x₋₂) + γy₋₁ − βy₋₂ with α = (1 − β) / 2."""

_Z = np.exp(-2j * np.pi * np.arange(_GRID // 2 + 1) / _GRID)
"""z⁻¹ along the frequencies from 0 to 24 kHz, and z⁻²."""
_Z2 = _Z * _Z
_SLOPES = 1 - _Z2


class Convolver:
    """Convolves sound with the impulse response of what has this spectrum."""

    def __init__(self, spectrum: Spectrum) -> None:
        self._spectrum = spectrum
        self._tail = np.zeros(len(spectrum), np.complex64)

    def process(self, sound: Sound) -> Sound:
        """As many samples as are given."""
        pieces = [self._convolve(sound[at : at + LONGEST]) for at in range(0, len(sound), LONGEST)]
        return pieces[0] if len(pieces) == 1 else np.concatenate([sound[:0], *pieces])

    def _convolve(self, sound: Sound) -> Sound:
        # Both ears in one transform, as real and imaginary part: the taps are real.
        both = np.ascontiguousarray(sound, np.float32).view(np.complex64)[:, 0]
        transformed = np.fft.fft(both, len(self._spectrum))
        heard = np.fft.ifft(transformed * self._spectrum).astype(np.complex64, copy=False)
        heard[: len(self._tail)] += self._tail
        self._tail = heard[len(sound) :]
        return heard[: len(sound), None].view(np.float32)


def equalizer(effect: Equalizer) -> Convolver:
    """Lavaplayer's equalizer: the sound and four times each band's share of it."""
    return Convolver(_spectrum(_equalizer, effect.gains))


def low_pass(effect: LowPass) -> Convolver:
    """What lavadsp's LowPassConverter does: y += (x − y) / smoothing."""
    return Convolver(_spectrum(_low_pass, effect.smoothing))


def resonance(band: float, width: float) -> Convolver:
    """The band that lavadsp's KaraokeConverter keeps, both in Hz."""
    return Convolver(_spectrum(_resonance, band, width))


def _equalizer(gains: Sequence[float]) -> Response:
    response = np.ones(len(_Z), complex)
    for gain, beta, gamma in zip(gains, _BETA, _GAMMA, strict=True):
        if gain:
            response += (2 * gain * (1 - beta)) * _SLOPES / (1 - gamma * _Z + beta * _Z2)
    return response


def _low_pass(smoothing: float) -> Response:
    share = complex(1 / smoothing)
    return share / (1 - (1 - share) * _Z)


def _resonance(band: float, width: float) -> Response:
    c = np.exp(-2 * np.pi * width / RATE)
    b = -4 * c / (1 + c) * np.cos(2 * np.pi * band / RATE)
    a = np.sqrt(1 - b * b / (4 * c)) * (1 - c)
    return a / (1 + b * _Z + c * _Z2)


@lru_cache(KEPT)
def _spectrum(response: Callable[..., Response], *settings: Hashable) -> Spectrum:
    """The transform of the impulse response, with room for a piece of sound, for what has this frequency response."""
    taps = np.fft.irfft(response(*settings), _GRID)[:TAPS]
    needed = np.flatnonzero(np.abs(taps) >= FAINTEST * np.abs(taps).max())[-1] + 1
    size = next(size for size in SIZES if size >= needed + LONGEST)
    return np.fft.fft(taps[:needed], size).astype(np.complex64)
