"""Linking people and places, as an operator types it, on each database."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.config import Settings
from bot.linking import link_people, link_place, unlink_person, unlink_place
from core.enums import Surface
from core.types import LOBBY, Identity, RoomId
from db.engine import Database
from db.places import SqlPlaces
from db.rooms import SqlRooms
from tests.bot.test_commands import bot
from tests.db.commands import MovedClock, Recorder

ANN, HER_PAGE = Identity(Surface.DISCORD, "7", "Ann"), Identity(Surface.WEB, "w", "Ann on the page")
Told = Callable[..., Awaitable[str]]


@pytest.fixture
def places(database: Database) -> SqlPlaces:
    return SqlPlaces(database, MovedClock())


@pytest.fixture
def told(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Told:
    """Calls what a command calls; what the operator is told."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    async def tell(command: Callable[..., Awaitable[None]], *words: str) -> str:
        try:
            await command(Settings(), *words)
        except SystemExit as end:
            return str(end.code)
        return capsys.readouterr().out.rstrip("\n")

    return tell


async def actions(database: Database) -> list[tuple[str, str, str, str]]:
    """What was written down, the latest first."""
    rows = await SqlRooms(database, Recorder(), MovedClock()).audit(None)
    return [(it.audit.actor, it.audit.surface, it.audit.place, it.audit.action) for it in rows]


async def test_two_accounts_become_one_person_and_two_again(places: SqlPlaces, database: Database, told: Told) -> None:
    page = await places.person(HER_PAGE)
    await places.person(ANN)
    assert await told(link_people, "discord:7", page) == "Ann and Ann on the page are one person now."
    assert await told(link_people, "web:w", "discord:7") == "Ann on the page and Ann are one person already."
    assert await told(unlink_person, "discord:7") == "Ann is a person of their own again."
    assert await told(unlink_person, "discord:7") == "It is not linked to anything."
    assert await told(link_people, "discord:7", "discord:8") == "nobody is known as discord:8"
    assert await actions(database) == [
        ("operator", "system", "", "people.unlinked"),
        ("operator", "system", "", "people.linked"),
    ]


async def test_the_lobby_shares_a_guilds_room_and_parts_again(
    places: SqlPlaces, database: Database, told: Told
) -> None:
    async def entrance() -> RoomId | None:
        ref = await places.entrance(LOBBY)
        return ref.room if ref else None

    await places.lobby()
    guild = (await places.guild_room(1, 7, "Guild")).room
    assert await told(link_place, "web:lobby", "discord:7") == "Lobby shares the room of Guild now."
    assert await entrance() == guild
    assert await told(link_place, LOBBY, guild) == "web:lobby shares a room already."
    assert await told(unlink_place, LOBBY) == "Lobby has a room of its own again."
    assert await entrance() == LOBBY
    assert await told(unlink_place, "web:lobby") == "It is not linked to anything."
    assert (await told(link_place, "discord:7", LOBBY)).startswith("discord:7 cannot:")
    assert await told(link_place, "web:lobby", "discord:8") == "There is no such room or place: discord:8"
    assert await actions(database) == [
        ("operator", "system", "web:lobby", "place.unlinked"),
        ("operator", "system", "web:lobby", "place.linked"),
    ]


def test_the_command_line_knows_them(tmp_path: Path) -> None:
    assert bot("migrate", data=tmp_path).returncode == 0
    for words, said in (
        (("link-person", "discord:1", "web:2"), "nobody is known as discord:1\n"),
        (("unlink-person", "discord:1"), "nobody is known as discord:1\n"),
        (("link-place", "web:lobby", "discord:1"), "There is no such room or place: web:lobby\n"),
        (("unlink-place", "web:lobby"), "There is no such room or place: web:lobby\n"),
    ):
        done = bot(*words, data=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", said)
