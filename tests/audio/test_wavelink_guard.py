"""The faults of Wavelink's reader: each shown with Wavelink as it comes, then mended."""

import asyncio
import contextlib
import enum
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import aiohttp
import pytest
import wavelink
from wavelink.enums import DiscordVoiceCloseType

from audio.client import NOBODY, NodeClient, user_id
from audio.wavelink_guard import GuardedNode, NodeRequestError, Seat, install
from tests.audio.fake_node import PASSWORD, FakeNode
from tests.waiting import until

Fault = Callable[[FakeNode], Awaitable[None]]
HEARTBEAT = 0.2


async def close_frame(node: FakeNode) -> None:
    await node.say_goodbye()


async def lost_heartbeat(node: FakeNode) -> None:
    """Nothing to do: the fake answers no pings when `deaf`."""


async def unlisted_close_code(node: FakeNode) -> None:
    await node.event("WebSocketClosedEvent", code=1006, reason="", byRemote=True)


async def unreadable_event(node: FakeNode) -> None:
    await node.event("TrackStartEvent", track={"info": {}})


FAULTS = [close_frame, lost_heartbeat, unlisted_close_code, unreadable_event]


class Heard:
    """The events that a client was given."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.payloads: list[Any] = []

    def take(self, kind: str, payload: Any) -> None:
        self.kinds.append(kind)
        self.payloads.append(payload)


@pytest.fixture
async def fake() -> AsyncIterator[FakeNode]:
    async with FakeNode() as node:
        yield node


@pytest.fixture
def heard() -> Heard:
    return Heard()


def options(fake: FakeNode, heard: Heard, password: str = PASSWORD) -> dict[str, Any]:
    return {
        "identifier": "n",
        "uri": fake.uri,
        "password": password,
        "heartbeat": HEARTBEAT,
        "client": cast("Any", NodeClient(5, heard.take)),
        "session": aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10, sock_connect=3)),
    }


@contextlib.contextmanager
def as_it_comes() -> Any:
    """Wavelink without our repair of its enum, whatever ran before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DiscordVoiceCloseType, "_missing_", classmethod(lambda _, value: enum.Enum._missing_(value)))
        yield


@pytest.mark.parametrize("fault", FAULTS)
async def test_as_it_comes_the_reader_dies_and_the_node_stays_connected(
    fake: FakeNode, heard: Heard, fault: Fault
) -> None:
    fake.deaf = fault is lost_heartbeat
    node = wavelink.Node(**options(fake, heard))
    with as_it_comes():
        await node._connect(client=None)
        await until(lambda: node.status is wavelink.NodeStatus.CONNECTED)
        socket = cast("Any", node._websocket)
        reader = socket.keep_alive_task
        assert reader is not None
        await fault(fake)
        await until(reader.done, what="the reader has died")
        assert isinstance(reader.exception(), Exception)
        await asyncio.sleep(0.3)
    assert node.status is wavelink.NodeStatus.CONNECTED
    assert len(fake.sockets) == 1
    assert "node_disconnected" not in heard.kinds
    if socket.socket is not None:
        await socket.socket.close()
    await node._session.close()


@pytest.mark.parametrize("fault", FAULTS)
async def test_mended_the_node_is_connected_again_and_resumed(fake: FakeNode, heard: Heard, fault: Fault) -> None:
    fake.deaf = fault is lost_heartbeat
    install()
    node = GuardedNode(**options(fake, heard))
    node.start(None)
    await until(lambda: "node_ready" in heard.kinds)
    await fault(fake)
    if fault is unlisted_close_code:
        await until(lambda: "websocket_closed" in heard.kinds)
        assert heard.payloads[heard.kinds.index("websocket_closed")].code.value == 1006
        assert len(fake.sockets) == 1, "the event was simply read"
    else:
        await until(lambda: heard.kinds.count("node_ready") == 2)
        assert heard.kinds.count("node_disconnected") == 1
        assert fake.resumed[:2] == [None, "s1"]
    await node.shut()


async def test_a_connection_that_is_cut_is_made_again(fake: FakeNode, heard: Heard) -> None:
    node = GuardedNode(**options(fake, heard))
    node.start(None)
    await until(lambda: "node_ready" in heard.kinds)
    fake.abort()
    await until(lambda: heard.kinds.count("node_ready") == 2)
    assert heard.kinds.count("node_disconnected") == 1
    await node.shut()


async def test_a_session_of_another_process_is_resumed(fake: FakeNode, heard: Heard) -> None:
    node = GuardedNode(**options(fake, heard))
    node.start("older")
    await until(lambda: "node_ready" in heard.kinds)
    assert fake.resumed == ["older"]
    assert fake.users == ["5"]
    await node.shut()
    await asyncio.sleep(0.1)
    assert len(fake.sockets) == 1, "once shut it stays away"


async def test_a_wrong_password_is_named(fake: FakeNode, heard: Heard) -> None:
    node = GuardedNode(**options(fake, heard, "wrong"))
    node.start(None)
    await until(lambda: node.trouble)
    assert node.trouble == "wrong password"
    await node.shut()


async def test_a_refusal_keeps_the_servers_words(fake: FakeNode, heard: Heard) -> None:
    node = GuardedNode(**options(fake, heard))
    node.start(None)
    with pytest.raises(NodeRequestError) as refused:
        await node.request("GET", "/v4/sessions/s1/players/9")
    assert (refused.value.status, refused.value.message) == (404, "Player not found")
    await node.shut()


async def test_a_request_that_hangs_is_given_up(fake: FakeNode, heard: Heard) -> None:
    node = GuardedNode(**options(fake, heard))
    node.start(None)
    fake.hang_patches = True
    with pytest.raises(TimeoutError):
        await node.request("PATCH", "/v4/sessions/s1/players/9", {}, within=0.2)
    await node.shut()


async def test_events_name_the_player_by_its_seat(fake: FakeNode, heard: Heard) -> None:
    node = GuardedNode(**options(fake, heard))
    node.start(None)
    await until(lambda: "node_ready" in heard.kinds)
    node.seat(77, Seat(77))
    state = {"time": 1, "position": 5, "connected": True, "ping": 2}
    await fake.send(op="playerUpdate", guildId="77", state=state)
    await until(lambda: "player_update" in heard.kinds)
    assert heard.payloads[-1].player.player_id == 77
    await node.shut()


def test_the_account_is_read_from_the_token() -> None:
    assert user_id("MTIzNDU2Nzg5MDEyMzQ1Njc4.x.y") == 123456789012345678
    assert user_id("") == NOBODY
    assert user_id("not a token") == NOBODY


async def test_a_node_that_is_left_while_it_is_away_is_not_asked_again(heard: Heard) -> None:
    async with FakeNode() as fake:
        node = GuardedNode(**options(fake, heard))
        node.start(None)
        await until(lambda: "node_ready" in heard.kinds)
        fake.abort()
    await until(lambda: node.trouble == "unreachable", what="attempts to connect again")
    await node.shut()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    ends = await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 3)
    assert [end for end in ends if isinstance(end, Exception)] == []
