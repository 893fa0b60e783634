"""The library: indexing, covers, search, and files that cannot be played."""

import base64
import io
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import mutagen
import numpy as np
import pytest
from mutagen.flac import Picture
from mutagen.id3 import APIC  # pyright: ignore[reportPrivateImportUsage]  its documented name
from mutagen.mp4 import MP4Cover
from PIL import Image

from audio.library import Library
from audio.library_covers import CONTRAST, GROUND, INDIGO, Covers, accent, contrast
from audio.library_scan import Progress
from audio.library_search import SearchIndex, normalise
from core.types import TrackRef
from tests.sound import write_tone
from tests.waiting import crowding


class SteppingClock:
    """A clock that moves on by itself at each look."""

    def __init__(self) -> None:
        self.time = 1_000

    def now(self) -> int:
        self.time += 1
        return self.time


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "Album").mkdir(parents=True)
    write_tone(folder / "Album/one.flac", 440, 1, tags={"title": "Smells Like Teen Spirit", "artist": "Nirvana"})
    write_tone(folder / "Album/two.mp3", 550, 2, tags={"title": "Für Elise", "artist": "Beethoven", "album": "Klavier"})
    write_tone(folder / "three.wav", 660, 1)
    write_tone(folder / "four.m4a", 770, 1, tags={"title": "Blackbird", "artist": "The Beatles"})
    write_tone(folder / "five.opus", 880, 1, tags={"title": "夜に駆ける", "artist": "YOASOBI"})
    Image.new("RGB", (300, 200), (200, 30, 40)).save(folder / "Album/Cover.JPG", "JPEG")
    return folder


@pytest.fixture
async def library(tmp_path: Path, music: Path) -> AsyncIterator[Library]:
    library = Library(tmp_path / "data", [music], SteppingClock())
    await library.open()
    yield library
    await library.close()


async def test_a_scan_reads_tags_and_lengths_of_every_format(library: Library) -> None:
    scanned = await library.scan()
    assert (scanned.tracks, scanned.read, scanned.removed, scanned.unreadable) == (5, 5, 0, 0)
    tracks = {track.title: track for track in await library.search("", limit=10)}
    assert set(tracks) == {"Smells Like Teen Spirit", "Für Elise", "three", "Blackbird", "夜に駆ける"}
    assert tracks["Blackbird"].artist == "The Beatles"
    assert all(abs((track.length or 0) % 1000) < 100 or (track.length or 0) % 1000 > 900 for track in tracks.values())
    assert abs((tracks["Für Elise"].length or 0) - 2000) < 100


async def test_a_second_scan_reads_only_what_changed(library: Library, music: Path) -> None:
    await library.scan()
    before = {track.title: track.ref for track in await library.search("", limit=10)}
    assert (await library.scan()).read == 0
    write_tone(music / "three.wav", 660, 2)
    (music / "Album/one.flac").unlink()
    write_tone(music / "six.wav", 100, 1)
    scanned = await library.scan()
    assert (scanned.read, scanned.removed, scanned.tracks) == (2, 1, 5)
    after = {track.title: track for track in await library.search("", limit=10)}
    assert after["three"].ref == before["three"]
    assert after["three"].length == 2000
    assert "Smells Like Teen Spirit" not in after
    assert next(iter(after)) == "six"


async def test_ids_are_the_same_after_the_folder_moved_and_the_index_was_lost(
    library: Library, music: Path, tmp_path: Path
) -> None:
    await library.scan()
    refs = {track.ref for track in await library.search("", limit=10)}
    (tmp_path / "else").mkdir()
    shutil.move(music, tmp_path / "else/music")
    other = Library(tmp_path / "data2", [tmp_path / "else/music"], SteppingClock())
    await other.open()
    await other.scan()
    assert {track.ref for track in await other.search("", limit=10)} == refs
    await other.close()


async def test_two_folders_of_one_name_do_not_mix(tmp_path: Path) -> None:
    for parent in ("a", "b"):
        (tmp_path / parent / "music").mkdir(parents=True)
        write_tone(tmp_path / parent / "music/x.wav", 440, 1)
    library = Library(tmp_path / "data", [tmp_path / "a/music", tmp_path / "b/music"], SteppingClock())
    await library.open()
    assert (await library.scan()).tracks == 2
    paths = [await library.path(track.ref) for track in await library.search("")]
    assert set(paths) == {tmp_path / "a/music/x.wav", tmp_path / "b/music/x.wav"}
    await library.close()


async def test_what_was_indexed_is_there_after_a_restart(library: Library, music: Path, tmp_path: Path) -> None:
    await library.scan()
    other = Library(tmp_path / "data", [music], SteppingClock())
    await other.open()
    assert [track.title for track in await other.search("nirvana")] == ["Smells Like Teen Spirit"]
    await other.close()


