"""The relay: what a listener gets is decoded, measured and counted."""

import asyncio
import io
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, cast

import av
import numpy as np
import pytest
from aiohttp import ClientSession, ClientTimeout, web
from aiohttp.test_utils import TestServer

from core.ports.stream import Format
from core.types import LOBBY
from lavalink.transcoder import adts
from tests import sound
from tests.web.upstreams import FakeStream
from web.containers import container
from web.ogg import padded
from web.stream import Streams


class Serve(Protocol):
    """Serves streams of a format; the address."""

    async def __call__(self, streams: Streams, form: Format = "opus") -> str: ...


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[tuple[TestServer, Streams]] = []

    async def start(streams: Streams, form: Format = "opus") -> str:
        async def handler(request: web.Request) -> web.StreamResponse:
            return await streams.serve(request, LOBBY, form)

        app = web.Application()
        app.router.add_get("/stream.ogg", handler)
        server = TestServer(app)
        await server.start_server()
        servers.append((server, streams))
        return str(server.make_url("/stream.ogg"))

    yield start
    for server, streams in servers:
        await streams.close()
        await server.close()


def tone_stream(hz: float = 440) -> FakeStream:
    return FakeStream(sound.opus_packets(sound.tone(hz, 2.0)))


async def listen(url: str, seconds: float, media_type: str = "audio/ogg") -> bytes:
    """What a listener has after `seconds`, from the moment the first byte arrived."""
    data, loop = b"", asyncio.get_running_loop()
    async with ClientSession(timeout=ClientTimeout(total=30)) as session, session.get(url) as response:
        assert response.headers["Content-Type"] == media_type
        data = await response.content.readany()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            try:
                data += await asyncio.wait_for(response.content.readany(), left)
            except TimeoutError:
                break
    return data


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - any condition
            await asyncio.sleep(0.01)


def encoded(hz: float, seconds: float, wanted: Format) -> FakeStream:
    """A stream as the node's taps of that format bring it: frames that stand alone."""
    codec, size, header = ("libmp3lame", 1152, bytes) if wanted == "mp3" else ("aac", 1024, adts)
    encoder = cast("Any", av.CodecContext.create(codec, "w"))
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "fltp"
    encoder.bit_rate, encoder.options = 128_000, {"reservoir": "0"} if wanted == "mp3" else {}
    samples, frames = sound.tone(hz, seconds), list[bytes]()
    for at in range(0, len(samples) - size, size):
        piece = np.ascontiguousarray(samples[at : at + size].T)
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
        frame.sample_rate = 48_000
        frames += [header(bytes(packet)) for packet in encoder.encode(frame)]
    made = FakeStream(frames[2:])
    made.seconds = size / 48_000
    return made


@pytest.mark.parametrize(("wanted", "media_type"), [("mp3", "audio/mpeg"), ("aac", "audio/aac")])
async def test_other_formats_follow_the_same_rules(serve: Serve, wanted: Format, media_type: str) -> None:
    upstream = encoded(660, 4.0, wanted)
    streams = Streams(upstream)
    url = await serve(streams, wanted)
    first = asyncio.create_task(listen(url, 5.2, media_type))
    second = asyncio.create_task(listen(url, 5.2, media_type))
    await until(lambda: streams.listeners(LOBBY) == 2)
    await asyncio.sleep(1.5)
    upstream.cut()
    upstream.late = 1.0
    data = await first
    assert upstream.forms == [wanted] * 2, "both listeners share one upstream"
    assert len(await second) == pytest.approx(len(data), rel=0.2)
    samples = decoded(data, {"mp3": "mp3", "aac": "aac"}[wanted])
    assert samples.shape[1] / 48_000 == pytest.approx(1.2 + 5.2, abs=0.7)  # silence stands for what did not come
    heard = sound.tones_in(samples.T)
    assert {round(tone.hz / 10) for tone in heard} == {66}
    gaps = [after.start - before.start - before.length for before, after in itertools.pairwise(heard)]
    assert max(gaps) == pytest.approx(1.1, abs=0.4)
    late = await listen(url, 0.1, media_type)
    assert len(late) > 32 * 1024  # what Chromium wants before it plays


