import asyncio
import gc
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from yarl import URL

from lavalink.download import AHEAD, NotFoundError, Origins
from lavalink.fetch import HttpFile
from lavalink.protocol import LoadError
from tests.lavalink.harness import Media, media_server, until
from tests.waiting import crowding

BODY = bytes(range(256)) * 4096  # 1 MB, no two neighbouring places alike


class Library:
    def __init__(self, media: Media, session: aiohttp.ClientSession) -> None:
        self.media = media
        self.session = session
        self.opened: list[HttpFile] = []

    def file(self, name: str, origins: list[str] | None = None) -> HttpFile:
        url = URL(self.media.url(name))
        file = HttpFile(self.session, url, Origins(origins), asyncio.get_running_loop())
        self.opened.append(file)
        return file

    async def open(self, name: str, origins: list[str] | None = None) -> HttpFile:
        file = self.file(name, origins)
        await asyncio.to_thread(file.open)
        return file


@pytest.fixture
async def library() -> AsyncIterator[Library]:
    async with media_server() as media, aiohttp.ClientSession() as session:
        made = Library(media, session)
        yield made
        for file in made.opened:
            file.close()
        await asyncio.sleep(0)


def read_all(file: HttpFile, piece: int = 32768) -> bytes:
    parts: list[bytes] = []
    while part := file.read(piece):
        parts.append(part)
    if file.error is not None:
        raise file.error
    return b"".join(parts)