async def test_what_another_process_indexed_is_found(
    library: Library, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audio.library.REFRESH", 0.0)
    other = Library(tmp_path / "data", [music], SteppingClock())
    await other.open()
    assert await library.search("nirvana") == []
    await other.scan()
    await other.close()
    assert [track.title for track in await library.search("nirvana")] == ["Smells Like Teen Spirit"]


async def test_a_broken_index_is_made_anew(tmp_path: Path, music: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/library.db").write_bytes(b"this is no database, and longer than a header" * 9)
    library = Library(tmp_path / "data", [music], SteppingClock())
    await library.open()
    assert (await library.scan()).tracks == 5
    await library.close()


async def test_unreadable_files_are_listed_with_their_reason(library: Library, music: Path) -> None:
    (music / "empty.mp3").touch()
    (music / "noise.mp3").write_bytes(np.random.default_rng(1).bytes(20_000))
    (music / "text.flac").write_text("not a flac")
    (music / "cut.m4a").write_bytes((music / "four.m4a").read_bytes()[:900])
    (music / "notes.txt").write_text("left alone")
    (music / ".hidden.mp3").write_bytes(b"x")
    scanned = await library.scan()
    assert (scanned.tracks, scanned.unreadable) == (5, 4)
    reasons = {item.path.name: item.reason for item in await library.unreadable()}
    assert set(reasons) == {"empty.mp3", "noise.mp3", "text.flac", "cut.m4a"}
    assert reasons["empty.mp3"] == "the file is empty"
    assert all(reasons.values())
    assert not [track for track in await library.search("noise") if track.title == "noise"]


async def test_a_repaired_file_leaves_the_list(library: Library, music: Path) -> None:
    (music / "late.wav").touch()
    await library.scan()
    write_tone(music / "late.wav", 440, 1)
    scanned = await library.scan()
    assert (scanned.tracks, scanned.unreadable) == (6, 0)


async def test_a_deleted_file_has_no_path(library: Library, music: Path) -> None:
    await library.scan()
    track = (await library.search("three"))[0]
    assert await library.path(track.ref) == music / "three.wav"
    (music / "three.wav").unlink()
    assert await library.path(track.ref) is None
    assert await library.path(TrackRef("library:nonsense")) is None
    assert await library.path(TrackRef("library:../../etc/passwd")) is None


async def test_links_never_lead_out_of_the_folder(library: Library, music: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    write_tone(outside / "secret.wav", 440, 1)
    (music / "link.wav").symlink_to(outside / "secret.wav")
    (music / "folder").symlink_to(outside)
    (music / "within.wav").symlink_to(music / "three.wav")
    (music / "dangling.wav").symlink_to(music / "nowhere.wav")
    await library.scan()
    titles = {track.title for track in await library.search("", limit=20)}
    assert "within" in titles
    assert not titles & {"link", "secret", "dangling"}


async def test_a_file_swapped_for_a_link_after_the_scan_is_not_served(
    library: Library, music: Path, tmp_path: Path
) -> None:
    await library.scan()
    track = (await library.search("three"))[0]
    write_tone(tmp_path / "secret.wav", 440, 1)
    (music / "three.wav").unlink()
    (music / "three.wav").symlink_to(tmp_path / "secret.wav")
    assert await library.path(track.ref) is None


async def test_an_unmounted_folder_keeps_its_tracks(library: Library, music: Path, tmp_path: Path) -> None:
    await library.scan()
    shutil.move(music, tmp_path / "away")
    assert (await library.scan()).removed == 0
    assert await library.count() == 5


async def test_names_that_are_not_utf_8_are_indexed(library: Library, music: Path) -> None:
    name = os.fsdecode(os.fsencode(music) + b"/caf\xe9.wav")
    shutil.copy(music / "three.wav", name)
    await library.scan()
    found = next(track for track in await library.search("", limit=20) if track.title.startswith("caf"))
    path = await library.path(found.ref)
    assert path is not None
    assert path.name.encode(errors="surrogateescape") == b"caf\xe9.wav"


async def test_progress_is_told(library: Library) -> None:
    told: list[Progress] = []
    await library.scan(told.append)
    assert told[-1] == Progress(5, 5, 5)


async def test_one_file_can_be_added_at_once(library: Library, music: Path) -> None:
    write_tone(music / "new.flac", 440, 1, tags={"title": "Brand New"})
    track = await library.add(music / "new.flac")
    assert track is not None
    assert await library.search("brand new") == [track]


async def test_the_house_list_is_what_lies_in_the_house_folder(library: Library, tmp_path: Path) -> None:
    await library.scan()
    assert len(await library.fallback()) == 5
    write_tone(library.house / "b.wav", 440, 1)
    write_tone(library.house / "a.wav", 440, 1)
    for name in ("b", "a"):
        await library.add(library.house / f"{name}.wav")
    assert [track.title for track in await library.fallback()] == ["a", "b"]


async def test_covers_come_in_three_sizes_from_the_folder(library: Library) -> None:
    await library.scan()
    track = (await library.search("nirvana"))[0]
    assert track.cover is not None
    for size in (88, 176, 512):
        path = await library.cover(track.cover, size)
        assert path is not None
        with Image.open(path) as image:
            assert (image.format, image.size) == ("WEBP", (size, size))
    assert await library.cover(track.cover, 100) is None
    assert await library.cover("../library", 88) is None
    assert (await library.search("three"))[0].cover is None
    assert (await library.search("three"))[0].accent == INDIGO


def _embed(path: Path, data: bytes) -> None:
    """Put a front cover into a file, after a picture of the band."""
    file = cast("Any", mutagen).File(path)
    cover, band = (cast("Any", Picture)() for _ in range(2))
    cover.type, cover.mime, cover.data = 3, "image/png", data
    band.type, band.mime, band.data = 8, "image/png", _png((0, 0, 255))
    match path.suffix:
        case ".mp3":
            for picture in (band, cover):
                file.tags.add(APIC(encoding=3, mime="image/png", type=picture.type, desc="", data=picture.data))
        case ".flac":
            file.add_picture(band)
            file.add_picture(cover)
        case ".m4a":
            file["covr"] = [MP4Cover(data, MP4Cover.FORMAT_PNG)]
        case _:
            blocks = [base64.b64encode(picture.write()).decode() for picture in (band, cover)]
            file["metadata_block_picture"] = blocks
    file.save()


def _png(colour: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    _picture(colour).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".m4a", ".opus"])
async def test_embedded_front_covers_come_before_those_of_the_folder(
    library: Library, music: Path, suffix: str
) -> None:
    path = write_tone(music / f"Album/green{suffix}", 440, 1, tags={"title": "Green"})
    _embed(path, _png((0, 200, 0)))
    track = await library.add(path)
    assert track is not None
    assert track.cover is not None
    file = await library.cover(track.cover, 88)
    assert file is not None
    with Image.open(file) as image:
        red, green, blue = cast("tuple[int, int, int]", image.convert("RGB").getpixel((44, 44)))
    assert green > 150 > max(red, blue)
    assert track.accent is not None
    assert int(track.accent[3:5], 16) > 150


def _picture(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (64, 64), colour)


@pytest.mark.parametrize("colour", [(200, 30, 40), (10, 10, 90), (0, 60, 20), (255, 255, 0), (90, 0, 90), (20, 40, 45)])
def test_accents_can_be_read_on_the_dark_ground(colour: tuple[int, int, int]) -> None:
    found = accent(_picture(colour))
    rgb = (int(found[1:3], 16), int(found[3:5], 16), int(found[5:7], 16))
    assert contrast(rgb, GROUND) >= CONTRAST


def test_a_cover_without_colours_has_the_indigo_accent() -> None:
    assert accent(_picture((120, 122, 121))) == INDIGO
    assert contrast((0x81, 0x8C, 0xF8), GROUND) >= CONTRAST


def test_broken_and_huge_pictures_are_no_covers(tmp_path: Path) -> None:
    covers = Covers(tmp_path)
    out = io.BytesIO()
    _picture((1, 2, 3)).save(out, "PNG")
    assert covers.store(b"") is None
    assert covers.store(b"GIF89a nonsense") is None
    assert covers.store(out.getvalue()[:60]) is None
    big = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(big, "PNG")
    assert covers.store(big.getvalue()) is None


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("nirvana teen spirit", "Smells Like Teen Spirit"),
        ("smels liek ten spirt", "Smells Like Teen Spirit"),
        ("nirv", "Smells Like Teen Spirit"),
        ("fur elise", "Für Elise"),
        ("FÜR ELISE!", "Für Elise"),
        ("klavier", "Für Elise"),
        ("beethovn", "Für Elise"),
        ("black bird", "Blackbird"),
        ("夜に", "夜に駆ける"),
        ("yoasobi", "夜に駆ける"),
    ],
)
async def test_search_forgives_typing_errors(library: Library, query: str, title: str) -> None:
    await library.scan()
    assert (await library.search(query))[0].title == title


async def test_nonsense_finds_nothing(library: Library) -> None:
    await library.scan()
    assert await library.search("qqqwwwxxyyzz") == []
    assert await library.search("🎵🎵") == []


def test_searching_50_000_tracks_takes_less_than_20_ms() -> None:
    dice = np.random.default_rng(5)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    words = ["".join(dice.choice(syllables, dice.integers(1, 5))) for _ in range(6000)] + ["the", "love"] * 300
    texts = [" ".join(words[place] for place in dice.integers(0, len(words), 6)) for _ in range(50_000)]
    texts[4_321] = "smells like teen spirit nirvana nevermind"
    index = SearchIndex(texts)
    queries = ["nirvna smels like", "the love", "b", "teen sprit", normalise(texts[99])] * 4
    times = []
    for query in queries:
        start = time.perf_counter()
        found = index.search(query, limit=10)
        times.append(time.perf_counter() - start)
        assert found
    assert index.search("nirvna smels like", limit=1)[0][0] == 4_321
    assert sorted(times)[len(times) // 2] < 0.02 * crowding()
