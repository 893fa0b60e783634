"""Uploads: copied by content, checked, capped, swept."""

import io
import os
import resource
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mutagen.id3 import APIC, ID3  # pyright: ignore[reportPrivateImportUsage]  their documented names
from PIL import Image

from audio.guard import Guard
from audio.media_sound import read_sound
from audio.uploads import Uploads
from core.errors import StoreUnavailableError, UnplayableError
from core.ports.tracks import Attachment
from core.types import TrackRef
from tests.audio.foreign import Site, body, file, live, moved
from tests.sound import write_tone


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    await site.server.start_server()
    yield site
    await site.server.close()


@pytest.fixture
async def uploads(tmp_path: Path) -> AsyncIterator[Uploads]:
    guard = Guard(["127.0.0.1"], stall=0.3)
    yield Uploads(tmp_path / "data", guard, max_size=300_000)
    await guard.close()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_tone(tmp_path / "song.mp3", 440, 2, tags={"title": "Holiday", "artist": "Ana"})


def _sent(url: str, name: str = "voice note.mp3", size: int = 1_000, content_type: str | None = None) -> Attachment:
    return Attachment(url, name, size, content_type)


def _bytes(path: Path) -> bytes:
    return path.read_bytes()


def _left(tmp_path: Path) -> list[str]:
    folder = tmp_path / "data/uploads"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


async def test_a_file_is_copied_under_its_hash(uploads: Uploads, site: Site, song: Path, tmp_path: Path) -> None:
    site.pages["/s"] = file(song)
    track = await uploads.save(_sent(site.url("/s")))
    assert (track.title, track.artist) == ("Holiday", "Ana")
    assert abs((track.length or 0) - 2_000) < 100
    assert track.uri is None
    path = await uploads.path(track.ref)
    assert path is not None
    assert _bytes(path) == _bytes(song)
    again = await uploads.save(_sent(site.url("/s"), name="other.mp3"))
    assert again.ref == track.ref
    assert _left(tmp_path) == [track.ref.removeprefix("upload:")]


