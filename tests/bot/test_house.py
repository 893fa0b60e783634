"""The house list follows the library: there is always something to hear."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from audio.library import Library
from bot.house import House
from core.reports import Reports
from core.room import Room
from core.types import LOBBY, PlaceId
from tests import sound
from tests.fakes import FakeClock, FakeRooms


async def demo(folder: Path) -> AsyncGenerator[Path]:
    yield sound.write_tone(folder / "Demo.opus", 440, 1.0, tags={"title": "Demo"})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tone in place of the demo tracks, which take seconds to make."""
    monkeypatch.setattr("bot.house.synthesise", demo)


async def listed(tmp_path: Path, *folders: Path) -> list[str]:
    """The Lobby's list after a start with these music folders."""
    library = Library(tmp_path / "data", folders, FakeClock())
    await library.open()
    rooms = FakeRooms()
    rooms.add(Room(LOBBY, PlaceId("web:lobby"), "Lobby"))
    one = House(library, demo=not folders)
    try:
        await one.open()
        await one.fill(Reports(rooms, FakeClock()))
        return [track.title for track in one.tracks(LOBBY)]
    finally:
        await library.close()


async def test_without_folders_it_is_the_demo_tracks(tmp_path: Path) -> None:
    assert await listed(tmp_path) == ["Demo"]


async def test_folders_with_nothing_in_them_leave_nobody_in_silence(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    assert await listed(tmp_path, music) == ["Demo"]


async def test_with_music_of_ones_own_no_demo_tracks_are_made(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    sound.write_tone(tmp_path / "music" / "Own.opus", 440, 1.0, tags={"title": "Own"})
    assert await listed(tmp_path, tmp_path / "music") == ["Own"]
    assert not (tmp_path / "data" / "demo" / "Demo.opus").exists()
