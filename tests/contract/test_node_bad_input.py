"""What a node makes of clients that are broken, hostile or too many: it says no, and plays on."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import resource
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest

from tests.contract.node_client import NodeClient
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.contract.media_host import MediaHost
    from tests.contract.node_client import Answer, NodeAddress

GUILD = 4242
OTHER = 4243
JSON = {"Content-Type": "application/json"}
MEGABYTE = 1 << 20
MANY = 1000


@pytest.fixture
async def playing(node: NodeClient, media: MediaHost) -> AsyncGenerator[NodeClient]:
    """A client with a player that goes on playing, whatever happens beside it."""
    await node.patch(OTHER, {"track": {"identifier": media.tone(440, 30)}})
    await node.event("TrackStartEvent")
    yield node
    player = await node.player(OTHER)
    assert player["track"] is not None
    if node.address.chorus:  # a Java node's stands still without voice
        here = player["state"]["position"]

        async def goes_on() -> bool:
            return (await node.player(OTHER))["state"]["position"] > here

        await until(goes_on, what="the other player goes on")


async def send(address: NodeAddress, data: bytes) -> bytes:
    """What a node says to these bytes before it closes the connection, or within a second."""
    url = urlsplit(address.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(data)
    said = b""
    try:
        async with asyncio.timeout(1):
            while piece := await reader.read(65536):
                said += piece
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return said


def refused(answer: Answer, *statuses: int) -> bool:
    """Whether it is a refusal with Lavalink's error object, and one of these statuses."""
    return answer.status in statuses and answer.json["status"] == answer.status and bool(answer.json["message"])


# Bytes that are no request


NO_REQUESTS = [
    b"\x00" * 100,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 500,
    b"GET\r\n\r\n",
    b"GET /version HTTP/1.1\r\nAuthorization: s3cret\x00\r\n\r\n",
    b"GET /version HTTP/1.1\r\nAuthorization s3cret\r\n\r\n",
    b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET /version HTTP/1.1\r\nAuthorization: " + b"s3cret" * 50_000 + b"\r\n\r\n",
    b"GET /version HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
    b"POST /v4/decodetracks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /version HTTP/1.1\r\nHost: a\r\n\r\nBREW s3cret HTTP/1.1\r\n\r\n",
]


async def test_bytes_that_are_no_request_are_no_trouble(playing: NodeClient) -> None:
    for said in await asyncio.gather(*(send(playing.address, data) for data in NO_REQUESTS)):
        assert not said.startswith(b"HTTP/1.1 2")
    assert (await playing.rest("GET", "/version")).status == 200


# Bodies


NO_JSON = [
    b"\xff\xfe\x00",
    b'{"volume": 1',
    b"[" * 100_000,
    b'{"track": {"userData": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}}",
    b'{"volume": Infinity}',
    b'{"volume": 1e400}',
    b'{"volume": ' + b"9" * 5000 + b"}",
    b'{"track": {"userData": {"a": "\\ud800"}}}',
    b'{"track": {"encoded": "' + b"A" * 100_000 + b'"}}',
]


async def test_malformed_json_is_refused_in_words(playing: NodeClient) -> None:
    for body in NO_JSON:
        answer = await playing.rest("PATCH", playing.player_path(GUILD), data=body, headers=JSON)
        assert refused(answer, 400) if playing.address.chorus else answer.status in {200, 400, 500}, (body[:50], answer)


@pytest.mark.builtin
async def test_a_body_that_breaks_off_or_cannot_be_unpacked_is_a_clients_fault(playing: NodeClient) -> None:
    """Nothing is logged as a fault of the node (whose log is read at the end, see `node_address`)."""
    path = playing.player_path(GUILD)
    packed = {"Content-Encoding": "gzip"} | JSON
    assert refused(await playing.rest("PATCH", path, data=b"not packed at all", headers=packed), 400)
    assert (await playing.rest("PATCH", path, data=gzip.compress(b'{"volume": 7}'), headers=packed)).json["volume"] == 7
    bomb = gzip.compress(b" " * (30 * MEGABYTE))
    assert refused(await playing.rest("PATCH", path, data=bomb, headers=packed), 413)
    head = f"PATCH {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {playing.address.password}\r\n"
    for body in ('Content-Length: 100\r\n\r\n{"volu', 'Transfer-Encoding: chunked\r\n\r\n5\r\n{"vol\r\n'):
        url = urlsplit(playing.address.url)
        _, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write((head + body).encode())
        await writer.drain()
        writer.close()


