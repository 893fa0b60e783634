"""What may join the queue: blocklist, duplicates, caps; and what becomes of entries whose people left."""

from dataclasses import replace
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.blocklist import Blocklist, block, blocklist_of, meant
from core.enums import BlockKind, Duplicates, EndReason, Hearing
from core.errors import BlockedError, DuplicateError, TooLongError, TooManyEntriesError
from core.types import Block, Entry, EntryId, PersonId, Presence, Settings, Track, TrackRef
from tests.core.conftest import PAGE, ROOM, World
from tests.fakes import track

MINUTE = 60_000


def song(title: str, artist: str = "", ref: str = "library:1", uri: str | None = None) -> Track:
    return Track(TrackRef(ref), title, artist, 60_000, uri=uri)


# The blocklist


@pytest.mark.parametrize(
    ("kind", "value", "blocked", "free"),
    [
        (BlockKind.WORD, "Rick", song("RICK rolls"), song("Brick")),
        (BlockKind.WORD, "never gonna", song("Never  Gonna Give"), song("never say gonna")),
        (BlockKind.WORD, "straße", song("Auf der STRASSE"), song("Strassenbahn")),
        (BlockKind.WORD, "ﬁne", song("it is FINE"), song("finest")),
        (BlockKind.WORD, "🔥", song("so 🔥🔥"), song("fire")),
        (BlockKind.WORD, "!!!", song("Me And Giuliani", "!!!"), song("wow!!")),
        (BlockKind.WORD, "काम", song("मेरा काम"), song("कामना")),
        (BlockKind.ARTIST, " Björk ", song("Army of Me", "BJÖRK"), song("Björk", "Somebody")),
        (BlockKind.TRACK, "library:7", song("A", ref="library:7"), song("A", ref="library:77")),
        (
            BlockKind.DOMAIN,
            "https://Example.com/x",
            song("A", ref="url:https://cdn.example.com/a.mp3"),
            song("A", ref="url:https://badexample.com/a"),
        ),
        (BlockKind.DOMAIN, "example.com", song("A", uri="http://example.com:81/a"), song("example.com")),
        (
            BlockKind.DOMAIN,
            "bücher.example",
            song("A", ref="url:https://xn--bcher-kva.example/a"),
            song("A", ref="url:https://[bad"),
        ),
        (BlockKind.DOMAIN, "tube.example", song("A", ref="node:tube:https://www.tube.example/watch"), song("A")),
    ],
)
async def test_a_line_blocks_what_it_says(
    page: World, kind: BlockKind, value: str, blocked: Track, free: Track
) -> None:
    page.room.settings = Settings(guests=page.room.settings.guests, blocks=(block(kind, value),))
    with pytest.raises(BlockedError) as refused:
        await page.jukebox.add(ROOM, page.visitor("ann"), [blocked])
    assert (refused.value.kind, refused.value.title) == (kind, blocked.title)
    told = await page.jukebox.add(ROOM, page.visitor("ann"), [blocked, free, blocked])
    assert (len(told.entries), told.blocked, told.track) == (1, 2, free)


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(list(BlockKind)))
def test_no_text_is_too_odd_for_it(value: str, text: str, kind: BlockKind) -> None:
    lines = Blocklist((block(kind, value),))
    for where in (song(text, text, f"url:{text}"), song(value, uri=f"https://{text}")):
        line = lines.line(where)
        assert line is None or line.kind is kind


@given(st.text(min_size=1, max_size=12), st.text(max_size=6), st.text(max_size=6), st.sampled_from(list(BlockKind)))
def test_what_waits_is_meant_by_the_same_rule_as_what_comes(
    value: str, before: str, after: str, kind: BlockKind
) -> None:
    line = block(kind, value)
    text = f"{before}{value.upper()}{after}"
    songs = [song(value), song(text), song("a", text), song("a", ref=value), song("a", uri=f"http://{text}/a")]
    songs += [song("a", ref=f"url:https://{before}.{text}"), song("a", uri=f"http://{value[:1]}\t{value[1:]}:80")]
    entries = [
        Entry(EntryId(number), one, PersonId("ann"), "Ann", PAGE, 0, 0) for number, one in enumerate(songs, start=1)
    ]
    if line.value:
        assert meant(line, entries) == [it for it in entries if Blocklist((line,)).line(it.track)]


