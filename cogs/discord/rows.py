"""Rows of buttons. What a button means is in its id, so that it works after a restart: `chorus:<action>:<room>:…`."""

from collections.abc import Sequence
from gettext import NullTranslations
from typing import Any

from discord import ButtonStyle, SelectOption, ui

from cogs.discord.drawing import Button
from cogs.discord.pages import Shelf
from cogs.text import plain
from core.types import EntryId, RoomId

_LOUD = {"skip", "yes"}
LABEL = 80
OPTION = 100
"""Discord's longest label of a button and of a choice in a menu."""


def panel_row(buttons: Sequence[Button], room: RoomId, entry: EntryId) -> ui.View:
    """The panel's buttons; those without a number of their own are about `entry`."""
    return _row([_button(button, room, entry) for button in buttons])


def _button(button: Button, room: RoomId, entry: EntryId) -> ui.Button[Any]:
    style = ButtonStyle.primary if button.action.partition(".")[0] in _LOUD else ButtonStyle.secondary
    number = entry if button.number is None else button.number
    custom_id = f"chorus:{button.action}:{room}:{number}"
    return ui.Button(style=style, label=button.label[:LABEL] or None, emoji=button.emoji, custom_id=custom_id)


def queue_row(room: RoomId, page: int, pages: int) -> ui.View:
    """The buttons under a page of the queue; none when it is the only one."""
    if pages == 1:
        return _row([])
    back: ui.Button[Any] = ui.Button(emoji="◀️", custom_id=f"chorus:back:{room}:{max(0, page - 1)}", disabled=page == 0)
    last = page + 1 >= pages
    on: ui.Button[Any] = ui.Button(emoji="▶️", custom_id=f"chorus:on:{room}:{page + 1}", disabled=last)
    return _row([back, on])


def undo_row(room: RoomId, texts: NullTranslations) -> ui.View:
    """The button that takes back what was just done."""
    label = texts.gettext("Undo")
    return _row([ui.Button(label=label, emoji="↩️", custom_id=f"chorus:undo:{room}:0")])


def shelf_row(shelf: Shelf, room: RoomId, texts: NullTranslations) -> ui.View:
    """What may be done with a page of history, favourites or audit: choose one of it, turn it."""
    items: list[ui.Item[Any]] = []
    if shelf.options:
        options = [SelectOption(label=plain(label, OPTION), value=value) for label, value in shelf.options]
        hint = texts.gettext("Play again…") if shelf.kind == "history" else texts.gettext("Play one…")
        items.append(ui.Select(placeholder=hint, options=options, custom_id=f"chorus:{shelf.kind}.play:{room}:0"))
    if shelf.back is not None:
        items.append(ui.Button(emoji="◀️", custom_id=f"chorus:{shelf.kind}:{room}:{shelf.back}"))
    if shelf.on is not None:
        items.append(ui.Button(emoji="▶️", custom_id=f"chorus:{shelf.kind}.on:{room}:{shelf.on}"))
    if shelf.kind == "favourites" and shelf.options:
        label = texts.gettext("Play all")
        items.append(ui.Button(label=label, emoji="⭐", custom_id=f"chorus:favourites.all:{room}:0"))
    return _row(items)


def _row(items: Sequence[ui.Item[Any]]) -> ui.View:
    view = ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()  # discord.py need not remember it: the ids are enough
    return view
