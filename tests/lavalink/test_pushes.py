"""Pushes: a real receiver (FFmpeg's) hears them; others refuse, die, hang and lie."""

import asyncio
import io
import os
import signal
import socket
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
from lavalink.pushes import Pushes
from lavalink.rtmp_address import RtmpAddress
from lavalink.rtmp_chunks import AUDIO, COMMAND, OUT_CHUNK, ChunkReader, Message, chunks
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


async def test_a_child_that_takes_nothing_is_killed_before_sound_piles_up(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep: list[asyncio.subprocess.Process] = []

    async def sleeper() -> asyncio.subprocess.Process:
        child = await asyncio.create_subprocess_exec("sleep", "60", stdin=-1, stdout=-1)
        asleep.append(child)
        return child

    monkeypatch.setattr("lavalink.pushes._spawn", sleeper)
    station.push(1)
    await until(lambda: asleep)
    await asyncio.sleep(0)
    for _ in range(300):
        station.pushes.put(bytes(1_000))
        await asyncio.sleep(0)
    await until(lambda: station.told("failed", "died"), 5)
    assert asleep[0].returncode in {-signal.SIGKILL, 255}  # 255: asyncio took its end before its watcher did


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
        station.push(port)
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


async def test_messages_survive_being_cut_into_chunks() -> None:
    reader = asyncio.StreamReader()
    sent = [Message(AUDIO, 1, 0x1000000, bytes(9000)), Message(AUDIO, 1, 7, b"x"), Message(AUDIO, 1, 8, bytes(4096))]
    for message in sent:
        reader.feed_data(chunks(4, message))
    messages = ChunkReader(reader)
    messages.size = OUT_CHUNK
    assert [await messages.message() for _ in sent] == sent
