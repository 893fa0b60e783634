"""What stands between packets in a ring: where a track begins, where its speed changes, where all ends."""

from dataclasses import dataclass

from lavalink.protocol import LoadError
from lavalink.reel import Reel


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
