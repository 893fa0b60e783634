"""Linear filters: an equalizer, a low pass or a resonance as one convolution, exact to the sample and without delay.

The responses are those of Lavaplayer's `Equalizer` and of lavadsp's converters at 48 kHz.
"""

import numpy as np
from numpy.typing import NDArray

from lavalink.filters import Equalizer, LowPass
from lavalink.opus import BLOCK, FRAME, RATE

Sound = NDArray[np.float32]
"""Samples shaped (n, 2), full scale 1.0."""

SIZE = 16_384
LONGEST = FRAME * BLOCK
TAPS = SIZE - LONGEST
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
    """Convolves sound with the impulse response of what has this frequency response."""

    def __init__(self, response: NDArray[np.complexfloating]) -> None:
        taps = np.fft.irfft(response, _GRID)[:TAPS]
        self._spectrum = np.fft.fft(taps, SIZE).astype(np.complex64)
        self._tail = np.zeros(SIZE, np.complex64)

    def process(self, sound: Sound) -> Sound:
        """As many samples as are given."""
        pieces = [self._convolve(sound[at : at + LONGEST]) for at in range(0, len(sound), LONGEST)]
        return pieces[0] if len(pieces) == 1 else np.concatenate([sound[:0], *pieces])

    def _convolve(self, sound: Sound) -> Sound:
        # Both ears in one transform, as real and imaginary part: the taps are real.
        both = np.ascontiguousarray(sound, np.float32).view(np.complex64)[:, 0]
        heard = np.fft.ifft(np.fft.fft(both, SIZE) * self._spectrum).astype(np.complex64, copy=False)
        heard[: len(self._tail)] += self._tail
        self._tail = heard[len(sound) :]
        return heard[: len(sound), None].view(np.float32)


def equalizer(effect: Equalizer) -> Convolver:
    """Lavaplayer's equalizer: the sound and four times each band's share of it."""
    bands = zip(effect.gains, _BETA, _GAMMA, strict=True)
    response = np.ones(len(_Z), complex)
    for gain, beta, gamma in bands:
        if gain:
            response += (2 * gain * (1 - beta)) * _SLOPES / (1 - gamma * _Z + beta * _Z2)
    return Convolver(response)


def low_pass(effect: LowPass) -> Convolver:
    """What lavadsp's LowPassConverter does: y += (x − y) / smoothing."""
    share = complex(1 / effect.smoothing)
    return Convolver(share / (1 - (1 - share) * _Z))


def resonance(band: float, width: float) -> Convolver:
    """The band that lavadsp's KaraokeConverter keeps, both in Hz."""
    c = np.exp(-2 * np.pi * width / RATE)
    b = -4 * c / (1 + c) * np.cos(2 * np.pi * band / RATE)
    a = np.sqrt(1 - b * b / (4 * c)) * (1 - c)
    return Convolver(a / (1 + b * _Z + c * _Z2))
