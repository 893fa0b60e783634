"""What pressing a button does. Its id says all (see `rows`), so it works after a restart, and also when the message
was edited between the sight of the button and the press.
"""

import re

from cogs.discord import drawing, words
from cogs.discord.faults import explain
from cogs.discord.rows import queue_row
from cogs.discord.surface import Call, Interaction, read
from core.errors import NoSuchEntryError, NoSuchRoomError
from core.tracing import span
from core.types import EntryId

_ID = re.compile(r"chorus:(?P<action>up|down|skip|pause|resume|back|on):(?P<room>[\w-]+):(?P<number>\d+)")


async def press(interaction: Interaction, custom_id: str) -> None:
    """Do what a button says and tell the person; other buttons are left alone."""
    meant = _ID.fullmatch(custom_id)
    if meant is None:
        return
    with span("command", surface="discord", command=f"button {meant['action']}"):
        try:
            call = await _own(interaction, meant["room"])
            await _do(call, meant["action"], int(meant["number"]))
        except Exception as error:  # noqa: BLE001 - told to the person, or logged
            await explain(interaction, error)


async def _own(interaction: Interaction, room: str) -> Call:
    """The call, if the button's room is the guild's. Raises NoSuchRoomError."""
    call = await read(interaction)
    if call.room != room:
        raise NoSuchRoomError
    return call


async def _do(call: Call, action: str, number: int) -> None:
    if action in {"back", "on"}:
        await _turn_page(call, number)
    else:
        await call.say(await _act(call, action, EntryId(number)))


async def _turn_page(call: Call, page: int) -> None:
    page = min(page, drawing.pages(call.view) - 1)
    view = await call.jukebox.view(call.room, call.actor.person, page=page, size=drawing.PAGE)
    row = queue_row(call.room, page, drawing.pages(view))
    embed = drawing.queue(view, page, call.words)
    await call.interaction.response.edit_message(embed=embed, view=row)


async def _act(call: Call, action: str, entry: EntryId) -> str:
    match action:
        case "skip":
            skipped = await call.jukebox.skip(call.room, call.actor, entry=entry, command_id=call.id)
            return words.skipped(skipped, call.words)
        case "up":
            return await _vote(call, entry, 1)
        case "down":
            return await _vote(call, entry, -1)
        case _:
            return await _control(call, action, entry)


async def _control(call: Call, action: str, entry: EntryId) -> str:
    if call.view.current is None or call.view.current.id != entry:
        raise NoSuchEntryError(entry)
    control = call.jukebox.pause if action == "pause" else call.jukebox.resume
    return words.changed(action, await control(call.room, call.actor, command_id=call.id), call.words)


async def _vote(call: Call, entry: EntryId, value: int) -> str:
    """Pressed again, it takes the vote back."""
    now = call.view.current
    again = now is not None and now.id == entry and now.my_vote == value
    voted = await call.jukebox.vote(call.room, call.actor, entry, 0 if again else value, command_id=call.id)
    return words.voted(voted, call.words)
