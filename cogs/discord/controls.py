"""The commands about playback: /skip /jump /previous /pause /resume /seek /volume /loop /mode /stop /join /leave."""

from typing import Any

from discord import app_commands

from cogs import words
from cogs.answers import skipped
from cogs.discord import choices, listings
from cogs.discord.answers import tell
from cogs.discord.surface import Interaction, read
from cogs.text import position as parse
from core.enums import Loop, Mode


@app_commands.command(description="Skip what plays: at once if it is yours, else by vote")
async def skip(interaction: Interaction) -> None:
    """Skip, or vote for it."""
    call = await read(interaction)
    result = await call.jukebox.skip(call.room, call.actor, command_id=call.id)
    await call.say(await skipped(call, result))


@app_commands.command(description="Play a waiting track now, instead of what is on")
@app_commands.describe(track="A waiting track")
@app_commands.autocomplete(track=choices.mine)
async def jump(interaction: Interaction, track: str) -> None:
    """What is on ends."""
    call = await read(interaction)
    entry = await choices.meant(call, track)
    await tell(call, await call.jukebox.jump(call.room, call.actor, entry, command_id=call.id), words.jumped)


@app_commands.command(description="Go back to the track before; what is on waits")
async def previous(interaction: Interaction) -> None:
    """At once, or by vote."""
    call = await read(interaction)
    result = await call.jukebox.previous(call.room, call.actor, command_id=call.id)
    await tell(call, result, lambda done, texts: words.changed("previous", done, texts))


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
@app_commands.describe(position="A time such as 1:30, seconds such as 90, or a chapter")
@app_commands.autocomplete(position=listings.chapters)
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
    await tell(call, result, lambda done, texts: words.changed("volume", done, texts))


@app_commands.command(description="Repeat the track or the queue, or nothing")
@app_commands.describe(what="What to repeat")
@app_commands.choices(what=choices.of(Loop))
async def loop(interaction: Interaction, what: str) -> None:
    """Again and again."""
    call = await read(interaction)
    wanted = Loop(what)
    await call.jukebox.loop(call.room, call.actor, wanted, command_id=call.id)
    await call.say(words.looped(wanted, call.words))


@app_commands.command(description="What decides the order of the queue: show or change it")
@app_commands.describe(order="fair: turns, then votes; proportional: shares by votes; dj: only DJs add")
@app_commands.choices(order=choices.of(Mode))
async def mode(interaction: Interaction, order: str | None = None) -> None:
    """Explain the one that holds, or change it."""
    call = await read(interaction)
    if order is None:
        await call.say(words.ordered(call.view.mode, call.words))
        return
    wanted = Mode(order)
    result = await call.jukebox.set_mode(call.room, call.actor, wanted, command_id=call.id)
    await tell(call, result, lambda _, texts: words.ordered(wanted, texts))


@app_commands.command(description="Stop, empty the queue and leave")
async def stop(interaction: Interaction) -> None:
    """The end of the party."""
    call = await read(interaction)
    result = await call.jukebox.stop(call.room, call.actor, command_id=call.id)
    await tell(call, result, lambda done, texts: words.changed("stop", done, texts))


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
    return [skip, jump, previous, pause, resume, seek, volume, loop, mode, stop, join, leave]