async def thread(job: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.to_thread(job, *arguments)


async def test_a_file_is_read_whole(library: Library) -> None:
    library.media.add("x", BODY)
    file = await library.open("x")
    assert file.seekable()
    assert await thread(read_all, file) == BODY
    assert file.read(10) == b""


async def test_seeks_far_cost_one_request_and_near_ones_none(library: Library) -> None:
    piece = library.media.add("x", BODY)
    file = await library.open("x")
    assert await thread(file.read, 1000) == BODY[:1000]
    file.seek(500)
    assert await thread(file.read, 10) == BODY[500:510]
    file.seek(-100, 2)
    assert await thread(file.read, 1000) == BODY[-100:]
    assert piece.requests == ["bytes=0-", f"bytes={len(BODY) - 100}-"]
    file.seek(7)
    assert await thread(file.read, 3) == BODY[7:10]
    assert file.tell() == 10


async def test_the_reader_is_not_outrun(library: Library) -> None:
    library.media.add("x", BODY * 20)
    file = await library.open("x")
    await asyncio.sleep(0.2)
    assert AHEAD <= file.buffered <= 2 * AHEAD
    assert await thread(read_all, file) == BODY * 20


async def test_what_waited_in_a_transfer_that_is_given_up_needs_no_collection(library: Library) -> None:
    library.media.add("x", BODY)
    file = await library.open("x")
    await until(lambda: file.buffered >= AHEAD)
    transfer = weakref.ref(file._download)  # pyright: ignore[reportPrivateUsage, reportArgumentType]
    gc.disable()
    try:
        file.seek(-100, 2)
        await thread(file.read, 1)  # from another transfer
        await until(lambda: transfer() is None)
    finally:
        gc.enable()


async def test_a_dropped_connection_goes_on_where_it_was(library: Library) -> None:
    piece = library.media.add("x", BODY, drop_after=[100_000, 300_000, 1])
    file = await library.open("x")
    assert await thread(read_all, file) == BODY
    assert len(piece.requests) == 4


async def test_a_server_without_ranges_is_read_again_up_to_the_place(library: Library) -> None:
    library.media.add("x", BODY, ranged=False, drop_after=[100_000])
    file = await library.open("x")
    assert not file.seekable()
    assert await thread(read_all, file) == BODY


async def test_a_server_that_sends_less_than_it_was_asked_for_is_asked_for_the_rest(library: Library) -> None:
    piece = library.media.add("x", BODY, most=150_000)
    file = await library.open("x")
    assert await thread(read_all, file) == BODY
    assert len(piece.requests) == -(-len(BODY) // 150_000)


async def test_a_server_that_sends_another_part_is_not_taken_at_its_word(library: Library) -> None:
    piece = library.media.add("x", BODY, shift=0, drop_after=[100_000, 200_000])
    file = await library.open("x")
    assert await thread(read_all, file) == BODY
    piece.shift = 300_000
    file = await library.open("x")
    assert await thread(file.read, 10) == b""
    assert file.error is not None
    assert "another part" in file.error.message


async def test_a_station_that_hangs_up_politely_is_called_again(library: Library) -> None:
    piece = library.media.add("x", BODY, ranged=False, sized=False, headers={"icy-name": "Radio"})
    file = await library.open("x")
    heard = 0
    while heard < 2 * len(BODY) and (data := await thread(file.read, 50_000)):
        heard += len(data)
    assert heard >= 2 * len(BODY)
    assert len(piece.requests) >= 2
    file.close()


async def test_attempts_without_progress_are_bounded(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.download.RETRIES", (0.0, 0.01, 0.01))
    piece = library.media.add("x", BODY, drop_after=[50_000, *[0] * 20])
    file = await library.open("x")
    with pytest.raises(LoadError, match="does not answer"):
        await thread(read_all, file)
    assert len(piece.requests) == 5


async def test_a_stalled_server_times_out(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.download.TIMEOUT", aiohttp.ClientTimeout(total=None, sock_read=0.1))
    monkeypatch.setattr("lavalink.download.RETRIES", (0.0,))
    library.media.add("x", BODY, stall_after=50_000)
    file = await library.open("x")
    with pytest.raises(LoadError, match="does not answer"):
        await thread(read_all, file)


async def test_closing_ends_a_blocked_read_at_once(library: Library) -> None:
    library.media.add("x", BODY, stall_after=1000)
    file = await library.open("x")
    ended: list[float] = []

    def read() -> None:
        with pytest.raises(LoadError, match="closed"):
            read_all(file)
        ended.append(time.perf_counter())

    reader = threading.Thread(target=read)
    reader.start()
    await asyncio.sleep(0.1)
    assert not ended
    closed = time.perf_counter()
    file.close()
    await until(lambda: ended)
    reader.join()
    assert ended[0] - closed < 0.1 * crowding()


@pytest.mark.parametrize("status", [404, 410])
async def test_what_is_not_there(library: Library, status: int) -> None:
    library.media.add("x", b"", status=status)
    with pytest.raises(NotFoundError):
        await library.open("x")


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_what_is_refused(library: Library, status: int) -> None:
    library.media.add("x", b"", status=status)
    with pytest.raises(LoadError) as caught:
        await library.open("x")
    assert not isinstance(caught.value, NotFoundError)


async def test_an_empty_file(library: Library) -> None:
    library.media.add("x", b"")
    with pytest.raises(LoadError, match="empty"):
        await library.open("x")


async def test_redirects_stay_within_the_origins(library: Library) -> None:
    async with media_server() as other:
        other.add("y", b"elsewhere")
        library.media.add("near", b"", status=302, headers={"Location": "/here"})
        library.media.add("far", b"", status=302, headers={"Location": other.url("y")})
        library.media.add("file", b"", status=302, headers={"Location": "file:///etc/passwd"})
        library.media.add("here", b"here")
        origins = [library.media.base]
        near = await library.open("near", origins)
        assert await thread(near.read, 10) == b"here"
        with pytest.raises(LoadError, match="may not fetch"):
            await library.open("far", origins)
        assert other.pieces["y"].requests == []
        far = await library.open("far")
        assert await thread(far.read, 20) == b"elsewhere"
        with pytest.raises(LoadError, match="Only http"):
            await library.open("file")


async def test_redirects_do_not_go_in_circles(library: Library) -> None:
    library.media.add("x", b"", status=302, headers={"Location": "/x"})
    with pytest.raises(LoadError, match="redirects too often"):
        await library.open("x")


async def test_a_file_that_changes_is_not_mixed(library: Library) -> None:
    piece = library.media.add("x", BODY, drop_after=[600_000])
    file = await library.open("x")
    piece.body = BODY[:-1]
    with pytest.raises(LoadError, match="changed"):
        await thread(read_all, file)


async def test_other_schemes_and_origins_are_refused_before_any_request() -> None:
    with pytest.raises(LoadError):
        Origins(None).admit(URL("ftp://example.org/x"))
    with pytest.raises(LoadError):
        Origins(["http://127.0.0.1:8080"]).admit(URL("http://127.0.0.1:8081/x"))
    assert Origins(["http://127.0.0.1:8080"]).admit(URL("http://127.0.0.1:8080/x"))


async def test_a_station_that_is_away_for_a_moment_is_asked_again(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is live goes on where the station is then: nothing is skipped, and a refusal is no end."""
    monkeypatch.setattr("lavalink.download.LIVE_RETRIES", (0.0, 0.05, 0.05, 0.05))
    radio = {"icy-name": "Radio"}
    piece = library.media.add("x", BODY, ranged=False, sized=False, headers=radio, drop_after=[100_000])
    file = await library.open("x")
    piece.status = 404
    assert await thread(file.read, 50_000)
    await until(lambda: len(piece.requests) >= 2)
    piece.status = 200
    heard = 50_000
    while heard < 100_000 + len(BODY):
        heard += len(await thread(file.read, 50_000))
    assert file.error is None
