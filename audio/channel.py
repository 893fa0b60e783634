"""A room's voice channel: the room's wish is followed, and what Discord did with us is told to the room."""

from audio.node import Node
from audio.voice import Voice
from audio.voice_data import VoiceData, VoiceRefusedError
from core import sound
from core.reports import Reports
from core.room import Room
from core.types import RoomId

IDLE = "idle"
"""Why a channel was left that nobody was in: nothing to speak of."""


class Channel:
    """Of one room; `voice` is None for a room without a guild."""

    def __init__(self, room: RoomId, voice: Voice | None, reports: Reports) -> None:
        self.voice = voice
        self._room = room
        self._reports = reports
        self.out = ""
        """Why the room is heard in no channel any more, until it is again."""

    @property
    def data(self) -> VoiceData | None:
        """What a node needs to connect."""
        return self.voice.data if self.voice is not None else None

    @property
    def connecting(self) -> bool:
        """Whether the data of the wanted channel are on their way."""
        return self.voice is not None and self.voice.connecting

    def bitrate(self, room: Room) -> int | None:
        """What the room's encoder is to make, in bit/s; None while the channel is not known."""
        if room.voice_channel is None or self.voice is None:
            return sound.bitrate(room, None)
        channel = self.voice.bitrate
        return None if channel is None else sound.bitrate(room, channel)

    async def mind(self) -> None:
        """Tell the room what Discord did with us."""
        voice = self.voice
        if voice is not None and voice.lost:
            await self._lose(voice.lost)
            voice.lost = ""  # only now: what could not be stored is told again
        if voice is not None and (channel := voice.moved) is not None:
            await self._reports.voice_moved(self._room, channel)
            voice.moved = None if voice.moved == channel else voice.moved

    async def follow(self, room: Room, node: Node) -> bool:
        """Be where the room wants to be heard; whether we may be there."""
        if self.voice is None:
            return True
        try:
            await self.voice.follow(room.voice_channel, node)
        except VoiceRefusedError as error:
            await self._lose(error.reason)
            return False
        return True

    async def leave(self) -> None:
        """Be in no channel."""
        if self.voice is not None:
            await self.voice.leave()

    async def _lose(self, reason: str) -> None:
        self.out = reason
        await self._reports.voice_lost(self._room, reason)

    def trouble(self, room: Room) -> str:
        """Why the room is not heard in its channel, or has none any more; empty when all is well."""
        if room.voice_channel is None or self.voice is None:
            return self.out or ("" if room.voice_lost == IDLE else room.voice_lost)
        self.out = ""
        return self.voice.trouble or self.voice.silenced
