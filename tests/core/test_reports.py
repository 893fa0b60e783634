"""What players, gateways and pages report."""

import asyncio

from core.enums import EndReason, Hearing, PauseReason
from core.types import Checkpoint, EntryId, PersonId, Presence
from tests.core.conftest import GUILD, PAGE, ROOM, VOICE, World
from tests.fakes import track


async def play(world: World, name: str, *titles: str) -> list[EntryId]:
    queued = await world.jukebox.add(ROOM, world.member(name), [track(title) for title in titles])
    return list(queued.entries)


async def test_a_start_is_written_once_and_moves_the_clock(guild: World) -> None:
    (entry,) = await play(guild, "ann", "A")
    guild.names()
    assert await guild.reports.track_started(ROOM, entry, node="one", position=2_000)
    assert guild.names() == ["music.play.started"]
    guild.clock.move(1_000)
    assert await guild.reports.track_started(ROOM, entry, node="two", position=2_900)
    assert guild.names() == []
    assert guild.room.current is not None
    assert (guild.room.current.node, guild.room.clock.at(guild.clock.now())) == ("two", 2_900)


async def test_stale_reports_do_nothing(guild: World) -> None:
    entries = await play(guild, "ann", "A", "B")
    for stale in (entries[1], EntryId(99)):
        assert not await guild.reports.track_started(ROOM, stale, node="n")
        assert not await guild.reports.track_ended(ROOM, stale, EndReason.FINISHED)
        assert not await guild.reports.track_failed(ROOM, stale, "corrupt")
        assert not await guild.reports.position(ROOM, stale, 9_000)
    assert guild.on_air == "A"


async def test_a_join_by_the_node_advances_the_room(guild: World) -> None:
    first, second = await play(guild, "ann", "A", "B")
    await guild.reports.track_started(ROOM, first, node="n")
    assert await guild.reports.lock_next(ROOM) == second
    guild.names()
    assert await guild.reports.track_started(ROOM, second, node="n")
    assert guild.names() == ["music.play.ended", "music.play.started"]
    assert not await guild.reports.track_ended(ROOM, first, EndReason.FINISHED)
    assert guild.on_air == "B"
    assert guild.room.locked is None


async def test_an_end_before_the_start_of_the_locked_is_a_join_too(guild: World) -> None:
    first, second = await play(guild, "ann", "A", "B")
    await guild.reports.lock_next(ROOM)
    assert await guild.reports.track_ended(ROOM, first, EndReason.FINISHED)
    assert await guild.reports.track_started(ROOM, second, node="n")
    assert guild.on_air == "B"


async def test_what_cannot_be_played_is_said_and_costs_no_turn(guild: World) -> None:
    first, _ = await play(guild, "ann", "A", "B")
    await play(guild, "ben", "C")
    guild.names()
    assert await guild.reports.track_failed(ROOM, first, "corrupt")
    assert guild.names()[:3] == ["music.play.failed", "music.play.ended", "music.play.chosen"]
    assert guild.on_air == "B"
    assert guild.rooms.played[0].reason is EndReason.FAILED


async def test_the_position_is_corrected_only_when_it_is_off(guild: World) -> None:
    (entry,) = await play(guild, "ann", "A")
    await guild.reports.track_started(ROOM, entry, node="n")
    guild.clock.move(10_000)
    assert not await guild.reports.position(ROOM, entry, 9_600)
    assert await guild.reports.position(ROOM, entry, 4_000)
    await guild.jukebox.pause(ROOM, guild.member("ann"))
    assert await guild.reports.position(ROOM, entry, 5_000)
    assert guild.room.clock.running_since is None
    await guild.reports.track_ended(ROOM, entry, EndReason.FINISHED)
    assert guild.rooms.played[0].heard == 4_000


async def test_a_poll_passes_by_departure(guild: World) -> None:
    await play(guild, "ann", "A", "B")
    await guild.voice("ann", "ben", "cyd", "dan", "eve")
    for name in ("ben", "cyd"):
        assert not (await guild.jukebox.skip(ROOM, guild.member(name))).done
    await guild.voice("ann", "ben", "cyd", "dan")
    assert guild.on_air == "B"


