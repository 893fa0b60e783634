"""Forms about the queue: add, vote, remove, clear, move, shuffle, undo, again, favourite."""

from core.errors import NothingFoundError
from core.jukebox import Jukebox
from core.records.results import Asked
from core.records.views import EntryView
from core.types import EntryId
from web import words
from web.pages import QUERY_LENGTH
from web.press import Action, Press, Said

FAR = 200
"""How far down the queue cards are moved by a step."""


class Queueing:
    """One command of the Jukebox each."""

    def __init__(self, jukebox: Jukebox) -> None:
        self._jukebox = jukebox

    def actions(self) -> dict[str, Action]:
        """By the last part of the form's address."""
        return {
            "add": self.add,
            "again": self.again,
            "vote": self.vote,
            "remove": self.remove,
            "clear": self.clear,
            "move": self.move,
            "shuffle": self.shuffle,
            "undo": self.undo,
            "favourite": self.favourite,
        }

    async def add(self, press: Press) -> Said:
        """Queue what `q` names: words, a link, or the reference of a search result."""
        query = press.fields.get("q", "").strip()[:QUERY_LENGTH]
        if not query:
            raise NothingFoundError("")
        result = await self._jukebox.play(press.room, press.actor, query, command_id=press.command_id)
        return Said(words.queued(result, press.words))

    async def again(self, press: Press) -> Said:
        """Queue a play of the history once more."""
        result = await self._jukebox.again(press.room, press.actor, press.entry, command_id=press.command_id)
        return Said(words.queued(result, press.words))

    async def vote(self, press: Press) -> Said:
        """Vote for `entry` by `value`: 1, -1, or 0 to withdraw."""
        value = {"1": 1, "-1": -1}.get(press.fields.get("value", ""), 0)
        await self._jukebox.vote(press.room, press.actor, press.entry, value, command_id=press.command_id)
        return Said()

    async def remove(self, press: Press) -> Said:
        """Take `entry` out of the queue."""
        result = await self._jukebox.remove(press.room, press.actor, press.entry, command_id=press.command_id)
        return Said(words.removed(result, press.words), undo=True)

    async def clear(self, press: Press) -> Said:
        """Empty the queue, or ask the others; what plays goes on."""
        result = await self._jukebox.clear(press.room, press.actor, command_id=press.command_id)
        if isinstance(result, Asked):
            return Said(words.asked(result, press.words))
        return Said(words.removed(result, press.words), undo=result.count > 0)

    async def move(self, press: Press) -> Said:
        """Let `entry` change places with the one before (`way` −1) or after it: of one's own the next own one."""
        entry, way = press.entry, -1 if press.fields.get("way") == "-1" else 1
        view = await self._jukebox.view(press.room, press.actor.person, size=FAR)
        beside = _beside(view.upcoming, entry, way)
        if beside is None:
            return Said()
        await self._jukebox.swap(press.room, press.actor, entry, beside, command_id=press.command_id)
        return Said()

    async def shuffle(self, press: Press) -> Said:
        """At once, or by vote."""
        result = await self._jukebox.shuffle(press.room, press.actor, command_id=press.command_id)
        if isinstance(result, Asked):
            return Said(words.asked(result, press.words))
        _ = press.words.gettext
        text = _("Shuffled.") if result.changed else _("There is nothing to shuffle.")
        return Said(text, undo=result.changed)

    async def undo(self, press: Press) -> Said:
        """Take back what was just done."""
        result = await self._jukebox.undo(press.room, press.actor, command_id=press.command_id)
        return Said(words.undone(result, press.words))

    async def favourite(self, press: Press) -> Said:
        """Keep `entry`, or let it go."""
        result = await self._jukebox.favourite(press.room, press.actor, press.entry, command_id=press.command_id)
        return Said(words.favoured(result, press.words))


def _beside(upcoming: tuple[EntryView, ...], entry: EntryId, way: int) -> EntryId | None:
    mine = any(one.id == entry and one.mine for one in upcoming)
    row = [one.id for one in upcoming if one.mine or not mine]
    if entry not in row:
        return None
    at = row.index(entry) + way
    return row[at] if 0 <= at < len(row) else None
