"""discord.py's voice transport outside of a Client: the protocol is its own, the connection's policy is ours.

discord.py is pinned exactly; tests/lavalink/test_voice_names.py lists every name of it that is touched here.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import socket
import ssl
import struct
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import davey
import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from discord.enums import SpeakingState
from discord.errors import ConnectionClosed
from discord.gateway import DiscordVoiceWebSocket
from discord.voice_client import VoiceClient
from discord.voice_state import VoiceConnectionState

from lavalink.opus import FRAME
from lavalink.voice_codes import ABNORMAL, GatewayClosedError
from lavalink.voice_loop import Heartbeat, LoopReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from lavalink.protocol import VoiceState

DISCOVERY_TRIES = 5
DISCOVERY_TIMEOUT = 1.0
CLOSE_TIMEOUT = 1.0
GCM = "aead_aes256_gcm_rtpsize"
NEW_GROUP = 1
"""The DAVE epoch that announces a new MLS group."""

log = structlog.get_logger()

# By PyDLL the GIL is kept for the 3 µs of a send: giving it up costs a fight with the decoding threads to get it back.
_libc = ctypes.PyDLL(None, use_errno=False)
_send = _libc.send
_send.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
_send.restype = ctypes.c_ssize_t
_SEND_FLAGS = int(socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)  # an enum's `|` costs more than encrypting
_RTP_HEADER = struct.Struct(">BBHII")
_GCM_NONCE = struct.Struct(">I8x")


@cache
def tls_context() -> ssl.SSLContext:
    """One for all connections: reading the certificates takes longer than a handshake (`SSL_CERT_FILE` counts)."""
    return ssl.create_default_context()


class VoiceSocket(DiscordVoiceWebSocket):
    """The voice gateway's websocket, with the repairs that a bot needs."""

    _connection: Connection  # pyright: ignore[reportIncompatibleVariableOverride] - only ever made by one

    async def received_message(self, msg: dict[str, Any]) -> None:
        """Handles a JSON message."""
        op: int = msg["op"]
        data: dict[str, Any] = msg.get("d") or {}  # RESUMED may bring null
        if op == self.HELLO:
            self.seq_ack = msg.get("seq", self.seq_ack)
            self._keep_alive = cast("Any", Heartbeat(self, data["heartbeat_interval"] / 1000))
            return
        if op == self.DAVE_PREPARE_EPOCH:
            self._connection.prepare_epoch(data)
        await super().received_message(msg | {"d": data})
        if op == self.RESUMED:
            self.secret_key = self._connection.secret_key  # RESUMED brings none
        elif op in {self.CLIENTS_CONNECT, self.CLIENT_CONNECT}:
            self._connection.joined(data)
        elif op == self.CLIENT_DISCONNECT:
            self._connection.others.discard(str(data["user_id"]))

    async def received_binary_message(self, msg: bytes) -> None:
        """Handles a DAVE message; a refused one must not end the connection.

        A missed proposal shows as a bad commit later, from which discord.py recovers by itself.
        """
        try:
            await super().received_binary_message(msg)
        except (ValueError, IndexError, struct.error) as error:
            log.warning("DAVE message refused", op=msg[2:3], error=str(error))

    async def discover_ip(self) -> tuple[str, int]:
        """Asks again when the answer is lost; raises TimeoutError."""
        for _ in range(DISCOVERY_TRIES - 1):
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(super().discover_ip(), DISCOVERY_TIMEOUT)
        return await asyncio.wait_for(super().discover_ip(), DISCOVERY_TIMEOUT)


