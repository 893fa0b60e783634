import asyncio
import time
from collections.abc import AsyncGenerator
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from yarl import URL

from lavalink.encrypted import Decrypted
from lavalink.hls import open_segments
from lavalink.playlists import first_address, is_hls
from lavalink.protocol import LoadError
from lavalink.sources import STREAM_LENGTH, Sources
from tests import sound
from tests.lavalink.harness import Desk, desk, until


@pytest.fixture
async def one(tmp_path: Path) -> AsyncGenerator[Desk]:
    async with desk() as made:
        made.media.add("tone.mp3", sound.write_tone(tmp_path / "tone.mp3", 700, 2.0, tags={"title": "Tone"}))
        yield made


def segments(
    one: Desk, folder: Path, hz: float, seconds: float, name: str = "list.m3u8", options: dict[str, str] | None = None
) -> str:
    """Serve a tone in HLS segments of a second; its playlist."""
    settings = {"hls_time": "1", "hls_list_size": "0", **(options or {})}
    with av.open(str(folder / name), "w", format="hls", options=settings) as out:
        stream = cast("Any", out.add_stream("aac", rate=48000))
        stream.codec_context.layout = "stereo"
        samples = (sound.tone(hz, seconds) * 32767).astype(np.int16)
        for at in range(0, len(samples), 1024):
            frame = av.AudioFrame.from_ndarray(samples[at : at + 1024].reshape(1, -1), layout="stereo")
            frame.sample_rate, frame.pts = 48000, at
            for packet in stream.encode(frame):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    for path in folder.iterdir():
        if path.suffix in {".ts", ".m4s", ".mp4"}:
            one.media.add(path.name, path)
    text = (folder / name).read_text()
    one.media.add(name, text.encode())
    return text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.m3u", "#EXTM3U\n#EXTINF:2,Tone\n{base}/tone.mp3\n"),
        ("x.m3u8", "\ufeff#EXTM3U\r\n\r\ntone.mp3\r\nother.mp3\r\n"),
        ("x.pls", "[playlist]\nNumberOfEntries=1\nTitle1=Tone\nFile1={base}/tone.mp3\n"),
        (
            "x.xspf",
            '<?xml version="1.0"?>\n<playlist><location>{base}/tone.mp3?a=1&amp;b=2</location></playlist>',
        ),
    ],
)
async def test_a_playlist_is_its_first_track(one: Desk, name: str, text: str) -> None:
    one.media.add(name, text.format(base=one.media.base).encode())
    info = await one.sources.load(one.media.url(name))
    assert info is not None
    assert (info.title, info.identifier) == ("Tone", one.media.url(name))
    assert abs(info.length - 2000) < 60


async def test_playlists_within_the_origins_only(one: Desk) -> None:
    strict = Sources(one.sources._session, origins=[one.media.base])
    one.media.add("x.m3u", b"#EXTM3U\nhttp://127.0.0.1:1/x.mp3\n")
    with pytest.raises(LoadError, match="may not fetch"):
        await strict.load(one.media.url("x.m3u"))
    hls = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:1/x.ts\n#EXT-X-ENDLIST\n"
    one.media.add("x.m3u8", hls.encode())
    with pytest.raises(LoadError):
        await strict.load(one.media.url("x.m3u8"))
    await strict.close()


async def test_an_address_that_is_none_is_told(one: Desk) -> None:
    one.media.add("bad.m3u", b"#EXTM3U\nhttp://[\n")
    with pytest.raises(LoadError, match="no address"):
        await one.sources.load(one.media.url("bad.m3u"))


async def test_a_playlist_that_names_itself_is_told(one: Desk) -> None:
    piece = one.media.add("loop.m3u", b"#EXTM3U\nloop.m3u\n")
    with pytest.raises(LoadError, match="playlists only"):
        await one.sources.load(one.media.url("loop.m3u"))
    assert len(piece.requests) == 3


