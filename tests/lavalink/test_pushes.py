"""Pushes: a real receiver (FFmpeg's) hears them; others refuse, die, hang and lie."""

import asyncio
import io
import json
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
import structlog
from pydantic import ValidationError

from lavalink.amf import AmfError, decoded, encoded
from lavalink.protocol import PlayerPatch, PushTap, validation_message
from lavalink.pusher import ALIVE, HEAD, PICTURE, Feed, Programme, Push
from lavalink.pushes import Pushes
from lavalink.rtmp import Publisher
from lavalink.rtmp_address import RtmpAddress
from lavalink.rtmp_chunks import AUDIO, COMMAND, OUT_CHUNK, ChunkReader, Message, RtmpError, chunks
from lavalink.still import Still
from lavalink.traffic import TRAFFIC
from tests import sound
from tests.lavalink.harness import desk, until
from tests.simulators.discord.certificates import authority

KEY = "se-cr-et"
ROOT = Path(__file__).parents[2]


class Station:
    """Pushes whose sound is a tone, and what they report."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, str | None]] = []
        self.picture: bytes | None = None
        self.pushes = Pushes(lambda _id, state, reason: self.reports.append((state, reason)), self._picture)
        self._task = asyncio.create_task(self._play())

    async def _picture(self, _address: str) -> bytes | None:
        return self.picture

    async def _play(self) -> None:
        packets, at = sound.opus_packets(sound.tone(440, 2.0)), 0
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.pushes.put(packets[at % len(packets)])
            at += 1

    def push(self, port: int, *, scheme: str = "rtmp", host: str = "localhost", **more: Any) -> None:
        url = f"{scheme}://{host}:{port}/live/{KEY}"
        self.pushes.set([PushTap(id="p", type="rtmp", url=url, address="127.0.0.1", **more)])

    def told(self, state: str, reason: str | None = None) -> int:
        return self.reports.count((state, reason))

    async def stop(self) -> None:
        self._task.cancel()
        self.pushes.set([])
        await asyncio.gather(
            *(task for task in asyncio.all_tasks() if task.get_name() == "push"), return_exceptions=True
        )


@pytest.fixture
async def station(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Station]:
    monkeypatch.setattr("lavalink.pushes.PAUSES", (0.1, 0.5))
    made = Station()
    yield made
    await made.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def receiver(port: int, file: Path) -> AsyncGenerator[asyncio.subprocess.Process]:
    """FFmpeg as a server for one push, which it writes down."""
    address = f"rtmp://127.0.0.1:{port}/live/{KEY}"
    options = [
        "-loglevel",
        "quiet",
        "-y",
        "-listen",
        "1",
        "-i",
        address,
        "-c",
        "copy",
        "-flush_packets",
        "1",
        str(file),
    ]
    process = await asyncio.create_subprocess_exec("ffmpeg", *options)
    yield process
    if process.returncode is None:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def server(handler: Callable[..., Any], **options: Any) -> AsyncGenerator[int]:
    made = await asyncio.start_server(handler, "127.0.0.1", 0, **options)
    yield made.sockets[0].getsockname()[1]
    made.close()


def tones(file: Path) -> list[sound.Tone]:
    with av.open(str(file)) as container:
        frames = [frame.to_ndarray() for frame in cast("Any", container).decode(audio=0)]
    return sound.tones_in(np.concatenate(frames, axis=1).T)


def picture_of(file: Path) -> Any:
    with av.open(str(file)) as container:
        return list(cast("Any", container).decode(video=0))[-1].to_ndarray(format="rgb24")


def red() -> bytes:
    frame = av.VideoFrame.from_ndarray(np.full((300, 300, 3), (200, 30, 30), np.uint8), format="rgb24")
    target = io.BytesIO()
    with av.open(target, "w", format="image2pipe") as container:
        stream = cast("Any", container).add_stream("png")
        stream.width = stream.height = 300
        stream.pix_fmt = "rgb24"
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return target.getvalue()


def children() -> list[int]:
    path = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return [int(pid) for pid in path.read_text().split() if "lavalink.pusher" in command_line(int(pid))]


def command_line(pid: int) -> str:
    return of_process(pid, "cmdline")


def of_process(pid: int, what: str) -> str:
    """What `/proc` tells of a process; nothing when it is gone."""
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@pytest.mark.heard
async def test_a_server_hears_the_tone_and_sees_the_picture(station: Station, tmp_path: Path) -> None:
    port = free_port()
    station.picture = red()
    async with receiver(port, tmp_path / "out.flv") as ffmpeg:
        station.push(port, video="http://bot/cover")
        await until(lambda: station.told("live"), 15)
        await asyncio.sleep(3)
        station.pushes.set([])
        await ffmpeg.wait()
    (tone,) = tones(tmp_path / "out.flv")
    assert tone.hz == pytest.approx(440, abs=2)
    assert 2.3 < tone.length < 4
    shown = picture_of(tmp_path / "out.flv")
    assert shown.shape == (720, 1280, 3)
    assert np.abs(shown[360, 640].astype(int) - (200, 30, 30)).max() < 12
    assert shown[360, 20].max() < 12
    assert station.reports[-1] == ("closed", None)


@pytest.mark.heard
async def test_silence_takes_the_place_of_what_does_not_come(station: Station, tmp_path: Path) -> None:
    port = free_port()
    async with receiver(port, tmp_path / "out.flv") as ffmpeg:
        station.push(port)
        await until(lambda: station.told("live"), 15)
        await asyncio.sleep(1)
        station._task.cancel()
        await asyncio.sleep(2)
        station.pushes.set([])
        await ffmpeg.wait()
    with av.open(str(tmp_path / "out.flv")) as container:
        assert [stream.type for stream in container.streams] == ["audio"]
        seconds = sum(frame.samples for frame in cast("Any", container).decode(audio=0)) / 48_000
    assert seconds == pytest.approx(3.0, abs=0.6)


@pytest.mark.heard
async def test_a_server_that_refuses_or_dies_is_tried_again(station: Station, tmp_path: Path) -> None:
    port = free_port()
    station.push(port)
    await until(lambda: station.told("failed", "refused") > 1, 15)
    async with receiver(port, tmp_path / "one.flv") as ffmpeg:
        await until(lambda: station.told("live"), 15)
        ffmpeg.kill()
        await until(lambda: station.told("failed", "closed"), 15)
    async with receiver(port, tmp_path / "two.flv"):
        await until(lambda: station.told("live") == 2, 15)
        await until(lambda: (tmp_path / "two.flv").exists() and (tmp_path / "two.flv").stat().st_size > 20_000, 15)


async def start_seconds() -> float:
    """How long a push's child takes to be there, on this machine as it is now."""
    began = time.monotonic()
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "import lavalink.pusher", cwd=ROOT)
    assert await child.wait() == 0
    return time.monotonic() - began


