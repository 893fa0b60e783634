"""Rows of buttons. What a button means is in its id, so that it works after a restart: `chorus:<action>:<room>:…`."""

from collections.abc import Sequence
from typing import Any

from discord import ButtonStyle, ui

from cogs.discord.drawing import Button
from core.types import EntryId, RoomId


def panel_row(buttons: Sequence[Button], room: RoomId, entry: EntryId) -> ui.View:
    """The panel's buttons about one entry."""
    return _row([_button(*button, room, entry) for button in buttons])


def _button(action: str, label: str, emoji: str, room: RoomId, entry: EntryId) -> ui.Button[Any]:
    style = ButtonStyle.primary if action == "skip" else ButtonStyle.secondary
    return ui.Button(style=style, label=label, emoji=emoji, custom_id=f"chorus:{action}:{room}:{entry}")


def queue_row(room: RoomId, page: int, pages: int) -> ui.View:
    """The buttons under a page of the queue; none when it is the only one."""
    if pages == 1:
        return _row([])
    back: ui.Button[Any] = ui.Button(emoji="◀️", custom_id=f"chorus:back:{room}:{max(0, page - 1)}", disabled=page == 0)
    last = page + 1 >= pages
    on: ui.Button[Any] = ui.Button(emoji="▶️", custom_id=f"chorus:on:{room}:{page + 1}", disabled=last)
    return _row([back, on])


def _row(items: list[ui.Button[Any]]) -> ui.View:
    view = ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()  # discord.py need not remember it: the ids are enough
    return view