@pytest.mark.builtin
async def test_numbers_beyond_all_bounds_come_back_as_json_or_not_at_all(node: NodeClient, media: MediaHost) -> None:
    def no_constants(word: str) -> float:
        raise AssertionError(word)

    for number in ("1e400", "NaN", "-Infinity"):
        body = f'{{"track": {{"identifier": "{media.tone(440, 5)}", "userData": {{"a": {number}}}}}}}'
        answer = await node.rest("PATCH", node.player_path(GUILD), data=body, headers=JSON)
        json.loads(answer.text, parse_constant=no_constants)


@pytest.mark.builtin
async def test_ten_megabytes_are_refused_and_not_kept(playing: NodeClient) -> None:
    assert playing.address.pid is not None
    process = psutil.Process(playing.address.pid)
    large = b'{"x": "' + b"a" * (10 * MEGABYTE) + b'"}'
    requests = [
        ("PATCH", playing.player_path(GUILD)),
        ("PATCH", playing.session_path),
        ("POST", "/v4/decodetracks"),
    ]
    before = process.memory_info().rss
    for method, path in requests * 4:
        began = time.monotonic()
        assert refused(await playing.rest(method, path, data=io.BytesIO(large), headers=JSON), 413)
        assert time.monotonic() - began < 5
    for _ in range(5):
        head = f"PATCH {playing.player_path(GUILD)} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(large)}\r\n\r\n"
        assert (await send(playing.address, head.encode() + large)).startswith(b"HTTP/1.1 401")
    assert process.memory_info().rss - before < 20 * MEGABYTE


@pytest.mark.builtin
async def test_a_body_without_end_is_cut_off(playing: NodeClient) -> None:
    assert playing.address.pid is not None
    url, process = urlsplit(playing.address.url), psutil.Process(playing.address.pid)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    head = f"POST /v4/decodetracks HTTP/1.1\r\nHost: a\r\nAuthorization: {playing.address.password}\r\n"
    writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
    said = asyncio.create_task(reader.readline())
    piece, before, largest = b"%x\r\n%s\r\n" % (MEGABYTE, b"[" * MEGABYTE), process.memory_info().rss, 0
    async with asyncio.timeout(5):  # it would be read and dropped for 10 s
        with suppress(ConnectionError):
            while True:
                writer.write(piece)
                await writer.drain()
                largest = max(largest, process.memory_info().rss)
    writer.close()
    with suppress(ConnectionError):  # the answer may be lost to a client that goes on speaking
        assert b" 413 " in await said
    assert largest - before < 20 * MEGABYTE


# Numbers and names where others belong


@pytest.mark.builtin
async def test_no_number_is_too_long_to_be_refused(playing: NodeClient) -> None:
    digits = "9" * 5000
    voice = {"token": "t", "endpoint": "127.0.0.1:9", "sessionId": "s", "channelId": digits}
    assert refused(await playing.patch(GUILD, {"voice": voice}), 400)
    assert refused(await playing.rest("GET", f"{playing.session_path}/players/{digits}"), 400)
    tap = f"{playing.session_path}/players/{OTHER}/taps/t"
    assert refused(await playing.rest("GET", tap, params={"recent": digits}), 400, 404)
    for user in (digits, str(2**63)):
        headers = {"Authorization": playing.address.password, "User-Id": user}
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await playing.http.ws_connect(f"{playing.address.url}/v4/websocket", headers=headers)
        assert caught.value.status == 400


