"""Spoken word goes on where the room left it; music begins anew."""

import pytest

from core.enums import EndReason
from core.ports.tracks import Found
from core.types import EntryId, Track, TrackRef
from tests.core.conftest import GUILD, ROOM, World

LINK = "https://show.test/feed"
EPISODE = Track(TrackRef("url:https://show.test/1.mp3"), "One", "The Show", 600_000)


@pytest.fixture
def show(guild: World) -> World:
    guild.resolver.remote[LINK] = Found((EPISODE,), resumes=True)
    guild.resolver.remote["https://music"] = Found((EPISODE,))
    return guild


async def hear(world: World, ms: int, *, begins: int = 0, link: str = LINK) -> EntryId:
    """The episode is on air for so long."""
    queued = await world.jukebox.play(ROOM, world.member("ann", dj=True), link)
    assert queued.begins == begins
    await world.reports.track_started(ROOM, queued.entries[0], node="n", position=begins)
    world.clock.move(ms)
    return queued.entries[0]


async def skip(world: World) -> None:
    await world.jukebox.skip(ROOM, world.member("ann", dj=True))


async def test_it_goes_on_where_it_was_left(show: World) -> None:
    await hear(show, 120_000)
    await skip(show)
    await hear(show, 60_000, begins=120_000)
    assert show.room.clock.at(show.clock.now()) == 180_000
    await skip(show)
    await hear(show, 1_000, begins=180_000)
    await skip(show)
    assert [play.heard for play in show.rooms.played] == [120_000, 60_000, 1_000]


@pytest.mark.parametrize("heard", [10_000, 595_000])
async def test_what_was_hardly_begun_or_almost_over_begins_anew(show: World, heard: int) -> None:
    await hear(show, heard)
    await skip(show)
    await hear(show, 1_000)


async def test_what_was_heard_to_the_end_begins_anew(show: World) -> None:
    await hear(show, 120_000)
    await skip(show)
    entry = await hear(show, 300_000, begins=120_000)
    await show.reports.track_ended(ROOM, entry, EndReason.FINISHED)
    await hear(show, 1_000)


async def test_one_that_its_server_left_goes_on_where_it_broke_off(show: World) -> None:
    entry = await hear(show, 120_000)
    await show.reports.track_failed(ROOM, entry, "unreachable")
    entry = await hear(show, 5_000, begins=120_000)
    await show.reports.track_failed(ROOM, entry, "corrupt")
    await hear(show, 1_000)  # it is broken there


async def test_music_begins_anew(show: World) -> None:
    await hear(show, 120_000, link="https://music")
    await skip(show)
    await hear(show, 1_000, link="https://music")


async def test_one_that_is_joined_by_the_node_starts_at_its_place(show: World) -> None:
    await hear(show, 120_000)
    await skip(show)
    (music,) = (await show.jukebox.play(ROOM, show.member("ann", dj=True), "https://music")).entries
    await show.reports.track_started(ROOM, music, node="n")
    (episode,) = (await show.jukebox.play(ROOM, show.member("ann", dj=True), LINK)).entries
    await show.reports.lock_next(ROOM)
    assert show.room.place == GUILD
    assert await show.reports.track_started(ROOM, episode, node="n", position=0)
    assert show.room.clock.at(show.clock.now()) == 120_000
