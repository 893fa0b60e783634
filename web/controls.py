"""Forms about playback and polls: skip, previous, pause, resume, seek, volume, stop, loop, mode, yes."""

from collections.abc import Awaitable, Callable

from core.acts import ON
from core.enums import Loop, Mode
from core.errors import NoSuchPollError
from core.jukebox import Jukebox
from core.numbers import number
from core.records.results import Asked, Changed, Removed
from core.records.views import PollView
from core.types import EntryId
from web import names, words
from web.press import Action, Press, Said


class Controls:
    """One command of the Jukebox each."""

    def __init__(self, jukebox: Jukebox) -> None:
        self._jukebox = jukebox

    def actions(self) -> dict[str, Action]:
        """By the last part of the form's address."""
        return {
            "skip": self.skip,
            "previous": self.previous,
            "pause": self.pause,
            "resume": self.resume,
            "seek": self.seek,
            "volume": self.volume,
            "stop": self.stop,
            "loop": self.loop,
            "mode": self.mode,
            "yes": self.yes,
        }

    async def skip(self, press: Press) -> Said:
        """Skip what plays, or ask the others."""
        result = await self._jukebox.skip(press.room, press.actor, entry=_seen(press), command_id=press.command_id)
        if not result.done:
            return Said("" if result.votes else words.later(press.words))
        return Said(press.words.gettext("“%(title)s” was skipped.") % {"title": result.title})

    async def previous(self, press: Press) -> Said:
        """Back to the track before, or ask the others."""
        result = await self._jukebox.previous(press.room, press.actor, entry=_seen(press), command_id=press.command_id)
        return _told(result, press)

    async def pause(self, press: Press) -> Said:
        """Hold the music."""
        await self._jukebox.pause(press.room, press.actor, entry=_seen(press), command_id=press.command_id)
        return Said()

    async def resume(self, press: Press) -> Said:
        """Let the music go on."""
        await self._jukebox.resume(press.room, press.actor, entry=_seen(press), command_id=press.command_id)
        return Said()

    async def seek(self, press: Press) -> Said:
        """Go `to` a position in ms."""
        position = _number(press, "to")
        await self._jukebox.seek(press.room, press.actor, position, entry=_seen(press), command_id=press.command_id)
        return Said()

    async def volume(self, press: Press) -> Said:
        """Set how loud the room plays for everybody, in percent, or ask the others."""
        volume = _number(press, "value")
        return _told(await self._jukebox.volume(press.room, press.actor, volume, command_id=press.command_id), press)

    async def stop(self, press: Press) -> Said:
        """The end of the party, or a question about it."""
        return _told(await self._jukebox.stop(press.room, press.actor, command_id=press.command_id), press)

    async def mode(self, press: Press) -> Said:
        """Choose what orders the queue, or ask the others."""
        wanted = press.fields.get("what", "")
        return _told(await self._jukebox.set_mode(press.room, press.actor, wanted, command_id=press.command_id), press)

    async def loop(self, press: Press) -> Said:
        """Repeat what the form says."""
        wanted = press.fields.get("what", "")
        loop = Loop(wanted) if wanted in list(Loop) else Loop.OFF
        await self._jukebox.loop(press.room, press.actor, loop, command_id=press.command_id)
        return Said(names.loop(loop, press.words) + ".")

    async def yes(self, press: Press) -> Said:
        """Agree in the poll of a `kind` that `ends` when the page said. Raises NoSuchPollError."""
        kind, ends = press.fields.get("kind", ""), press.fields.get("ends", "")
        view = await self._jukebox.view(press.room, press.actor.person, size=0)
        poll = next((one for one in view.polls if one.kind == kind and str(one.deadline) == ends), None)
        if poll is None or kind not in ASK:
            raise NoSuchPollError(kind)
        result = await ASK[kind](self._jukebox, press, poll)
        if isinstance(result, Asked) and not result.done:
            counted = poll.mine or result.votes > poll.votes
            return Said("" if counted else words.later(press.words))
        asked = result if isinstance(result, Asked) else Asked(kind, 0, 0, done=True, argument=poll.argument)
        return Said(words.asked(asked, press.words))


def _told(result: Changed | Asked, press: Press) -> Said:
    """What was done shows on the page; a question is told."""
    return Said(words.asked(result, press.words)) if isinstance(result, Asked) else Said()


def _seen(press: Press) -> EntryId | None:
    """What the page showed as playing, where the form says it. Raises NoSuchEntryError."""
    return press.entry if "entry" in press.fields else None


def _number(press: Press, field: str) -> int:
    """A number that a form holds; −1, which is out of every range, for what is none."""
    found = number(press.fields.get(field, ""))
    return -1 if found is None else found


Answer = Awaitable[Changed | Removed | Asked]
ASK: dict[str, Callable[[Jukebox, Press, PollView], Answer]] = {
    "previous": lambda jukebox, press, _: jukebox.previous(press.room, press.actor, command_id=press.command_id),
    "stop": lambda jukebox, press, _: jukebox.stop(press.room, press.actor, command_id=press.command_id),
    "shuffle": lambda jukebox, press, _: jukebox.shuffle(press.room, press.actor, command_id=press.command_id),
    "clear": lambda jukebox, press, _: jukebox.clear(press.room, press.actor, command_id=press.command_id),
    "volume": lambda jukebox, press, poll: jukebox.volume(
        press.room, press.actor, int(poll.argument or 0), command_id=press.command_id
    ),
    "filter": lambda jukebox, press, poll: jukebox.set_filter(
        press.room, press.actor, poll.argument or "", command_id=press.command_id
    ),
    "crossfade": lambda jukebox, press, poll: jukebox.set_crossfade(
        press.room, press.actor, int(poll.argument or 0), command_id=press.command_id
    ),
    "loudness": lambda jukebox, press, poll: jukebox.set_loudness(
        press.room, press.actor, poll.argument == ON, command_id=press.command_id
    ),
    "mode": lambda jukebox, press, poll: jukebox.set_mode(
        press.room, press.actor, Mode(poll.argument or ""), command_id=press.command_id
    ),
}
"""The command that each question stands for: agreeing is asking, so that the rule exists once."""
