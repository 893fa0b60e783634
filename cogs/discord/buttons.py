"""What pressing a button does. Its id says all (see `rows`), so it works after a restart, and also when the message
was edited between the sight of the button and the press.
"""

import re
from collections.abc import Awaitable, Callable

from cogs import words
from cogs.answers import skipped
from cogs.discord import answers, drawing
from cogs.discord.browsing import TURNS
from cogs.discord.faults import explain
from cogs.discord.premium import ACTS as PREMIUM
from cogs.discord.rows import queue_row
from cogs.discord.surface import Call, Interaction, read
from cogs.discord.tips import ACTS as TIPS
from cogs.yes import agree
from core.enums import Loop
from core.errors import NoSuchRoomError
from core.tracing import span
from core.types import EntryId

_ID = re.compile(r"chorus:(?P<action>[a-z_.]+):(?P<room>[\w-]+):(?P<number>\d{1,18})")

Act = Callable[[Call, int], Awaitable[None]]


async def press(interaction: Interaction, custom_id: str) -> None:
    """Do what a button says and tell the person; other buttons are left alone."""
    meant = _ID.fullmatch(custom_id)
    act = None if meant is None else _act(meant["action"])
    if meant is None or act is None:
        return
    with span("command", surface="discord", command=f"button {meant['action']}"):
        try:
            await act(await _own(interaction, meant["room"]), int(meant["number"]))
        except Exception as error:  # noqa: BLE001 - told to the person, or logged
            await explain(interaction, error)


def _act(action: str) -> Act | None:
    kind, _, rest = action.partition(".")
    if kind == "yes":
        return lambda call, number: agree(call, rest, number)
    return _ACTS.get(action) or TURNS.get(action) or PREMIUM.get(action) or TIPS.get(action)


async def _own(interaction: Interaction, room: str) -> Call:
    """The call, if the button's room is the guild's. Raises NoSuchRoomError."""
    call = await read(interaction)
    if call.room != room:
        raise NoSuchRoomError
    return call


async def _turn_page(call: Call, page: int) -> None:
    page = min(page, drawing.pages(call.view) - 1)
    view = await call.jukebox.view(call.room, call.actor.person, page=page, size=drawing.PAGE)
    row = queue_row(call.room, page, drawing.pages(view))
    embed = drawing.queue(view, page, call.words)
    await call.interaction.response.edit_message(embed=embed, view=row)


async def _skip(call: Call, entry: int) -> None:
    result = await call.jukebox.skip(call.room, call.actor, entry=EntryId(entry), command_id=call.id)
    await call.say(await skipped(call, result))


async def _pause(call: Call, entry: int) -> None:
    result = await call.jukebox.pause(call.room, call.actor, entry=EntryId(entry), command_id=call.id)
    await call.say(words.changed("pause", result, call.words))


async def _resume(call: Call, entry: int) -> None:
    result = await call.jukebox.resume(call.room, call.actor, entry=EntryId(entry), command_id=call.id)
    await call.say(words.changed("resume", result, call.words))


def _vote(value: int) -> Act:
    """Pressed again, it takes the vote back."""

    async def vote(call: Call, entry: int) -> None:
        now = call.view.current
        again = now is not None and now.id == entry and now.my_vote == value
        wanted = 0 if again else value
        voted = await call.jukebox.vote(call.room, call.actor, EntryId(entry), wanted, command_id=call.id)
        await call.say(words.voted(voted, call.words))

    return vote


async def _favourite(call: Call, entry: int) -> None:
    result = await call.jukebox.favourite(call.room, call.actor, EntryId(entry), command_id=call.id)
    await call.say(words.favoured(result, call.words))


async def _previous(call: Call, entry: int) -> None:
    result = await call.jukebox.previous(call.room, call.actor, entry=EntryId(entry), command_id=call.id)
    await answers.tell(call, result, lambda done, texts: words.changed("previous", done, texts))


async def _shuffle(call: Call, _: int) -> None:
    result = await call.jukebox.shuffle(call.room, call.actor, command_id=call.id)
    await answers.tell(call, result, lambda done, texts: words.changed("shuffle", done, texts), undo=True)


async def _loop(call: Call, _: int) -> None:
    """Nothing, the queue, the track, nothing."""
    wanted = {Loop.OFF: Loop.QUEUE, Loop.QUEUE: Loop.TRACK, Loop.TRACK: Loop.OFF}[call.view.loop]
    await call.jukebox.loop(call.room, call.actor, wanted, command_id=call.id)
    await call.say(words.looped(wanted, call.words))


async def _undo(call: Call, _: int) -> None:
    """The button goes when it has done its work."""
    result = await call.jukebox.undo(call.room, call.actor, command_id=call.id)
    await call.interaction.response.edit_message(content=words.undone(result, call.words), view=None)


_ACTS: dict[str, Act] = {
    "back": _turn_page,
    "on": _turn_page,
    "skip": _skip,
    "pause": _pause,
    "resume": _resume,
    "up": _vote(1),
    "down": _vote(-1),
    "favourite": _favourite,
    "previous": _previous,
    "shuffle": _shuffle,
    "loop": _loop,
    "undo": _undo,
}
