"""The voice gateway (v8 over TLS): what a voice client connects to after op 4.

Sources: discord-api-docs, topics/voice-connections.md and opcodes-and-status-codes.md.
"""

import asyncio
import itertools
import json
import secrets
from typing import TYPE_CHECKING

from aiohttp import WSMessage, WSMsgType, web

from tests.simulators.discord.bodies import Json
from tests.simulators.discord.certificates import authority
from tests.simulators.discord.channels import Channel, VoiceChannel
from tests.simulators.discord.errors import CloseError, well_formed
from tests.simulators.discord.ids import secret
from tests.simulators.discord.rtp import CIPHERS, MODES, RtpSocket
from tests.simulators.discord.voice_connection import HEARTBEAT_ACK, HELLO, READY, VoiceConnection, VoiceGrant
from tests.simulators.discord.voice_encryption import OPS as DAVE_OPS
from tests.simulators.discord.voice_encryption import Encryption

if TYPE_CHECKING:
    from tests.simulators.discord.guilds import Guild
    from tests.simulators.discord.members import Member
    from tests.simulators.discord.simulator import DiscordSimulator

__all__ = ["MODES", "VoiceConnection", "VoiceServer"]

HEARTBEAT_MS = 13_750
CLOSE_SECONDS = 0.5
IDENTIFY, SELECT_PROTOCOL, HEARTBEAT, SESSION_DESCRIPTION, SPEAKING, RESUME = 0, 1, 3, 4, 5, 7
CLIENTS_CONNECT, CLIENT_CONNECT, CLIENT_DISCONNECT = 11, 12, 13
MEDIA_SINK_WANTS = 15
KEYS = {
    IDENTIFY: {"server_id", "user_id", "session_id", "token"},
    SELECT_PROTOCOL: {"protocol", "data"},
    HEARTBEAT: {"t", "seq_ack"},
    SPEAKING: {"speaking", "delay", "ssrc"},
    RESUME: {"server_id", "session_id", "token", "seq_ack"},
    **{key: {"transition_id"} for key in DAVE_OPS},
}


