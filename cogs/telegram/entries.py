"""Naming tracks after a command: a number in the queue, several (`3 5 7-9`), `#<id>`, or a part of a title."""

from cogs.picks import FARTHEST, ranks
from cogs.telegram.surface import Call
from core.errors import NoSuchEntryError, NothingPlayingError
from core.numbers import number
from core.types import EntryId

FAR = 100
"""How far down the queue a part of a title is looked for."""


async def meant(call: Call, named: str) -> EntryId:
    """The entry that is meant; nothing named means the one on air. Raises NothingPlayingError, NoSuchEntryError."""
    named = named.strip()
    if not named:
        if call.view.current is None:
            raise NothingPlayingError
        return call.view.current.id
    if named.startswith("#") and (entry := number(named[1:])) is not None:
        return EntryId(entry)
    if named.isascii() and named.isdecimal() and 0 < int(named) <= FARTHEST:
        view = await call.jukebox.view(call.room, call.actor.person, page=int(named) - 1, size=1)
        found = [entry.id for entry in view.upcoming]
    else:
        view = await call.jukebox.view(call.room, call.actor.person, size=FAR)
        found = [entry.id for entry in view.upcoming if named.casefold() in entry.track.title.casefold()]
    if not found:
        raise NoSuchEntryError(EntryId(0))
    return found[0]


async def several(call: Call, named: str) -> list[EntryId]:
    """The entries that are meant. Raises NoSuchEntryError."""
    numbers = ranks(named)
    if numbers is None or len(numbers) == 1:
        if not named.strip():
            raise NoSuchEntryError(EntryId(0))
        return [await meant(call, named)]
    view = await call.jukebox.view(call.room, call.actor.person, size=min(max(numbers), FARTHEST))
    found = [entry.id for entry in view.upcoming if entry.rank in numbers]
    return found or [await meant(call, str(numbers[0]))]


async def played(call: Call, named: str) -> EntryId | None:
    """The play that is meant, by `#<id>` or a part of its title; None: the latest. Raises NoSuchEntryError."""
    named = named.strip()
    if not named:
        return None
    if named.startswith("#") and (entry := number(named[1:])) is not None:
        return EntryId(entry)
    for one in await call.jukebox.history(call.room, size=FAR):
        if named.casefold() in one.play.title.casefold():
            return one.play.entry
    raise NoSuchEntryError(EntryId(0))