def test_silent_frames_are_silent_and_of_the_size_that_music_has() -> None:
    for wanted in ("mp3", "aac"):
        one = container(wanted)
        samples = decoded(one.shared([one.silence] * 50), wanted)
        assert samples.shape[1] >= 48 * 1024
        assert np.abs(samples).max() < 1e-4
        assert len(one.silence) / one.seconds >= 15_000


def decoded(data: bytes, form: str | None = None) -> np.ndarray[Any, Any]:
    """The samples as FFmpeg's own Ogg reader and decoder make them, channels first."""
    with av.open(io.BytesIO(data), format=form) as file:
        frames = [frame.to_ndarray() for frame in cast("Any", file).decode(audio=0)]
    return np.concatenate(frames, axis=1)


async def test_listener_hears_the_room_in_one_logical_stream(serve: Serve) -> None:
    url = await serve(Streams(tone_stream()))
    data = await listen(url, 3.0)
    pages = sound.ogg_pages(data)  # checks every checksum
    assert len({page.serial for page in pages}) == 1
    assert [page.first for page in pages] == [True] + [False] * (len(pages) - 1)
    granules = [page.granule for page in pages[2:]]
    assert all(later > earlier for earlier, later in itertools.pairwise(granules))
    body = [page.sequence for page in pages[2:]]
    assert body == list(range(body[0], body[0] + len(body)))
    heard = sound.tones(sound.opus_of_ogg(data))
    assert [round(tone.hz / 10) for tone in heard] == [44]
    assert heard[0].start == pytest.approx(1.2, abs=0.4)  # nothing was heard before: the burst is silence
    assert heard[0].length == pytest.approx(2.8, abs=0.6)


async def test_the_first_listener_hears_at_once_what_was_just_heard(serve: Serve) -> None:
    loop, past = asyncio.get_running_loop(), sound.opus_packets(sound.tone(660, 3.0))
    upstream = FakeStream(sound.opus_packets(sound.tone(440, 2.0)), past=past)
    url = await serve(Streams(upstream))
    began = loop.time()
    data = await listen(url, 1.2)
    assert loop.time() - began < 1.2 + 0.2, "it did not wait for the time that it may"
    tones = sound.tones(sound.opus_of_ogg(data))
    assert [round(tone.hz / 10) for tone in tones] == [66, 44]
    assert tones[0].start < 0.1
    assert tones[0].length == pytest.approx(2.5, abs=0.15)
    upstream.cut()
    await until(lambda: upstream.asked == [2500, 0])  # the past is heard once only


async def test_what_was_just_heard_is_left_out_if_it_comes_too_late(serve: Serve) -> None:
    past = sound.opus_packets(sound.tone(660, 3.0))
    upstream = FakeStream(sound.opus_packets(sound.tone(440, 2.0)), past=past)
    upstream.late = 0.6
    url = await serve(Streams(upstream))
    tones = sound.tones(sound.opus_of_ogg(await listen(url, 2.5)))
    assert [round(tone.hz / 10) for tone in tones] == [44]


async def test_ffmpeg_reads_the_padded_stream_as_any_player_would(serve: Serve) -> None:
    url = await serve(Streams(tone_stream(660)))
    samples = decoded(await listen(url, 2.0))
    tail = samples[:, -24_000:].mean(axis=0)
    assert sound.frequency(tail.astype(np.float32)) == pytest.approx(660, abs=3)


async def test_joining_midway_starts_with_what_was_just_heard(serve: Serve) -> None:
    url = await serve(Streams(tone_stream()))
    first = asyncio.create_task(listen(url, 4.0))
    await asyncio.sleep(3.2)
    second = await listen(url, 0.2)
    packets = sound.opus_of_ogg(second)
    assert 2.5 <= len(packets) * 0.02 <= 3.1
    assert sum(tone.length for tone in sound.tones(packets)) > 2.4
    assert len(second) > 32 * 1024  # what Chromium wants before it plays
    await first


