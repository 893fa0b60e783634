"""A voice client's connection: its websocket, its key, its packets."""

import asyncio
import json
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.simulators.discord.ids import secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from tests.simulators.discord.bodies import Json
    from tests.simulators.discord.guilds import Guild
    from tests.simulators.discord.listening import Packet

READY, HEARTBEAT_ACK, HELLO, RESUMED = 2, 6, 8, 9
UNNUMBERED = {READY, HEARTBEAT_ACK, HELLO, RESUMED}


class VoiceGrant:
    """What one op 4 allows: to connect to this guild's voice with this token."""

    def __init__(self, guild: "Guild", session_id: str) -> None:
        self.guild = guild
        self.session_id = session_id
        self.token = secret()
        self.valid = True


class VoiceConnection:
    """One accepted IDENTIFY, over one websocket or, after resumes, several."""

    def __init__(self, grant: VoiceGrant, ssrc: int, ws: "web.WebSocketResponse", *, max_dave: int) -> None:
        self.grant = grant
        self.ssrc = ssrc
        self.ws: web.WebSocketResponse | None = ws
        self.max_dave = max_dave
        self.key = secrets.token_bytes(32)
        self.mode: str | None = None
        self.decrypt: Callable[[bytes], bytes] | None = None
        self.nonces: set[bytes] = set()
        self.speaking: list[int] = []
        self.heartbeats = 0
        self.resumes = 0
        self.close_code: int | None = None  # the last one that it was closed with
        self.received = 0
        self.first_packet: float | None = None
        self._log: list[tuple[int, bytes | str]] = []
        self._outbox: asyncio.Queue[bytes | str] = asyncio.Queue()

    @property
    def open(self) -> bool:
        """Whether its websocket is there."""
        return self.ws is not None and not self.ws.closed

    def receive(self, packet: "Packet") -> None:
        """A packet of its SSRC: heard in the bot's channel, or discarded."""
        self.received += 1
        self.first_packet = self.first_packet or packet.at
        guild = self.grant.guild
        voice = guild.bot.voice
        if voice is None or voice.channel is None:
            return
        accepted = guild.discord.voice.accepted.get(guild.id) is self
        silenced = guild.bot.mute or voice.self_mute or voice.suppressed
        opus = guild.discord.voice.encryption.decrypt(self, packet.opus) if accepted and not silenced else None
        if opus is None:
            voice.channel.discarded.append(packet)
        else:
            voice.channel.packets.append(packet._replace(opus=opus))

    def send(self, op: int, data: Any) -> None:
        """Queue a message; numbered ones are kept for a resume."""
        message: Json = {"op": op, "d": data}
        if op not in UNNUMBERED:
            message["seq"] = len(self._log) + 1
        self._queue(json.dumps(message), numbered=op not in UNNUMBERED)

    def send_binary(self, op: int, body: bytes) -> None:
        number = len(self._log) + 1
        self._queue(number.to_bytes(2, "big") + bytes([op]) + body, numbered=True)

    def _queue(self, frame: bytes | str, *, numbered: bool) -> None:
        if numbered:
            self._log.append((len(self._log) + 1, frame))
        if self.open:
            self._outbox.put_nowait(frame)

    def resume(self, ws: "web.WebSocketResponse", after: int) -> None:
        """Go on over another websocket: send again what the client has not seen."""
        self.abort()
        self.ws = ws
        self.resumes += 1
        self._outbox = asyncio.Queue()
        self.send(RESUMED, None)
        for number, frame in self._log:
            if number > after:
                self._outbox.put_nowait(frame)

    async def write(self, ws: "web.WebSocketResponse") -> None:
        """Write the queue to this websocket, until cancelled or the client has gone."""
        with suppress(ConnectionError, RuntimeError):
            while True:
                frame = await self._outbox.get()
                await (ws.send_str(frame) if isinstance(frame, str) else ws.send_bytes(frame))

    async def close(self, code: int, reason: str = "") -> None:
        """The voice server closes the websocket; with 4006 and 4014 the session ends too."""
        if code in (4006, 4014):
            self.grant.valid = False
        await self.hang_up(code, reason)

    async def hang_up(self, code: int, reason: str = "") -> None:
        """Close the websocket, not the session."""
        self.close_code = code
        if (ws := self.ws) is not None:
            with suppress(ConnectionError, RuntimeError):
                await ws.close(code=code, message=reason.encode())
            _cut(ws)  # Koe never answers, neither a websocket's close nor TLS's

    def abort(self) -> None:
        """Cut the TCP connection."""
        if self.ws is not None:
            _cut(self.ws)


def _cut(ws: "web.WebSocketResponse") -> None:
    if ws._req is not None and ws._req.transport is not None:
        ws._req.transport.abort()
