"""The gateway (v10, JSON): sessions, events by intent and shard, resuming.

Source: discord-api-docs, events/gateway.md.
"""

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tests.simulators.discord.bodies import Json
from tests.simulators.discord.errors import CloseError, well_formed
from tests.simulators.discord.gateway_session import Connection, GatewaySession
from tests.simulators.discord.intents import (
    GUILD_MEMBERS,
    GUILDS,
    KNOWN,
    MESSAGE_CONTENT,
    PRIVILEGED,
)

if TYPE_CHECKING:
    from tests.simulators.discord.channels import Channel
    from tests.simulators.discord.guilds import Guild
    from tests.simulators.discord.simulator import DiscordSimulator

HEARTBEAT_MS = 41_250
CLOSE_SECONDS = 0.5
HEARTBEAT, IDENTIFY, PRESENCE, VOICE_STATE, RESUME = 1, 2, 3, 4, 6
RECONNECT, REQUEST_MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 7, 8, 9, 10, 11


class Gateway:
    """All sessions of the application."""

    def __init__(self, discord: "DiscordSimulator") -> None:
        self._discord = discord
        self.sessions: dict[str, GatewaySession] = {}
        self.connections: set[Connection] = set()
        self.identified = 0
        self.resumed = 0
        self.linger = 60.0  # how long a session without a connection can be resumed and keeps its voice

    @property
    def live(self) -> list[GatewaySession]:
        """The sessions with a connection."""
        return [session for session in self.sessions.values() if session.connection]

    # -- for tests --

    async def reconnect(self) -> None:
        """Ask every client to reconnect (op 7)."""
        await self._to_all({"op": RECONNECT, "d": None})

    async def invalidate(self, *, resumable: bool = False) -> None:
        """Invalid session (op 9); not resumable: the sessions are gone."""
        if not resumable:
            for session in list(self.sessions.values()):
                self.end(session, keep_voice=True)
        await self._to_all({"op": INVALID_SESSION, "d": resumable})

    async def close(self, code: int) -> None:
        """Close every connection with a code."""
        for connection in list(self.connections):
            connection.close(code)
        await self.flush()

    def drop(self) -> None:
        """Cut every connection."""
        for connection in list(self.connections):
            connection.abort()
            self._lost(connection)

    async def _to_all(self, payload: Json) -> None:
        for connection in self.connections:
            connection.send(payload)
        await self.flush()

    async def flush(self) -> None:
        """Wait until everything told so far is written."""
        for connection in list(self.connections):
            await connection.flushed()

    async def stop(self) -> None:
        for session in self.sessions.values():
            if session.end_timer:
                session.end_timer.cancel()
        for connection in list(self.connections):
            with suppress(ConnectionError, RuntimeError):
                await connection.ws.close(code=1001)
            connection.stop()

    # -- events --

    def dispatch(self, guild: "Guild", event: str, data: Json, intent: int, *, gone: bool = False) -> None:
        """Tell the guild's sessions that asked for this kind of event (intent 0: told always)."""
        if not gone and not (guild.joined and guild.available):
            return
        for session in list(self.sessions.values()):
            if session.sees(guild) and session.intents & intent == intent:
                session.dispatch(event, self._readable(session, event, data))

    def _readable(self, session: GatewaySession, event: str, data: Json) -> Json:
        """Without the MESSAGE_CONTENT intent others' messages come empty."""
        hidden = event.startswith("MESSAGE_") and "author" in data and not session.intents & MESSAGE_CONTENT
        if hidden and data["author"]["id"] != str(self._discord.bot.id):
            return data | {"content": "", "embeds": [], "attachments": [], "components": []}
        return data

    def announce(self, guild: "Guild") -> None:
        """GUILD_CREATE to the sessions that see guilds."""
        for session in self.sessions.values():
            self._announce(session, guild)

    def _announce(self, session: GatewaySession, guild: "Guild") -> None:
        if session.sees(guild) and session.intents & GUILDS and guild.joined and guild.available:
            session.dispatch("GUILD_CREATE", guild.payload(session.intents))

    def channel_updated(self, channel: "Channel") -> None:
        self.dispatch(channel.guild, "CHANNEL_UPDATE", channel.payload(), GUILDS)

    def end(self, session: GatewaySession, *, keep_voice: bool = False) -> None:
        """Forget a session; its voice states end with it."""
        self.sessions.pop(session.id, None)
        if session.end_timer:
            session.end_timer.cancel()
        for guild in self._discord.guilds.values():
            voice = guild.bot.voice
            if voice and voice.session_id == session.id and not keep_voice:
                guild.bot.set_voice(None)

    # -- the wire --

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A client's websocket, from HELLO to its end."""
        if self._discord.faults.gateway_refuses:
            self._discord.faults.gateway_refuses -= 1
            return web.Response(status=503)
        query = request.query
        if query.get("v") != "10" or query.get("encoding") != "json":
            self._discord.fail(f"gateway: {request.query_string}, not v=10 and encoding=json")
        ws = web.WebSocketResponse(timeout=CLOSE_SECONDS, max_msg_size=4096 * 4)
        await ws.prepare(request)
        connection = Connection(ws, compressed=query.get("compress") == "zlib-stream")
        self.connections.add(connection)
        try:
            await self._converse(connection)
        finally:
            self._lost(connection)
        return ws

    async def _converse(self, connection: Connection) -> None:
        connection.send({"op": HELLO, "d": {"heartbeat_interval": HEARTBEAT_MS}})
        if codes := self._discord.faults.gateway_close_codes:
            connection.close(codes.pop(0))
        try:
            async for message in connection.ws:
                self._take(connection, message.data if message.type is WSMsgType.TEXT else b"")
        except CloseError as error:
            if error.mistake:
                self._discord.fail(f"gateway: {error}")
            await connection.flushed()
            await connection.ws.close(code=error.code, message=error.reason.encode())

    def _lost(self, connection: Connection) -> None:
        connection.stop()
        self.connections.discard(connection)
        session = connection.session
        if session is None or session.connection is not connection:
            return
        session.connection = None
        if session.id not in self.sessions:
            return
        if connection.ws.close_code in (1000, 1001) and not connection.closed_here:
            self.end(session)
        else:
            session.end_timer = asyncio.get_running_loop().call_later(self.linger, self.end, session)

    def _take(self, connection: Connection, text: str | bytes) -> None:
        connection.count()
        with well_formed(text):
            payload: Json = json.loads(text)
            self._handle(connection, payload["op"], payload["d"])

    def _handle(self, connection: Connection, op: Any, data: Any) -> None:
        if op == HEARTBEAT:
            connection.heartbeats += 1
            connection.send({"op": HEARTBEAT_ACK, "d": None})
        elif op == IDENTIFY:
            self._identify(connection, data)
        elif op == RESUME:
            self._resume(connection, data)
        elif op not in (PRESENCE, VOICE_STATE, REQUEST_MEMBERS):
            raise CloseError(4001, f"Unknown opcode {op}", mistake=True)
        elif connection.session is None:
            raise CloseError(4003, "Not authenticated", mistake=True)
        elif op == VOICE_STATE:
            self._voice_state(connection.session, data)
        elif op == REQUEST_MEMBERS:
            self._members(connection.session, data)

    def _check_token(self, token: Any) -> None:
        if token != self._discord.token:
            raise CloseError(4004, "Authentication failed")

    def _identify(self, connection: Connection, data: Json) -> None:
        if connection.session:
            raise CloseError(4005, "Already authenticated", mistake=True)
        self._check_token(data.get("token"))
        intents, (shard, shards) = data.get("intents"), data.get("shard") or (0, 1)
        if not isinstance(intents, int) or intents & ~KNOWN:
            raise CloseError(4013, "Invalid intent(s)", mistake=True)
        if intents & PRIVILEGED & ~self._discord.privileged_intents:
            raise CloseError(4014, "Disallowed intent(s)", mistake=True)
        if not 0 <= shard < shards or not {"os", "browser", "device"} <= set(data["properties"]):
            raise CloseError(4010, "Invalid shard", mistake=True)
        session = GatewaySession(intents, (shard, shards))
        self.identified += 1
        self._begin(connection, session)

    def _begin(self, connection: Connection, session: GatewaySession) -> None:
        self.sessions[session.id] = session
        connection.session, session.connection = session, connection
        guilds = [guild for guild in self._discord.guilds.values() if session.sees(guild) and guild.joined]
        session.dispatch(
            "READY",
            {
                "v": 10,
                "user": self._discord.bot.payload()
                | {"verified": True, "mfa_enabled": False, "email": None, "flags": 0},
                "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
                "session_id": session.id,
                "session_type": "normal",
                "resume_gateway_url": self._discord.gateway_url,
                "shard": list(session.shard),
                "application": {"id": str(self._discord.application_id), "flags": 0},
                "private_channels": [],
                "presences": [],
                "relationships": [],
                "user_settings": {},
            },
        )
        for guild in guilds:
            self._announce(session, guild)

    def _resume(self, connection: Connection, data: Json) -> None:
        self._check_token(data.get("token"))
        session = self.sessions.get(data["session_id"])
        if session and data["seq"] > session.sequence:
            raise CloseError(4007, "Invalid seq", mistake=True)
        missed = session.missed(data["seq"]) if session else None
        if session is None or missed is None or connection.session:
            connection.send({"op": INVALID_SESSION, "d": False})
            return
        if session.connection:
            session.connection.close(4000, "session taken over")
        if session.end_timer:
            session.end_timer.cancel()
        self.resumed += 1
        connection.session, session.connection = session, connection
        for text in missed:
            connection.send_text(text)
        session.dispatch("RESUMED", {})

    def _members(self, session: GatewaySession, data: Json) -> None:
        """Request guild members: all need the GUILD_MEMBERS intent, some by id or query do not."""
        guild = self._discord.guilds[int(data["guild_id"])]
        ids, query = data.get("user_ids"), data.get("query")
        if ids is None and not query and not session.intents & GUILD_MEMBERS:
            raise CloseError(4014, "Disallowed intent(s)", mistake=True)
        ids = {int(i) for i in ([ids] if isinstance(ids, str | int) else ids or [])}
        found = [
            member
            for member in guild.members.values()
            if (member.id in ids if ids else member.user.username.lower().startswith((query or "").lower()))
        ]
        found = found[: data.get("limit") or len(found)]
        chunk = {"guild_id": str(guild.id), "members": [m.payload() for m in found], "chunk_index": 0, "chunk_count": 1}
        missing = [str(i) for i in ids - {member.id for member in found}]
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk | {"not_found": missing, "nonce": data.get("nonce")})

    def _voice_state(self, session: GatewaySession, data: Json) -> None:
        """Op 4: join, move, leave, mute or deafen oneself; silently nothing where the bot may not."""
        keys = {"guild_id", "channel_id", "self_mute", "self_deaf"}
        if not keys - {"self_mute", "self_deaf"} <= set(data) <= keys | {"self_video"}:
            raise CloseError(4002, f"voice state update {data}", mistake=True)
        guild = self._discord.guilds.get(int(data["guild_id"]))
        if guild is None or not guild.joined or not session.sees(guild):
            return
        self._discord.voice.change(guild, session.id, data)

    def voice_server(self, guild: "Guild", session_id: str, token: str, endpoint: str | None) -> None:
        """Tell the session in voice where its voice server is."""
        session = self.sessions.get(session_id)
        if session:
            data = {"token": token, "guild_id": str(guild.id), "endpoint": endpoint}
            session.dispatch("VOICE_SERVER_UPDATE", data)