async def test_a_guild_is_a_number_of_64_bits(node: NodeClient) -> None:
    ours = ("%205", "0x10", "٣") if node.address.chorus else ()
    for guild in ("1_000", "5.0", "", "%00", "..%2f..", "9223372036854775808", *ours):
        answer = await node.rest("PATCH", f"{node.session_path}/players/{guild}", json={})
        assert answer.status in {400, 404, 405}, guild
    assert (await node.rest("GET", f"{node.session_path}/players")).json == []


async def test_no_session_has_such_a_name(node: NodeClient) -> None:
    for name in ("..", "%2e%2e%2f", "%00", "a" * 5000, "ünknown", "%0d%0aX: y"):
        assert (await node.rest("GET", f"/v4/sessions/{name}/players")).status in {400, 404}, name
    for name in ("nobody", "..", "a" * 5000, node.session_id.upper(), node.session_id + "x"):
        async with NodeClient(node.address) as other:
            await other.connect(name)
            assert other.resumed_header == "false"
            assert other.session_id not in {name, node.session_id}


async def test_a_password_is_right_or_wrong(node: NodeClient) -> None:
    host, right = urlsplit(node.address.url).netloc, node.address.password.encode()
    head = f"GET /v4/info HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: ".encode()
    for given in (b"", b" ", b"Bearer " + right, right + b"x", right[:-1], right.upper(), "é".encode(), b"a" * 7000):
        assert (await send(node.address, head + given + b"\r\n\r\n")).startswith(b"HTTP/1.1 40"), given
    assert (await send(node.address, head + right + b"\r\n\r\n")).startswith(b"HTTP/1.1 200")


@pytest.mark.builtin
async def test_a_voice_server_that_cannot_be_is_an_error_in_words(playing: NodeClient) -> None:
    endpoints = (
        "http://[",
        "a b",
        "localhost:99999",
        "127.0.0.1:x",
        "user@127.0.0.1:9",
        "x" * 300,
        "[::1",
        "\0",
        "💥",
        "/",
    )
    voice = {"token": "s3cret", "sessionId": "s", "channelId": "1"}
    answers = await asyncio.gather(
        *(
            playing.patch(GUILD + n, {"voice": voice | {"endpoint": endpoint}})
            for n, endpoint in enumerate(endpoints, 2)
        )
    )
    for endpoint, answer in zip(endpoints, answers, strict=True):
        assert refused(answer, 400, 500), (endpoint, answer)
        assert "s3cret" not in answer.text


# Too much at once


@pytest.mark.builtin
async def test_what_a_client_says_over_the_websocket_is_ignored(playing: NodeClient) -> None:
    async with NodeClient(playing.address) as chatty:
        await chatty.connect()
        assert chatty.socket is not None
        for number in range(2000):
            await chatty.socket.send_str('{"op": "play", "guildId": ' + str(number))
            await chatty.socket.send_bytes(b"\x00\xff" * 50)
        assert (await chatty.rest("GET", f"{chatty.session_path}/players")).json == []
        with suppress(ConnectionError):  # it hangs up while we speak
            await chatty.socket.send_bytes(b"\x00" * (10 * MEGABYTE))
        assert await chatty.closed() in {aiohttp.WSCloseCode.MESSAGE_TOO_BIG, aiohttp.WSCloseCode.ABNORMAL_CLOSURE}


@pytest.mark.builtin
async def test_a_storm_of_patches_is_answered_in_order_and_others_play_on(playing: NodeClient) -> None:
    async def storm(guild: int) -> None:
        for volume in range(100):
            filters = {"timescale": {"speed": 1 + volume / 100}, "volume": 0.5}
            assert (await playing.patch(guild, {"volume": volume, "filters": filters})).status == 200
        assert (await playing.player(guild))["volume"] == 99

    latest = 0.0

    async def look() -> None:
        nonlocal latest
        while True:
            began = time.monotonic()
            await playing.player(OTHER)
            latest = max(latest, time.monotonic() - began)
            await asyncio.sleep(0.05)

    looking = asyncio.create_task(look())
    await asyncio.gather(*(storm(guild) for guild in range(20)))
    looking.cancel()
    assert latest < 2
    for guild in range(20):
        await playing.rest("DELETE", playing.player_path(guild))


