"""Copies of tracks that were sent into chats."""

from core.ports.copies import Copies, Copy
from core.types import Track, TrackRef

KNOWN = 1_000


class Sharing:
    """Sends copies; Telegram keeps what it was sent once, so a track goes there once in this process's life."""

    def __init__(self, copies: Copies | None) -> None:
        self._copies = copies
        self._sent: dict[TrackRef, str] = {}

    async def found(self, track: Track) -> Copy | str | None:
        """A copy, or Telegram's id of the one that it has; None when the source is not shared."""
        if (known := self._sent.get(track.ref)) is not None:
            return known
        return await self._copies.copy(track) if self._copies is not None else None

    def note(self, track: Track, file: str | None) -> None:
        """Telegram has it now under this id."""
        if file is not None:
            if len(self._sent) >= KNOWN:
                self._sent.clear()
            self._sent[track.ref] = file
