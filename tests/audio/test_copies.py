"""Copies of tracks: of the music folders alone, where that is allowed, in what a phone plays."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import av
import numpy as np
import pytest

import audio.copies
from audio.copies import Copies
from audio.library import Library
from core.errors import UnplayableError
from core.types import Track, TrackRef
from tests import sound
from tests.fakes import FakeClock


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    folder = tmp_path / "music"
    folder.mkdir()
    for name in ("one.flac", "two.mp3"):
        sound.write_tone(folder / name, 440, 3, tags={"title": name})
    library = Library(tmp_path / "data", [folder], FakeClock())
    await library.open()
    await library.scan()
    yield library
    await library.close()


async def found(library: Library, title: str) -> Track:
    return (await library.search(title))[0]


def heard(mp3: bytes) -> float:
    """The pitch of a file in Hz."""
    with av.open(io.BytesIO(mp3), "r") as file:
        assert file.format.name == "mp3"
        frames = [frame.to_ndarray().astype(np.float32) for frame in file.decode(audio=0)]
    samples = np.concatenate(frames, axis=1).T
    assert len(samples) / sound.RATE == pytest.approx(3, abs=0.1)
    return sound.frequency(samples[sound.RATE : 2 * sound.RATE])


async def test_what_a_phone_plays_goes_as_it_is(library: Library, tmp_path: Path) -> None:
    copy = await Copies(library, shared=True).copy(await found(library, "two.mp3"))
    assert copy is not None
    assert copy.name == "two.mp3"
    assert copy.content == (tmp_path / "music/two.mp3").read_bytes()


async def test_the_rest_goes_as_mp3(library: Library) -> None:
    copy = await Copies(library, shared=True).copy(await found(library, "one.flac"))
    assert copy is not None
    assert copy.name == "one.mp3"
    assert heard(copy.content) == pytest.approx(440, rel=0.01)


async def test_nothing_else_is_shared(library: Library) -> None:
    assert await Copies(library, shared=False).copy(await found(library, "two.mp3")) is None
    for ref in ("upload:abc", "url:https://example.org/song.mp3", "node:youtube:x", "source:yt-dlp:x"):
        assert await Copies(library, shared=True).copy(Track(TrackRef(ref), "Song", length=1_000)) is None


async def test_what_cannot_be_sent_says_why(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flac, mp3 = await found(library, "one.flac"), await found(library, "two.mp3")
    copies = Copies(library, shared=True)

    async def reason(track: Track) -> str:
        with pytest.raises(UnplayableError) as caught:
            await copies.copy(track)
        return caught.value.reason

    monkeypatch.setattr(audio.copies, "LARGEST", 10_000)
    assert await reason(flac) == "too_large"
    assert await reason(mp3) == "too_large"
    monkeypatch.setattr(audio.copies, "LARGEST", 50_000_000)
    (tmp_path / "music/one.flac").write_bytes(b"no sound at all")
    assert await reason(flac) == "corrupt"
    (tmp_path / "music/two.mp3").unlink()
    assert await reason(mp3) == "not_found"
    assert await reason(Track(TrackRef("library:nothing"), "Nothing", length=1_000)) == "not_found"
    (tmp_path / "music/one.flac").unlink()
    sound.write_tone(tmp_path / "music/one.flac", 440, 3)
    monkeypatch.setattr(audio.copies, "PATIENCE", 0.001)
    assert await reason(flac) == "timeout"
