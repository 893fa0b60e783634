"""Buttons. What one means is in its data, so that it works after a restart: `<action>:<tag of the room>:<number>`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from cogs.telegram.stars_only import without_links
from core.types import RoomId

LONGEST = 64
"""Bytes of a button's data."""
LABEL = 40
_DATA = re.compile(r"(?P<action>[a-z_.]{1,24}):(?P<tag>[\w-]{0,8}):(?P<number>\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Button:
    """`number` is what it is about: an entry, a page, a poll's end; one with a `url` opens that."""

    label: str
    action: str = ""
    number: int = 0
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a button's data says."""

    action: str
    tag: str
    number: int


Rows = Sequence[Sequence[Button]]


def tag(room: RoomId) -> str:
    """Enough of a room's id to tell a button of another room."""
    return room[-8:]


def keyboard(rows: Rows, room: RoomId) -> InlineKeyboardMarkup | None:
    """The rows under a message; None without any button."""
    shown = [[_button(button, room) for button in row] for row in rows if row]
    return InlineKeyboardMarkup(shown) if shown else None


def _button(button: Button, room: RoomId) -> InlineKeyboardButton:
    text = without_links(button.label)
    label = text if len(text) <= LABEL else text[: LABEL - 1] + "…"
    if button.url is not None:
        return InlineKeyboardButton(label, url=button.url)
    return InlineKeyboardButton(label, callback_data=f"{button.action}:{tag(room)}:{button.number}")


def meaning(data: str) -> Meaning | None:
    """What was pressed; None for what is no button of ours."""
    found = _DATA.fullmatch(data)
    return Meaning(found["action"], found["tag"], int(found["number"])) if found else None
