"""A room's sound for those without a voice channel: a tap of its player's encoder."""

import struct
from collections.abc import AsyncGenerator, AsyncIterator

import aiohttp
import structlog

from audio.node import NODE_ERRORS
from audio.players import Players
from audio.taps import new_tap
from core.ports.stream import Format
from core.types import RoomId

LENGTH = struct.Struct(">H")

log = structlog.get_logger()


class Taps:
    """The port `RoomStream`."""

    def __init__(self, players: Players) -> None:
        self._players = players

    async def packets(self, room: RoomId, *, recent: int = 0, form: Format = "opus") -> AsyncGenerator[bytes]:
        """Packets of a format in real time; ends when there is no node, or it goes away, or the player moves.

        Those of the last `recent` ms come first, at once.
        """
        player = await self._players.player(room)
        if player is None:
            return
        tap = new_tap(form)
        try:
            async with await player.broadcast.open(tap, recent=recent) as stream:
                async for packet in _frames(stream.content):
                    yield packet
        except NODE_ERRORS as error:
            log.info("tap ended", room=room, error=type(error).__name__)
        finally:
            player.broadcast.close(tap)


async def _frames(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Packets out of `u16 big-endian length | packet` frames (docs/nodes.md)."""
    while not content.at_eof():
        try:
            (length,) = LENGTH.unpack(await content.readexactly(LENGTH.size))
            yield await content.readexactly(length)
        except EOFError:
            return
