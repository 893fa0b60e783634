"""What pressing a button does; the buttons are found by their ids (see `rows`)."""

import re
from typing import Any, Self

from discord import ui

from cogs.discord import drawing, words
from cogs.discord.faults import explain
from cogs.discord.rows import queue_row
from cogs.discord.surface import Call, Interaction, read
from core.errors import NoSuchEntryError, NoSuchRoomError
from core.tracing import span
from core.types import EntryId, RoomId


class PanelButton(
    ui.DynamicItem[ui.Button[Any]],
    template=r"chorus:(?P<action>up|down|skip|pause|resume):(?P<room>[\w-]+):(?P<entry>\d+)",
):
    """A button of the live message."""

    def __init__(self, custom_id: str, action: str, room: RoomId, entry: EntryId) -> None:
        super().__init__(ui.Button(custom_id=custom_id))
        self._action = action
        self._room = room
        self._entry = entry

    @classmethod
    async def from_custom_id(cls, _: Interaction, __: ui.Item[Any], match: re.Match[str], /) -> Self:
        """The button that was pressed."""
        return cls(match.string, match["action"], RoomId(match["room"]), EntryId(int(match["entry"])))

    async def callback(self, interaction: Interaction) -> None:
        """Do what it says and tell the person."""
        with span("command", surface="discord", command=f"button {self._action}"):
            try:
                call = await _own_room(interaction, self._room)
                await call.say(await self._press(call))
            except Exception as error:  # noqa: BLE001 - told to the person, or logged
                await explain(interaction, error)

    async def _press(self, call: Call) -> str:
        match self._action:
            case "skip":
                skipped = await call.jukebox.skip(call.room, call.actor, entry=self._entry, command_id=call.id)
                return words.skipped(skipped, call.words)
            case "up":
                return await self._vote(call, 1)
            case "down":
                return await self._vote(call, -1)
            case _:
                return await self._control(call)

    async def _control(self, call: Call) -> str:
        if call.view.current is None or call.view.current.id != self._entry:
            raise NoSuchEntryError(self._entry)
        control = call.jukebox.pause if self._action == "pause" else call.jukebox.resume
        return words.changed(self._action, await control(call.room, call.actor, command_id=call.id), call.words)

    async def _vote(self, call: Call, value: int) -> str:
        """Pressed again, it takes the vote back."""
        now = call.view.current
        again = now is not None and now.id == self._entry and now.my_vote == value
        voted = await call.jukebox.vote(call.room, call.actor, self._entry, 0 if again else value, command_id=call.id)
        return words.voted(voted, call.words)


class PageButton(ui.DynamicItem[ui.Button[Any]], template=r"chorus:(?:back|on):(?P<room>[\w-]+):(?P<page>\d+)"):
    """Turns a page of the queue."""

    def __init__(self, custom_id: str, room: RoomId, page: int) -> None:
        super().__init__(ui.Button(custom_id=custom_id))
        self._room = room
        self._page = page

    @classmethod
    async def from_custom_id(cls, _: Interaction, __: ui.Item[Any], match: re.Match[str], /) -> Self:
        """The button that was pressed."""
        return cls(match.string, RoomId(match["room"]), int(match["page"]))

    async def callback(self, interaction: Interaction) -> None:
        """Show the page in place of the one before."""
        try:
            call = await _own_room(interaction, self._room)
            page = min(self._page, drawing.pages(call.view) - 1)
            view = await call.jukebox.view(call.room, call.actor.person, page=page, size=drawing.PAGE)
            row = queue_row(call.room, page, drawing.pages(view))
            await interaction.response.edit_message(embed=drawing.queue(view, page, call.words), view=row)
        except Exception as error:  # noqa: BLE001 - told to the person, or logged
            await explain(interaction, error)


async def _own_room(interaction: Interaction, room: RoomId) -> Call:
    """The call, if the button's room is that of the guild where it was pressed. Raises NoSuchRoomError."""
    call = await read(interaction)
    if call.room != room:
        raise NoSuchRoomError
    return call