async def test_a_leavers_poll_vote_stops_counting(guild: World) -> None:
    await play(guild, "ann", "A", "B")
    await guild.voice("ann", "ben", "cyd", "dan", "eve", "fay")
    for name in ("ben", "cyd"):
        await guild.jukebox.skip(ROOM, guild.member(name))
    await guild.voice("ann", "ben", "dan", "eve")
    assert guild.on_air == "A"
    await guild.voice("ann", "ben", "cyd", "dan", deaf="cyd")
    assert guild.on_air == "A"
    await guild.voice("ann", "ben", "cyd", "dan")
    assert guild.on_air == "B"


async def test_three_guests_of_one_address_decide_and_a_young_stream_does_not(page: World) -> None:
    await page.jukebox.add(ROOM, page.visitor("ann"), [track("A")])
    await page.stream("g1", "g2", "g3", "g4", "g5", address="x")
    await page.stream("ben")
    page.clock.move(10_000)
    for name in ("g4", "g5"):
        skipped = await page.jukebox.skip(ROOM, page.visitor(name))
        assert (skipped.done, skipped.votes, skipped.needed) == (False, 0, 2)
    assert not (await page.jukebox.skip(ROOM, page.visitor("g1"))).done
    assert (await page.jukebox.skip(ROOM, page.visitor("ben"))).done


async def test_visitors_who_do_not_listen_decide_only_where_nobody_else_does(page: World) -> None:
    await page.jukebox.add(ROOM, page.visitor("ann"), [track("A")])
    for name in ("dan", "eve", "fay"):
        looks = Presence(PersonId(name), PAGE, Hearing.CHAT, name, page.clock.now())
        await page.reports.arrived(ROOM, looks)
    alone = await page.jukebox.skip(ROOM, page.visitor("dan"))
    assert (alone.votes, alone.needed) == (1, 2)
    await page.stream("ben", "cyd")
    page.clock.move(10_000)
    for name in ("eve", "fay"):
        skipped = await page.jukebox.skip(ROOM, page.visitor(name))
        assert (skipped.done, skipped.votes, skipped.needed) == (False, 0, 2)
    assert (await page.jukebox.skip(ROOM, page.visitor("ben"))).votes == 1
    assert (await page.jukebox.skip(ROOM, page.visitor("cyd"))).done


async def test_a_vote_of_a_young_stream_counts_when_it_is_old_enough(page: World) -> None:
    await page.jukebox.add(ROOM, page.visitor("ann"), [track("A")])
    await page.stream("ben", "cyd")
    page.clock.move(10_000)
    await page.stream("dan")
    assert (await page.jukebox.skip(ROOM, page.visitor("dan"))).votes == 0
    assert (await page.jukebox.skip(ROOM, page.visitor("ben"))).votes == 1
    await page.reports.tick(ROOM)
    assert page.on_air == "A"
    page.clock.move(10_000)
    await page.reports.tick(ROOM)
    assert page.on_air is None


async def test_a_dropped_stream_keeps_its_word_for_fifteen_seconds(page: World) -> None:
    await page.jukebox.add(ROOM, page.visitor("ann"), [track("A")])
    await page.stream("ben", "cyd", "dan")
    page.clock.move(10_000)
    await page.reports.left(ROOM, PersonId("ben"), PAGE)
    page.clock.move(14_000)
    await page.stream("ben")
    assert (await page.jukebox.skip(ROOM, page.visitor("ben"))).votes == 1
    await page.reports.left(ROOM, PersonId("ben"), PAGE)
    await page.reports.left(ROOM, PersonId("ben"), PAGE)
    page.clock.move(15_000)
    assert (await page.jukebox.skip(ROOM, page.visitor("cyd"))).votes == 1


async def test_a_guild_speaks_for_its_voice_channel_only(guild: World) -> None:
    await guild.voice("ann", "ben")
    presence = Presence(PersonId("web"), GUILD, Hearing.STREAM, "web", guild.clock.now())
    await guild.reports.arrived(ROOM, presence)
    await guild.voice("ann")
    there = {one.person for one in guild.room.people.values() if one.left_at is None}
    assert there == {"ann", "web"}


