"""What lavalink/voice_socket.py touches inside discord.py: a new version must not take it away unseen."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import davey
import discord
import pytest
from discord.enums import SpeakingState
from discord.errors import ConnectionClosed
from discord.gateway import DiscordVoiceWebSocket
from discord.voice_client import VoiceClient
from discord.voice_state import VoiceConnectionState

WEBSOCKET = {
    "from_connection_state": {"state", "resume", "seq_ack"},
    "received_message": {"msg"},
    "received_binary_message": {"msg"},
    "poll_event": set[str](),
    "discover_ip": set[str](),
    "send_as_json": {"data"},
    "speak": {"state"},
    "close": {"code"},
}
CLIENT = {
    "__init__": {"client", "channel"},
    "create_connection_state": set[str](),
    "checked_add": {"attr", "value", "limit"},
    "_encrypt_aead_xchacha20_poly1305_rtpsize": {"header", "data"},
}
OPCODES = {
    "HEARTBEAT": 3,
    "HELLO": 8,
    "RESUMED": 9,
    "CLIENTS_CONNECT": 11,
    "CLIENT_CONNECT": 12,
    "CLIENT_DISCONNECT": 13,
    "DAVE_PREPARE_EPOCH": 24,
}


def test_the_version_is_the_one_that_was_read() -> None:
    assert discord.__version__ == "2.7.1"
    assert davey.DAVE_PROTOCOL_VERSION == 1


@pytest.mark.parametrize(("owner", "methods"), [(DiscordVoiceWebSocket, WEBSOCKET), (VoiceClient, CLIENT)])
def test_methods_and_their_arguments_are_there(owner: type, methods: dict[str, set[str]]) -> None:
    for name, arguments in methods.items():
        assert arguments <= set(inspect.signature(getattr(owner, name)).parameters), name


@pytest.mark.parametrize(("name", "number"), OPCODES.items())
def test_opcodes(name: str, number: int) -> None:
    assert getattr(DiscordVoiceWebSocket, name) == number


async def test_attributes_of_a_connection() -> None:
    state = SimpleNamespace(loop=None, http=None, user=SimpleNamespace(id=1))
    channel = SimpleNamespace(id=2, guild=SimpleNamespace(id=3))
    client = VoiceClient(cast_any(SimpleNamespace(_connection=state)), cast_any(channel))
    connection = client._connection
    assert isinstance(connection, VoiceConnectionState)
    for name in ("token", "session_id", "server_id", "endpoint", "socket", "ws", "secret_key", "mode", "ssrc", "ip"):
        assert hasattr(connection, name), name
    assert (connection.dave_session, connection.dave_protocol_version, connection.can_encrypt) == (None, 0, False)
    assert (client.sequence, client.timestamp, client._incr_nonce) == (0, 0, 0)
    assert client.user.id == 1
    assert callable(connection._create_socket)
    for name in ("register", "unregister", "pause", "resume", "stop"):
        assert callable(getattr(connection._socket_reader, name)), name
    connection._socket_reader.stop()


def test_the_websocket_keeps_its_heartbeat_and_sequence() -> None:
    websocket = DiscordVoiceWebSocket(cast_any(None), cast_any(None))
    assert (websocket._keep_alive, websocket.seq_ack, websocket.secret_key) == (None, -1, None)
    source = inspect.getsource(DiscordVoiceWebSocket)
    for called in ("_keep_alive.ack()", "_keep_alive.stop()", "http.ws_connect(", "state.supported_modes"):
        assert called in source.replace("self._connection.supported_modes", "state.supported_modes"), called


def test_enums_and_errors() -> None:
    assert (int(SpeakingState.voice), int(SpeakingState.none)) == (1, 0)
    closed = ConnectionClosed(cast_any(SimpleNamespace(close_code=4006)), shard_id=None)
    assert closed.code == 4006


def cast_any(value: object) -> Any:
    return value
