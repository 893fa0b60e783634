"""History and favourites."""

from dataclasses import replace

import pytest

from core.enums import EndReason
from core.errors import NoHistoryError, NoSuchEntryError, NothingFoundError, NothingPlayingError, TooManyEntriesError
from core.records.results import Favoured
from core.types import CommandId, EntryId, PersonId, Settings
from tests.core.conftest import ROOM, World
from tests.fakes import track


async def played(guild: World, *titles: str) -> list[EntryId]:
    """These were on air, one after the other; nothing is now."""
    await guild.voice("ann", "ben")
    queued = await guild.jukebox.add(ROOM, guild.member("ann"), [track(title) for title in titles])
    for entry in queued.entries:
        await guild.reports.track_ended(ROOM, entry, EndReason.FINISHED)
        guild.clock.move(1_000)
    return list(queued.entries)


async def test_history_is_read_page_by_page(guild: World) -> None:
    await played(guild, "A", "B", "C", "D", "E")
    page = await guild.jukebox.history(ROOM, size=2)
    assert [one.play.title for one in page] == ["E", "D"]
    await guild.jukebox.play(ROOM, guild.member("ben"), "aria")
    await guild.jukebox.skip(ROOM, guild.member("ben"))
    page = await guild.jukebox.history(ROOM, before=page[-1].id, size=10)
    assert [one.play.title for one in page] == ["C", "B", "A"]
    assert not await guild.jukebox.history(ROOM, before=page[-1].id)


async def test_history_reaches_back_as_far_as_the_plan(guild: World) -> None:
    await played(guild, "A", "B", "C")
    guild.room.limits = replace(guild.room.limits, history_days=7)
    guild.clock.move(7 * 86_400_000 - 2_000)
    assert [one.play.title for one in await guild.jukebox.history(ROOM)] == ["C", "B"]
    guild.room.limits = replace(guild.room.limits, history_days=None)
    assert [one.play.title for one in await guild.jukebox.history(ROOM)] == ["C", "B", "A"]


async def test_what_was_played_plays_again_under_the_caps(guild: World) -> None:
    ids = await played(guild, "A", "B")
    guild.room.settings = Settings(max_entries_per_person=1)
    assert (await guild.jukebox.again(ROOM, guild.member("ben"))).track == track("B")
    assert (await guild.jukebox.again(ROOM, guild.member("ben"), ids[0])).track == track("A")
    with pytest.raises(TooManyEntriesError):
        await guild.jukebox.again(ROOM, guild.member("ben"), ids[0])
    with pytest.raises(NoHistoryError):
        await guild.jukebox.again(ROOM, guild.member("ben"), EntryId(10**20))


async def test_nothing_comes_again_where_nothing_was(guild: World) -> None:
    await guild.voice("ann")
    with pytest.raises(NoHistoryError):
        await guild.jukebox.again(ROOM, guild.member("ann"))


async def test_a_favourite_is_kept_and_let_go(guild: World) -> None:
    ids = await played(guild, "A")
    ann = guild.member("ann")
    await guild.jukebox.add(ROOM, ann, [track("B"), track("C")])
    waiting = max(guild.room.entries)
    assert await guild.jukebox.favourite(ROOM, ann) == Favoured("B", kept=True)
    assert await guild.jukebox.favourite(ROOM, ann, waiting) == Favoured("C", kept=True)
    assert await guild.jukebox.favourite(ROOM, ann, ids[0]) == Favoured("A", kept=True)
    assert await guild.jukebox.favourites(PersonId("ann")) == [track("A"), track("C"), track("B")]
    assert await guild.jukebox.favourites(PersonId("ann"), offset=1, size=1) == [track("C")]
    assert await guild.jukebox.favourite(ROOM, ann, waiting) == Favoured("C", kept=False)
    assert await guild.jukebox.favourites(PersonId("ben")) == []
    with pytest.raises(NoSuchEntryError):
        await guild.jukebox.favourite(ROOM, ann, EntryId(-1))


async def test_a_repeated_favourite_is_one(guild: World) -> None:
    await played(guild, "A")
    ann, id_ = guild.member("ann"), CommandId("form:1")
    with pytest.raises(NothingPlayingError):
        await guild.jukebox.favourite(ROOM, ann)
    await guild.jukebox.add(ROOM, ann, [track("B")])
    for _ in range(2):
        assert await guild.jukebox.favourite(ROOM, ann, command_id=id_) == Favoured("B", kept=True)
    assert await guild.jukebox.favourites(PersonId("ann")) == [track("B")]


async def test_favourites_are_queued_as_far_as_the_caps_let_them(guild: World) -> None:
    await played(guild, "A")
    ann = guild.member("ann")
    with pytest.raises(NothingFoundError):
        await guild.jukebox.play_favourites(ROOM, ann)
    await guild.jukebox.add(ROOM, guild.member("ben"), [track("B")])
    guild.shelf.kept[PersonId("ann")] = [track(title) for title in "XYZ"]
    guild.room.settings = Settings(max_entries_per_person=2)
    assert len((await guild.jukebox.play_favourites(ROOM, ann)).entries) == 2
    assert await guild.waiting() == ["Z", "Y"]
