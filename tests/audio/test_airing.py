"""Which addresses of tracks outlive their time."""

from audio.airing import Airing
from tests.core.conftest import GUILD, ROOM, World
from tests.fakes import track


async def test_on_air_is_what_plays_and_what_was_settled_to_follow() -> None:
    room = World(GUILD)
    airing = Airing(room.rooms)
    queued = await room.jukebox.add(ROOM, room.member("ann"), [track("A"), track("B"), track("C")])
    first, second, third = queued.entries
    assert await airing.lasts(f"{ROOM}:{first}")
    assert not await airing.lasts(f"{ROOM}:{second}")
    await room.reports.track_started(ROOM, first, node="n")
    await room.jukebox.pause(ROOM, room.member("ann", dj=True))
    await room.reports.lock_next(ROOM)
    assert await airing.lasts(f"{ROOM}:{first}")
    assert await airing.lasts(f"{ROOM}:{second}")
    for other in (f"{ROOM}:{third}", f"elsewhere:{first}", "measure", f"{ROOM}:cover", ""):
        assert not await airing.lasts(other)
    await room.jukebox.skip(ROOM, room.member("ann", dj=True))
    assert not await airing.lasts(f"{ROOM}:{first}")
