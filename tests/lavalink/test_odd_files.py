"""Files that are unlike others: channels, rates, pictures, lies, and codecs that nobody knows."""

import asyncio
import struct
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import av
import mutagen.id3
import mutagen.mp4
import numpy as np
import pytest

from lavalink.opus import SILENCE
from lavalink.protocol import LoadError, Track
from tests import sound
from tests.lavalink.harness import Desk, desk, until
from tests.waiting import crowding

pytestmark = pytest.mark.heard
HZ = 440
SECONDS = 1.2
PICTURE = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489") + bytes.fromhex(
    "0000000d49444154789c6360f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


@pytest.fixture
async def one() -> AsyncIterator[Desk]:
    async with desk() as made:
        yield made


def write(path: Path, codec: str, *, rate: int, layout: str, form: str = "s16", **options: str) -> Path:
    """A tone in all channels."""
    channels = av.AudioLayout(layout).nb_channels
    wave = sound.tone(HZ, SECONDS, rate=rate, channels=channels)
    with av.open(str(path), "w", options=options) as container:
        stream = cast("Any", container.add_stream(codec, rate=rate))
        stream.codec_context.layout, stream.codec_context.format = layout, form
        scale, kind = {"s16": (2**15 - 1, np.int16), "s32": (2**31 - 1, np.int32), "s16p": (2**15 - 1, np.int16)}[form]
        planar = form.endswith("p")
        samples = cast("Any", (wave * scale).astype(kind))
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples.T) if planar else samples.reshape(1, -1), form, layout
        )
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return path


def mono_8k(folder: Path) -> Path:
    return write(folder / "mono.wav", "pcm_s16le", rate=8000, layout="mono")


def rate_192k(folder: Path) -> Path:
    return write(folder / "fine.flac", "flac", rate=192_000, layout="stereo", form="s32")


def surround(folder: Path) -> Path:
    return write(folder / "round.flac", "flac", rate=48_000, layout="5.1")


def mp3_with_cover(folder: Path) -> Path:
    path = sound.write_tone(folder / "cover.mp3", HZ, SECONDS)
    tags = mutagen.id3.ID3()
    cast("Any", tags).add(cast("Any", mutagen.id3).APIC(encoding=3, mime="image/png", type=3, data=PICTURE * 2000))
    tags.save(path)
    return path


def mp4_with_cover(folder: Path) -> Path:
    path = sound.write_tone(folder / "cover.m4a", HZ, SECONDS)
    file = cast("Any", mutagen.mp4.MP4(path))
    file["covr"] = [mutagen.mp4.MP4Cover(PICTURE, mutagen.mp4.MP4Cover.FORMAT_PNG)]
    file.save()
    return path


def picture_first(folder: Path) -> Path:
    """A still picture as the video of a file, in front of its sound."""
    path = folder / "still.mkv"
    samples = (sound.tone(HZ, SECONDS) * 32767).astype(np.int16)
    with av.open(str(path), "w") as container:
        video, audio = (
            container.add_stream("mjpeg", rate=1),
            cast("Any", container.add_stream("pcm_s16le", rate=48_000)),
        )
        video.width, video.height, video.pix_fmt = 64, 64, "yuvj420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", "stereo")
        frame.sample_rate, frame.pts, picture.pts = 48_000, 0, 0
        for packet in (*video.encode(picture), *video.encode(None), *audio.encode(frame), *audio.encode(None)):
            container.mux(packet)
    return path


def vbr_without_index(folder: Path) -> Path:
    path = folder / "vbr.mp3"
    wave = sound.tone(HZ, SECONDS)
    wave[: len(wave) // 2] *= 0.001  # a soft half in small frames: the length that is guessed from the first is wrong
    samples = (wave * 32767).astype(np.int16)
    with av.open(str(path), "w", options={"write_xing": "0", "id3v2_version": "0"}) as container:
        stream = cast("Any", container.add_stream("libmp3lame", rate=48_000, options={"global_quality": "472"}))
        stream.codec_context.flags |= 2  # AV_CODEC_FLAG_QSCALE
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), "s16p", "stereo")
        frame.sample_rate = 48_000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return path


