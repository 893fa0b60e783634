"""A ring of packets and what stands between them: where a track begins, where its speed changes, where all ends."""

from collections import deque
from dataclasses import dataclass

from lavalink.protocol import LoadError
from lavalink.reel import Reel

FULL = 19
"""Packets that a ring holds at most (380 ms): what is changed is heard when they have gone out."""
LOW = 14
"""Packets below which a ring is filled up again: a stall of 280 ms is not heard."""
LOW_UNTOUCHED = 9
"""The same for packets that only have to be read: then ten of them cost little more than five, most of it being what
the processor has forgotten of a file since the last time."""


@dataclass(frozen=True, slots=True)
class Joined:
    """From here, `position` ms of the next track, on that one is the track which is heard."""

    reel: Reel
    position: int
    tempo: float


@dataclass(frozen=True, slots=True)
class Paced:
    """From here, `position` ms of the track, on it goes by `tempo` times as fast as time."""

    position: int
    tempo: float


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing comes after this; `error` says what broke the track, if anything did."""

    error: LoadError | None


class Ring(deque[bytes | Joined | Paced | Ended]):
    """What is to be heard, in order: filled by a worker, popped by the loop."""

    @property
    def packets(self) -> list[bytes]:
        """All packets in it."""
        return [item for item in self if isinstance(item, bytes)]

    @property
    def end(self) -> Ended | None:
        """Its end, if it is in it."""
        last = self[-1] if self else None
        return last if isinstance(last, Ended) else None

    def reopen(self) -> bool:
        """A next track was named in the last moment: the end is not the end, unless that was one by failure."""
        if self.end != Ended(None):
            return False
        self.pop()
        return True

    def replace(self, packets: list[bytes]) -> None:
        """Put these in the place of its first packets."""
        places = [at for at, item in enumerate(self) if isinstance(item, bytes)]
        for at, packet in zip(places, packets, strict=False):
            self[at] = packet