@given(st.from_regex(r"\w{1,8}( \w{1,8}){0,3}", fullmatch=True), st.sampled_from(["", "a ", "(", "x-"]))
def test_a_whole_word_is_found_wherever_it_stands(words: str, before: str) -> None:
    lines = Blocklist((block(BlockKind.WORD, words),))
    assert lines.line(song(f"{before}{words} z")) is not None


def test_nothing_names_nothing() -> None:
    for kind in BlockKind:
        assert block(kind, "  ").value == ""
    assert Blocklist((Block(BlockKind.WORD, ""), Block(BlockKind.DOMAIN, ""))).line(song("a", ref="x")) is None


def test_five_hundred_lines_are_no_burden_to_a_thousand_tracks() -> None:
    """They are not gone through one by one: a hundred times as many lines cost some times as much."""
    tracks = [
        song(f"Some title of number {number}", "A band", f"url:https://host{number}.example/x")
        for number in range(1_000)
    ]

    def cost(count: int) -> float:
        lines = tuple(block(list(BlockKind)[number % 4], f"nothing {number}.example") for number in range(count))
        blocklist_of(lines)
        before = process_time()
        assert not any(blocklist_of(lines).line(each) for each in tracks)
        return process_time() - before

    few, many = (min(cost(count) for _ in range(5)) for count in (4, 500))
    assert many < 40 * few


# Duplicates and caps


@pytest.mark.parametrize("other", [song("a", "B", "library:1"), song("ÉTÉ", "the band", "library:9")])
async def test_a_duplicate_is_left_out_warned_of_or_nothing_at_all(page: World, other: Track) -> None:
    ann = page.visitor("ann")
    await page.stream("ann")
    await page.jukebox.add(ROOM, ann, [song("Été", "The Band", "library:1"), song("Z", "", "library:2")])

    async def again(duplicates: str) -> Any:
        changes = {"duplicates": duplicates}
        await page.jukebox.configure(ROOM, replace(ann, admin=True), changes)
        return await page.jukebox.add(ROOM, ann, [other, song("N", "", f"library:{duplicates}")])

    assert (await again("off")).duplicates == 0
    warned = await again("warn")
    assert (len(warned.entries), warned.duplicates) == (2, 1)
    blocked = await again("block")
    assert (len(blocked.entries), blocked.duplicates, blocked.dropped) == (1, 1, 0)
    with pytest.raises(DuplicateError):
        await page.jukebox.add(ROOM, ann, [other])


async def test_a_list_holds_its_own_duplicates_too_and_no_artist_is_not_the_same_artist(page: World) -> None:
    page.room.settings = Settings(guests=page.room.settings.guests, duplicates=Duplicates.BLOCK)
    told = await page.jukebox.add(ROOM, page.visitor("ann"), [song("A"), song("A"), song("A", ref="library:other")])
    assert (len(told.entries), told.duplicates) == (2, 1)


async def test_all_reasons_are_counted_apart(page: World) -> None:
    line = block(BlockKind.WORD, "bad")
    page.room.settings = Settings(
        guests=page.room.settings.guests,
        blocks=(line,),
        duplicates=Duplicates.BLOCK,
        max_entries_per_person=2,
        max_length=30_000,
    )
    await page.stream("ann")
    wanted = [track("bad", 1), track("long", 40_000), track("a", 1), track("a", 1), track("b", 1), track("c", 1)]
    told = await page.jukebox.add(ROOM, page.visitor("ann"), wanted)
    assert (len(told.entries), told.blocked, told.duplicates, told.dropped) == (2, 1, 1, 2)
    with pytest.raises(TooLongError):
        await page.jukebox.add(ROOM, page.visitor("ann"), wanted[:2])
    await page.jukebox.add(ROOM, page.visitor("ann"), [track("d", 1)])
    with pytest.raises(TooManyEntriesError):
        await page.jukebox.add(ROOM, page.visitor("ann"), [track("e", 1)])


