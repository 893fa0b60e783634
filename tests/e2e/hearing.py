"""Listening like a browser, and telling which file it was."""

import asyncio
import contextlib
from pathlib import Path
from typing import NamedTuple, cast

import aiohttp
import av
import numpy as np
from numpy.typing import NDArray

from tests import sound

Samples = NDArray[np.float32]


class Match(NamedTuple):
    """Where in a reference a recording fits best: seconds, and the correlation there (1: the same)."""

    at: float
    correlation: float


async def listen(url: str, seconds: float) -> bytes:
    """What a listener of a room's stream receives within `seconds` of joining."""
    heard = bytearray()
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200, answer.status
        assert answer.content_type == "audio/ogg"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for chunk in answer.content.iter_any():
                    heard.extend(chunk)
    return bytes(heard)


def recorded(ogg: bytes) -> Samples:
    """Mono samples at 48 kHz of an Ogg Opus stream that was cut off anywhere."""
    return sound.mono(sound.decode(sound.opus_of_ogg(ogg)))


def samples_of(path: Path) -> Samples:
    """Mono samples at 48 kHz of any audio file."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=48_000)
    with av.open(str(path)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float32)


def match(recording: Samples, reference: Samples, *, step: int = 6) -> Match:
    """Find `recording` in `reference` by normalised cross-correlation at 48/`step` kHz."""
    needle, hay = _thin(recording, step), _thin(reference, step)
    size = 1 << (len(needle) + len(hay) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(hay, size) * np.conj(np.fft.rfft(needle, size)), size)
    last = len(hay) - len(needle) + 1
    assert last > 0, "the recording is longer than the reference"
    sums = np.concatenate([[0.0], np.cumsum(hay**2)])
    energy = sums[len(needle) :] - sums[:last]
    scores = product[:last] / np.sqrt(np.maximum(energy, 1e-9) * max(float(np.sum(needle**2)), 1e-9))
    best = int(np.argmax(scores))
    return Match(best * step / 48_000, float(scores[best]))


def _thin(samples: Samples, step: int) -> NDArray[np.float64]:
    whole = samples[: len(samples) // step * step].astype(np.float64)
    return cast("NDArray[np.float64]", whole.reshape(-1, step).mean(axis=1))
