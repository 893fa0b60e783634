"""Backups of either kind of database, restored into either kind."""

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import inspect, text

from core.room import Room
from core.types import LOBBY, EntryId, Settings
from db.archive import BackupError
from db.backup import back_up, restore
from db.engine import Database
from db.leases import SqlLeases
from db.migrate import _config, migrate, newest, revision
from db.places import SqlPlaces
from db.rooms import SqlRooms
from tests.db.commands import MovedClock, Recorder, configure, everything, play, queue
from tests.db.samples import ROWS, contents, fill
from tests.servers import Postgres
from tests.waiting import until


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "chorus.zip"


@pytest.fixture(params=["into sqlite", "into postgres"])
async def target(request: pytest.FixtureRequest, postgres: Postgres, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database of each kind, without any table."""
    url = f"sqlite:///{tmp_path}/target.db" if request.param == "into sqlite" else postgres.create()
    database = Database(url)
    yield database
    await database.close()
    if not database.path:
        postgres.drop(url)


async def lobby(database: Database) -> SqlRooms:
    await SqlPlaces(database, MovedClock()).lobby()
    return SqlRooms(database, Recorder(), MovedClock())


def more(room: Room) -> None:
    """Rows that the database numbers are among what is written."""
    queue()(room)
    room.changes.plays.append(play(room, EntryId(7)))
    configure(Settings())(room)


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


def names(folder: Path) -> set[str]:
    return {it.name for it in folder.rglob("*")}


async def save(database: Database, file: Path, **folders: Path) -> None:
    await back_up(database, file, folders, now=1)


async def load(database: Database, file: Path, *, replace: bool = False, **folders: Path) -> None:
    await restore(database, file, folders, replace=replace)


async def test_every_row_of_every_table_comes_back(database: Database, target: Database, file: Path) -> None:
    await fill(database)
    before = await contents(database)
    assert all(len(rows) == ROWS for rows in before.values())
    manifest = await back_up(database, file, {}, now=5)
    assert manifest.tables == dict.fromkeys(before, ROWS)
    assert await restore(target, file, {}, replace=False) == manifest
    assert await contents(target) == before
    assert await revision(target) == newest()


async def test_what_was_restored_goes_on(database: Database, target: Database, file: Path) -> None:
    rooms = await lobby(database)
    await rooms.apply(LOBBY, everything)
    await save(database, file)
    await load(target, file)
    restored = SqlRooms(target, Recorder(), MovedClock())
    assert await restored.read(LOBBY) == await rooms.read(LOBBY)
    for each in (rooms, restored):
        await each.apply(LOBBY, more)
    assert await SqlRooms(target, Recorder(), MovedClock()).read(LOBBY) == await rooms.read(LOBBY)
    assert len(await restored.plays(LOBBY)) == 2


async def test_a_backup_shows_one_moment_of_a_busy_bot(database: Database, target: Database, file: Path) -> None:
    rooms = await lobby(database)

    async def write() -> None:
        while True:
            await asyncio.gather(*(rooms.apply(LOBBY, queue(count=3)) for _ in range(4)))

    writer = asyncio.create_task(write())

    async def is_busy() -> bool:
        return (await rooms.read(LOBBY)).version >= 20

    await until(is_busy)
    await save(database, file)
    writer.cancel()
    await asyncio.wait([writer])
    await rooms.close()
    await load(target, file)
    room = await SqlRooms(target, Recorder(), MovedClock()).read(LOBBY)
    assert 20 <= room.version < (await rooms.read(LOBBY)).version
    assert len(room.entries) == room.next_entry - 1 == 3 * (room.version - 1)


async def test_what_is_there_is_replaced_only_when_that_is_said(database: Database, file: Path) -> None:
    rooms = await lobby(database)
    await rooms.apply(LOBBY, queue("kept"))
    await save(database, file)
    await rooms.apply(LOBBY, queue("later"))
    before = await contents(database)
    with pytest.raises(BackupError, match="--replace"):
        await load(database, file)
    assert await contents(database) == before
    await load(database, file, replace=True)
    room = await SqlRooms(database, Recorder(), MovedClock()).read(LOBBY)
    assert [it.track.title for it in room.entries.values()] == ["kept"]


async def test_a_migrated_but_empty_database_is_filled(database: Database, target: Database, file: Path) -> None:
    await fill(database)
    await save(database, file)
    await migrate(target)
    await load(target, file)
    assert await contents(target) == await contents(database)


async def test_a_database_that_a_bot_uses_is_left_alone(database: Database, file: Path) -> None:
    await lobby(database)
    await save(database, file)
    leases = SqlLeases(database, "running")
    await leases.take(["bucket:1"])
    with pytest.raises(BackupError, match="running"):
        await load(database, file, replace=True)
    await leases.release()
    await load(database, file, replace=True)


async def test_an_older_schema_is_brought_up_to_date(database: Database, target: Database, file: Path) -> None:
    """Also of a database that this version has not migrated yet."""
    async with database.write() as connection:
        await connection.run_sync(lambda it: command.downgrade(_config(it), "0001"))
        await connection.execute(text("INSERT INTO persons (id, created_at) VALUES ('ann', 7)"))
    await save(database, file)
    await load(target, file)
    assert await revision(target) == newest()
    async with target.read() as connection:
        assert (await connection.execute(text("SELECT id, created_at FROM persons"))).all() == [("ann", 7)]


async def test_nothing_is_backed_up_of_nothing(sqlite_url: str, file: Path) -> None:
    database = Database(sqlite_url)
    with pytest.raises(BackupError, match="empty"):
        await save(database, file)
    await database.close()
    assert list(file.parent.glob("*.zip*")) == []


async def test_files_go_along(database: Database, target: Database, file: Path, tmp_path: Path) -> None:
    await lobby(database)
    uploads, here = tmp_path / "uploads", tmp_path / "here"
    uploads.mkdir()
    (uploads / "aa").write_bytes(b"sound")
    (uploads / ".part").write_bytes(b"half")
    await save(database, file, uploads=uploads, covers=tmp_path / "there are none")
    assert mode(file) == 0o600
    await load(target, file, uploads=here)
    assert {it.name: it.read_bytes() for it in here.iterdir()} == {"aa": b"sound"}


async def test_no_file_leads_out_of_its_folder(
    database: Database, target: Database, file: Path, tmp_path: Path
) -> None:
    await lobby(database)
    await save(database, file)
    with zipfile.ZipFile(file, "a") as archive:
        for name in ("../evil", "/evil", "a/evil", "..", ".hidden"):
            archive.writestr(f"files/uploads/{name}", b"evil")
    await load(target, file, uploads=tmp_path / "deep" / "uploads")
    assert not {"evil", ".hidden"} & names(tmp_path)


async def test_characters_that_postgres_refuses_are_replaced(sqlite_url: str, postgres_url: str, file: Path) -> None:
    source, target = Database(sqlite_url), Database(postgres_url)
    await migrate(source)
    await (await lobby(source)).apply(LOBBY, queue("a\0b"))
    await save(source, file)
    await load(target, file)
    room = await SqlRooms(target, Recorder(), MovedClock()).read(LOBBY)
    assert [it.track.title for it in room.entries.values()] == ["a\ufffdb"]
    await source.close()
    await target.close()


def rewrite(file: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """The same archive with other contents; None leaves one out."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            if (changed := change(name, data)) is not None:
                archive.writestr(name, changed)


def with_manifest(**changes: Any) -> Callable[[str, bytes], bytes]:
    def change(name: str, data: bytes) -> bytes:
        return json.dumps({**json.loads(data), **changes}).encode() if name == "manifest.json" else data

    return change


DAMAGES: dict[str, tuple[Callable[[str, bytes], bytes | None], str]] = {
    "a later version": (with_manifest(revision="9999"), "revision 9999, which this version does not know"),
    "another format": (with_manifest(format=2), "format is 2"),
    "no manifest": (lambda name, data: None if name == "manifest.json" else data, "no backup of Chorus"),
    "an odd manifest": (lambda name, data: b"[]" if name == "manifest.json" else data, "no backup of Chorus"),
    "a lost table": (lambda name, data: None if name == "tables/rooms.jsonl" else data, "table rooms"),
    "a lost row": (lambda name, data: b"" if name == "tables/rooms.jsonl" else data, "table rooms has 0 rows"),
    "half a row": (lambda name, data: data[:-9] if name == "tables/rooms.jsonl" else data, "table rooms"),
    "other columns": (lambda name, data: b"{}\n" if name == "tables/rooms.jsonl" else data, "other columns"),
    "an unknown table": (with_manifest(tables={"users": 0}), "no table users"),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_what_cannot_be_restored_is_refused_and_changes_nothing(
    database: Database, file: Path, damage: str
) -> None:
    await lobby(database)
    before = await contents(database)
    await save(database, file)
    change, words = DAMAGES[damage]
    rewrite(file, change)
    with pytest.raises(BackupError, match=words):
        await load(database, file, replace=True)
    assert await contents(database) == before


def broken_copies(file: Path) -> list[Path]:
    whole = file.read_bytes()
    contents = (b"", b"music", whole[: len(whole) // 2], whole[:200] + bytes(40) + whole[240:])
    copies = [file.with_name(f"broken {number}") for number, _ in enumerate(contents)]
    for copy, data in zip(copies, contents, strict=True):
        copy.write_bytes(data)
    return copies


async def test_a_damaged_file_is_refused(database: Database, target: Database, file: Path) -> None:
    await fill(database)
    await save(database, file)
    for broken in broken_copies(file):
        with pytest.raises(BackupError):
            await load(target, broken)
    with pytest.raises(BackupError, match="cannot be read"):
        await load(target, file.with_name("missing"))
    async with target.read() as connection:
        assert await connection.run_sync(lambda it: inspect(it).get_table_names()) == []