@pytest.mark.parametrize(
    "make", [mono_8k, rate_192k, surround, mp3_with_cover, mp4_with_cover, picture_first, vbr_without_index]
)
async def test_it_is_heard_as_it_is(one: Desk, tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    one.media.add(path.name, path)
    track = await one.play(path.name)
    await one.ended()
    samples = sound.decode(packet for packet in one.ear.packets if packet != SILENCE)
    assert abs(len(samples) / sound.RATE - SECONDS) < 0.12
    loud = samples[len(samples) // 2 + 4800 : -4800]
    assert abs(sound.frequency(loud) - HZ) < 2
    for ear in (0, 1):
        assert -16 < sound.level(loud[:, ear]) < -7
    assert one.events()[-1] == ("TrackEnd", path.name, "finished")
    if make is not vbr_without_index:
        assert abs(track.info.length - SECONDS * 1000) < 80


MINUTES = 120


def minute_hz(minute: int) -> int:
    """Far from those of its neighbours."""
    return 300 + 10 * (minute * 37 % MINUTES)


def two_hours_of_wav(folder: Path) -> tuple[Path, float]:
    """Each minute has a pitch of its own; how many seconds a minute has."""
    rate, path = 8000, folder / "long.wav"
    times = np.arange(rate) / rate
    seconds = [127 + 60 * np.sin(2 * np.pi * minute_hz(minute) * times) for minute in range(MINUTES)]
    data = np.concatenate([np.tile(second.astype(np.uint8), 60) for second in seconds]).tobytes()
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1, rate, rate, 1, 8, b"data", len(data)
    )
    path.write_bytes(head + data)
    return path, 60.0


def two_hours_of_mp3(folder: Path) -> tuple[Path, float]:
    """The same, of frames that repeat, without an index."""
    path, rate, frames = folder / "long.mp3", 16_000, 1667
    with path.open("wb") as out:
        for minute in range(MINUTES):
            encoder = cast("Any", av.CodecContext.create("libmp3lame", "w"))
            encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = rate, "mono", "s16p", 32_000
            encoder.options = {"reservoir": "0"}
            wave = (sound.tone(minute_hz(minute), 2.0, rate=rate, channels=1) * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave.T), "s16p", "mono")
            frame.sample_rate = rate
            packets = [bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None))][3:-3]
            out.write(b"".join(packets[at % len(packets)] for at in range(frames)))
    return path, frames * 576 / rate


@pytest.mark.parametrize("make", [two_hours_of_wav, two_hours_of_mp3])
async def test_any_place_of_two_hours_is_heard_at_once(
    one: Desk, tmp_path: Path, make: Callable[[Path], tuple[Path, float]]
) -> None:
    path, minute = make(tmp_path)
    one.media.add(path.name, path)
    track = await one.play(path.name)
    assert abs(track.info.length - MINUTES * minute * 1000) < 1000
    await until(lambda: one.ear.heard(minute_hz(0)))
    for wanted in (119, 1, 64):
        before, place, asked = len(one.ear.packets), round(wanted * minute * 1000) - 600, time.monotonic()
        one.patch(position=place)
        await until(lambda wanted=wanted: one.ear.heard(minute_hz(wanted)))
        assert time.monotonic() - asked < 1.8 * crowding()  # 0.6 s to the minute, and what it takes to be sure
        heard = sound.decode(one.ear.packets[before:])
        ran = one.player.model().state.position - place
        begins = next(tone.start for tone in sound.tones_in(heard) if abs(tone.hz - minute_hz(wanted)) < 4)
        assert abs(begins - (len(heard) / sound.RATE - ran / 1000) - 0.6) < 0.1


async def test_a_codec_that_nobody_knows(one: Desk, tmp_path: Path) -> None:
    body = bytearray(sound.write_tone(tmp_path / "a.wav", HZ, 1.0).read_bytes())
    struct.pack_into("<H", body, 20, 0x1234)  # WAVE's format tag
    one.media.add("odd.wav", bytes(body))
    with pytest.raises(LoadError, match="unknown kind"):
        await one.sources.load(one.media.url("odd.wav"))


@asynccontextmanager
async def server(answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncGenerator[str]:
    """Answers every connection alike, whatever it is asked."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/lie.wav"


def head(length: int) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nContent-Length: {length}\r\n\r\n".encode()


@pytest.mark.parametrize("share", [0.5, 3.0])
async def test_a_lying_content_length(one: Desk, tmp_path: Path, share: float) -> None:
    """What comes is heard; then the track ends, one way or the other, and in good time."""
    body = sound.write_tone(tmp_path / "lie.wav", HZ, SECONDS).read_bytes()

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head(int(len(body) * share)) + body)

    async with server(answer) as url:
        track = await lied(one, url, tmp_path)
        one.patch(track=track)
        await one.ended(25)
    heard = sum(tone.length for tone in one.ear.tones() if abs(tone.hz - HZ) < 3)
    assert heard > SECONDS * min(share, 1) - 0.15
    assert one.events()[-1][0] == "TrackEnd"


async def lied(one: Desk, url: str, folder: Path) -> Track:
    one.media.add("true.wav", sound.write_tone(folder / "true.wav", HZ, SECONDS))
    track = await one.track("true.wav")
    return track.model_copy(update={"info": track.info.model_copy(update={"identifier": url}), "encoded": "lie"})


async def test_one_byte_a_second(one: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stuck and says so; whatever is played in its place is heard at once."""
    monkeypatch.setattr("lavalink.playback.STUCK_MS", 200)
    body = sound.write_tone(tmp_path / "slow.wav", HZ, 20.0).read_bytes()
    left = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head(len(body)) + body[:100_000])
        for byte in body[100_000:]:
            writer.write(bytes([byte]))
            await writer.drain()
            if left.is_set():
                return
            await asyncio.sleep(0.05)

    async with server(answer) as url:
        one.patch(track=await lied(one, url, tmp_path))
        await until(lambda: any(event[0] == "TrackStuck" for event in one.events()))
        await one.play("true.wav")
        await until(lambda: one.ear.heard(HZ), within=2)
        left.set()
        await one.ended()
    assert one.events()[-1] == ("TrackEnd", "true.wav", "finished")