async def test_a_server_that_says_nothing_is_left_by_killing_the_child(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "lavalink.pushes.SILENCE_LIMIT", 4.0
    )  # long enough to load, shorter than a child's own patience
    met: list[int] = []

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.extend(children())
        await reader.read()
        writer.close()

    async with server(say_nothing) as port:
        station.push(port)
        await until(lambda: met and met[0] not in children(), 30)
        await until(lambda: station.told("failed", "hung"), 5)
        station.pushes.set([])
        await until(lambda: not children())


async def test_attempts_come_ever_more_slowly_until_one_was_live_for_long(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse() -> None:
        raise OSError

    monkeypatch.setattr("lavalink.pushes._spawn", refuse)
    loop = asyncio.get_running_loop()
    with structlog.testing.capture_logs() as logs:
        began = loop.time()
        station.push(1)
        await until(lambda: len(logs) == 5, 15)
        assert [line["retry_in"] for line in logs] == [0.1, 0.2, 0.4, 0.5, 0.5]
        assert loop.time() - began >= 1.2
        monkeypatch.setattr("lavalink.pushes.PROVED", -1.0)
        await until(lambda: len(logs) == 8, 15)
        assert [line["retry_in"] for line in logs[5:]] == [0.1, 0.1, 0.1]
    assert station.told("failed", "process") == 8


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[asyncio.subprocess.Process]]:
    """Children that say some lines and then do what is left of a shell's command."""

    def stand_ins(then: str, *words: dict[str, Any]) -> list[asyncio.subprocess.Process]:
        started: list[asyncio.subprocess.Process] = []
        lines = tmp_path / "words"
        lines.write_text("".join(json.dumps({"reason": "", "sent": 0, **word}) + "\n" for word in words))

        async def spawn() -> asyncio.subprocess.Process:
            command = f"cat '{lines}'; exec {then}"
            started.append(await asyncio.create_subprocess_exec("sh", "-c", command, stdin=-1, stdout=-1))
            return started[-1]

        monkeypatch.setattr("lavalink.pushes._spawn", spawn)
        return started

    return stand_ins


