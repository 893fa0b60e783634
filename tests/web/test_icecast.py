"""Mounts of an Icecast server: what its listeners hear and read, who is counted, what happens when it goes away."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from core.enums import Guests, Meter
from core.errors import UsedUpError
from core.ports.places import RoomRef
from core.room import Room
from core.types import RoomId
from tests import sound
from tests.fakes import FakeClock
from tests.waiting import free_port, until
from tests.web.fake_icecast import FakeIcecast, icecast
from tests.web.harness import Site, make_site, songs
from tests.web.test_stream import decoded, encoded
from web.icecast import SEND_BUFFER, Icecast, Server, path_of
from web.stream import Streams

MOUNT = "/lobby.mp3"


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.icecast.LOOK", 0.2)
    monkeypatch.setattr("web.icecast.PAUSES", (0.1, 0.5))


@pytest.fixture
async def site(tmp_path: Path) -> Site:
    made = await make_site(tmp_path, clock=FakeClock())
    ann = await made.come("Ann")
    await made.jukebox.add(made.lobby.room, ann, songs()[:2])
    await made.start()
    return made


class Running:
    """An Icecast client at work."""

    def __init__(self, site: Site, url: str, *, owned: bool = True) -> None:
        self.streams = Streams(encoded(440, 4.0, "mp3"), linger=0.1)

        def owns(_room: RoomRef) -> bool:
            return owned

        client = Icecast(
            Server(url),
            self.streams,
            rooms=site.rooms,
            places=site.places,
            audience=self,
            owns=owns,
            quotas=self,
        )
        self.used_up = False
        self.audience: list[tuple[str, int]] = []
        self.task = asyncio.create_task(client.run())

    def passed_on(self, room: RoomId, listeners: int) -> None:
        self.audience.append((room, listeners))

    def require(self, room: Room, meter: Meter, amount: int = 1) -> None:
        if self.used_up:
            raise UsedUpError(meter, 0)

    async def spend(self, room: Room, meter: Meter, amount: int, key: str) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.streams.close()


@pytest.fixture
async def server() -> AsyncIterator[FakeIcecast]:
    async with icecast() as made:
        yield made


@pytest.fixture
async def running(site: Site, server: FakeIcecast) -> AsyncIterator[Running]:
    made = Running(site, f"http://source:hackme@127.0.0.1:{server.port}")
    yield made
    await made.stop()


@pytest.mark.usefixtures("running")
async def test_a_room_that_plays_is_heard_there_with_its_titles(site: Site, server: FakeIcecast) -> None:
    await until(lambda: len(server.sound.get(MOUNT, b"")) > 80_000)
    tones = sound.tones_in(decoded(bytes(server.sound[MOUNT]), "mp3").T)
    assert [round(tone.hz / 10) for tone in tones] == [44]
    first, second = (f"{it.artist} - {it.title}" for it in songs()[:2])
    await until(lambda: server.titles == [(MOUNT, first)])
    await site.jukebox.skip(site.lobby.room, await site.come("Ann"))
    await site.start()
    await until(lambda: server.titles[-1] == (MOUNT, second))
    assert server.requests[0]["ice-public"] == "0"
    assert server.requests[0]["ice-name"] == site.lobby.name


async def test_how_many_listen_there_is_told(running: Running, site: Site, server: FakeIcecast) -> None:
    await until(lambda: MOUNT in server.sound)
    server.listeners = 3
    await until(lambda: running.audience[-1:] == [("lobby", 3)])
    server.listeners = 0
    await until(lambda: running.audience[-1] == ("lobby", 0))
    server.listeners = 2
    await until(lambda: running.audience[-1] == ("lobby", 2))
    await site.jukebox.stop(site.lobby.room, await site.come("Ann"))
    await until(lambda: running.audience[-1] == ("lobby", 0))


@pytest.mark.usefixtures("running")
async def test_a_room_without_guests_or_without_music_has_no_mount(site: Site, server: FakeIcecast) -> None:
    await until(lambda: MOUNT in server.sound)
    ann = await site.come("Ann")
    admin = type(ann)(ann.person, ann.name, ann.place, ann.surface, admin=True)
    await site.jukebox.configure(site.lobby.room, admin, {"guests": Guests.OFF})
    await until(lambda: MOUNT not in server.sound)
    await site.jukebox.configure(site.lobby.room, admin, {"guests": Guests.ADD})
    await until(lambda: MOUNT in server.sound)
    await site.jukebox.stop(site.lobby.room, admin)
    await until(lambda: MOUNT not in server.sound)


async def test_a_room_that_was_heard_as_long_as_its_plan_has_is_mounted_no_more(
    running: Running, server: FakeIcecast
) -> None:
    await until(lambda: MOUNT in server.sound)
    server.listeners = 3
    await until(lambda: running.audience[-1:] == [("lobby", 3)])
    running.used_up = True
    await until(lambda: MOUNT not in server.sound)
    assert running.audience[-1] == ("lobby", 0)
    running.used_up = False
    await until(lambda: MOUNT in server.sound)


async def test_a_mount_that_is_cut_comes_back(running: Running, server: FakeIcecast) -> None:
    await until(lambda: MOUNT in server.sound)
    server.listeners = 3
    await until(lambda: running.audience[-1:] == [("lobby", 3)])
    running.audience.clear()
    server.cut()
    await until(lambda: len(server.past) == 1)
    await until(lambda: ("lobby", 0) in running.audience, what="nobody hears it there meanwhile")
    await until(lambda: len(server.sound.get(MOUNT, b"")) > 20_000)


async def test_a_server_that_cuts_at_once_is_tried_ever_more_rarely(site: Site) -> None:
    calls = list[float]()

    async def cutting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.readline()).startswith(b"PUT "):  # and no question who listens
            calls.append(time.monotonic())
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(cutting, "127.0.0.1", 0)
    running = Running(site, f"http://source:pw@127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        await until(lambda: len(calls) > 3)
    finally:
        await running.stop()
        server.close()
    assert calls[3] - calls[2] > 0.35


async def test_a_server_that_takes_nothing_is_left_and_tried_again(
    running: Running, server: FakeIcecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: MOUNT in server.sound)
    (writer,) = server.writers
    peer = Server(f"http://source:hackme@127.0.0.1:{server.port}")
    async with peer.mounted("/other.mp3", "Other") as (mount, _reader):
        sock = mount._writer.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 4 * SEND_BUFFER
        assert 0 < sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 30_000
        server.stalled = asyncio.Event()
        monkeypatch.setattr("web.relay.UNSENT", -1)  # whatever it took
        await until(lambda: writer.transport.is_closing() or len(server.past) > 0)
        monkeypatch.setattr("web.relay.UNSENT", 256 * 1024)
        server.stalled.set()
        await until(lambda: len(server.past) > 0 and len(server.sound.get(MOUNT, b"")) > 10_000)


async def test_a_server_that_comes_later_or_refuses_is_tried_again(site: Site) -> None:
    port = free_port()
    with structlog.testing.capture_logs() as logs:
        running = Running(site, f"http://source:wr0ng@127.0.0.1:{port}")
        await until(lambda: any(line["event"] == "icecast mount failed" for line in logs))
        async with icecast("hackme", port) as strict:
            await until(lambda: strict.refused > 1)
        await running.stop()
    assert "wr0ng" not in repr(logs)


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH\r\n\r\n", b"x" * 100_000, b"HTTP/1.1 abc\r\n\r\n", b""])
async def test_what_is_no_icecast_is_tried_again(site: Site, answer: bytes) -> None:
    calls = 0

    async def chatter(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(chatter, "127.0.0.1", 0)
    running = Running(site, f"http://source:pw@127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await until(lambda: calls > 2)
    await running.stop()
    server.close()


@pytest.mark.parametrize("status", ["[]", '{"icestats": 7}', '{"icestats": {"source": [5]}}', "{", "null"])
async def test_a_status_that_cannot_be_read_stops_no_titles(
    running: Running, site: Site, server: FakeIcecast, status: str
) -> None:
    server.status = status
    await until(lambda: server.titles)
    await site.jukebox.skip(site.lobby.room, await site.come("Ann"))
    await site.start()
    await until(lambda: len(server.titles) == 2)
    server.status, server.listeners = None, 4
    await until(lambda: running.audience[-1:] == [("lobby", 4)])


def test_a_mount_does_not_tell_where_the_page_of_its_room_is() -> None:
    room = RoomId("Zm9vYmFyYmF6cXV4eA")
    path = path_of(room)
    assert room not in path
    assert path == path_of(room) != path_of(RoomId("another"))
    assert path.endswith(".mp3")
    assert path_of(RoomId("lobby")) == MOUNT


async def test_only_who_acts_for_a_room_mounts_it(site: Site, server: FakeIcecast) -> None:
    running = Running(site, f"http://source:hackme@127.0.0.1:{server.port}", owned=False)
    await asyncio.sleep(0.6)
    assert not server.requests
    await running.stop()