async def test_turns_are_forgotten_when_the_room_was_empty(guild: World) -> None:
    (first, *_) = await play(guild, "ann", "A1", "A2", "A3")
    await guild.reports.track_started(ROOM, first, node="n")
    guild.clock.move(60_000)
    await guild.reports.track_ended(ROOM, first, EndReason.FINISHED)
    assert (await guild.jukebox.why(ROOM, min(guild.room.entries))).turn == 3
    guild.clock.move(1_000)
    await guild.voice()
    await guild.voice("ann")
    assert (await guild.jukebox.why(ROOM, min(guild.room.entries))).turn == 2


async def test_a_track_skipped_within_thirty_seconds_costs_no_turn(guild: World) -> None:
    await play(guild, "ann", "A1", "A2", "A3")
    for heard, turn in ((29_999, 2), (30_000, 3)):
        assert guild.room.current is not None
        await guild.reports.track_started(ROOM, guild.room.current.entry.id, node="n")
        guild.clock.move(heard)
        await guild.jukebox.skip(ROOM, guild.member("ann"))
        await play(guild, "ann", "more")
        assert (await guild.jukebox.why(ROOM, min(guild.room.entries))).turn == turn


async def test_turns_are_forgotten_after_six_hours(guild: World) -> None:
    (first, *_) = await play(guild, "ann", "A1", "A2", "A3", "A4")
    await guild.voice("ann")
    await guild.reports.track_started(ROOM, first, node="n")
    guild.clock.move(60_000)
    await guild.reports.track_ended(ROOM, first, EndReason.FINISHED)
    guild.clock.move(6 * 3_600_000)
    assert guild.room.current is not None
    await guild.reports.track_ended(ROOM, guild.room.current.entry.id, EndReason.FINISHED)
    assert len(guild.room.turns) == 1


async def test_kicked_moved_and_back(guild: World) -> None:
    (entry, _) = await play(guild, "ann", "A", "B")
    await guild.reports.track_started(ROOM, entry, node="n")
    guild.names()
    await guild.reports.voice_lost(ROOM, "kicked")
    assert guild.names() == ["room.people.changed", "music.playback.changed", "room.output.changed"]
    assert (guild.room.voice_channel, guild.room.paused, guild.on_air) == (None, PauseReason.NOBODY, "A")
    await guild.reports.voice_lost(ROOM, "again")
    assert guild.room.voice_lost == "kicked"
    await guild.jukebox.play(ROOM, guild.member("ann"), "chant")
    assert (guild.room.voice_channel, guild.room.paused) == (VOICE, None)
    assert not guild.room.voice_lost
    await guild.reports.voice_moved(ROOM, 12)
    assert guild.room.voice_channel == 12


async def test_nobody_and_somebody(guild: World) -> None:
    await guild.reports.nobody(ROOM)
    assert guild.room.paused is None
    (entry,) = await play(guild, "ann", "A")
    await guild.reports.track_started(ROOM, entry, node="n")
    await guild.reports.nobody(ROOM)
    assert guild.room.paused is PauseReason.NOBODY
    await guild.reports.somebody(ROOM)
    assert guild.room.paused is None
    await guild.jukebox.pause(ROOM, guild.member("ann"))
    await guild.reports.nobody(ROOM)
    await guild.reports.somebody(ROOM)
    assert guild.room.paused is PauseReason.PERSON


async def test_an_interrupted_room_stands_where_it_was_heard_last(guild: World) -> None:
    (entry,) = await play(guild, "ann", "A")
    await guild.reports.track_started(ROOM, entry, node="n", position=7_000)
    guild.clock.move(600_000)
    await guild.reports.interrupted(ROOM)
    view = await guild.jukebox.view(ROOM, None)
    assert (view.paused, view.position) == (PauseReason.INTERRUPTED, 7_000)
    await guild.reports.nobody(ROOM)
    assert guild.room.paused is PauseReason.INTERRUPTED
    await guild.jukebox.resume(ROOM, guild.member("ann"))
    assert guild.room.clock.running_since is not None