class VoiceServer:
    """The voice server of all guilds."""

    def __init__(self, discord: "DiscordSimulator", modes: tuple[str, ...], dave: int) -> None:
        self._discord = discord
        self.modes = modes
        self.encryption = Encryption(discord, dave)
        self.grants: dict[int, VoiceGrant] = {}  # the latest of each guild
        self.accepted: dict[int, VoiceConnection] = {}  # whose packets are heard, by guild
        self.connections: list[VoiceConnection] = []
        self.endpoint = ""
        self._ssrcs = itertools.count(secrets.randbelow(1 << 30) + 1)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self.rtp = RtpSocket(self._discord.fail)
        self.rtp.open()
        app = web.Application()
        app.router.add_get("/", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=authority().server).start()
        self.endpoint = f"127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        for connection in self.connections:
            await connection.close(1001)
        await self._runner.cleanup()
        self.rtp.close()

    # -- the voice states that lead here --

    def change(self, guild: "Guild", session_id: str, data: Json) -> None:
        """Op 4 of the bot; where it may not connect nothing happens."""
        bot = guild.bot
        if data["channel_id"] is None:
            bot.set_voice(None)
            return
        channel = guild.channels.get(int(data["channel_id"]))
        if not isinstance(channel, VoiceChannel) or not self._may_enter(bot, channel):
            return
        flags = {"self_deaf": bool(data.get("self_deaf")), "self_mute": bool(data.get("self_mute"))}
        old = bot.voice
        same = old is not None and old.session_id == session_id and old.channel is channel
        before = {"self_deaf": old.self_deaf, "self_mute": old.self_mute} if old else {}
        bot.set_voice(channel, session_id=session_id, **flags)
        if not same or flags == before:
            self._grant(guild, session_id, 4006)

    def _may_enter(self, bot: "Member", channel: VoiceChannel) -> bool:
        inside = [member for member in channel.members if member is not bot]
        full = channel.user_limit and len(inside) >= channel.user_limit and not bot.can("move_members", channel)
        return bot.can("connect", channel) and bot.can("view_channel", channel) and not full

    def moved(self, guild: "Guild") -> None:
        """An admin moved the bot: it gets a new server, the old session ends with 4014."""
        if guild.bot.voice:
            self._grant(guild, guild.bot.voice.session_id, 4014)

    async def relocate(self, guild: "Guild", code: int, *, away: float = 0.0) -> None:
        """The bot's voice server goes: none for `away` seconds, then another one; the old one closes with `code`."""
        session = self.grants[guild.id].session_id
        self._discord.gateway.voice_server(guild, session, self.grants[guild.id].token, None)
        await asyncio.sleep(away)
        self._grant(guild, session, code)
        await self._discord.gateway.flush()

    def _grant(self, guild: "Guild", session_id: str, code: int) -> None:
        """A fresh token; the old session's websocket is closed, its packets are heard until the new one identifies."""
        if old := self.grants.get(guild.id):
            old.valid = False
            self._close_all(old, code)
        grant = self.grants[guild.id] = VoiceGrant(guild, session_id)
        self._discord.gateway.voice_server(guild, session_id, grant.token, self.endpoint)

    def _close_all(self, grant: VoiceGrant, code: int) -> None:
        for connection in self.connections:
            if connection.grant is grant and connection.open:
                self._hang_up(connection, code)

    def presence_changed(self, member: "Member", before: Channel | None, after: Channel | None) -> None:
        """Somebody came, went or moved: the bot in that channel hears of it; the bot itself falls silent."""
        guild = member.guild
        if member is guild.bot:
            if after is None:
                self._end(guild)
            return
        if self.encryption.version:
            self.encryption.move(member, after)
            return
        connection, here = self.accepted.get(guild.id), guild.bot.voice and guild.bot.voice.channel
        if connection is None or here is None or before is after:
            return
        if after is here:
            connection.send(CLIENTS_CONNECT, {"user_ids": [str(member.id)]})
        elif before is here:
            connection.send(CLIENT_DISCONNECT, {"user_id": str(member.id)})

    def _end(self, guild: "Guild") -> None:
        """The bot is in voice no more."""
        if grant := self.grants.pop(guild.id, None):
            grant.valid = False
            self._close_all(grant, 4014)
        if connection := self.accepted.pop(guild.id, None):
            self.encryption.leave(connection)

    # -- the wire --

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("v") != "8":
            self._discord.fail(f"voice gateway: {request.query_string}, not v=8")
        await asyncio.sleep(self._discord.faults.voice_handshake_delay)
        ws = web.WebSocketResponse(timeout=CLOSE_SECONDS)
        await ws.prepare(request)
        if not self._discord.faults.voice_mute:
            await ws.send_json({"op": HELLO, "d": {"v": 8, "heartbeat_interval": HEARTBEAT_MS}})
        connection: VoiceConnection | None = None
        writer: asyncio.Task[None] | None = None
        try:
            async for message in ws:
                if self._discord.faults.voice_mute:
                    continue
                if connection is not None:
                    self._take(connection, message)
                    continue
                with well_formed(message.data):
                    connection = self._begin(ws, *_parsed(message.data))
                writer = asyncio.create_task(connection.write(ws))
        except CloseError as error:
            if error.mistake:
                self._discord.fail(f"voice gateway: {error}")
            await ws.close(code=error.code, message=error.reason.encode())
        finally:
            if writer:
                writer.cancel()
            if connection is not None:
                self._lost(connection, ws)
        return ws

    def _begin(self, ws: web.WebSocketResponse, op: int, data: Json) -> VoiceConnection:
        if codes := self._discord.faults.voice_close_codes:
            raise CloseError(codes.pop(0), "by order of the test")
        if op == IDENTIFY:
            return self._identify(ws, data)
        if op == RESUME:
            return self._resume(ws, data)
        raise CloseError(4003, "Not authenticated", mistake=True)

    def _grant_of(self, data: Json) -> VoiceGrant:
        grant = self.grants.get(int(data["server_id"]))
        if grant is None or grant.session_id != data["session_id"] or not grant.valid:
            raise CloseError(4006, "Session is no longer valid")
        if grant.token != data["token"]:
            raise CloseError(4006, "Session is no longer valid")
        return grant

    def _identify(self, ws: web.WebSocketResponse, data: Json) -> VoiceConnection:
        grant = self._grant_of(data)
        if data["user_id"] != str(self._discord.bot.id):
            raise CloseError(4004, "Authentication failed", mistake=True)
        max_dave = data.get("max_dave_protocol_version", 0)
        if self.encryption.version and not max_dave:
            raise CloseError(4017, "DAVE required")
        connection = VoiceConnection(grant, next(self._ssrcs), ws, max_dave=max_dave)
        self.connections.append(connection)
        if old := self.accepted.get(grant.guild.id):
            self._replace(old)
        self.accepted[grant.guild.id] = connection
        self.rtp.by_ssrc[connection.ssrc] = connection
        host, port = "127.0.0.1", self.rtp.port
        connection.send(READY, {"ssrc": connection.ssrc, "ip": host, "port": port, "modes": list(self.modes)})
        return connection

    def _replace(self, old: VoiceConnection) -> None:
        self.encryption.leave(old)
        if old.open:
            self._hang_up(old, 4006)

    def _hang_up(self, connection: VoiceConnection, code: int) -> None:
        task = asyncio.get_running_loop().create_task(connection.hang_up(code))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _resume(self, ws: web.WebSocketResponse, data: Json) -> VoiceConnection:
        grant = self._grant_of(data)
        connection = self.accepted.get(grant.guild.id)
        if connection is None or connection.grant is not grant or connection.mode is None:
            raise CloseError(4006, "Session is no longer valid")
        connection.resume(ws, data["seq_ack"])
        return connection

    def _lost(self, connection: VoiceConnection, ws: web.WebSocketResponse) -> None:
        if connection.ws is ws:
            connection.ws = None

    def _take(self, connection: VoiceConnection, message: WSMessage) -> None:
        if message.type is WSMsgType.BINARY:
            self.encryption.take_binary(connection, message.data)
            return
        with well_formed(message.data):
            self._handle(connection, *_parsed(message.data))

    def _handle(self, connection: VoiceConnection, op: int, data: Json) -> None:
        if op == HEARTBEAT:
            connection.heartbeats += 1
            connection.send(HEARTBEAT_ACK, {"t": data["t"]})
        elif op == SELECT_PROTOCOL:
            self._select(connection, data)
        elif op == SPEAKING:
            if data["ssrc"] != connection.ssrc or not 0 <= data["speaking"] <= 7:
                raise CloseError(4020, f"Bad request: speaking {data}", mistake=True)
            connection.speaking.append(data["speaking"])
        elif op in DAVE_OPS:
            self.encryption.take(connection, op, data)
        elif op in (IDENTIFY, RESUME):
            raise CloseError(4005, "Already authenticated", mistake=True)
        elif op not in (CLIENT_CONNECT, MEDIA_SINK_WANTS):
            raise CloseError(4001, f"Unknown opcode {op}", mistake=True)

    def _select(self, connection: VoiceConnection, data: Json) -> None:
        chosen = data["data"]
        if data["protocol"] != "udp" or not {"address", "port", "mode"} <= set(chosen):
            raise CloseError(4012, f"Unknown protocol {data}", mistake=True)
        if chosen["mode"] not in self.modes:
            raise CloseError(4016, f"Unknown encryption mode {chosen['mode']}", mistake=True)
        connection.mode = chosen["mode"]
        connection.decrypt = CIPHERS[chosen["mode"]](connection.key)
        voice = connection.grant.guild.bot.voice
        channel = voice.channel if voice else None
        dave = self.encryption.join(connection, channel) if self.encryption.version and channel else 0
        description = {"mode": connection.mode, "secret_key": list(connection.key), "dave_protocol_version": dave}
        codecs = {"audio_codec": "opus", "video_codec": "H264", "media_session_id": secret()}
        connection.send(SESSION_DESCRIPTION, description | codecs)
        if self.encryption.version and channel:
            self.encryption.joined(connection)
        elif channel:
            self._introduce(connection, channel)

    def _introduce(self, connection: VoiceConnection, channel: VoiceChannel) -> None:
        """Who is there already."""
        others = [str(member.id) for member in channel.members if member is not connection.grant.guild.bot]
        if others:
            connection.send(CLIENTS_CONNECT, {"user_ids": others})


def _parsed(text: str | bytes) -> tuple[int, Json]:
    payload = json.loads(text)
    op, data = payload["op"], payload["d"]
    if missing := KEYS.get(op, set()) - set(data):
        raise CloseError(4002, f"op {op} without {sorted(missing)}", mistake=True)
    return op, data
