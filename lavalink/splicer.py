"""Encoded sound made to go or to come softly: some packets are decoded, faded, mixed and encoded anew.

So it works alike for what was encoded here and for what passes through, and costs nothing until it is needed.
"""

from collections.abc import Sequence
from typing import Any

import av
import numpy as np

from lavalink.convolver import Sound
from lavalink.limiter import Limiter
from lavalink.opus import FRAME, FRAME_BYTES, RATE, new_encoder
from lavalink.pcm import FULL_SCALE

LOOKAHEAD = 312
"""Samples by which libopus' encoder is late at 48 kHz (RFC 7845 §4.2, OPUS_GET_LOOKAHEAD)."""
WARM = 2
"""Frames before the splice that the encoder gets, unheard: so it goes on as a listener's decoder did."""
MEMORY = 4
"""Packets before the splice that a decoder gets, unheard, to have the state of a listener's."""


def splice(
    before: Sequence[bytes], going: Sequence[bytes], coming: Sequence[bytes], frames: int, *, rise: bool, bitrate: int
) -> list[bytes]:
    """So many packets in which one sound goes and another one comes.

    `before`: what was heard last. `going`: what would have followed; it fades out. `coming`: what is to be heard
    then, one packet more than `frames`, or nothing; with `rise` it fades in. What follows the splice is `coming`'s
    own packets from the frame on at which the splice ends.
    """
    memory = list(before)[-MEMORY:]
    former = _decoded([*memory, *going[:frames]])
    known, heard = former[: len(memory) * FRAME], former[len(memory) * FRAME :]
    mixed: Sound = np.zeros((frames * FRAME + LOOKAHEAD, 2), np.float32)
    mixed[: len(heard)] += heard * _curve(len(heard))[::-1]
    latter = _decoded(coming)[: len(mixed)]
    if rise:
        length = min(frames * FRAME, len(latter))
        latter[:length] *= _curve(length)
    mixed[: len(latter)] += latter
    lead = np.zeros((max(0, WARM * FRAME - len(known)), 2), np.float32)
    return _encoded(np.concatenate([lead, known[-WARM * FRAME :], _limited(mixed)])[LOOKAHEAD:], bitrate)[WARM:]


def _curve(samples: int) -> Sound:
    """From silence to full volume, at equal power with the same one backwards."""
    return np.sin(np.linspace(0, np.pi / 2, samples, dtype=np.float32))[:, None]


def _limited(sound: Sound) -> Sound:
    """Both together may be too loud."""
    if not len(sound) or np.abs(sound).max() <= 1.0:
        return sound
    limiter = Limiter()
    return np.concatenate([limiter.process(sound), limiter.flush()])


def _decoded(packets: Sequence[bytes]) -> Sound:
    """The samples of packets in a row; a broken one is silent."""
    decoder: Any = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = RATE, "stereo"
    sound = np.zeros((len(packets) * FRAME, 2), np.float32)
    for at, packet in enumerate(packets):
        for frame in decoder.decode(av.Packet(packet)):
            samples = frame.to_ndarray()
            scale = FULL_SCALE if samples.dtype == np.int16 else 1.0
            stereo = samples.T if frame.format.is_planar else samples.reshape(-1, 2)
            sound[at * FRAME : at * FRAME + len(stereo)] = stereo[:FRAME] / scale
    return sound


def _encoded(sound: Sound, bitrate: int) -> list[bytes]:
    samples = np.ascontiguousarray(np.clip(sound * np.float32(FULL_SCALE), -32768, 32767).astype(np.int16))
    encoder = new_encoder()
    encoder.bitrate = bitrate
    address = samples.ctypes.data
    return [encoder.encode(address + at * FRAME_BYTES)[0] for at in range(len(samples) // FRAME)]
