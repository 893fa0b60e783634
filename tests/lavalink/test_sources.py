import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest

from lavalink.decoder import Decoder
from lavalink.playlists import open_sound
from lavalink.protocol import LoadError, TrackInfo
from lavalink.sources import STREAM_LENGTH, Sources
from tests import sound
from tests.lavalink.harness import Media, studio, until

FORMATS = (".wav", ".mp3", ".flac", ".m4a", ".ogg", ".opus", ".webm", ".aac", ".mka")
SECONDS = 3.0


class Shelf:
    def __init__(self, media: Media, sources: Sources, folder: Path) -> None:
        self.media = media
        self.sources = sources
        self.folder = folder

    def write(self, name: str, hz: float = 440, seconds: float = SECONDS, **how: Any) -> Path:
        path = self.folder / name
        if path.suffix in {".webm", ".aac", ".mka"}:
            mux(path, hz, seconds)
        else:
            sound.write_tone(path, hz, seconds, **how)
        self.media.add(name, path)
        return path

    async def load(self, name: str) -> TrackInfo | None:
        return await self.sources.load(self.media.url(name))

    async def samples(self, name: str, start: int = 0) -> sound.Samples:
        return await asyncio.to_thread(self._samples, name, start)

    def _samples(self, name: str, start: int) -> sound.Samples:
        file = self.sources.file(self.media.url(name))
        open_sound(file)
        decoder = Decoder(file)
        if start:
            decoder.seek(start)
        pieces: list[sound.Samples] = []
        while (pcm := decoder.read(copy=0)) is not None:
            assert not isinstance(pcm, list)
            assert pcm.samples <= 4800
            raw = np.frombuffer(memoryview(pcm.plane), np.int16, pcm.samples * 2, pcm.start * 4)
            pieces.append((raw.reshape(-1, 2) / 32768).astype(np.float32))
        decoder.close()
        return np.concatenate(pieces) if pieces else np.zeros((0, 2), np.float32)


def mux(path: Path, hz: float, seconds: float) -> None:
    codec = "aac" if path.suffix == ".aac" else "libopus"
    with av.open(str(path), "w", format="adts" if codec == "aac" else None) as container:
        stream = cast("Any", container.add_stream(codec, rate=48000))
        stream.codec_context.layout = "stereo"
        tone = (sound.tone(hz, seconds) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(tone.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = 48000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    async with studio() as (media, _, sources):
        yield Shelf(media, sources, tmp_path)


@pytest.mark.parametrize("suffix", FORMATS)
async def test_every_format_is_heard_right(shelf: Shelf, suffix: str) -> None:
    shelf.write(f"tone{suffix}", 523)
    info = await shelf.load(f"tone{suffix}")
    assert info is not None
    assert info.source_name == "http"
    assert info.uri == info.identifier == shelf.media.url(f"tone{suffix}")
    if suffix != ".ogg":  # FFmpeg's own Vorbis muxing leaves a wrong last granule
        assert abs(info.length - 3000) < 60
    assert (info.is_stream, info.is_seekable) == (False, True)
    samples = await shelf.samples(f"tone{suffix}")
    assert abs(len(samples) / 48000 - SECONDS) < 0.06
    middle = samples[24000:-24000]
    assert abs(sound.frequency(middle) - 523) < 1
    assert abs(sound.level(middle) - -12) < 1


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".flac", ".m4a", ".opus", ".webm"])
async def test_seeking_is_exact(shelf: Shelf, suffix: str) -> None:
    samples = np.concatenate([sound.tone(400, 1.5), sound.tone(1000, 1.5)])
    path = shelf.folder / f"two{suffix}"
    if suffix == ".webm":
        sound.write_sound(path.with_suffix(".opus"), samples)
        remux(path.with_suffix(".opus"), path)
    else:
        sound.write_sound(path, samples)
    shelf.media.add(path.name, path)
    heard = await shelf.samples(path.name, 1000)
    first, second = sound.tones_in(heard)
    assert (round(first.hz, -1), round(second.hz, -1)) == (400, 1000)
    assert abs(second.start - 0.5) <= 0.041
    assert abs(len(heard) / 48000 - 2) < 0.07
    assert len(await shelf.samples(path.name, 60_000)) == 0


def remux(source: Path, target: Path) -> None:
    with av.open(str(source)) as inside, av.open(str(target), "w") as outside:
        stream = cast("Any", outside).add_stream_from_template(inside.streams.audio[0])
        for packet in inside.demux(audio=0):
            if packet.dts is not None:
                cast("Any", packet).stream = stream
                outside.mux(packet)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (22050, 1), (44100, 2), (96000, 2)])
async def test_rates_and_channels_become_48_khz_stereo(shelf: Shelf, rate: int, channels: int) -> None:
    shelf.write("x.wav", 300, rate=rate, channels=channels)
    samples = await shelf.samples("x.wav")
    assert abs(len(samples) - 144_000) < 50
    assert abs(sound.frequency(samples) - 300) < 1
    assert abs(sound.level(samples) - -12) < 0.3
    assert np.array_equal(samples[:, 0], samples[:, 1])


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".m4a", ".ogg", ".opus"])
async def test_tags_name_the_track(shelf: Shelf, suffix: str) -> None:
    shelf.write(f"x{suffix}", seconds=0.5, tags={"title": "Ünï ☂", "artist": "Someone"})
    info = await shelf.load(f"x{suffix}")
    assert info is not None
    assert (info.title, info.author) == ("Ünï ☂", "Someone")


