"""Naming several waiting entries at once: `3 5 7-9`."""

import re

from cogs.discord import choices
from cogs.discord.surface import Call
from core.types import EntryId

MOST = 50
"""Entries that one command may name."""
FARTHEST = 1_000
"""How far down the queue several can be named; one alone, anywhere."""
_SEVERAL = re.compile(r"\d{1,6}(?:\s*[-–]\s*\d{1,6})?(?:[\s,;]+\d{1,6}(?:\s*[-–]\s*\d{1,6})?)*", re.ASCII)
_PART = re.compile(r"(\d+)(?:\s*[-–]\s*(\d+))?")


def ranks(text: str) -> list[int] | None:
    """The numbers meant, each once, at most `MOST`; None when the text is not made of numbers and spans."""
    if not _SEVERAL.fullmatch(text.strip()):
        return None
    found: dict[int, None] = {}
    for first, last in _PART.findall(text):
        low, high = sorted((int(first), int(last or first)))
        found.update(dict.fromkeys(range(max(1, low), min(high, low + MOST) + 1)))
    return list(found)[:MOST]


async def meant(call: Call, named: str) -> list[EntryId]:
    """The entries that an option names, by numbers or as one alone. Raises NoSuchEntryError."""
    numbers = ranks(named)
    if numbers is None or len(numbers) == 1:
        return [await choices.meant(call, named.strip())]
    view = await call.jukebox.view(call.room, call.actor.person, size=min(max(numbers), FARTHEST))
    found = [entry.id for entry in view.upcoming if entry.rank in numbers]
    return found or [await choices.meant(call, str(numbers[0]))]
