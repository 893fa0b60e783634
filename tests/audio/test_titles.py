"""Titles on their way from a station to its room."""

import time

import pytest

from audio.titles import StationTitles, parted
from core.reports import Reports
from core.types import EntryId, RoomId
from tests.waiting import until


class Room(Reports):
    """Takes titles of entry 7 once it is `on_air`."""

    def __init__(self) -> None:
        self.on_air = True
        self.told: list[tuple[str, str, str]] = []

    async def titled(self, room: RoomId, entry: EntryId, title: str, artist: str = "") -> bool:
        if not self.on_air or entry != 7:
            return False
        self.told.append((room, title, artist))
        return True


@pytest.mark.parametrize(
    ("text", "title", "artist"),
    [
        ("Ann - Hello", "Hello", "Ann"),
        ("Ann - Hello - Live", "Hello - Live", "Ann"),
        ("News at ten", "News at ten", ""),
        (" - Hello", "Hello", ""),
        ("Ann - ", "Ann", ""),
        ("a\x00b\r\n@everyone", "a b @everyone", ""),
    ],
)
def test_titles_are_parted(text: str, title: str, artist: str) -> None:
    assert parted(text) == (title, artist)


async def test_a_title_is_told_when_it_is_heard() -> None:
    room = Room()
    titles = StationTitles(room)
    began = time.monotonic()
    titles.tell("lobby:7", "Ann - Hello", 0.2)
    await until(lambda: room.told, what="the title")
    assert time.monotonic() - began >= 0.2, "it was not heard before"
    assert room.told == [("lobby", "Hello", "Ann")]
    await titles.close()


async def test_a_station_that_comes_next_waits_for_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio.titles.AGAIN", 0.01)
    room = Room()
    room.on_air = False
    titles = StationTitles(room)
    titles.tell("lobby:7", "Early", 0)
    titles.tell("lobby:7", "Later", 0)
    titles.tell("nonsense", "x", 0)
    titles.tell("lobby:9", "Nobody's", 0)
    await until(lambda: len(titles._tasks) == 2, what="the earlier title to be dropped")
    room.on_air = True
    await until(lambda: room.told, what="the title")
    assert room.told == [("lobby", "Later", "")]
    await titles.close()
    assert not titles._tasks
