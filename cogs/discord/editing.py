"""The commands that change what waits: /remove /clear /move /swap /shuffle /undo /lock."""

from typing import Any

import discord
from discord import app_commands

from cogs import words
from cogs.discord import choices, picks
from cogs.discord.answers import tell
from cogs.discord.surface import Call, Interaction, read
from cogs.text import safe
from core.errors import NoSuchEntryError
from core.records.results import Removed
from core.types import EntryId


@app_commands.command(description="Take tracks out of the queue")
@app_commands.describe(track="One of your waiting tracks, or several: 3 5 7-9", member="Everything of somebody")
@app_commands.autocomplete(track=choices.mine)
async def remove(interaction: Interaction, track: str | None = None, member: discord.Member | None = None) -> None:
    """One's own, or anybody's as a DJ."""
    call = await read(interaction)
    result = await _remove(call, track, member)
    if member is not None and not result.count:
        text = call.words.gettext("%(name)s has nothing waiting.")
        await call.say(text % {"name": safe(member.display_name, 32)})
        return
    await tell(call, result, words.removed, undo=True)


async def _remove(call: Call, track: str | None, member: discord.Member | None) -> Removed:
    if member is not None:
        person = await call.surface.people.person(member)
        return await call.jukebox.remove_many(call.room, call.actor, person=person, command_id=call.id)
    if track is None:
        raise NoSuchEntryError(EntryId(0))
    entries = await picks.meant(call, track)
    if len(entries) > 1:
        return await call.jukebox.remove_many(call.room, call.actor, entries, command_id=call.id)
    return await call.jukebox.remove(call.room, call.actor, entries[0], command_id=call.id)


@app_commands.command(description="Empty the queue; what plays goes on")
async def clear(interaction: Interaction) -> None:
    """Everything that waits."""
    call = await read(interaction)
    result = await call.jukebox.clear(call.room, call.actor, command_id=call.id)
    await tell(call, result, words.removed, undo=True)


@app_commands.command(description="Put a track elsewhere in the queue")
@app_commands.describe(track="One of your waiting tracks; DJs may name any", position="1 plays next")
@app_commands.autocomplete(track=choices.mine)
async def move(interaction: Interaction, track: str, position: int) -> None:
    """To a rank, from 1."""
    call = await read(interaction)
    entry = await choices.meant(call, track)
    result = await call.jukebox.move(call.room, call.actor, entry, position, command_id=call.id)
    await tell(call, result, words.moved, undo=True)


@app_commands.command(description="Let two waiting tracks change places")
@app_commands.describe(first="One of your waiting tracks; DJs may name any", second="The other one")
@app_commands.autocomplete(first=choices.mine, second=choices.mine)
async def swap(interaction: Interaction, first: str, second: str) -> None:
    """Each stands where the other stood."""
    call = await read(interaction)
    one, other = await choices.meant(call, first), await choices.meant(call, second)
    result = await call.jukebox.swap(call.room, call.actor, one, other, command_id=call.id)
    await tell(call, result, words.moved, undo=True)


@app_commands.command(description="Shuffle the queue; in fair mode, everybody’s own tracks")
async def shuffle(interaction: Interaction) -> None:
    """At once, or by vote."""
    call = await read(interaction)
    result = await call.jukebox.shuffle(call.room, call.actor, command_id=call.id)
    await tell(call, result, lambda done, texts: words.changed("shuffle", done, texts), undo=True)


@app_commands.command(description="Take back what was removed, cleared, moved or shuffled within 30 seconds")
async def undo(interaction: Interaction) -> None:
    """One's own last deed, or anybody's as a DJ."""
    call = await read(interaction)
    result = await call.jukebox.undo(call.room, call.actor, command_id=call.id)
    await tell(call, result, words.undone)


@app_commands.command(description="Lock the queue, so that only DJs add to it, or open it again")
@app_commands.describe(locked="The other way round if left out")
async def lock(interaction: Interaction, *, locked: bool | None = None) -> None:
    """Closed to all but DJs, or open."""
    call = await read(interaction)
    closed = not call.view.closed if locked is None else locked
    result = await call.jukebox.close(call.room, call.actor, closed, command_id=call.id)
    await tell(call, result, lambda done, texts: words.changed("lock" if closed else "unlock", done, texts))


def commands() -> list[app_commands.Command[Any, ..., Any]]:
    """All of them."""
    return [remove, clear, move, swap, shuffle, undo, lock]
