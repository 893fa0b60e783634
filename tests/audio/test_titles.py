"""Titles on their way from a station to its room."""

import asyncio
from collections.abc import Callable

import pytest

from audio.titles import LAG, WAITING, StationTitles, parted
from core.reports import Reports
from core.types import EntryId, RoomId
from tests.waiting import until


class Room(Reports):
    """Plays entry 7; where that is on air, `place` tells where."""

    def __init__(self) -> None:
        self.place: int | None = 0
        self.told: list[tuple[str, str, str]] = []

    async def heard(self, room: RoomId, entry: EntryId) -> int | None:
        return self.place if entry == 7 else None

    async def titled(self, room: RoomId, entry: EntryId, title: str, artist: str = "") -> bool:
        self.told.append((room, title, artist))
        return True


def station(place: int | None = 0) -> tuple[Room, StationTitles, Callable[[str, float], None]]:
    """A room, and what a station that is its entry 7 tells of its titles."""
    room = Room()
    room.place = place
    titles = StationTitles(room)
    return room, titles, titles.listen("lobby:7")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio.titles.AGAIN", 0.01)


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


async def settled() -> None:
    """Whoever can tell something has told it."""
    await asyncio.sleep(0.1)


async def test_a_title_is_told_when_its_place_is_heard() -> None:
    room, titles, tell = station()
    tell("Ann - Hello", 0)
    tell("Ben - Bye", 4)
    await until(lambda: room.told, what="the title")
    room.place = 3_900
    await settled()
    assert room.told == [("lobby", "Hello", "Ann")], "the other was not heard so far"
    room.place = 4_000
    await until(lambda: len(room.told) == 2, what="the other")
    assert room.told[1] == ("lobby", "Bye", "Ben")
    await titles.close()


async def test_a_paused_station_tells_when_it_goes_on() -> None:
    """The node has what was passed on since, and plays it then."""
    room, titles, tell = station()
    await settled()
    room.place = 10_000
    tell("Ann - Hello", 40)
    await settled()
    assert not room.told
    room.place = 39_990
    await settled()
    assert not room.told
    room.place = 40_010
    await until(lambda: room.told, what="the title")
    await titles.close()


async def test_no_title_waits_for_ever() -> None:
    """It stood still for so long that the station hung up: then the seconds that went by say nothing."""
    room, titles, tell = station()
    await settled()
    room.place = 10_000
    tell("Ann - Hello", 40_000)
    await settled()
    room.place = 10_000 + LAG
    await until(lambda: room.told, what="the title")
    await titles.close()


async def test_a_station_that_is_opened_again_goes_on_from_where_it_was() -> None:
    room, titles, tell = station(500_000)
    await settled()
    room.place = 501_000
    tell("Ann - Hello", 3)
    await settled()
    assert not room.told
    room.place = 503_000
    await until(lambda: room.told, what="the title")
    await titles.close()


async def test_a_node_that_counts_anew_is_believed() -> None:
    """A room that moved: the new player of a live source begins at nought."""
    room, titles, tell = station(500_000)
    await settled()
    tell("Ann - Hello", 3)
    room.place = 1_000
    await settled()
    assert not room.told
    room.place = 3_000
    await until(lambda: room.told, what="the title")
    await titles.close()


async def test_a_station_that_comes_next_waits_for_its_turn() -> None:
    room, titles, tell = station(None)
    tell("First", 0)
    tell("Second", 9)
    titles.listen("nonsense")("x", 0)
    titles.listen("lobby:9")("Nobody's", 0)
    await settled()
    room.place = 100
    await until(lambda: room.told, what="the title")
    assert room.told == [("lobby", "First", "")], "what is heard first is told first"
    room.place = 9_100
    await until(lambda: len(room.told) == 2, what="the next one")
    await titles.close()
    assert not titles._tasks


async def test_what_is_over_is_told_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio.titles.PATIENCE", 0.05)
    room, titles, tell = station()
    tell("Late", 5)
    await settled()
    room.place = None
    titles.listen("lobby:9")("Nobody's", 0)
    await until(lambda: not titles._tasks, what="nobody to wait for")
    assert not room.told


@pytest.mark.parametrize("text", [" - ", "-", "", "  ", "\0\0"])
async def test_a_title_of_nothing_is_none(text: str) -> None:
    room, titles, tell = station()
    tell(text, 0)
    tell("Ann - Hello", 0)
    await until(lambda: room.told, what="the title")
    assert room.told == [("lobby", "Hello", "Ann")]
    await titles.close()


async def test_a_flood_of_titles_costs_one_task() -> None:
    room, titles, tell = station(None)
    for number in range(1_000):
        tell(f"Song {number}", number / 1_000)
    await settled()
    assert len(titles._tasks) == 1
    room.place = 60_000
    await until(lambda: room.told and room.told[-1][1] == "Song 999", what="the last one")
    assert len(room.told) <= WAITING + 1
    await titles.close()
