"""The commands about playback."""

from cogs import names, words
from cogs.answers import skipped
from cogs.telegram import entries
from cogs.telegram.answers import tell
from cogs.telegram.keyboards import Button
from cogs.telegram.surface import Call
from cogs.text import length
from cogs.text import position as parse
from core.enums import Loop, Mode
from core.errors import NoSuchChoiceError, NoSuchEntryError, OutOfRangeError
from core.types import EntryId

CHAPTERS = 50
"""Chapters that are offered."""
PLACES = 10**9
"""ms of a track that a button can name beside the entry that it is about."""


async def skip(call: Call) -> None:
    """Skip at once, or vote for it."""
    result = await call.jukebox.skip(call.room, call.actor, command_id=call.id)
    await call.say(await skipped(call, result))


async def jump(call: Call) -> None:
    """Play a waiting track now."""
    if not call.arguments:
        raise NoSuchEntryError(EntryId(0))
    entry = await entries.meant(call, call.arguments)
    await tell(call, await call.jukebox.jump(call.room, call.actor, entry, command_id=call.id), words.jumped)


async def previous(call: Call, entry: EntryId | None = None) -> None:
    """Back to the track before; `entry` is what the person saw playing."""
    result = await call.jukebox.previous(call.room, call.actor, entry=entry, command_id=call.id)
    await tell(call, result, lambda done, texts: words.changed("previous", done, texts))


async def pause(call: Call, entry: EntryId | None = None) -> None:
    """Stand still; `entry` is what the person saw playing."""
    result = await call.jukebox.pause(call.room, call.actor, entry=entry, command_id=call.id)
    await call.say(words.changed("pause", result, call.words))


async def resume(call: Call, entry: EntryId | None = None) -> None:
    """Go on; `entry` is what the person saw playing."""
    result = await call.jukebox.resume(call.room, call.actor, entry=entry, command_id=call.id)
    await call.say(words.changed("resume", result, call.words))


async def seek(call: Call) -> None:
    """Go to a time in the track; without one, its chapters are shown."""
    to = parse(call.arguments)
    if to is None and not call.arguments and (chapters := await call.jukebox.chapters(call.room)):
        entry = call.view.current.id if call.view.current else 0
        rows = tuple(
            (Button(f"{length(one.start)} {one.title}", "seek", entry * PLACES + one.start),)
            for one in chapters[:CHAPTERS]
            if one.start < PLACES
        )
        await call.say(call.words.gettext("Choose a chapter."), rows)
        return
    if to is None:
        await call.say(call.words.gettext("Write a time such as 1:30, or seconds such as 90."))
        return
    await seek_to(call, to)


async def seek_to(call: Call, position: int, entry: EntryId | None = None) -> None:
    """Go to a position in ms; `entry` is what the person saw playing."""
    result = await call.jukebox.seek(call.room, call.actor, position, entry=entry, command_id=call.id)
    await call.say(words.changed("seek", result, call.words))


async def seek_chapter(call: Call, number: int) -> None:
    """Go where a chapter's button says, unless something else plays by now."""
    entry, position = divmod(number, PLACES)
    await seek_to(call, position, EntryId(entry))


async def volume(call: Call) -> None:
    """Show or set how loud it is."""
    text = call.arguments.removesuffix("%").strip()
    if not text:
        await call.say(call.words.gettext("The volume is %(value)d %%.") % {"value": call.view.volume})
        return
    if not (text.isascii() and text.isdecimal() and len(text) < 4):  # noqa: PLR2004 - three digits are plenty
        raise OutOfRangeError("volume", 0, 0, 200)
    result = await call.jukebox.volume(call.room, call.actor, int(text), command_id=call.id)
    await tell(call, result, lambda done, texts: words.changed("volume", done, texts))


async def loop(call: Call) -> None:
    """Repeat the track, the queue, or nothing."""
    wanted = call.arguments.lower()
    if not wanted:
        await call.say(words.looped(call.view.loop, call.words))
        return
    if wanted not in list(Loop):
        raise NoSuchChoiceError("loop", wanted, (*Loop,))
    await call.jukebox.loop(call.room, call.actor, Loop(wanted), command_id=call.id)
    await call.say(words.looped(Loop(wanted), call.words))


async def mode(call: Call) -> None:
    """Explain what decides the order, or change it."""
    wanted = call.arguments.lower()
    if not wanted:
        choices = "\n".join(f"`{one}` · {names.explained(one, call.words)}" for one in Mode)
        await call.say(f"{words.ordered(call.view.mode, call.words)}\n\n{choices}")
        return
    if wanted not in list(Mode):
        raise NoSuchChoiceError("mode", wanted, (*Mode,))
    result = await call.jukebox.set_mode(call.room, call.actor, Mode(wanted), command_id=call.id)
    await tell(call, result, lambda _, texts: words.ordered(Mode(wanted), texts))


async def stop(call: Call) -> None:
    """The end of the party."""
    result = await call.jukebox.stop(call.room, call.actor, command_id=call.id)
    await tell(call, result, lambda done, texts: words.changed("stop", done, texts))


async def leave(call: Call) -> None:
    """Leave the voice channel of the server that shares the room."""
    result = await call.jukebox.leave(call.room, call.actor, command_id=call.id)
    await call.say(words.changed("leave", result, call.words))


async def join(call: Call) -> None:
    """Come back to the voice channel of the server that shares the room; from a chat nobody is in one."""
    result = await call.jukebox.join(call.room, call.actor, command_id=call.id)
    await call.say(words.changed("join", result, call.words))
