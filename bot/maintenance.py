"""Commands that work on the data while the bot runs or not."""

import json
from datetime import UTC, datetime

import typer

from audio.library import Library
from audio.library_scan import Progress
from bot.clock import SystemClock
from bot.config import Settings
from core.bus import LocalBus
from core.errors import StoreUnavailableError
from core.types import PlaceId
from db.engine import Database
from db.migrate import migrate
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


async def upgrade_database(settings: Settings) -> int:
    """Bring the schema up to date; the exit code."""
    database = Database(settings.database)
    try:
        typer.echo(f"The database is at revision {await migrate(database)}.")
    except StoreUnavailableError as error:
        typer.echo(f"The database cannot be used: {error}", err=True)
        return 1
    finally:
        await database.close()
    return 0


async def print_audit(settings: Settings, place: str | None, limit: int) -> None:
    """One line a change, newest first."""
    database = Database(settings.database)
    try:
        rooms = SqlRooms(database, LocalBus(), SystemClock())
        for row in await rooms.audit(PlaceId(place) if place else None, limit=limit):
            at = datetime.fromtimestamp(row.at / 1000, UTC).isoformat(timespec="seconds")
            change = f"{json.dumps(row.before)} -> {json.dumps(row.after)}"
            typer.echo(f"{at}  {row.place}  {row.actor} ({row.surface})  {row.action}  {change}")
    finally:
        await database.close()
