"""The machine of random people over the real store: after each step the room reads back the same."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import initialize
from sqlalchemy import update

from core.enums import Surface
from core.errors import ChorusError
from core.jukebox import Jukebox
from core.reports import Reports
from core.room import Room
from core.types import Actor, PersonId, PlaceId, RoomId
from db.engine import Database
from db.migrate import migrate
from db.models import rooms
from db.places import SqlPlaces
from db.rooms import SqlRooms
from tests.core.test_machine import GUILD, ROOM, SONGS, Machine, run, snapshot
from tests.db.commands import MovedClock, Recorder
from tests.fakes import FakeClock, FakeLibrary, FakeResolver, FakeRooms, FakeShelf, track

ROUNDS = int(os.environ.get("SOAK", "1"))


class Stored(FakeRooms):
    """A store that reads back after each change what it wrote."""

    def __init__(self, file: Path, clock: FakeClock) -> None:
        super().__init__()
        self.database = Database(f"sqlite+aiosqlite:///{file}")
        self._recorder, self._clock = Recorder(), clock
        self._stored = SqlRooms(self.database, self._recorder, clock)
        self.events = self._recorder.events

    async def apply(self, room: RoomId, command: Any, *, command_id: Any = None) -> Any:
        before = snapshot(await self.read(room))
        try:
            result = await self._stored.apply(room, command, command_id=command_id)
        except ChorusError:
            assert snapshot(await self.read(room)) == before
            raise
        after = await self.read(room)
        assert await SqlRooms(self.database, Recorder(), self._clock).read(room) == after
        assert after.version > before.version or snapshot(after) == before
        self.played[:] = [*await self._stored.plays(room, limit=10_000)][::-1]
        return result

    async def read(self, room: RoomId, *, known: int = 0) -> Room:
        return await self._stored.read(room, known=known)

    async def close(self) -> None:
        await self._stored.close()
        await self.database.close()


async def made(file: Path) -> None:
    """A database with one guild's room, whose id the machine knows."""
    database = Database(f"sqlite+aiosqlite:///{file}")
    await migrate(database)
    await SqlPlaces(database, MovedClock()).guild_room(1, 1, "Room")
    async with database.write() as connection:
        await connection.execute(update(rooms).values(id=ROOM))
    await database.close()


class StoredMachine(Machine):
    """Everybody comes by the guild; who is linked to whom is the store's own affair."""

    folder = Path(tempfile.gettempdir())
    link = None  # type: ignore[assignment]

    @initialize(dj=st.booleans())
    def open(self, dj: bool) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] -- the store knows the room
        file = self.folder / "room.db"
        for old in self.folder.glob("room.db*"):
            old.unlink()
        shutil.copy(self.folder / "made.db", file)
        self.rooms = self.stored = Stored(file, self.clock)  # type: ignore[assignment]
        self.shelf = FakeShelf(self.rooms)
        library = FakeLibrary(*(track(title) for title in SONGS))
        self.jukebox = Jukebox(self.rooms, self.clock, FakeResolver(library), self.shelf)
        self.reports = Reports(self.rooms, self.clock)
        self.begin()

    @property
    def room(self) -> Room:  # type: ignore[override]
        return run(self.stored.read(ROOM))

    def actor(self, name: str, surface: tuple[Surface, PlaceId], *, dj: bool = False, admin: bool = False) -> Actor:
        return Actor(PersonId(name), name, GUILD, Surface.DISCORD, 10, dj, admin)

    def teardown(self) -> None:
        run(self.stored.close())


@pytest.mark.soak
@pytest.mark.timeout(120 * ROUNDS)
def test_what_a_room_becomes_is_what_is_stored(tmp_path: Path) -> None:
    StoredMachine.folder = tmp_path
    run(made(tmp_path / "made.db"))
    StoredMachine.TestCase.settings = profile(max_examples=5 * ROUNDS, stateful_step_count=30, deadline=None)
    StoredMachine.TestCase("runTest").runTest()
