"""The commands that change what waits."""

from cogs import words
from cogs.telegram import entries
from cogs.telegram.answers import tell
from cogs.telegram.people import speaker
from cogs.telegram.surface import Call
from core.errors import NoSuchEntryError
from core.records.results import Removed
from core.types import EntryId


async def remove(call: Call) -> None:
    """Take tracks out of the queue; as the answer to somebody's message, everything of theirs."""
    await tell(call, await _remove(call), words.removed, undo=True)


async def _remove(call: Call) -> Removed:
    message = call.spot.message
    answered = message.reply_to_message if message is not None else None
    whose = speaker(answered.from_user, answered.sender_chat) if answered is not None else None
    if not call.arguments and whose is not None:
        person = await call.surface.people.person(whose)
        return await call.jukebox.remove_many(call.room, call.actor, person=person, command_id=call.id)
    found = await entries.several(call, call.arguments)
    if len(found) > 1:
        return await call.jukebox.remove_many(call.room, call.actor, found, command_id=call.id)
    return await call.jukebox.remove(call.room, call.actor, found[0], command_id=call.id)


async def clear(call: Call) -> None:
    """Empty the queue; what plays goes on."""
    await tell(call, await call.jukebox.clear(call.room, call.actor, command_id=call.id), words.removed, undo=True)


async def move(call: Call) -> None:
    """Put a track elsewhere: `/move 5 1`."""
    named, _, to = call.arguments.rpartition(" ")
    if not named or not (to.isascii() and to.isdecimal()):
        await call.say(call.words.gettext("Write which track and where to: /move 5 1."))
        return
    entry = await entries.meant(call, named)
    result = await call.jukebox.move(call.room, call.actor, entry, int(to), command_id=call.id)
    await tell(call, result, words.moved, undo=True)


async def swap(call: Call) -> None:
    """Let two waiting tracks change places: `/swap 2 5`."""
    pair = call.arguments.split()
    if len(pair) != 2:  # noqa: PLR2004 - two
        raise NoSuchEntryError(EntryId(0))
    one, other = [await entries.meant(call, named) for named in pair]
    result = await call.jukebox.swap(call.room, call.actor, one, other, command_id=call.id)
    await tell(call, result, words.moved, undo=True)


async def shuffle(call: Call) -> None:
    """At once, or by vote."""
    result = await call.jukebox.shuffle(call.room, call.actor, command_id=call.id)
    await tell(call, result, lambda done, texts: words.changed("shuffle", done, texts), undo=True)


async def undo(call: Call) -> None:
    """Take back what was removed, cleared, moved or shuffled within 30 seconds."""
    await tell(call, await call.jukebox.undo(call.room, call.actor, command_id=call.id), words.undone)


async def lock(call: Call) -> None:
    """Lock the queue, so that only DJs add to it, or open it again."""
    closed = not call.view.closed
    result = await call.jukebox.close(call.room, call.actor, closed, command_id=call.id)
    await tell(call, result, lambda done, texts: words.changed("lock" if closed else "unlock", done, texts))
