"""Commands that work on the data while the bot runs or not."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import typer

from audio.library import Library
from audio.library_scan import Progress
from bot.clock import SystemClock
from bot.config import Settings
from core.bus import LocalBus
from core.errors import StoreUnavailableError
from core.types import PlaceId
from db.archive import BackupError, Manifest
from db.backup import back_up, restore
from db.engine import Database
from db.instance import InUseError, running_bot
from db.migrate import knows, migrate, newest, revision
from db.rooms import SqlRooms


async def scan_library(settings: Settings) -> None:
    """Index the folders, telling how far it is."""
    library = Library(settings.data_dir, settings.library_paths, SystemClock())
    await library.open()
    try:
        done = await library.scan(_tell)
        typer.echo(f"{done.tracks} tracks; {done.read} read, {done.removed} removed in {done.seconds:.1f} s")
        for file in await library.unreadable():
            typer.echo(f"cannot be played: {file.path} ({file.reason})")
    finally:
        await library.close()


def _tell(progress: Progress) -> None:
    typer.echo(f"\r{progress.done} of {progress.total}", nl=False, err=True)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[Database]:
    """The database, at this version's revision; what is wrong with it ends the program with one line."""
    async with reached(settings) as database:
        if (found := await revision(database)) != newest():
            sys.exit(_outdated(found))
        yield database


@asynccontextmanager
async def reached(settings: Settings) -> AsyncGenerator[Database]:
    """The database as it is; what is wrong with it ends the program with one line."""
    database = Database(settings.database)
    try:
        yield database
    except StoreUnavailableError as error:
        sys.exit(f"The database cannot be used: {str(error).partition(chr(10))[0]}")
    finally:
        await database.close()


def _outdated(found: str | None) -> str:
    if found is not None and not knows(found):
        return f"The database is of a newer version of this program: it is at revision {found}."
    state = f"at revision {found}" if found else "empty"
    return f"The database is {state}: start the bot once, or run `python -m bot migrate`."


async def upgrade_database(settings: Settings) -> None:
    """Bring the schema up to date."""
    async with reached(settings) as database:
        typer.echo(f"The database is at revision {await migrate(database)}.")


async def write_backup(settings: Settings, file: Path) -> None:
    """One moment of the database, and the uploads; the bot may run meanwhile."""
    async with reached(settings) as database:
        try:
            done = await back_up(database, file, _folders(settings), now=SystemClock().now())
        except BackupError as error:
            sys.exit(f"Nothing was backed up: {error}")
    typer.echo(f"{file}: {_amount(done)}. Not in it: secret.key, .env, the music folders.")


async def read_backup(settings: Settings, file: Path, *, replace: bool) -> None:
    """Fill the database and put back the uploads that are missing; no bot may run on it."""
    async with reached(settings) as database:
        lock = running_bot(database)
        try:
            if lock is not None:
                await asyncio.to_thread(lock.acquire)
            done = await restore(database, file, _folders(settings), replace=replace)
        except (BackupError, InUseError) as error:
            sys.exit(f"Nothing was restored: {error}")
        finally:
            if lock is not None:
                lock.release()
    made = datetime.fromtimestamp(done.made_at / 1000, UTC).isoformat(timespec="seconds")
    typer.echo(f"Restored what was there at {made}: {_amount(done)}.")


def _folders(settings: Settings) -> dict[str, Path]:
    return {"uploads": settings.data_dir / "uploads"}


def _amount(manifest: Manifest) -> str:
    return f"{sum(manifest.tables.values())} rows of {len(manifest.tables)} tables, {manifest.files['uploads']} uploads"


async def print_audit(settings: Settings, place: str | None, limit: int) -> None:
    """One line a change, newest first."""
    async with opened(settings) as database:
        rooms = SqlRooms(database, LocalBus(), SystemClock())
        for row in [it.audit for it in await rooms.audit(PlaceId(place) if place else None, limit=limit)]:
            at = datetime.fromtimestamp(row.at / 1000, UTC).isoformat(timespec="seconds")
            change = f"{json.dumps(row.before)} -> {json.dumps(row.after)}"
            typer.echo(f"{at}  {row.place}  {row.actor} ({row.surface})  {row.action}  {change}")
