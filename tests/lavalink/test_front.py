"""A front between a client and processes that fail it while they are asked for a new player."""

import asyncio
import errno
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from lavalink.front import Front, make_front
from lavalink.processes import Process, Processes
from tests.contract.node_client import NodeAddress, NodeClient
from tests.waiting import until

PASSWORD = "secret"
PLAYERS = "/v4/sessions/{session}/players"


class Backend(Process):
    """In this very process; `mute`: it opens no session; `cut`: it cuts the connection of the next PATCH.

    `makes`: it does what a PATCH says before it cuts the connection; `dies`: its event stream ends with it; `refuses`:
    it has reached its share of a limit.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number, ())
        self.mute = self.cut = self.dies = self.refuses = False
        self.makes = True
        self.made: list[int] = []
        self.deletes = asyncio.Event()
        self.deletes.set()
        self._sockets: list[web.WebSocketResponse] = []

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/v4/websocket", self._websocket)
        app.router.add_get(PLAYERS, self._list)
        app.router.add_get(PLAYERS + "/{guild}", self._get)
        app.router.add_patch(PLAYERS + "/{guild}", self._patch)
        app.router.add_delete(PLAYERS + "/{guild}", self._delete)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.http = aiohttp.ClientSession()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._listens.set()

    async def stop(self) -> None:
        await self.http.close()
        await self._runner.cleanup()

    async def look(self) -> bool:
        return True

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        if not self.mute:
            await socket.send_json({"op": "ready", "resumed": False, "sessionId": "s"})
        async for _ in socket:
            pass
        return socket

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response([{"guildId": str(guild)} for guild in self.made])

    async def _get(self, request: web.Request) -> web.Response:
        there = int(request.match_info["guild"]) in self.made
        return web.json_response({}, status=200 if there else 404)

    async def _patch(self, request: web.Request) -> web.Response:
        if self.refuses and int(request.match_info["guild"]) not in self.made:
            return web.json_response({"message": f"process {self.number} is full"}, status=503)
        if self.makes:
            self.made.append(int(request.match_info["guild"]))
        if self.cut:
            self.cut = False
            assert request.transport is not None
            request.transport.abort()
            if self.dies:
                self.url = None
                for socket in self._sockets:
                    await socket.close()
        return web.json_response({})

    async def _delete(self, request: web.Request) -> web.Response:
        self.made.remove(int(request.match_info["guild"]))
        await self.deletes.wait()
        return web.Response(status=204)


@asynccontextmanager
async def fronted(one: Backend, two: Backend) -> AsyncGenerator[NodeClient]:
    front = Front(Processes([one, two]))
    runner = web.AppRunner(make_front(front, PASSWORD), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = NodeAddress(f"http://127.0.0.1:{runner.addresses[0][1]}", PASSWORD, chorus=True)
    try:
        async with NodeClient(address) as node:
            yield await node.connect()
    finally:
        await runner.cleanup()


async def guilds(node: NodeClient) -> list[dict[str, Any]]:
    return (await node.rest("GET", f"{node.session_path}/players")).json


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.front.NOTICED", 0.2)
    monkeypatch.setattr("lavalink.relay.OPEN_TIMEOUT", 0.2)


async def test_a_new_player_goes_where_the_fewest_are() -> None:
    one, two = Backend(1), Backend(2)
    async with fronted(one, two) as node:
        for guild in range(1, 7):
            assert (await node.patch(guild, {})).status == 200
        assert (one.players, two.players) == (len(one.made), len(two.made)) == (3, 3)
        for guild in list(two.made):
            await node.rest("DELETE", node.player_path(guild))
        for guild in (11, 12, 13):
            await node.patch(guild, {})
        assert two.made == [11, 12, 13]


async def test_a_player_that_may_have_been_made_is_not_made_again_elsewhere() -> None:
    one, two = Backend(1), Backend(2)
    async with fronted(one, two) as node:
        one.cut = True
        assert (await node.patch(7, {})).status == 503
        assert (one.made, two.made) == ([7], [])
        assert await guilds(node) == [{"guildId": "7"}]
        assert (one.players, two.players) == (1, 0)
        assert (await node.rest("DELETE", node.player_path(7))).status == 204
        assert (one.made, one.players) == ([], 0)


async def test_a_player_that_was_not_made_has_no_place() -> None:
    one, two = Backend(1), Backend(2)
    async with fronted(one, two) as node:
        one.cut, one.makes = True, False
        assert (await node.patch(7, {})).status == 503
        assert (one.players, two.players) == (0, 0)
        assert (await node.rest("GET", node.player_path(7))).status == 404


@pytest.mark.parametrize("fault", ["dies", "mute"])
async def test_another_process_takes_a_player_in_place_of_one_that_ends_or_is_not_reached(fault: str) -> None:
    one, two = Backend(1), Backend(2)
    async with fronted(one, two) as node:
        one.cut = True
        setattr(one, fault, True)
        assert (await node.patch(7, {})).status == 200
        assert two.made == [7]
        await until(lambda: (one.players, two.players) == (0, 1))
        assert (await node.rest("GET", node.player_path(7))).status == 200


async def test_a_player_that_one_process_has_no_room_for_goes_to_another() -> None:
    one, two = Backend(1), Backend(2)
    async with fronted(one, two) as node:
        one.refuses = True
        assert (await node.patch(7, {})).status == 200
        assert (one.made, two.made, one.players, two.players) == ([], [7], 0, 1)
        two.refuses = True
        refused = await node.patch(8, {})
        assert (refused.status, refused.json["message"]) == (503, "process 2 is full")
        assert (one.players, two.players) == (0, 1)
        assert (await node.patch(7, {})).status == 200, "one that there is"


async def test_a_player_made_while_the_former_one_goes_can_be_reached() -> None:
    one, two = Backend(1), Backend(2)
    async with fronted(one, two) as node:
        await node.patch(7, {})
        one.deletes.clear()
        going = asyncio.create_task(node.rest("DELETE", node.player_path(7)))
        await until(lambda: not one.made)
        assert (await node.patch(7, {})).status == 200
        one.deletes.set()
        assert (await going).status == 204
        assert (await node.rest("GET", node.player_path(7))).status == 200
        assert one.players + two.players == 1


async def test_a_process_that_hangs_is_passed_over_and_does_not_make_the_node_look_dead() -> None:
    one, two = Backend(1), Backend(2)
    async with fronted(one, two) as node:
        answer = await node.rest("GET", "/version")  # of which those processes know nothing
        assert (answer.status, answer.text) == (200, "4.2.2")
        one.hangs = True
        for guild in (7, 8):
            assert (await node.patch(guild, {})).status == 200
        assert (one.made, two.made) == ([], [7, 8])


class Started(Process):
    """Its child cannot be started at first."""

    starts = 0

    async def _spawn(self) -> asyncio.subprocess.Process:
        self.starts += 1
        if self.starts < 3:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        command = "echo '{\"port\": 1}'; exec sleep 60"
        return await asyncio.create_subprocess_exec("sh", "-c", command, stdin=-1, stdout=-1)


async def test_a_process_that_could_not_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.processes.BACK_OFF", (0.0, 0.01))
    process = Started(1, ())
    await process.start()
    await asyncio.wait_for(process.listening(), 10)
    assert process.starts >= 3
    await process.stop()
