"""What people come back to: /favourite /favourites /history /again /export /import."""

import io
from typing import Any, Literal

import aiohttp
import discord
from discord import app_commands

from cogs import words
from cogs.discord import choices, pages
from cogs.discord.answers import added, tell
from cogs.discord.rows import shelf_row
from cogs.discord.surface import Call, Interaction, read
from core.errors import NotAListError, UnplayableError

LARGEST = 1024 * 1024
"""Bytes of a list that are worth fetching; what it may hold is the rules' business."""


@app_commands.command(description="Keep a track among your favourites, or let it go")
@app_commands.describe(track="The one that plays if left out")
@app_commands.autocomplete(track=choices.waiting)
async def favourite(interaction: Interaction, track: str | None = None) -> None:
    """A star, or none."""
    call = await read(interaction)
    entry = None if track is None else await choices.meant(call, track)
    await tell(call, await call.jukebox.favourite(call.room, call.actor, entry, command_id=call.id), words.favoured)


@app_commands.command(description="Your favourites: look at them, play them")
async def favourites(interaction: Interaction) -> None:
    """The first page, for one person."""
    call = await read(interaction)
    await show(call, await favourites_page(call, 0))


async def favourites_page(call: Call, offset: int) -> pages.Shelf:
    """One's stars from `offset` on."""
    tracks = await call.jukebox.favourites(call.actor.person, offset=offset, size=pages.SIZE + 1)
    return pages.favourites(tracks, offset, call.words)


@app_commands.command(description="What has played here")
async def history(interaction: Interaction) -> None:
    """The latest plays."""
    call = await read(interaction)
    await show(call, await history_page(call, None))


async def history_page(call: Call, before: int | None) -> pages.Shelf:
    """Plays before the one with that row id."""
    plays = await call.jukebox.history(call.room, before=before, size=pages.SIZE + 1)
    return pages.history(plays, before, call.words)


async def show(call: Call, shelf: pages.Shelf) -> None:
    """A page in an answer of its own."""
    row = shelf_row(shelf, call.room, call.words)
    await call.interaction.response.send_message(embed=shelf.embed, view=row, ephemeral=True)


@app_commands.command(description="Play something again that has played here")
@app_commands.describe(track="The latest if left out")
@app_commands.autocomplete(track=choices.played)
async def again(interaction: Interaction, track: str | None = None) -> None:
    """Queue a play of the history once more."""
    call = await read(interaction)
    call.check_voice()
    entry = None if track is None else await choices.meant_played(call, track)
    result = await call.jukebox.again(call.room, call.actor, entry, command_id=call.id)
    await added(call, result, words.queued(result, call.words))


@app_commands.command(description="The queue as a file")
@app_commands.describe(kind="m3u8 for players, json for /import with everything")
async def export(interaction: Interaction, kind: Literal["m3u8", "json"] = "m3u8") -> None:
    """What plays and what waits."""
    call = await read(interaction)
    result = await call.jukebox.export(call.room, call.actor, kind)
    text = call.words.ngettext("%(count)d track.", "%(count)d tracks.", result.count) % {"count": result.count}
    await call.say(text, file=discord.File(io.BytesIO(result.content), result.filename))


@app_commands.command(name="import", description="Add the tracks of a file: m3u8, or what /export wrote")
@app_commands.describe(file="Up to 1 MB and 5,000 lines")
async def import_(interaction: Interaction, file: discord.Attachment) -> None:
    """Read a list; it is fetched from Discord, where the person put it."""
    call = await read(interaction)
    if file.size > LARGEST:
        raise NotAListError("too_large")
    await interaction.response.defer(ephemeral=True, thinking=True)
    content = await _fetched(file)
    result = await call.jukebox.import_tracks(call.room, call.actor, file.filename, content, command_id=call.id)
    await tell(call, result, words.imported)


async def _fetched(file: discord.Attachment) -> bytes:
    """What somebody sent. Raises UnplayableError."""
    try:
        return await file.read()
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        raise UnplayableError("unreachable") from error


def commands() -> list[app_commands.Command[Any, ..., Any]]:
    """All of them."""
    return [favourite, favourites, history, again, export, import_]