async def test_a_list_of_what_is_not_there_is_given_up(one: Desk) -> None:
    listed = "".join(f"#EXTINF:1,\nmissing{number}.ts\n" for number in range(3_000))
    one.media.add("void.m3u8", f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{listed}#EXT-X-ENDLIST\n".encode())
    asked = len(one.media.missed)
    with pytest.raises(LoadError, match="are gone"):
        await one.sources.load(one.media.url("void.m3u8"))
    assert len(one.media.missed) - asked < 30


async def test_a_playlist_without_an_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lavalink.hls.LARGEST", 100_000)
    monkeypatch.setattr("lavalink.hls.PATIENCE", 0.0)
    sent = 0

    class Endless:
        """A file that goes on for ever."""

        url = URL("http://radio.test/list.m3u8")
        error = None
        closed = False

        def __init__(self) -> None:
            self.place = 0

        def read(self, size: int) -> bytes:
            nonlocal sent
            piece = (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n" if not self.place else b"") + b"#EXTINF:1,\na.ts\n" * 500
            self.place += len(piece[:size])
            sent += len(piece[:size])
            return piece[:size]

        def seek(self, offset: int, whence: int = 0) -> int:
            return self.place

        def tell(self) -> int:
            return self.place

        def nested(self, url: URL) -> "Endless":
            if url.name == "a.ts":
                raise LoadError("gone")
            return Endless()

        def close(self) -> None:
            """Nothing is open."""

    file = cast("Any", Endless())
    with pytest.raises(LoadError):
        await asyncio.wait_for(asyncio.to_thread(open_segments, file, "#EXTM3U\n"), 10)
    assert sent < 1_000_000


def test_the_fitting_variant_is_chosen() -> None:
    variants = "#EXTM3U\n" + "".join(
        f'#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH={rate},CODECS="x"\n{rate}.m3u8\n'
        for rate in (2_000_000, 64_000, 320_000)
    )
    assert not is_hls(variants)
    assert first_address(variants) == "320000.m3u8"
    assert first_address(variants.replace("64000", "640000").replace("320000", "900000")) == "640000.m3u8"
    audio = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",URI="sound.m3u8"\n'
    assert first_address(variants + audio) == "sound.m3u8"
    assert first_address("#EXTM3U\n") is None
    assert first_address(f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH={'9' * 5_000}\nlow.m3u8\n") == "low.m3u8"


@pytest.mark.heard
@pytest.mark.parametrize("kind", [{}, {"hls_segment_type": "fmp4"}, {"hls_flags": "single_file"}])
async def test_segments_are_heard_as_one_file(one: Desk, tmp_path: Path, kind: dict[str, str]) -> None:
    segments(one, tmp_path, 500, 4.0, options=kind)
    one.media.add("master.m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=128000\nlist.m3u8\n")
    track = await one.play("master.m3u8", position=2_000)
    assert not track.info.is_stream
    assert abs(track.info.length - 4000) < 100
    await one.ended()
    (tone,) = one.ear.tones()
    assert abs(tone.hz - 500) < 2
    assert abs(tone.length - 2) < 0.1


@pytest.mark.heard
async def test_a_live_stream_goes_on_and_holds_up_nobody(one: Desk, tmp_path: Path) -> None:
    whole = segments(one, tmp_path, 500, 6.0).replace("#EXT-X-ENDLIST\n", "")
    lines = whole.splitlines(keepends=True)
    cuts = [number for number, line in enumerate(lines) if line.startswith("#EXTINF")]
    one.media.pieces["list.m3u8"].body = "".join(lines[: cuts[3]]).encode()
    live = await one.play("list.m3u8")
    assert (live.info.is_stream, live.info.length) == (True, STREAM_LENGTH)
    await until(lambda: one.ear.heard(500))
    others = [Desk(one.engine, one.sources, one.media, guild) for guild in (2, 3, 4)]
    for other in others:
        await other.play("list.m3u8")
    await asyncio.sleep(2.5)  # all wait for the fourth segment now
    quick = Desk(one.engine, one.sources, one.media, 5)
    await quick.play("tone.mp3")
    await until(lambda: quick.ear.heard(700), within=1)
    before = len(one.ear.packets)
    one.media.pieces["list.m3u8"].body = "".join(lines[: cuts[5]]).encode()
    await until(lambda: len(one.ear.packets) > before + 50)
    closing = time.monotonic()
    for each in (*others, quick):
        await each.player.close()
    await one.player.close()
    assert time.monotonic() - closing < 0.5


@pytest.mark.heard
@pytest.mark.parametrize(("gone", "last"), [((2,), "finished"), ((2, 3, 4, 5), "loadFailed")])
async def test_a_stream_that_breaks_off_says_so(one: Desk, tmp_path: Path, gone: tuple[int, ...], last: str) -> None:
    """A segment that is missing is passed over; when no more come, that is no end."""
    segments(one, tmp_path, 500, 4.0)
    for number in gone:
        one.media.pieces.pop(f"list{number}.ts", None)
    await one.play("list.m3u8")
    await one.ended()
    assert one.events()[-1] == ("TrackEnd", "list.m3u8", last)
    assert abs(sum(tone.length for tone in one.ear.tones()) - (3.0 if last == "finished" else 2.0)) < 0.4


@pytest.mark.heard
async def test_a_live_stream_outlives_its_playlist_for_a_moment(one: Desk, tmp_path: Path) -> None:
    whole = segments(one, tmp_path, 500, 5.0)
    lines = whole.splitlines(keepends=True)
    cuts = [number for number, line in enumerate(lines) if line.startswith("#EXTINF")]
    playlist = one.media.pieces["list.m3u8"]
    playlist.body = "".join(lines[: cuts[3]]).encode()
    await one.play("list.m3u8")
    await until(lambda: one.ear.heard(500))
    playlist.status, before = 503, len(playlist.requests)
    await until(lambda: len(playlist.requests) > before)
    playlist.status, playlist.body = 200, whole.encode()
    await one.ended(12)
    assert one.events()[-1] == ("TrackEnd", "list.m3u8", "finished")
    assert abs(sum(tone.length for tone in one.ear.tones()) - 5.0) < 0.4


@pytest.mark.heard
async def test_a_live_stream_that_stands_still_is_stuck(
    one: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is let go of at once when something else is played."""
    monkeypatch.setattr("lavalink.playback.STUCK_MS", 4_000)
    text = segments(one, tmp_path, 500, 2.0)
    playlist = one.media.pieces["list.m3u8"]
    playlist.body = text.replace("#EXT-X-ENDLIST\n", "").encode()
    await one.play("list.m3u8")
    await until(lambda: one.ear.heard(500))
    await until(lambda: any(event[0] == "TrackStuck" for event in one.events()), 10)
    assert one.deck is not None
    reel = one.deck._heard.reel
    await one.play("tone.mp3")
    await until(lambda: one.ear.heard(700))
    await until(lambda: reel._decoder is None, 2)
    asked = len(playlist.requests)
    await one.ended()
    assert len(playlist.requests) == asked


@pytest.mark.heard
async def test_a_live_stream_that_is_gone_says_so(one: Desk, tmp_path: Path) -> None:
    text = segments(one, tmp_path, 500, 3.0)
    one.media.pieces["list.m3u8"].body = text.replace("#EXT-X-ENDLIST\n", "").encode()
    await one.play("list.m3u8")
    await until(lambda: one.ear.heard(500))
    one.media.pieces["list.m3u8"].status = 502
    await one.ended(12)
    assert one.events()[-1] == ("TrackEnd", "list.m3u8", "loadFailed")


@pytest.mark.heard
async def test_an_encrypted_stream_is_heard(one: Desk, tmp_path: Path) -> None:
    key = f"{tmp_path}/secret.key"  # FFmpeg writes it there
    secret = {"hls_enc": "1", "hls_enc_key": "0123456789abcdef", "hls_enc_key_url": key}
    text = segments(one, tmp_path, 520, 5.0, "secret.m3u8", secret)
    assert "METHOD=AES-128" in text
    one.media.add("secret.m3u8", text.replace(key, "secret.key").encode())
    one.media.add("secret.key", b"0123456789abcdef")
    await one.play("secret.m3u8", position=1_000)
    await until(lambda: one.ear.heard(520))
    assert one.deck is not None
    file = one.deck._heard.reel._file
    assert file is not None
    await one.hear(100)
    assert sum(not part.closed for part in file._parts) <= 2, "what was heard is let go of"
    await one.ended()
    (tone,) = one.ear.tones()
    assert abs(tone.hz - 520) < 2
    assert abs(tone.length - 4.0) < 0.2


@pytest.mark.parametrize("length", [1, 15, 16, 17, 1000])
@pytest.mark.parametrize("size", [1, 16, 100, 4096])
def test_encrypted_segments_are_read_in_pieces_of_any_size(length: int, size: int) -> None:
    key, vector, plain = b"k" * 16, b"v" * 16, bytes(range(256)) * 4
    cipher, padder = Cipher(AES128(key), CBC(vector)).encryptor(), PKCS7(128).padder()
    secret = cipher.update(padder.update(plain[:length]) + padder.finalize()) + cipher.finalize()
    decrypted = Decrypted(BytesIO(secret), {"key": key.hex(), "iv": vector.hex()})
    assert b"".join(iter(lambda: decrypted.read(size), b"")) == plain[:length]