async def test_length_follows_the_wall_clock_over_cuts_and_pauses(serve: Serve) -> None:
    upstream = tone_stream()
    url = await serve(Streams(upstream))
    listening = asyncio.create_task(listen(url, 4.0))
    await asyncio.sleep(1.2)
    upstream.cut()
    await asyncio.sleep(0.8)
    upstream.paused = True
    await asyncio.sleep(1.0)
    upstream.paused = False
    data = await listening
    assert upstream.opened >= 2
    assert len({page.serial for page in sound.ogg_pages(data)}) == 1
    assert len(sound.opus_of_ogg(data)) * 0.02 == pytest.approx(1.2 + 4.0, abs=0.6)
    tones = sound.tones(sound.opus_of_ogg(data))
    assert {round(tone.hz / 10) for tone in tones} == {44}
    assert 2 <= len(tones) <= 3  # silence where the pause was (and, briefly, the cut)


async def test_silence_keeps_the_bytes_flowing(serve: Serve) -> None:
    upstream = tone_stream()
    upstream.paused = True
    url = await serve(Streams(upstream))
    data = await listen(url, 1.5)
    assert len(data) > 40_000 + 1.0 * 16_000
    assert sound.level(decoded(data).mean(axis=0)) < -60


async def test_listeners_are_counted_exactly_and_the_upstream_closes_after_the_last(serve: Serve) -> None:
    upstream = tone_stream()
    streams = Streams(upstream, linger=0.2)
    url = await serve(streams)
    assert upstream.opened == 0
    tasks = [asyncio.create_task(listen(url, 20)) for _ in range(3)]
    await until(lambda: streams.listeners(LOBBY) == 3)
    tasks[0].cancel()
    await until(lambda: streams.listeners(LOBBY) == 2)
    assert streams.total == 2
    for task in tasks[1:]:
        task.cancel()
    await until(lambda: streams.listeners(LOBBY) == 0)
    await until(lambda: upstream.open_now == 0)
    assert upstream.opened == 1
    again = await listen(url, 0.1)
    assert upstream.opened == 2
    assert again


async def test_upstream_that_fails_is_opened_again(serve: Serve) -> None:
    class Failing(FakeStream):
        async def packets(self, room: Any, *, recent: int = 0, form: Format = "opus") -> AsyncIterator[bytes]:
            self.opened += 1
            if self.opened < 3:
                raise ConnectionError("no node")
            self.opened -= 1
            async for packet in super().packets(room, recent=recent):
                yield packet

    upstream = Failing(sound.opus_packets(sound.tone(500, 1.0)))
    url = await serve(Streams(upstream))
    data = await listen(url, 2.5)
    assert upstream.opened == 3
    assert [round(tone.hz / 10) for tone in sound.tones(sound.opus_of_ogg(data))] == [50]


async def test_listener_who_does_not_read_is_dropped(serve: Serve) -> None:
    fat = [packet + bytes(1200) for packet in sound.opus_packets(sound.tone(440, 1.0))]
    streams = Streams(FakeStream(fat))
    url = await serve(streams)
    _, writer = await asyncio.open_connection("127.0.0.1", int(url.split(":")[2].split("/")[0]), limit=1024)
    transport: Any = writer.transport
    transport.pause_reading()
    writer.write(b"GET /stream.ogg HTTP/1.1\r\nHost: x\r\n\r\n")
    await until(lambda: streams.listeners(LOBBY) == 1)
    healthy = asyncio.create_task(listen(url, 20))
    await until(lambda: streams.listeners(LOBBY) == 2)
    relay: Any = streams._relays[LOBBY, "opus"]
    for _ in range(4000):  # five times what the socket buffers hold, at once
        relay._emit(fat[0])
        await asyncio.sleep(0)
        if streams.listeners(LOBBY) == 1:
            break
    assert streams.listeners(LOBBY) == 1
    assert not healthy.done()
    healthy.cancel()
    writer.close()


@pytest.mark.parametrize("extra", [3, 4, 200, 255, 256, 257, 258, 300, 511, 2000])
def test_padding_keeps_the_sound(extra: int) -> None:
    packets = sound.opus_packets(sound.tone(440, 0.5))
    longer = [padded(packet, extra) for packet in packets]
    assert {len(new) - len(old) for new, old in zip(longer, packets, strict=True)} == {extra}
    assert np.array_equal(sound.decode(longer), sound.decode(packets))


def test_packets_of_several_frames_are_left_alone() -> None:
    assert padded(b"\xfb\x02ab", 100) == b"\xfb\x02ab"