async def test_an_interrupted_room_goes_back_to_its_checkpoint(guild: World) -> None:
    (entry,) = await play(guild, "ann", "A")
    await guild.reports.track_started(ROOM, entry, node="n")
    guild.room.checkpoint = Checkpoint(42_000, guild.clock.now() + 42_000)
    guild.clock.move(600_000)
    await guild.reports.interrupted(ROOM)
    assert guild.room.clock.at(guild.clock.now()) == 42_000
    assert guild.room.current is not None
    assert guild.room.current.heard == 42_000


async def test_the_house_list_plays_for_listeners_and_yields(page: World) -> None:
    page.room.fallback = (track("house 1", 60_000), track("house 2", 60_000))
    await page.reports.wake(ROOM)
    assert page.on_air is None
    await page.stream("ben")
    assert page.on_air == "house 1"
    view = await page.jukebox.view(ROOM, PersonId("ben"))
    assert view.current is not None
    assert (view.current.fallback, view.current.person) == (True, "house")
    locked = await page.reports.lock_next(ROOM)
    assert locked is not None
    queued = await page.jukebox.play(ROOM, page.visitor("ben"), "aria")
    assert queued.rank == 1
    assert page.room.locked == queued.entries[0]
    assert page.room.current is not None
    assert not await page.reports.track_started(ROOM, locked, node="n")
    await page.reports.track_ended(ROOM, page.room.current.entry.id, EndReason.FINISHED)
    assert page.on_air == "Aria"
    following = await page.reports.lock_next(ROOM)
    assert following is not None
    assert await page.reports.track_started(ROOM, following, node="n")
    assert page.on_air == "house 2"


async def test_the_house_list_ends_with_its_last_listener(page: World) -> None:
    page.room.fallback = (track("house 1", 60_000),)
    await page.stream("ben")
    assert page.room.current is not None
    await page.reports.lock_next(ROOM)
    await page.reports.left(ROOM, PersonId("ben"), PAGE)
    await page.reports.track_ended(ROOM, page.room.current.entry.id, EndReason.FINISHED)
    assert (page.on_air, page.room.locked) == (None, None)


async def test_a_broken_house_list_does_not_spin(page: World) -> None:
    page.room.fallback = (track("house 1", 60_000),)
    await page.stream("ben")
    assert page.room.current is not None
    await page.reports.track_failed(ROOM, page.room.current.entry.id, "corrupt")
    assert page.on_air is None
    await page.reports.tick(ROOM)
    assert page.on_air == "house 1"


async def test_a_queue_without_ears_waits(guild: World) -> None:
    await play(guild, "ann", "A", "B")
    await guild.reports.voice_lost(ROOM, "kicked")
    assert guild.room.current is not None
    await guild.reports.track_ended(ROOM, guild.room.current.entry.id, EndReason.FINISHED)
    assert guild.on_air is None
    await guild.jukebox.join(ROOM, guild.member("ann"))
    assert guild.on_air == "B"


async def test_what_changed_meanwhile_makes_a_report_stale(guild: World) -> None:
    """The room moves on between the look and the command: only the command's look counts."""
    (entry,) = await play(guild, "ann", "A")
    await guild.reports.track_started(ROOM, entry, node="n")
    guild.clock.move(10_000)
    again = guild.reports.track_started(ROOM, entry, node="n", position=2_000)
    assert await asyncio.gather(again, guild.reports.position(ROOM, entry, 2_000)) == [True, False]


async def test_waking_starts_what_waits(page: World) -> None:
    await page.jukebox.add(ROOM, page.visitor("ann"), [track("A")])
    assert page.room.current is not None
    playing = page.room.current.entry
    page.room.current = None
    page.room.entries[playing.id] = playing
    await page.reports.wake(ROOM)
    assert page.on_air == "A"


async def test_a_tick_with_nothing_due_changes_nothing(guild: World) -> None:
    await play(guild, "ann", "A")
    before = guild.room.version
    await guild.reports.tick(ROOM)
    await guild.reports.wake(ROOM)
    assert guild.room.version == before