async def test_linked_people_share_a_cap(page: World) -> None:
    page.room.settings = Settings(guests=page.room.settings.guests, max_entries_per_person=2)
    page.room.same = {PersonId("ann2"): PersonId("ann")}
    await page.jukebox.add(ROOM, page.visitor("ann"), [track("0"), track("a")])
    await page.jukebox.add(ROOM, page.visitor("ann"), [track("b")])
    with pytest.raises(TooManyEntriesError):
        await page.jukebox.add(ROOM, page.visitor("ann2"), [track("c")])


# Those who leave


async def leavers(world: World, choice: str) -> None:
    admin = world.member("boss", admin=True)
    await world.jukebox.configure(ROOM, admin, {"leavers": choice})


async def test_entries_of_who_left_are_parked_until_they_are_back(guild: World) -> None:
    await guild.voice("ann", "ben")
    await guild.jukebox.add(ROOM, guild.member("ann"), [track("0"), track("A"), track("B")])
    await guild.jukebox.add(ROOM, guild.member("ben"), [track("V"), track("W")])
    await leavers(guild, "park")
    await guild.voice("ben")
    assert await guild.waiting() == ["V", "W", "A", "B"]
    await guild.voice("ann", "ben")
    assert await guild.waiting() == ["V", "A", "W", "B"]
    await guild.voice("ben")
    guild.clock.move(11 * MINUTE)
    await guild.reports.tick(ROOM)
    assert await guild.waiting() == ["V", "W", "A", "B"]
    await leavers(guild, "keep")
    assert await guild.waiting() == ["V", "A", "W", "B"]


async def test_parked_entries_play_when_nothing_else_waits(guild: World) -> None:
    await guild.voice("ann", "ben")
    await guild.jukebox.add(ROOM, guild.member("ann"), [track("0"), track("A")])
    await leavers(guild, "park")
    await guild.voice("ben")
    assert guild.room.current
    await guild.reports.track_ended(ROOM, guild.room.current.entry.id, EndReason.FINISHED)
    assert guild.on_air == "A"


async def test_entries_of_who_left_are_removed_after_ten_minutes(guild: World) -> None:
    await guild.voice("ann", "ben")
    await guild.jukebox.add(ROOM, guild.member("ann"), [track("0"), track("A")])
    await guild.jukebox.add(ROOM, guild.member("ben"), [track("V")])
    await leavers(guild, "remove")
    await guild.voice("ben")
    guild.clock.move(10 * MINUTE - 1)
    await guild.reports.tick(ROOM)
    assert "A" in await guild.waiting()
    guild.clock.move(1)
    await guild.reports.tick(ROOM)
    assert await guild.waiting() == ["V"]


async def test_who_is_here_by_another_way_or_another_name_has_not_left(guild: World) -> None:
    guild.room.linked = (PAGE,)
    guild.room.same = {PersonId("ann2"): PersonId("ann")}
    await guild.voice("ann", "ben")
    await guild.stream("ann2")
    await guild.jukebox.add(ROOM, guild.member("ann"), [track("0"), track("A")])
    await guild.jukebox.add(ROOM, guild.member("ben"), [track("V")])
    await leavers(guild, "park")
    await guild.voice("ben")
    assert not any(entry.parked for entry in guild.room.entries.values())
    await guild.reports.left(ROOM, PersonId("ann2"), PAGE)
    assert [entry.track.title for entry in guild.room.entries.values() if entry.parked] == ["A"]
    await guild.reports.arrived(ROOM, Presence(PersonId("ann2"), PAGE, Hearing.STREAM, "Ann", guild.clock.now()))
    assert not any(entry.parked for entry in guild.room.entries.values())


async def test_who_was_never_here_did_not_leave(page: World) -> None:
    await page.stream("ben")
    await page.jukebox.add(ROOM, page.visitor("ben"), [track("0")])
    await page.jukebox.add(ROOM, page.visitor("ann"), [track("A")])
    await page.jukebox.configure(ROOM, replace(page.visitor("boss"), admin=True), {"leavers": "remove"})
    page.clock.move(20 * MINUTE)
    await page.reports.tick(ROOM)
    assert await page.waiting() == ["A"]