async def test_without_tags_the_file_names_it(shelf: Shelf) -> None:
    shelf.write("A Song.wav", seconds=0.2)
    assert (info := await shelf.sources.load(f"{shelf.media.base}/A%20Song.wav")) is not None
    assert (info.title, info.author) == ("A Song", "Unknown artist")
    disposition = 'inline; filename="Other Name.wav"'
    shelf.media.pieces["A Song.wav"].headers["Content-Disposition"] = disposition
    assert (info := await shelf.sources.load(f"{shelf.media.base}/A%20Song.wav?again")) is not None
    assert info.title == "Other Name"


@pytest.mark.parametrize(
    "identifier", ["", "ytsearch:x", "http://", "http:///x", "file:///etc/passwd", "nothing", "http://["]
)
async def test_nonsense_is_empty(shelf: Shelf, identifier: str) -> None:
    assert await shelf.sources.load(identifier) is None


async def test_a_missing_file_is_empty(shelf: Shelf) -> None:
    assert await shelf.load("missing.mp3") is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"\0" * 100_000,
        b"<!doctype html><title>Not music</title>" * 50,
        b"ID3\x04\0\0\0\0\0\0",
        b"OggS" + b"\xff" * 5000,
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"#EXTM3U\n",
        b"[playlist]\nNumberOfEntries=0\n",
        b"#EXTM3U\nx.mp3\n",  # itself
        b"#EXTM3U\nfile:///etc/passwd\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n/etc/passwd\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        struct.pack(">I", 2**31 - 1) + b"ftypM4A " + b"\0" * 100,
    ],
)
async def test_what_is_no_sound_is_an_error(shelf: Shelf, body: bytes) -> None:
    shelf.media.add("x.mp3", body)
    with pytest.raises(LoadError):
        await shelf.load("x.mp3")


async def test_random_bytes_never_break_the_loader(shelf: Shelf) -> None:
    random = np.random.default_rng(5)
    good = shelf.write("good.mp3", seconds=0.5).read_bytes()
    for _ in range(20):
        damaged = bytearray(good)
        for at in random.integers(0, len(good), 40):
            damaged[at] = int(random.integers(0, 256))
        shelf.media.add("x.mp3", bytes(damaged))
        try:
            info = await shelf.load("x.mp3")
        except LoadError:
            continue
        assert info is not None
        assert len(await shelf.samples("x.mp3")) < 48000


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".flac", ".opus"])
async def test_a_truncated_file_plays_as_far_as_it_goes(shelf: Shelf, suffix: str) -> None:
    body = shelf.write(f"whole{suffix}").read_bytes()
    shelf.media.add("half", body[: len(body) // 2])
    assert await shelf.load("half") is not None
    samples = await shelf.samples("half")
    assert 0.9 < len(samples) / 48000 < 2
    assert abs(sound.frequency(samples[12000:48000]) - 440) < 1


async def test_a_silent_server_is_given_up(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.sources.LOAD_SECONDS", 0.2)
    body = shelf.write("x.mp3").read_bytes()
    shelf.media.add("silent", body, stall_after=500)
    with pytest.raises(LoadError, match="too long"):
        await shelf.load("silent")
    shelf.media.add("mute", body, stall_after=0)
    with pytest.raises(LoadError, match="too long"):
        await shelf.load("mute")


async def test_silent_servers_hold_up_no_other_load(shelf: Shelf) -> None:
    body = shelf.write("x.mp3").read_bytes()
    shelf.media.add("silent", body, stall_after=500)
    blocked = [asyncio.create_task(shelf.load("silent")) for _ in range(10)]
    await until(lambda: len(shelf.media.pieces["silent"].requests) == 10)
    async with asyncio.timeout(1):
        assert await shelf.load("x.mp3") is not None
    for task in blocked:
        task.cancel()
    await asyncio.wait(blocked)


async def test_radio_is_a_stream(shelf: Shelf) -> None:
    body = shelf.write("x.mp3").read_bytes()
    shelf.media.add("radio", body, ranged=False, sized=False, headers={"icy-name": "Radio One"})
    info = await shelf.load("radio")
    assert info is not None
    assert (info.is_stream, info.is_seekable, info.length) == (True, False, STREAM_LENGTH)
    assert info.title == "Radio One"


async def test_without_ranges_a_file_looks_live(shelf: Shelf) -> None:
    body = shelf.write("x.wav").read_bytes()
    shelf.media.add("plain", body, ranged=False)
    info = await shelf.load("plain")
    assert info is not None
    assert (info.is_stream, info.is_seekable) == (True, False)
    assert len(await shelf.samples("plain")) == 144_000


async def test_foreign_origins_are_refused(shelf: Shelf) -> None:
    shelf.write("x.wav", seconds=0.1)
    strict = Sources(shelf.sources._session, origins=["http://127.0.0.1:1"])
    with pytest.raises(LoadError, match="may not fetch"):
        await strict.load(shelf.media.url("x.wav"))
    assert shelf.media.pieces["x.wav"].requests == []
    await strict.close()


async def test_a_loaded_file_is_kept_open_for_a_moment(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.sources.WARM_SECONDS", 0.05)
    shelf.write("x.wav", seconds=0.1)
    url = shelf.media.url("x.wav")
    await shelf.load("x.wav")
    taken = shelf.sources.take(url)
    assert taken is not None
    taken.close()
    await shelf.load("x.wav")
    await asyncio.sleep(0.1)
    assert shelf.sources.take(url) is None