class Connection(VoiceConnectionState):
    """The state that discord.py's websocket works on: keys, addresses, DAVE."""

    voice_client: Transport

    def __init__(self, client: Transport) -> None:
        super().__init__(client)
        self._socket_reader.stop()
        self._socket_reader = cast("Any", LoopReader(self))
        self.others: set[str] = set()

    @property
    def latency(self) -> float:
        """Seconds of the voice gateway's last round trip, infinite before the first."""
        heartbeat = cast("Heartbeat | None", self.ws._keep_alive if self.ws else None)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        return heartbeat.latency if heartbeat else float("inf")

    def joined(self, data: dict[str, Any]) -> None:
        """Others are in the channel (op 11: `user_ids`, maybe none; op 12: `user_id`)."""
        users: list[object] = [*data.get("user_ids", ()), *([data["user_id"]] if "user_id" in data else ())]
        self.others |= {str(user) for user in users} - {str(self.user.id)}

    def prepare_epoch(self, data: dict[str, Any]) -> None:
        """Makes the DAVE session for a channel that had none when we joined: discord.py would ignore the upgrade."""
        if self.dave_session is None and data["epoch"] == NEW_GROUP and data["protocol_version"]:
            channel_id = self.voice_client.channel.id
            self.dave_session = davey.DaveSession(data["protocol_version"], self.user.id, channel_id)

    async def open(self, voice: VoiceState, guild_id: int) -> None:
        """The whole handshake: identify, UDP discovery, key; raises whatever fails."""
        self.token, self.session_id, self.server_id = voice.token, voice.session_id, guild_id
        self.endpoint = voice.endpoint.removeprefix("wss://")
        self._create_socket()
        await self.dial(resume=False)

    async def dial(self, *, resume: bool) -> None:
        """A websocket to the voice gateway, up to the point where audio may flow; raises GatewayClosedError."""
        seq_ack = self.ws.seq_ack if self.ws else -1
        self.ws = await VoiceSocket.from_connection_state(self, resume=resume, seq_ack=seq_ack)
        try:
            while self.ws.secret_key is None:
                await self.ws.poll_event()
        except ConnectionClosed as error:
            raise GatewayClosedError(error.code) from error

    async def closed(self) -> int:
        """Handles the gateway's messages until it closes; returns the close code."""
        while True:
            try:
                await self.ws.poll_event()
            except ConnectionClosed as error:
                return error.code
            except TimeoutError:
                return ABNORMAL
            except Exception:
                log.exception("voice gateway message failed", guild=self.server_id)
                return ABNORMAL

    async def speak(self, *, speaking: bool) -> None:
        """Tells the channel that audio begins or ends."""
        await self.ws.speak(SpeakingState.voice if speaking else SpeakingState.none)

    async def hang_up(self) -> None:
        """Closes the websocket; the UDP socket stays for a resume."""
        if self.ws:
            with contextlib.suppress(ConnectionError):
                await self.ws.close()

    async def close(self) -> None:
        """Closes both sockets."""
        self._socket_reader.pause()
        if self.socket:
            self.socket.close()
        await self.hang_up()


class Transport(VoiceClient):
    """Encrypts and sends packets over a Connection."""

    supported_modes = cast("Any", (GCM, "aead_xchacha20_poly1305_rtpsize"))
    _connection: Connection  # pyright: ignore[reportIncompatibleVariableOverride] - see create_connection_state

    def __init__(self, session: aiohttp.ClientSession, user_id: int, guild_id: int, channel_id: int) -> None:
        loop = asyncio.get_running_loop()
        state = SimpleNamespace(loop=loop, http=_Http(session), user=SimpleNamespace(id=user_id))
        channel = SimpleNamespace(id=channel_id, guild=SimpleNamespace(id=guild_id))
        super().__init__(cast("Any", SimpleNamespace(_connection=state)), cast("Any", channel))
        self._cipher: tuple[list[int], AESGCM] | None = None

    @property
    def connection(self) -> Connection:
        """The state of the connection."""
        return self._connection

    @property
    def exposed(self) -> bool:
        """Whether a frame sent now would go without the end-to-end encryption that the channel expects.

        So it is while the bot is alone (there is no group of one), when nobody would hear it either.
        """
        state = self._connection
        return state.dave_protocol_version != 0 and not state.can_encrypt

    def create_connection_state(self) -> Connection:
        """Called by discord.py's constructor."""
        return Connection(self)

    def send(self, opus: bytes) -> None:
        """One 20 ms frame; never blocks: what the system cannot take now is lost, as on the way."""
        self.sequence = (self.sequence + 1) & 0xFFFF
        packet = self._sealed(opus)
        _send(self._connection.socket.fileno(), packet, len(packet), _SEND_FLAGS)
        self.timestamp = (self.timestamp + FRAME) & 0xFFFFFFFF

    def _sealed(self, data: bytes) -> bytes:
        """A frame as it goes over the wire: what discord.py's `_get_voice_packet` makes, in half the time."""
        state = self._connection
        if state.dave_session is not None and state.can_encrypt:
            data = state.dave_session.encrypt_opus(data)
        header = _RTP_HEADER.pack(0x80, 0x78, self.sequence, self.timestamp, state.ssrc)
        if cast("str", state.mode) == GCM:
            return self._encrypt_aead_aes256_gcm_rtpsize(header, data)
        encrypt = cast("Callable[[bytes, bytes], bytes]", self._encrypt_aead_xchacha20_poly1305_rtpsize)
        return encrypt(header, data)

    def _encrypt_aead_aes256_gcm_rtpsize(self, header: bytes, data: bytes) -> bytes:
        """Discord's preferred mode, which discord.py 2.7.1 lacks: nonce of 4 bytes at the end, header authenticated."""
        key = self._connection.secret_key
        if self._cipher is None or self._cipher[0] is not key:
            self._cipher = (key, AESGCM(bytes(key)))
        nonce = _GCM_NONCE.pack(self._incr_nonce)
        self._incr_nonce = (self._incr_nonce + 1) & 0xFFFFFFFF
        return header + self._cipher[1].encrypt(nonce, data, header) + nonce[:4]


class _Http:
    """Stands for discord.py's HTTP client."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def ws_connect(self, url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        return await self._session.ws_connect(
            url,
            compress=compress,
            max_msg_size=0,
            autoclose=False,
            ssl=tls_context(),
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),  # pyright: ignore[reportCallIssue] - attrs
        )
