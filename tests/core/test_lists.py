"""Lists as files: what is exported is imported again, and nothing else leaves or enters by them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.enums import Mode
from core.errors import ForbiddenError, NotAListError, NotListeningError, TooManyEntriesError, TooManyLinesError
from core.lists import export, parse
from core.records.results import Imported
from core.types import Settings, Track, TrackRef
from tests.core.conftest import ROOM, World
from tests.fakes import track

SONGS = ("Aria", "Blues", "Chant")
names = (
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
)


async def party(guild: World) -> World:
    await guild.voice("ann", "ben")
    await guild.jukebox.add(ROOM, guild.member("ann"), [track("Now"), *map(track, SONGS)])
    return guild


@pytest.mark.parametrize("kind", ["m3u8", "json"])
async def test_what_is_exported_is_imported_again_in_order(guild: World, kind: str) -> None:
    await party(guild)
    guild.library.tracks.append(track("Now"))
    file = await guild.jukebox.export(ROOM, guild.member("ben"), kind)  # type: ignore[arg-type]
    assert (file.filename, file.count) == (f"Room.{kind}", 4)
    await guild.jukebox.clear(ROOM, guild.member("ben", dj=True))
    told = await guild.jukebox.import_tracks(ROOM, guild.member("ben"), file.filename, file.content)
    assert told == Imported(4, 0, 0)
    assert await guild.waiting() == ["Now", *SONGS]


def private(ref: str, uri: str | None = None) -> Track:
    return Track(TrackRef(ref), "T", "A", 61_500, uri=uri)


HIDDEN = [
    "url:http://192.168.1.7/secret.mp3",
    "url:http://[::1]/secret.mp3",
    "url:http://nas/secret.mp3",
    "url:https://nas.local/secret.mp3",
    "url:https://ann:secret@example.org/x.mp3",
    "url:file:///home/secret.mp3",
    "url:http://[bad",
]


def test_addresses_that_are_nobody_elses_business_stay_here() -> None:
    tracks = [private(ref, ref.removeprefix("url:")) for ref in HIDDEN]
    public = [
        private("library:1", "http://nas/secret"),
        private("url:https://example.org/a.mp3", "https://example.org/a.mp3"),
    ]
    for kind in ("m3u8", "json"):
        file = export("R", [*tracks, *public], kind)  # type: ignore[arg-type]
        assert file.count == 2
        assert b"secret" not in file.content
        assert b"chorus:library:1" in file.content
        assert b"https://example.org/a.mp3" in file.content


def test_an_extended_list_is_what_every_player_reads() -> None:
    file = export("My room\n!", [private("url:https://example.org/a.mp3"), track("Live\nset", None)], "m3u8")
    assert file.filename == "My-room.m3u8"
    assert file.content.decode().split("\n") == [
        "#EXTM3U",
        "#PLAYLIST:My room !",
        "#EXTINF:62,A - T",
        "https://example.org/a.mp3",
        "#EXTINF:-1,Live set",
        "chorus:library:Live%0Aset",
        "",
    ]


@given(st.lists(st.tuples(names, names, st.none() | st.integers(1, 10**7)), min_size=1, max_size=5))
def test_a_list_says_what_it_was_told(songs: list[tuple[str, str, int | None]]) -> None:
    tracks = [Track(TrackRef(f"library:{title}"), title, artist, length) for title, artist, length in songs]
    found = parse("x.json", export("R", tracks, "json").content)
    assert [(it.address, it.title, it.artist, it.length) for it in found] == [
        (each.ref, each.title, each.artist, each.length) for each in tracks
    ]
    found = parse("x.m3u8", export("R", tracks, "m3u8").content)
    assert [it.address for it in found] == [each.ref for each in tracks]


async def test_lines_that_nothing_is_known_of_are_told_and_never_read(guild: World) -> None:
    await party(guild)
    paths = [
        "/etc/passwd",
        "../../secret.mp3",
        "C:\\Music\\x.mp3",
        "file:///etc/passwd",
        "library:Blues/../../x",
        "nonsense",
    ]
    text = "#EXTM3U\n#EXTINF:9,Aria\n/home/ann/Aria.mp3\nlibrary:Chant\n" + "\n".join(paths)
    told = await guild.jukebox.import_tracks(ROOM, guild.member("ben"), "list.m3u8", text.encode())
    assert (told.queued, told.dropped, told.unknown) == (2, 0, 6)
    assert told.first_unknown == tuple(paths[:5])
    assert (await guild.waiting()).count("Aria") == 2


async def test_a_list_of_nothing_known_changes_nothing(guild: World) -> None:
    await party(guild)
    before = await guild.waiting()
    told = await guild.jukebox.import_tracks(ROOM, guild.member("ben"), "l.m3u8", b"a\nb")
    assert told == Imported(0, 0, 2, ("a", "b"))
    assert await guild.waiting() == before


BINARY = bytes(range(256))
REFUSED = {
    "too many": (b"x\n" * 100_000, TooManyLinesError(5_000)),
    "too many tracks": (b"[" + b",".join([b"{}"] * 5_001) + b"]", TooManyLinesError(5_000)),
    "just too many": (b"x\n" * 5_001, TooManyLinesError(5_000)),
    "too large": (b"x" * (1 << 20) + b"y", NotAListError("too_large")),
    "binary": (BINARY * 9, NotAListError("binary")),
    "sound": (b"ID3\x04\x00", NotAListError("binary")),
    "another encoding": ("#EXTM3U\nx".encode("utf-16"), NotAListError("binary")),
    "nothing": (b"", NotAListError("empty")),
    "comments": (b"#EXTM3U\n# x\n\n", NotAListError("empty")),
    "broken": (b'{"tracks": [', NotAListError("corrupt")),
    "other JSON": (b'{"tracks": 3}', NotAListError("corrupt")),
    "numbers": (b"[1, 2]", NotAListError("corrupt")),
    "deep": (b"[" * 100_000, NotAListError("corrupt")),
    "a huge number": (b'[{"length": ' + b"9" * 10_000 + b"}]", NotAListError("corrupt")),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_is_no_list_is_refused_and_changes_nothing(guild: World, what: str) -> None:
    await party(guild)
    content, error = REFUSED[what]
    version = guild.room.version
    with pytest.raises(type(error)) as refused:
        await guild.jukebox.import_tracks(ROOM, guild.member("ben"), "list", content)
    assert refused.value == error
    assert guild.room.version == version


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.sampled_from(["x.m3u8", "x.json", ""]))
def test_any_bytes_are_a_list_or_refused(content: bytes, filename: str) -> None:
    with suppress(NotAListError, TooManyLinesError):
        assert parse(filename, content)


async def test_imports_are_held_to_caps_and_policy(guild: World) -> None:
    await party(guild)
    guild.room.settings = Settings(max_entries_per_person=2)
    content = "\n".join(f"library:{title}" for title in SONGS).encode()
    told = await guild.jukebox.import_tracks(ROOM, guild.member("ben"), "l.m3u8", content)
    assert told == Imported(2, 1, 0)
    with pytest.raises(TooManyEntriesError):
        await guild.jukebox.import_tracks(ROOM, guild.member("ben"), "l.m3u8", content)
    guild.room.mode = Mode.DJ
    with pytest.raises(ForbiddenError):
        await guild.jukebox.import_tracks(ROOM, guild.member("ben"), "l.m3u8", content)
    for refused in (
        guild.jukebox.import_tracks(ROOM, guild.member("zoe", channel=None), "l.m3u8", content),
        guild.jukebox.export(ROOM, guild.member("zoe", channel=None), "json"),
    ):
        with pytest.raises(NotListeningError):
            await refused