async def test_a_file_without_tags_is_called_as_it_was_sent(uploads: Uploads, site: Site, tmp_path: Path) -> None:
    site.pages["/s"] = file(write_tone(tmp_path / "x.wav", 440, 1))
    assert (await uploads.save(_sent(site.url("/s"), name="My 🎵 Song.wav"))).title == "My 🎵 Song"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/empty", "corrupt"),
        ("/noise", "corrupt"),
        ("/cut", "corrupt"),
        ("/text", "corrupt"),
        ("/concat", "corrupt"),
        ("/hls", "corrupt"),
        ("/html", "not_audio"),
        ("/gone", "not_found"),
        ("/inside", "private_address"),
        ("/big", "too_large"),
        ("/endless", "too_large"),
        ("/stall", "timeout"),
    ],
)
async def test_bad_files_are_refused_and_leave_nothing(
    uploads: Uploads, site: Site, song: Path, tmp_path: Path, path: str, reason: str
) -> None:
    whole = write_tone(tmp_path / "x.m4a", 440, 1).read_bytes()
    site.pages |= {
        "/empty": body(b""),
        "/noise": body(os.urandom(5_000)),
        "/cut": body(whole[:900]),
        "/text": body("just words " * 100),
        "/concat": body(f"ffconcat version 1.0\nfile '{song}'\n"),
        "/hls": body(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{song}\n#EXT-X-ENDLIST\n"),
        "/html": body("<html>", "text/html"),
        "/inside": moved(f"http://127.0.0.2:{site.server.port}/s"),
        "/big": body(b"x" * 300_001),
        "/endless": live(b"x" * 50_000),
        "/stall": live(_bytes(song)[:5_000], then="stall"),
    }
    with pytest.raises(UnplayableError, match=reason):
        await uploads.save(_sent(site.url(path)))
    assert _left(tmp_path) == []


def test_a_file_that_names_another_is_not_played(song: Path) -> None:
    """FFmpeg would open what a list of its own format names, say somebody else's upload."""
    listing = song.with_name("list")
    listing.write_text(f"ffconcat version 1.0\nfile {song.name}\n")
    with pytest.raises(UnplayableError, match="corrupt"):
        read_sound(str(listing))


async def test_what_says_that_it_is_too_large_or_a_picture_is_not_fetched(uploads: Uploads, site: Site) -> None:
    with pytest.raises(UnplayableError, match="too_large"):
        await uploads.save(_sent(site.url("/s"), size=300_001))
    with pytest.raises(UnplayableError, match="not_audio"):
        await uploads.save(_sent(site.url("/s"), content_type="image/png"))
    assert site.asked == []


async def test_a_folder_that_cannot_be_written_is_told(
    uploads: Uploads, site: Site, song: Path, tmp_path: Path
) -> None:
    site.pages["/s"] = file(song)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/uploads").write_text("a file in its place")
    with pytest.raises(StoreUnavailableError):
        await uploads.save(_sent(site.url("/s")))


@pytest.mark.parametrize("seconds", [0.02, 1.5])
async def test_a_full_disk_is_told_and_leaves_nothing(
    uploads: Uploads, site: Site, tmp_path: Path, seconds: float
) -> None:
    """Also when the file is so small that it is written only at its end."""
    site.pages["/s"] = file(write_tone(tmp_path / "s.wav", 440, seconds))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(StoreUnavailableError):
            await uploads.save(_sent(site.url("/s")))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert _left(tmp_path) == []
    assert await uploads.save(_sent(site.url("/s")))


async def test_a_picture_that_cannot_be_kept_is_told(uploads: Uploads, site: Site, song: Path, tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    tags = ID3()
    tags.add(APIC(encoding=3, mime="image/png", type=3, data=picture.getvalue()))
    tags.save(song)
    site.pages["/s"] = file(song)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/covers").write_text("a file in its place")
    with pytest.raises(StoreUnavailableError):
        await uploads.save(_sent(site.url("/s")))
    assert _left(tmp_path) == []


async def test_no_reference_leads_out_of_the_folder(uploads: Uploads) -> None:
    for ref in ("upload:../../etc/passwd", "upload:", "upload:" + "z" * 64, "upload:" + "a" * 64, "library:x"):
        assert await uploads.path(TrackRef(ref)) is None


async def test_the_sweep_removes_what_is_old_and_not_needed(uploads: Uploads, site: Site, tmp_path: Path) -> None:
    refs: list[TrackRef] = []
    for number in range(3):
        site.pages[f"/{number}"] = file(write_tone(tmp_path / f"{number}.wav", 300 + number * 100, 1))
        refs.append((await uploads.save(_sent(site.url(f"/{number}")))).ref)
    needed, old, new = refs
    assert await uploads.sweep({needed}) == 0, "what was just sent is not queued yet"
    hours_ago = time.time() - 10_000
    folder = tmp_path / "data/uploads"
    (folder / "left.part").write_bytes(b"x")
    for name in (needed.removeprefix("upload:"), old.removeprefix("upload:"), "left.part"):
        os.utime(folder / name, (hours_ago, hours_ago))
    assert await uploads.sweep({needed}) == 2
    assert await uploads.path(needed)
    assert await uploads.path(new)
    assert await uploads.path(old) is None
    assert not (folder / "left.part").exists()


async def test_sending_an_old_file_again_keeps_it_for_a_while(
    uploads: Uploads, site: Site, song: Path, tmp_path: Path
) -> None:
    site.pages["/s"] = file(song)
    ref = (await uploads.save(_sent(site.url("/s")))).ref
    os.utime(tmp_path / "data/uploads" / ref.removeprefix("upload:"), (0, 0))
    await uploads.save(_sent(site.url("/s")))
    assert await uploads.sweep(set()) == 0
