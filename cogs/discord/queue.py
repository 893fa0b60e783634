"""The commands about tracks: /play /queue /now /vote /why."""

from typing import Any

import discord
from discord import app_commands

from cogs import polls, reasons, words
from cogs.discord import answers, choices, drawing, listings
from cogs.discord.rows import queue_row
from cogs.discord.surface import Call, Interaction, read
from cogs.moments import moment
from core.errors import NoSuchEntryError, NothingFoundError
from core.ports.tracks import Attachment


@app_commands.command(description="Play a song: search the library, paste a link, or send a file")
@app_commands.describe(
    query="Words to search for, or a link; a podcast’s feed lists its episodes",
    file="A music file",
    first="Before everything else that waits; for DJs",
    at="Not before then: 18:00, or in 20 min",
)
@app_commands.rename(first="next")
@app_commands.autocomplete(query=listings.queries)
async def play(
    interaction: Interaction,
    query: str | None = None,
    file: discord.Attachment | None = None,
    *,
    first: bool = False,
    at: str | None = None,
) -> None:
    """Queue what is named; only what needs the network is answered later."""
    call = await read(interaction)
    wanted, zone = _wanted(query, file), call.view.settings.timezone
    when = None if at is None else moment(at, zone, call.surface.ports.clock.now())
    if at is not None and when is None:
        await call.say(call.words.gettext("Write a time such as 18:00, or in 20 min."))
        return
    call.check_voice()
    if isinstance(wanted, Attachment) or not call.surface.ports.resolver.local(wanted):
        await interaction.response.defer(ephemeral=True, thinking=True)
    result = await call.jukebox.play(call.room, call.actor, wanted, next=first, at=when, command_id=call.id)
    later = words.queued(result, call.words) if when is None else words.scheduled(result, when, zone, call.words)
    await answers.added(call, result, later)


def _wanted(query: str | None, file: discord.Attachment | None) -> str | Attachment:
    if file is not None:
        return Attachment(file.url, file.filename, file.size, file.content_type)
    if not query or not query.strip():
        raise NothingFoundError(query or "")
    return query.strip()


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


@app_commands.command(description="Why a track stands where it stands, and how the running votes do")
@app_commands.describe(track="A waiting track; the running votes if left out")
@app_commands.autocomplete(track=choices.waiting)
async def why(interaction: Interaction, track: str | None = None) -> None:
    """Turn, score, and what is ahead; or what the polls lack."""
    call = await read(interaction)
    if track is None:
        await call.say(await _running(call))
        return
    entry = await choices.meant(call, track)
    rank = (await call.jukebox.why(call.room, entry)).ahead
    shown = (await call.jukebox.view(call.room, call.actor.person, page=rank, size=1)).upcoming
    if not shown:
        raise NoSuchEntryError(entry)
    await call.say(reasons.why(shown[0], call.words))


async def _running(call: Call) -> str:
    """The running polls, explained."""
    found = [await call.jukebox.why_poll(call.room, poll.kind) for poll in call.view.polls]
    if not found:
        return call.words.gettext("No vote is running. Name a track to hear why it stands where it stands.")
    return "\n".join(polls.why(poll, call.words) for poll in found)


def commands() -> list[app_commands.Command[Any, ..., Any]]:
    """All of them."""
    return [play, queue, now, vote, why]
