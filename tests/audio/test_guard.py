"""The guard: which addresses may be opened, and what happens at each kind of bad one."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from audio.guard import Allowed, Guard
from core.errors import UnplayableError


class FakeResolver(AbstractResolver):
    """Answers with the next of the addresses given for a name; the last one stays."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.names = {name.replace("_", "."): answers for name, answers in names.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        answers = self.names[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None:
        pass


class Site:
    """A server on loopback that counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.app = web.Application()
        self.app.router.add_get("/{path:.*}", self.answer)
        self.pages: dict[str, Callable[[web.Request], Any]] = {}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        page = self.pages.get(request.path)
        if page is None:
            raise web.HTTPNotFound
        return await page(request)


async def _text(request: web.Request) -> web.Response:
    return web.Response(body=b"sound", content_type="audio/mpeg")


@pytest.fixture
async def site() -> AsyncIterator[tuple[Site, TestServer]]:
    site = Site()
    site.pages["/a.mp3"] = _text
    server = TestServer(site.app, host="127.0.0.1")
    await server.start_server()
    yield site, server
    await server.close()


async def _reason(guard: Guard, address: str) -> str:
    try:
        async with guard.open(address) as response:
            await response.read()
    except UnplayableError as error:
        return error.reason
    finally:
        await guard.close()
    return "opened"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "192.0.2.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "::7f00:1",
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not Allowed([]).address(address)
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(UnplayableError, match="private_address"):
        Guard().check(f"http://{host}/a.mp3")


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert Allowed([]).address(address)


def test_networks_and_hosts_can_be_exempt() -> None:
    allowed = Allowed(["10.0.0.0/8", "127.0.0.2", "Music.Internal"])
    assert allowed.address("10.9.9.9")
    assert allowed.address("127.0.0.2")
    assert not allowed.address("127.0.0.1")
    assert allowed.host("music.internal")
    assert not allowed.host("other.internal")


@pytest.mark.parametrize(
    "address",
    [
        "ftp://example.com/a.mp3",
        "file:///etc/passwd",
        "http://",
        "http:///a.mp3",
        "http://user:secret@example.com/a.mp3",
        "http://example.com:22/a.mp3",
        "http://example.com:6379/",
        "http://example.com:99999/",
        "http://example.com:0/",
        "http://[::1/",
        "concat:http://example.com/a",
        "http://example.com/" + "a" * 5_000,
        "",
        "\0",
    ],
)
def test_links_that_are_no_links_to_music_are_refused(address: str) -> None:
    with pytest.raises(UnplayableError, match="bad_link"):
        Guard(["example.com"]).check(address)


async def test_loopback_is_refused_without_a_connection(site: tuple[Site, TestServer]) -> None:
    assert await _reason(Guard(), str(site[1].make_url("/a.mp3"))) == "private_address"
    assert site[0].asked == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "localhost", "127.0.0.1."])
async def test_other_spellings_of_loopback_are_refused(site: tuple[Site, TestServer], host: str) -> None:
    assert await _reason(Guard(), f"http://{host}:{site[1].port}/a.mp3") in {
        "private_address",
        "bad_link",
        "unreachable",
    }
    assert site[0].asked == []


async def test_exempt_hosts_are_opened(site: tuple[Site, TestServer]) -> None:
    assert await _reason(Guard(["127.0.0.0/8"]), str(site[1].make_url("/a.mp3"))) == "opened"
    resolver = FakeResolver(music_test=[["127.0.0.1"]])
    assert (
        await _reason(Guard(["music.test"], resolver=resolver), f"http://music.test:{site[1].port}/a.mp3") == "opened"
    )


async def test_a_name_with_one_private_address_among_public_ones_is_refused(site: tuple[Site, TestServer]) -> None:
    guard = Guard(resolver=FakeResolver(mixed_test=[["93.184.215.14", "127.0.0.1"]]))
    assert await _reason(guard, f"http://mixed.test:{site[1].port}/a.mp3") == "private_address"
    assert site[0].asked == []


async def test_a_name_that_re_resolves_to_loopback_is_refused(site: tuple[Site, TestServer]) -> None:
    """127.0.0.1 plays the public address; the second answer would lead inside, to 127.0.0.3."""
    inside = TestServer(site[0].app, host="127.0.0.3", port=site[1].port)
    await inside.start_server()
    resolver = FakeResolver(rebind_test=[["127.0.0.1"], ["127.0.0.3"]])
    guard = Guard(["127.0.0.1"], resolver=resolver)
    address = f"http://rebind.test:{site[1].port}/a.mp3"
    assert await _reason(guard, address) == "opened"
    assert resolver.asked == ["rebind.test"], "the connection uses the very answer that was checked"
    assert await _reason(Guard(["127.0.0.1"], resolver=resolver), address) == "private_address"
    assert site[0].asked == ["/a.mp3"]
    await inside.close()


def _moved(location: str) -> Callable[[web.Request], Any]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    return answer


async def test_redirects_are_followed_and_each_is_checked(site: tuple[Site, TestServer]) -> None:
    pages, server = site[0].pages, site[1]
    pages["/moved"] = _moved("/a.mp3")
    pages["/inside"] = _moved(f"http://127.0.0.2:{server.port}/a.mp3")
    pages["/file"] = _moved("file:///etc/passwd")
    pages["/broken"] = _moved("http://[::1/")
    pages["/loop"] = _moved("/loop")
    pages |= {f"/counted/{number}": _moved(f"/counted/{number + 1}") for number in range(8)}
    pages["/counted/8"] = _moved("/a.mp3")
    for path, reason in {
        "/moved": "opened",
        "/counted/0": "opened",
        "/inside": "private_address",
        "/file": "bad_link",
        "/broken": "bad_link",
        "/loop": "unreachable",
    }.items():
        assert await _reason(Guard(["127.0.0.1"]), str(server.make_url(path))) == reason
    assert site[0].asked.count("/loop") == 11


async def test_answers_that_are_no_music_have_their_reasons(site: tuple[Site, TestServer]) -> None:
    async def html(request: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="text/html")

    async def broken(request: web.Request) -> web.Response:
        return web.Response(status=500)

    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"x")
        assert request.transport is not None
        request.transport.abort()
        return response

    site[0].pages |= {"/html": html, "/broken": broken, "/cut": cut}
    for path, reason in {
        "/html": "not_audio",
        "/broken": "unreachable",
        "/nowhere": "not_found",
        "/cut": "unreachable",
    }.items():
        assert await _reason(Guard(["127.0.0.1"]), str(site[1].make_url(path))) == reason


async def test_a_closed_port_and_an_unknown_name_are_unreachable(unused_tcp_port: int) -> None:
    assert await _reason(Guard(["127.0.0.1"]), f"http://127.0.0.1:{unused_tcp_port}/a.mp3") == "unreachable"
    assert await _reason(Guard(), "http://nowhere.invalid/a.mp3") == "unreachable"


async def test_a_body_that_stalls_for_ever_ends_in_a_timeout(site: tuple[Site, TestServer]) -> None:
    async def stall(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/mpeg"})
        await response.prepare(request)
        await response.write(b"x")
        await asyncio.Event().wait()
        return response

    site[0].pages["/stall"] = stall
    assert await _reason(Guard(["127.0.0.1"], stall=0.2), str(site[1].make_url("/stall"))) == "timeout"
