"""The commands about tracks: /play /queue /now /vote /why /remove /clear."""

from typing import Any

import discord
from discord import app_commands

from cogs.discord import choices, drawing, words
from cogs.discord.rows import queue_row
from cogs.discord.surface import Call, Interaction, read
from core.errors import NoSuchEntryError, NothingFoundError
from core.ports.tracks import Attachment
from core.records.results import Queued


@app_commands.command(description="Play a song: search the library, paste a link, or send a file")
@app_commands.describe(query="Words to search for, or a link", file="A music file")
@app_commands.autocomplete(query=choices.tracks)
async def play(interaction: Interaction, query: str | None = None, file: discord.Attachment | None = None) -> None:
    """Queue what is named; only what needs the network is answered later."""
    call = await read(interaction)
    wanted = _wanted(query, file)
    call.check_voice()
    if isinstance(wanted, Attachment) or not call.surface.resolver.local(wanted):
        await interaction.response.defer(ephemeral=True, thinking=True)
    result = await call.jukebox.play(call.room, call.actor, wanted, command_id=call.id)
    try:
        await call.say(words.queued(result, call.words))
    finally:  # an answer that comes too late is no reason to play unseen
        await _show(call, result)


def _wanted(query: str | None, file: discord.Attachment | None) -> str | Attachment:
    if file is not None:
        return Attachment(file.url, file.filename, file.size, file.content_type)
    if not query or not query.strip():
        raise NothingFoundError(query or "")
    return query.strip()


async def _show(call: Call, result: Queued) -> None:
    """The live message appears where the music was asked for; one that starts anew moves there."""
    channel = call.interaction.channel_id
    if channel is not None:
        await call.surface.panels.open(call.room, channel, anew=result.rank == 0)


@app_commands.command(description="What is waiting, and in which order")
async def queue(interaction: Interaction) -> None:
    """The first page of the queue."""
    call = await read(interaction, size=drawing.PAGE)
    row = queue_row(call.room, 0, drawing.pages(call.view))
    embed = drawing.queue(call.view, 0, call.words)
    await interaction.response.send_message(embed=embed, view=row, ephemeral=True)


@app_commands.command(description="What is playing")
async def now(interaction: Interaction) -> None:
    """The live message's picture, for one person."""
    call = await read(interaction, size=drawing.NEXT)
    panels = call.surface.panels
    drawn = drawing.panel(call.view, call.words, status=panels.status(call.room), page=panels.page(call.room))
    if drawn.embed is None:
        await call.say(drawn.content or "")
    else:
        await interaction.response.send_message(embed=drawn.embed, ephemeral=True)


@app_commands.command(description="Vote for a track: up plays it earlier within its turn")
@app_commands.describe(track="The track; the one that plays if left out", vote="Up unless you choose")
@app_commands.autocomplete(track=choices.waiting)
@app_commands.choices(
    vote=[
        app_commands.Choice(name="up", value=1),
        app_commands.Choice(name="down", value=-1),
        app_commands.Choice(name="take back", value=0),
    ]
)
async def vote(interaction: Interaction, track: str | None = None, vote: int = 1) -> None:
    """Up, down, or back."""
    call = await read(interaction)
    entry = await choices.meant(call, track)
    result = await call.jukebox.vote(call.room, call.actor, entry, vote, command_id=call.id)
    await call.say(words.voted(result, call.words))


@app_commands.command(description="Why a track stands where it stands")
@app_commands.describe(track="A waiting track")
@app_commands.autocomplete(track=choices.waiting)
async def why(interaction: Interaction, track: str) -> None:
    """Turn, score, and what is ahead."""
    call = await read(interaction)
    entry = await choices.meant(call, track)
    rank = (await call.jukebox.why(call.room, entry)).ahead
    shown = (await call.jukebox.view(call.room, call.actor.person, page=rank, size=1)).upcoming
    if not shown:
        raise NoSuchEntryError(entry)
    await call.say(words.why(shown[0], call.words))


@app_commands.command(description="Take a track out of the queue")
@app_commands.describe(track="One of your waiting tracks; DJs may name any")
@app_commands.autocomplete(track=choices.mine)
async def remove(interaction: Interaction, track: str) -> None:
    """One's own, or anybody's as a DJ."""
    call = await read(interaction)
    entry = await choices.meant(call, track)
    result = await call.jukebox.remove(call.room, call.actor, entry, command_id=call.id)
    await call.say(words.removed(result, call.words))


@app_commands.command(description="Empty the queue; what plays goes on")
async def clear(interaction: Interaction) -> None:
    """Everything that waits."""
    call = await read(interaction)
    result = await call.jukebox.clear(call.room, call.actor, command_id=call.id)
    await call.say(words.removed(result, call.words))


def commands() -> list[app_commands.Command[Any, ..., Any]]:
    """All of them."""
    return [play, queue, now, vote, why, remove, clear]
