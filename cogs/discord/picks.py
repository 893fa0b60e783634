"""Naming several waiting entries in an option."""

from cogs.discord import choices
from cogs.discord.surface import Call
from cogs.picks import FARTHEST, ranks
from core.types import EntryId


async def meant(call: Call, named: str) -> list[EntryId]:
    """The entries that an option names, by numbers or as one alone. Raises NoSuchEntryError."""
    numbers = ranks(named)
    if numbers is None or len(numbers) == 1:
        return [await choices.meant(call, named.strip())]
    view = await call.jukebox.view(call.room, call.actor.person, size=min(max(numbers), FARTHEST))
    found = [entry.id for entry in view.upcoming if entry.rank in numbers]
    return found or [await choices.meant(call, str(numbers[0]))]
