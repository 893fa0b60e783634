"""Hearing a room without a voice channel."""

from collections.abc import AsyncIterator
from typing import Literal, Protocol

from core.types import RoomId

Format = Literal["opus", "mp3", "aac"]
"""What a stream's packets are: Opus of 20 ms, MPEG-1 layer III of 24 ms, or ADTS frames of AAC-LC of 1,024 samples; all
of 48 kHz in stereo, and each stands alone.
"""


class RoomStream(Protocol):
    """One upstream per call; the relay opens one per room and format and fans it out."""

    def packets(self, room: RoomId, *, recent: int = 0, form: Format = "opus") -> AsyncIterator[bytes]:
        """Packets as the room's lead player sends them, in real time.

        Those of the last `recent` ms (2,500 at most) come first, at once, as far as something was heard then.
        Ends when the node goes away or the player moves; the caller opens it again. Yields nothing while nothing
        plays.
        """
        ...


class Audience(Protocol):
    """Those who hear a room where nobody can tell who they are."""

    def passed_on(self, room: RoomId, listeners: int) -> None:
        """So many hear it there: any at all keep it awake, and each counts as a listener; they decide nothing."""
        ...


class Playback(Protocol):
    """What surfaces may ask of the running player."""

    def status(self, room: RoomId) -> str:
        """`playing`, `waiting` (no node), `connecting`, `idle`, or a reason why voice is down."""
        ...

    def bitrate(self, room: RoomId) -> int | None:
        """Of the room's encoder, in bit/s; None where nothing of ours encodes: a node that chooses it by itself."""
        ...

    def nodes(self) -> dict[str, str]:
        """Node name → `up`, `down` or a reason."""
        ...
