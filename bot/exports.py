"""Commands that show what is stored, and that forget somebody."""

import csv
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer

from bot.clock import SystemClock
from bot.config import Settings
from bot.maintenance import opened
from core.types import RoomId
from db.personal import NoSuchPersonError, PersonalData
from db.plays import PlayLog

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


async def export_plays(settings: Settings, form: str, room: str | None) -> None:
    """Every finished play to standard output, one after the other; `form` is `csv` or `jsonl`."""
    async with opened(settings) as database:
        log = PlayLog(database)
        write = _writer(form, log.columns)
        await PersonalData(database, SystemClock()).note("plays.exported", {"room": room, "format": form})
        async for row in log.rows(RoomId(room) if room else None):
            write(row)


def _writer(form: str, columns: Sequence[str]) -> Callable[[dict[str, Any]], object]:
    if form == "jsonl":
        return lambda row: sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(columns)
    return lambda row: table.writerow(_harmless(value) for value in row.values())


def _harmless(value: object) -> object:
    """Titles come from people: none may run in a spreadsheet that opens the file. JSON lines have them as they are."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


async def export_person(settings: Settings, person: str) -> None:
    """Everything stored about somebody, as JSON on standard output."""
    async with opened(settings) as database:
        try:
            found = await PersonalData(database, SystemClock()).export(person)
        except NoSuchPersonError as error:
            sys.exit(str(error))
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2))


async def forget_person(settings: Settings, person: str) -> None:
    """Names and identities go; what was played stays."""
    async with opened(settings) as database:
        data = PersonalData(database, SystemClock())
        try:
            elsewhere = await data.at_stripe(person)
            counts = await data.forget(person)
        except NoSuchPersonError as error:
            sys.exit(str(error))
    rows = ", ".join(f"{count} in {table}" for table, count in sorted(counts.items()))
    typer.echo(f"Forgotten: {rows}. A bot that runs knows them until it is restarted; so do backups made before.")
    if elsewhere:
        typer.echo(f"Stripe knows them still: delete {', '.join(sorted(elsewhere))} there; what they pay ends by that.")
