"""What is heard in a voice channel: the packets that arrived, as tones, levels and gaps."""

import asyncio
import time
from bisect import bisect_left
from typing import NamedTuple

from tests import sound
from tests.simulators.discord.errors import NotAnsweredError
from tests.waiting import crowding

SETTLING = 3  # packets that a fresh decoder needs before its level is right


class Packet(NamedTuple):
    """One RTP packet, decrypted: when the kernel got it (monotonic s), sequence, timestamp, stream, Opus."""

    at: float
    sequence: int
    timestamp: int
    ssrc: int
    opus: bytes


class Listening:
    """Ears in a channel; times are monotonic seconds."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.discarded: list[Packet] = []  # from a session that another one replaced, or while muted

    def since(self, start: float) -> list[Packet]:
        """The packets that arrived from then on."""
        return self.packets[bisect_left(self.packets, start, key=lambda packet: packet.at) :]

    def arrivals(self, since: float = 0.0) -> list[float]:
        return [packet.at for packet in self.since(since)]

    def gaps(self, since: float = 0.0, *, longer_than: float = 0.06) -> list[sound.Gap]:
        """Pauses between packets; on a crowded machine only those that are longer by as much."""
        return sound.gaps(self.arrivals(since), longer_than=longer_than * crowding())

    def samples(self, since: float = 0.0) -> sound.Samples:
        """The decoded audio of the packets, one after the other."""
        return sound.decode(packet.opus for packet in self.since(since))

    def tones(self, since: float = 0.0) -> list[sound.Tone]:
        """The tones heard since then; `start` is the arrival of their first packet."""
        packets = self.since(since)
        found = sound.tones(packet.opus for packet in packets)
        return [tone._replace(start=packets[round(tone.start * 50)].at) for tone in found]

    def level(self, seconds: float = 0.2) -> float:
        """The RMS in dBFS of the latest packets."""
        count = round(seconds * 50)
        packets = self.packets[-count - SETTLING :]
        return sound.level(sound.decode(packet.opus for packet in packets)[-count * sound.FRAME :])

    async def heard(self, hz: float, *, seconds: float = 0.3, within: float = 5.0, tolerance: float = 0.03) -> float:
        """Wait until that tone has just been heard for so long; returns the arrival time of its first packet there.

        Only what arrives after the call counts.
        """
        start, count = time.monotonic(), round(seconds * 50)
        while time.monotonic() < start + within + seconds:
            packets = self.since(start)[-count:]
            missing = count - len(packets) or _still_needed([p.opus for p in packets], hz, tolerance)
            if not missing:
                return packets[0].at
            await asyncio.sleep(missing * sound.FRAME_SECONDS)
        heard = [f"{tone.hz:.0f} Hz for {tone.length:.2f} s" for tone in self.tones(start)]
        raise NotAnsweredError(f"{hz} Hz not heard within {within} s, but {heard or 'silence'}")

    async def silent(self, *, seconds: float = 0.5, within: float = 5.0) -> None:
        """Wait until nothing but silence has arrived for so long."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline + seconds:
            now = time.monotonic()
            recent = [p.opus for p in self.since(now - seconds) if p.opus != sound.SILENCE_PACKET]
            if not recent or sound.level(sound.decode(recent)) < sound.SILENCE_DB:
                return
            await asyncio.sleep(0.02)
        raise NotAnsweredError(f"not silent within {within} s")


def _still_needed(opus: list[bytes], hz: float, tolerance: float) -> int:
    """How many more packets of that tone must come until the last so many are all of it; 0 when they are."""
    samples = sound.mono(sound.decode(opus))
    frames = samples[: len(samples) // sound.FRAME * sound.FRAME].reshape(-1, sound.FRAME)[1:]  # the decoder settles
    wrong = [n for n, frame in enumerate(frames, 2) if not _is_tone(frame, hz, tolerance)]
    return wrong[-1] if wrong else 0


def _is_tone(frame: sound.Samples, hz: float, tolerance: float) -> bool:
    loud = sound.level(frame) >= sound.SILENCE_DB
    return loud and abs(sound.frequency(frame) - hz) <= tolerance * hz
