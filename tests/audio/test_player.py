"""A room's player on the real built-in node."""

import pytest

from audio.player_ids import lead_id
from core.enums import PauseReason
from core.events import PlayFailed
from core.ports.places import RoomRef
from core.types import EntryId, PlaceId, RoomId
from tests.audio.rig import Ear, Rig, World, broken, tone
from tests.sound import decode, level
from tests.waiting import crowding, until

pytestmark = pytest.mark.heard


def current(world: World) -> EntryId | None:
    return world.room.current.entry.id if world.room.current else None


def failures(world: World) -> list[tuple[str, str]]:
    return [(event.title, event.reason) for event in world.rooms.events if isinstance(event, PlayFailed)]


async def test_a_queued_track_is_heard_from_the_tap(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440))
        await ear.hears(440)
        assert world.room.current is not None
        assert world.room.current.started_at is not None
        assert world.room.current.node == "builtin"
        assert rig.players.status(world.lobby) == "playing"
        assert rig.players.nodes() == {"builtin": "up"}


async def test_the_next_track_is_joined_without_a_gap(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440, 3), tone(880))
        await ear.hears(440)
        begun = len(ear.packets)
        await ear.hears(880)
        assert ear.longest_gap(begun) < 0.15 * crowding()
        assert current(world) == 2
        assert [play.reason for play in world.rooms.played] == ["finished"]
        assert not failures(world)


async def test_a_skip_is_heard_and_withdraws_what_was_to_follow(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440, 10), tone(660), tone(880))
        await ear.hears(440)
        await until(lambda: world.room.locked == 2)
        await world.jukebox.skip(world.lobby, world.actor)
        await ear.hears(660)
        assert current(world) == 2
        await world.jukebox.skip(world.lobby, world.actor)
        await ear.hears(880)
        assert current(world) == 3


async def test_removing_the_locked_entry_lets_another_follow(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440, 4), tone(660), tone(880))
        await ear.hears(440)
        await world.jukebox.remove(world.lobby, world.actor, EntryId(2))
        await ear.hears(880)
        assert current(world) == 3


async def test_pause_is_silence_and_resume_goes_on(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440))
        await ear.hears(440)
        await world.jukebox.pause(world.lobby, world.actor)
        await until(lambda: level(decode(ear.packets[-4:])) < -60, what="silence")
        await world.jukebox.resume(world.lobby, world.actor)
        await ear.hears(440)
        assert len(world.rooms.played) == 0


async def test_volume_is_heard(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440))
        await ear.hears(440)
        loud = level(decode(ear.packets[-25:]))
        await world.jukebox.volume(world.lobby, world.actor, 50)
        await until(lambda: -7 < level(decode(ear.packets[-25:])) - loud < -5, what="6 dB less")


async def test_a_seek_moves_the_player(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440, 60), tone(880))
        await ear.hears(440)
        await world.jukebox.seek(world.lobby, world.actor, 58_000)
        await ear.hears(880, within=5)
        assert current(world) == 2


@pytest.mark.parametrize("path", ["/nowhere.mp3", "/page.html", "/broken.mp3", "/empty.mp3", "/error.mp3"])
async def test_what_cannot_be_played_is_skipped_with_a_reason(world: World, path: str) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(broken(path), tone(880))
        await ear.hears(880)
        expected = {"/nowhere.mp3": "not_found", "/error.mp3": "unreachable"}
        assert failures(world) == [(path, expected.get(path, "not_audio"))]


@pytest.mark.parametrize(("path", "reason"), [("/hang", "unreachable"), ("/stall-440-4.wav", "stuck")])
async def test_a_source_that_hangs_does_not_hold_up_the_room(world: World, path: str, reason: str) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(broken(path), tone(880))
        await ear.hears(880, within=18)
        assert failures(world) == [(path, reason)]


async def test_a_broken_track_that_was_to_follow_is_skipped_too(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440, 3), broken("/broken.mp3"), tone(880))
        await ear.hears(440)
        await ear.hears(880)
        assert [title for title, _ in failures(world)] == ["/broken.mp3"]
        assert current(world) == 3


async def test_nobody_listens_for_a_minute_and_the_room_pauses_until_somebody_does(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440))
        await ear.hears(440)
        await world.reports.left(world.lobby, world.actor.person, world.room.place)
        (player,) = rig.players.all()
        await until(lambda: player._listeners._alone_since, what="the empty room is noticed")
        world.clock.ahead += 61_000
        player.wake()
        await until(lambda: world.room.paused is PauseReason.NOBODY)
        await until(lambda: level(decode(ear.packets[-4:])) < -60, what="silence")
        await world.listen("ben")
        await until(lambda: world.room.paused is None)
        await ear.hears(440)


async def test_positions_are_kept_once_a_second(world: World) -> None:
    async with Rig(world) as rig, Ear(rig, world.lobby) as ear:
        await world.listen()
        await world.add(tone(440))
        await ear.hears(440)
        position = await until(lambda: world.rooms.positions.get(world.lobby))
        await until(lambda: world.rooms.positions[world.lobby] >= (position or 0) + 900)


async def test_players_of_rooms_without_a_guild_are_told_from_guilds() -> None:
    lobby = lead_id(RoomRef(RoomId("lobby"), PlaceId("web:lobby"), "Lobby"))
    assert lobby == lead_id(RoomRef(RoomId("lobby"), PlaceId("web:lobby"), "Lobby, renamed"))
    assert 0 < lobby < 2**49
    assert lead_id(RoomRef(RoomId("x"), PlaceId("discord:7"), "x", 1, 81384788765712384)) == 81384788765712384
