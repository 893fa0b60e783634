"""The commands about playback: /skip /pause /resume /seek /volume /stop /join /leave."""

from typing import Any

from discord import app_commands

from cogs.discord import words
from cogs.discord.surface import Interaction, read
from cogs.discord.text import position as parse


@app_commands.command(description="Skip what plays: at once if it is yours, else by vote")
async def skip(interaction: Interaction) -> None:
    """Skip, or vote for it."""
    call = await read(interaction)
    result = await call.jukebox.skip(call.room, call.actor, command_id=call.id)
    await call.say(words.skipped(result, call.words))


@app_commands.command(description="Pause")
async def pause(interaction: Interaction) -> None:
    """Stand still."""
    call = await read(interaction)
    result = await call.jukebox.pause(call.room, call.actor, command_id=call.id)
    await call.say(words.changed("pause", result, call.words))


@app_commands.command(description="Go on")
async def resume(interaction: Interaction) -> None:
    """Go on."""
    call = await read(interaction)
    result = await call.jukebox.resume(call.room, call.actor, command_id=call.id)
    await call.say(words.changed("resume", result, call.words))


@app_commands.command(description="Go to a time in the track")
@app_commands.describe(position="A time such as 1:30, or seconds such as 90")
async def seek(interaction: Interaction, position: str) -> None:
    """Jump."""
    call = await read(interaction)
    to = parse(position)
    if to is None:
        await call.say(call.words.gettext("Write a time such as 1:30, or seconds such as 90."))
        return
    result = await call.jukebox.seek(call.room, call.actor, to, command_id=call.id)
    await call.say(words.changed("seek", result, call.words))


@app_commands.command(description="Set how loud it is")
@app_commands.describe(percent="0 to 200; 100 is as recorded")
async def volume(interaction: Interaction, percent: int) -> None:
    """Louder or quieter, for everybody."""
    call = await read(interaction)
    result = await call.jukebox.volume(call.room, call.actor, percent, command_id=call.id)
    await call.say(words.changed("volume", result, call.words))


@app_commands.command(description="Stop, empty the queue and leave")
async def stop(interaction: Interaction) -> None:
    """The end of the party."""
    call = await read(interaction)
    result = await call.jukebox.stop(call.room, call.actor, command_id=call.id)
    await call.say(words.changed("stop", result, call.words))


@app_commands.command(description="Come to your voice channel")
async def join(interaction: Interaction) -> None:
    """Come along."""
    call = await read(interaction)
    call.check_voice()
    result = await call.jukebox.join(call.room, call.actor, command_id=call.id)
    await call.say(words.changed("join", result, call.words))


@app_commands.command(description="Leave the voice channel; the queue is kept")
async def leave(interaction: Interaction) -> None:
    """Go, and remember."""
    call = await read(interaction)
    result = await call.jukebox.leave(call.room, call.actor, command_id=call.id)
    await call.say(words.changed("leave", result, call.words))


def commands() -> list[app_commands.Command[Any, ..., Any]]:
    """All of them."""
    return [skip, pause, resume, seek, volume, stop, join, leave]
