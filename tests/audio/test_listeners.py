"""When nobody hears a room."""

from audio.listeners import Listeners
from core.enums import Hearing, PauseReason, Surface
from core.jukebox import Jukebox
from core.reports import Reports
from core.room import Room
from core.types import Actor, PersonId, Presence, RoomId
from tests.fakes import FakeClock, FakeLibrary, FakePlaces, FakeResolver, FakeRooms, FakeShelf, track

ANN = PersonId("ann")


class Hall:
    """A guild's room that plays in channel 5, with Ann in it."""

    async def open(self) -> "Hall":
        self.rooms, self.clock = FakeRooms(), FakeClock()
        ref = await FakePlaces(self.rooms).guild_room(1, 2, "Hall")
        self.id: RoomId = ref.room
        self.reports = Reports(self.rooms, self.clock)
        self.listeners = Listeners(self.id, self.reports, self.clock)
        actor = Actor(ANN, "Ann", ref.place, Surface.DISCORD, voice_channel=5)
        jukebox = Jukebox(self.rooms, self.clock, FakeResolver(FakeLibrary()), FakeShelf(self.rooms))
        await jukebox.add(self.id, actor, [track("a"), track("b")])
        await self.comes(Hearing.VOICE)
        return self

    @property
    def room(self) -> Room:
        return self.rooms.rooms[self.id]

    async def comes(self, hearing: Hearing, person: PersonId = ANN) -> None:
        place = self.room.place
        await self.reports.arrived(self.id, Presence(person, place, hearing, person, self.clock.now()))

    async def goes(self, person: PersonId = ANN) -> None:
        await self.reports.left(self.id, person, self.room.place)

    async def after(self, ms: int) -> float:
        self.clock.move(ms)
        return await self.listeners.mind(self.room)


async def test_while_somebody_listens_nothing_happens() -> None:
    hall = await Hall().open()
    await hall.after(0)
    await hall.after(3_600_000)
    assert hall.room.paused is None
    assert hall.room.voice_channel == 5


async def test_a_minute_after_the_last_one_left_it_pauses_and_goes_on_with_the_first() -> None:
    hall = await Hall().open()
    await hall.goes()
    assert 59 < await hall.after(0) < 61
    await hall.after(59_000)
    assert hall.room.paused is None
    await hall.after(1_000)
    assert hall.room.paused is PauseReason.NOBODY
    await hall.comes(Hearing.STREAM)
    await hall.after(0)
    assert hall.room.paused is None


async def test_somebody_who_comes_back_within_the_minute_starts_it_anew() -> None:
    hall = await Hall().open()
    await hall.goes()
    await hall.after(0)
    await hall.after(50_000)
    await hall.comes(Hearing.VOICE)
    await hall.after(0)
    await hall.goes()
    await hall.after(0)
    await hall.after(50_000)
    assert hall.room.paused is None


async def test_alone_in_voice_it_leaves_after_the_idle_time_and_plays_on_for_a_stream() -> None:
    hall = await Hall().open()
    await hall.comes(Hearing.STREAM, PersonId("ben"))
    await hall.goes()
    await hall.after(0)
    await hall.after(hall.room.settings.idle - 1)
    assert hall.room.voice_channel == 5
    await hall.after(1)
    assert hall.room.voice_channel is None
    assert hall.room.paused is None
    assert len(hall.room.entries) == 1


async def test_people_of_a_chat_do_not_hear_it() -> None:
    hall = await Hall().open()
    await hall.comes(Hearing.CHAT)
    await hall.after(0)
    await hall.after(60_000)
    assert hall.room.paused is PauseReason.NOBODY
