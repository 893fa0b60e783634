"""What a live source says it plays: on air, in the history, and gone with its entry."""

from dataclasses import replace

from core.enums import EndReason
from core.types import EntryId
from tests.core.conftest import ROOM, World
from tests.fakes import track

STATION = replace(track("Radio Chorus"), length=None)


async def tune(world: World) -> EntryId:
    """A station is on air."""
    queued = await world.jukebox.add(ROOM, world.member("ann"), [STATION])
    await world.reports.track_started(ROOM, queued.entries[0], node="n")
    world.names()
    return queued.entries[0]


def lines(world: World) -> list[tuple[str, str, str, int, str]]:
    return [(it.title, it.artist, it.station, it.heard, it.reason) for it in world.rooms.played]


async def test_the_song_is_on_air_with_its_station(guild: World) -> None:
    entry = await tune(guild)
    assert await guild.reports.titled(ROOM, entry, "Hello", "Ann")
    assert guild.names() == ["music.title.changed"]
    now = (await guild.jukebox.view(ROOM, None)).current
    assert now is not None
    assert (now.track.title, now.track.artist, now.station) == ("Hello", "Ann", "Radio Chorus")
    assert now.track.ref == STATION.ref
    assert await guild.reports.titled(ROOM, entry, "Hello", "Ann")
    assert guild.names() == [], "the same again is no news"


async def test_each_song_is_a_line_of_the_history(guild: World) -> None:
    entry = await tune(guild)
    guild.clock.move(5_000)
    await guild.reports.titled(ROOM, entry, "Hello", "Ann")
    guild.clock.move(60_000)
    await guild.reports.titled(ROOM, entry, "Bye", "Ben")
    guild.clock.move(30_000)
    await guild.jukebox.skip(ROOM, guild.member("ann", dj=True))
    assert lines(guild) == [
        ("Hello", "Ann", "Radio Chorus", 65_000, EndReason.SONG),
        ("Bye", "Ben", "Radio Chorus", 30_000, EndReason.SKIPPED),
    ]
    first, second = guild.rooms.played
    assert first.ended_at == second.started_at
    assert guild.room.turns[entry].airtime == 95_000, "the entry is one turn"


async def test_a_jingle_is_no_line(guild: World) -> None:
    entry = await tune(guild)
    await guild.reports.titled(ROOM, entry, "Hello", "Ann")
    guild.clock.move(60_000)
    await guild.reports.titled(ROOM, entry, "Advertisement")
    guild.clock.move(4_000)
    await guild.reports.titled(ROOM, entry, "Bye", "Ben")
    guild.clock.move(20_000)
    await guild.reports.track_ended(ROOM, entry, EndReason.FAILED)
    assert [(it[0], it[3]) for it in lines(guild)] == [("Hello", 60_000), ("Bye", 24_000)]


async def test_a_paused_station_is_not_heard(guild: World) -> None:
    entry = await tune(guild)
    await guild.reports.titled(ROOM, entry, "Hello")
    guild.clock.move(20_000)
    await guild.jukebox.pause(ROOM, guild.member("ann", dj=True))
    guild.clock.move(60_000)
    await guild.reports.titled(ROOM, entry, "Bye")
    assert lines(guild)[0][3] == 20_000


async def test_late_titles_and_those_before_the_start_do_nothing(guild: World) -> None:
    queued = await guild.jukebox.add(ROOM, guild.member("ann"), [STATION, track("B")])
    first, second = queued.entries
    assert not await guild.reports.titled(ROOM, first, "Early"), "not heard yet"
    await guild.reports.track_started(ROOM, first, node="n")
    assert not await guild.reports.titled(ROOM, second, "Another's")
    await guild.reports.titled(ROOM, first, "Hello")
    await guild.reports.track_ended(ROOM, first, EndReason.FINISHED)
    assert not await guild.reports.titled(ROOM, first, "Late")
    now = (await guild.jukebox.view(ROOM, None)).current
    assert now is not None
    assert (now.track.title, now.station) == ("B", "")


async def test_what_comes_again_is_the_station(guild: World) -> None:
    entry = await tune(guild)
    await guild.reports.titled(ROOM, entry, "Hello", "Ann")
    guild.clock.move(20_000)
    await guild.reports.titled(ROOM, entry, "Bye", "Ben")
    guild.clock.move(20_000)
    await guild.reports.track_ended(ROOM, entry, EndReason.FAILED)
    queued = await guild.jukebox.again(ROOM, guild.member("ann"), entry)
    assert (queued.track.title, queued.track.artist, queued.track.ref) == ("Radio Chorus", "", STATION.ref)


async def test_songs_do_not_crowd_out_what_was_on_before(guild: World) -> None:
    (first,) = (await guild.jukebox.add(ROOM, guild.member("ann"), [track("A")])).entries
    await guild.reports.track_started(ROOM, first, node="n")
    guild.clock.move(40_000)
    await guild.reports.track_ended(ROOM, first, EndReason.FINISHED)
    entry = await tune(guild)
    for number in range(30):
        await guild.reports.titled(ROOM, entry, f"Song {number}")
        guild.clock.move(60_000)
    await guild.jukebox.previous(ROOM, guild.member("ann", dj=True))
    assert guild.on_air == "A"