@pytest.mark.parametrize("limit", ["bytes", "time"])
async def test_a_child_that_takes_nothing_is_killed_before_sound_piles_up(
    station: Station, stand_ins: Any, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr("lavalink.pushes.UNREAD", 60.0 if limit == "bytes" else 0.2)
    asleep = stand_ins("sleep 60", {"state": "live"})
    station.push(1)
    await until(lambda: station.told("live"))
    for _ in range(400 if limit == "bytes" else 100):
        station.pushes.put(bytes(1_000))
        await asyncio.sleep(0)
    await until(lambda: station.told("failed", "died"), 5)
    assert asleep[0].returncode in {-signal.SIGKILL, 255}  # 255: asyncio took its end before its watcher did


async def test_a_child_that_is_long_in_coming_gets_what_fits_and_the_time_to_begin(
    station: Station, stand_ins: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lavalink.pushes.UNREAD", 0.05)
    asleep = stand_ins("sleep 60")
    station.push(1)
    await until(lambda: asleep)
    for _ in range(600):
        station.pushes.put(bytes(1_000))
        await asyncio.sleep(0.0005)
    assert asleep[0].returncode is None
    (push,) = station.pushes._pushes.values()
    assert push._unread < 400_000


async def test_beats_are_answered_and_what_they_tell_is_counted(
    station: Station, stand_ins: Any, tmp_path: Path
) -> None:
    before, taken = TRAFFIC.total, tmp_path / "taken"
    stand_ins(f"cat 3>&1 > '{taken}'", {"state": "live", "sent": 300}, {"state": "beat", "sent": 700})
    station.push(1)
    await until(lambda: taken.exists() and HEAD.pack(ALIVE, 0) in taken.read_bytes())
    assert TRAFFIC.total == before + 1_000


async def test_what_a_push_sends_counts(station: Station) -> None:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _publish(reader, writer)
        while await reader.read(65_536):
            continue
        writer.close()

    before = TRAFFIC.total
    async with server(take) as port:
        station.push(port)
        await until(lambda: station.told("live"), 15)
        await until(lambda: TRAFFIC.total - before > 10_000, 15)
        station.pushes.set([])
        await until(lambda: not children())
    assert station.reports == [("live", None), ("closed", None)]


async def test_a_track_without_a_cover_is_not_shown_with_that_of_the_one_before(
    station: Station, stand_ins: Any, tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    stand_ins(f"cat 3>&1 > '{taken}'", {"state": "live"})
    station.picture = red()
    station.push(1, video="http://bot/cover")
    await until(lambda: taken.exists() and red() in taken.read_bytes())
    station.picture = None
    station.push(1, video="http://bot/none")
    await until(lambda: HEAD.pack(PICTURE, 0) in taken.read_bytes())
    still, black = Still(), Still()._frame.to_ndarray()
    still.show(red())
    assert not np.array_equal(still._frame.to_ndarray(), black)
    still.show(b"no picture")
    assert not np.array_equal(still._frame.to_ndarray(), black), "what cannot be read changes nothing"
    still.show(b"")
    assert np.array_equal(still._frame.to_ndarray(), black)


class Deaf:
    """Stands in for a publisher."""

    async def describe(self, _facts: Any) -> None:
        return

    async def send(self, *_tag: Any) -> None:
        return

    def taken(self) -> int:
        return 0


@pytest.mark.parametrize("answers", [True, False])
async def test_a_child_whose_node_froze_ends_so_that_another_may_push(
    monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    monkeypatch.setattr("lavalink.pusher.BEAT", 0.05)
    monkeypatch.setattr("lavalink.pusher.FORSAKEN", 0.6)
    monkeypatch.setattr("lavalink.pusher.say", lambda *_args, **_more: None)
    feed = Feed()
    feeding = asyncio.create_task(feed.follow())
    push = asyncio.create_task(Push(feed, Programme(picture=False), cast("Any", Deaf())).run(feeding))
    if answers:
        for _ in range(10):
            feed._reader.feed_data(HEAD.pack(ALIVE, 0))
            await asyncio.sleep(0.1)
        assert not push.done()
        with pytest.raises(RtmpError, match="forsaken"):
            await asyncio.wait_for(push, 10)
    else:
        await asyncio.sleep(1)
        assert not push.done(), "a node that never answered is an older one"
    feeding.cancel()
    push.cancel()
    await asyncio.gather(feeding, push, return_exceptions=True)


@pytest.mark.heard
async def test_a_frozen_child_is_killed_and_replaced(
    station: Station, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("lavalink.pushes.SILENCE_LIMIT", 3.0)
    port = free_port()
    async with receiver(port, tmp_path / "one.flv"):
        station.push(port)
        await until(lambda: station.told("live"), 15)
        (child,) = children()
        os.kill(child, signal.SIGSTOP)
        await until(lambda: ("failed", "hung") in station.reports or ("failed", "died") in station.reports, 15)
        assert child not in children()
    async with receiver(port, tmp_path / "two.flv"):
        await until(lambda: station.told("live") == 2, 15)


async def test_what_is_no_rtmp_server_and_what_rejects_is_told(station: Station) -> None:
    async def chatter(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100)
        await writer.drain()
        writer.close()

    async def reject(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.readexactly(1537)
        writer.write(hello + hello[1:])
        await reader.readexactly(1536)
        messages = ChunkReader(reader)
        messages.size = OUT_CHUNK
        while (await messages.message()).kind != COMMAND:
            continue
        refusal = encoded("_error", 1, None, {"code": "NetConnection.Connect.Rejected"})
        writer.write(chunks(3, Message(20, 0, 0, refusal)))
        await writer.drain()
        await reader.read()
        writer.close()

    async with server(chatter) as port:
        station.push(port, host="nowhere.invalid")  # it goes where it was told to, whatever the name leads to
        await until(lambda: station.told("failed", "not_rtmp"), 15)
    async with server(reject) as port:
        station.push(port)
        await until(lambda: station.told("failed", "rejected"), 15)


@pytest.mark.heard
async def test_a_certificate_has_to_be_right(station: Station, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    inner = free_port()
    async with receiver(inner, tmp_path / "out.flv"):

        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", inner)
            await asyncio.gather(_copy(reader, back), _copy(there, writer), return_exceptions=True)

        async with server(pass_on, ssl=authority().server) as port:
            station.push(port, scheme="rtmps", host="localhost")
            await until(lambda: station.told("failed", "certificate"), 15)
            monkeypatch.setenv("SSL_CERT_FILE", str(authority().ca_file))
            station.push(port, scheme="rtmps", host="other.example")
            before = station.told("failed", "certificate")
            await until(lambda: station.told("failed", "certificate") > before + 1, 15)
            assert not station.told("live")
            station.push(port, scheme="rtmps", host="localhost")
            await until(lambda: station.told("live"), 15)
            station.pushes.set([])


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def test_the_key_is_on_no_line_that_others_can_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    met: dict[int, str] = {}

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for pid in children():
            met[pid] = command_line(pid) + of_process(pid, "environ")
        writer.close()

    async with server(listen) as port, desk() as one:
        with structlog.testing.capture_logs() as logs:
            url = f"rtmp://127.0.0.1:{port}/live/{KEY}"
            tap = {"id": "p", "type": "rtmp", "url": url, "video": f"http://127.0.0.1:1/{KEY}"}
            one.patch(chorus={"taps": [tap]})
            await until(lambda: met, 15)
            await until(lambda: any(message.get("state") == "failed" for message in one.messages), 15)
            (listed,) = one.player.model().wire()["chorus"]["taps"]
            assert listed == {"id": "p", "type": "rtmp", "state": "closed"}
            one.patch(chorus={"taps": []})
        assert any(line["event"] == "push failed" for line in logs)
        shown = [one.player.model().wire(), one.messages, logs, met, repr(PushTap.model_validate(tap))]
        assert KEY not in repr(shown)
    assert KEY not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "file://example.com/live/k",
        "http://example.com/live/k",
        "rtmpt://example.com/live/k",
        "rtmp://example.com/",
        "rtmp://example.com/live",
        "rtmp:///live/k",
        "rtmp://me:pw@example.com/live/k",
        "rtmp://example.com:99999/live/k",
        "rtmp://example.com/live/k -o /tmp/x",
        "rtmp://example.com/live/k\n",
        "rtmp://example.com/live/" + "k" * 3000,
    ],
)
def test_other_addresses_are_refused_without_being_quoted(url: str) -> None:
    body = {"chorus": {"taps": [{"id": "p", "type": "rtmp", "url": url}]}}
    with pytest.raises(ValidationError) as refused:
        PlayerPatch.model_validate(body)
    message = validation_message(refused.value)
    assert "url" in message
    assert url not in message


def test_an_address_falls_into_its_parts() -> None:
    address = RtmpAddress.parse("rtmps://live.example/app/instance/k-1?a=b/c")
    assert address == (True, "live.example", 443, "app/instance", "k-1?a=b/c")
    assert address.public == "rtmps://live.example:443/app/instance"


def test_commands_survive_the_way() -> None:
    values = ["connect", 1.0, {"app": "live", "deep": {"yes": True, "no": None}}, None]
    assert decoded(encoded(*cast("Any", values))) == values
    for cut in range(1, 30):
        with pytest.raises(AmfError):
            decoded(b"\x03\0\x01a" + encoded("x" * 40)[:cut])


def test_what_comes_before_a_value_of_an_unknown_kind_is_read() -> None:
    date = b"\x0b" + bytes(10)
    assert decoded(encoded("onStatus", 0.0) + date) == ["onStatus", 0.0]
    with pytest.raises(AmfError):
        decoded(date)


async def test_a_server_cannot_have_ever_more_unfinished_messages_kept() -> None:
    reader = asyncio.StreamReader()
    for channel in range(3, 64):
        reader.feed_data(chunks(channel, Message(COMMAND, 0, 0, bytes(OUT_CHUNK + 1)))[: 12 + OUT_CHUNK])
    messages = ChunkReader(reader)
    messages.size = OUT_CHUNK
    with pytest.raises(RtmpError, match="oversized"):
        await messages.message()


async def test_a_server_that_takes_nothing_any_more_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.rtmp.SEND_BUFFER", 4_096)
    leave = asyncio.Event()

    async def freeze(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _publish(reader, writer)
        cast("Any", writer.transport).pause_reading()
        await leave.wait()
        writer.close()

    async with server(freeze, limit=4_096) as port:
        address = RtmpAddress.parse(f"rtmp://localhost:{port}/live/{KEY}")
        publisher = await Publisher.open(address, "127.0.0.1", ssl.create_default_context())
        monkeypatch.setattr("lavalink.rtmp.PATIENCE", 0.3)
        with pytest.raises(TimeoutError):
            await _flood(publisher)
        assert publisher.taken() > 4_000
        assert publisher.taken() == 0
        await publisher.close()
        leave.set()


async def _flood(publisher: Publisher) -> None:
    for at in range(100_000):
        await publisher.send(AUDIO, at, bytes(4_000))


async def _publish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let a client publish."""
    hello = await reader.readexactly(1537)
    writer.write(hello + hello[1:])
    await reader.readexactly(1536)
    messages = ChunkReader(reader)
    messages.size = OUT_CHUNK
    started = {"code": "NetStream.Publish.Start"}
    answers = {"connect": ("_result", 1, None, {}), "createStream": ("_result", 4, None, 1)}
    while True:
        message = await messages.message()
        name = decoded(message.body)[0] if message.kind == COMMAND else ""
        answer = ("onStatus", 0, None, started) if name == "publish" else answers.get(name)
        if answer is not None:
            writer.write(chunks(3, Message(COMMAND, 0, 0, encoded(*cast("Any", answer)))))
        if name == "publish":
            return


async def test_messages_survive_being_cut_into_chunks() -> None:
    reader = asyncio.StreamReader()
    sent = [Message(AUDIO, 1, 0x1000000, bytes(9000)), Message(AUDIO, 1, 7, b"x"), Message(AUDIO, 1, 8, bytes(4096))]
    for message in sent:
        reader.feed_data(chunks(4, message))
    messages = ChunkReader(reader)
    messages.size = OUT_CHUNK
    assert [await messages.message() for _ in sent] == sent