@pytest.mark.builtin
async def test_a_storm_on_one_player_leaves_it_as_some_patch_said(playing: NodeClient, media: MediaHost) -> None:
    patches = [
        {"track": {"identifier": media.tone(hz, 30)}, "position": hz, "volume": hz % 100, "paused": bool(hz % 2)}
        for hz in (300, 401, 500, 601)
    ]
    answers = await asyncio.gather(*(playing.patch(GUILD, patches[n % 4]) for n in range(200)))
    assert {answer.status for answer in answers} == {200}
    await playing.patch(GUILD, patches[0])
    player = await playing.player(GUILD)
    assert (player["volume"], player["paused"], player["track"]["info"]["uri"]) == (0, False, media.tone(300, 30))
    ends = playing.events().count("TrackEndEvent")
    assert playing.events().count("TrackStartEvent") - ends == 2  # this one's and the other's


@asynccontextmanager
async def many_files() -> AsyncGenerator[None]:
    """A thousand sockets are more than some systems grant at first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * MANY if hard == resource.RLIM_INFINITY else min(hard, 4 * MANY)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.builtin
async def test_a_thousand_clients_come_at_once_and_vanish(playing: NodeClient) -> None:
    headers = {"Authorization": playing.address.password, "User-Id": "7", "Client-Name": "many/1"}
    url = f"{playing.address.url}/v4/websocket"
    assert playing.address.pid is not None
    files = psutil.Process(playing.address.pid).num_fds
    before = files()
    async with many_files():
        sockets = await asyncio.gather(*(playing.http.ws_connect(url, headers=headers) for _ in range(MANY)))
        readies = await asyncio.gather(*(socket.receive_json() for socket in sockets))
        assert len({ready["sessionId"] for ready in readies}) == MANY
        began = time.monotonic()
        assert (await playing.rest("GET", "/v4/stats")).status == 200
        assert time.monotonic() - began < 2
        for socket in sockets:
            connection = socket._response.connection
            assert connection is not None
            assert connection.transport is not None
            connection.transport.abort()
        await asyncio.gather(*(socket.close() for socket in sockets), return_exceptions=True)
    await until(lambda: files() <= before + 5, what="the node has let go of them")
    assert (await playing.rest("GET", f"/v4/sessions/{readies[0]['sessionId']}/players")).status == 404


@pytest.mark.builtin
async def test_a_thousand_clients_with_a_wrong_password_leave_nothing(playing: NodeClient) -> None:
    assert playing.address.pid is not None
    files = psutil.Process(playing.address.pid).num_fds
    before = files()

    async def knock() -> int:
        headers = {"Authorization": "wrong", "User-Id": "7"}
        try:
            await playing.http.ws_connect(f"{playing.address.url}/v4/websocket", headers=headers)
        except aiohttp.WSServerHandshakeError as error:
            return error.status
        return 200

    async with many_files():
        assert set(await asyncio.gather(*(knock() for _ in range(MANY)))) == {401}
    await until(lambda: files() <= before + 5, within=20, what="the node has let go of them")


@pytest.mark.builtin
async def test_no_place_is_out_of_the_world(playing: NodeClient, media: MediaHost) -> None:
    for value in (2**63 - 1, -(2**63), 2**53, 0, 1):
        await playing.patch(GUILD, {"track": {"identifier": media.tone(440, 5)}})
        for body in ({"position": value}, {"endTime": value}, {"volume": value}, {"endTime": None}):
            answer = await playing.patch(GUILD, body)
            assert answer.status == 200 or refused(answer, 400)
            assert -1 <= (await playing.player(GUILD))["state"]["position"] < 2**63
