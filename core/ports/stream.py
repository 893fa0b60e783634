"""Hearing a room without a voice channel."""

from collections.abc import AsyncIterator
from typing import Protocol

from core.types import RoomId


class RoomStream(Protocol):
    """One upstream per call; the relay opens one per room and fans it out."""

    def packets(self, room: RoomId, *, recent: int = 0) -> AsyncIterator[bytes]:
        """Opus packets of 20 ms (48 kHz stereo) as the room's lead player sends them, in real time.

        Those of the last `recent` ms (2,500 at most) come first, at once, as far as something was heard then.
        Ends when the node goes away or the player moves; the caller opens it again. Yields nothing while nothing
        plays.
        """
        ...


class Playback(Protocol):
    """What surfaces may ask of the running player."""

    def status(self, room: RoomId) -> str:
        """`playing`, `waiting` (no node), `connecting`, `idle`, or a reason why voice is down."""
        ...

    def nodes(self) -> dict[str, str]:
        """Node name → `up`, `down` or a reason."""
        ...
