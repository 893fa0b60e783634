"""Saying yes to a running poll: the same command as asking, so that the rule exists once."""

from collections.abc import Awaitable, Callable

from cogs.discord import answers, words
from cogs.discord.surface import Call
from core.enums import Mode
from core.errors import NoSuchPollError
from core.records.results import Asked, Changed, Removed
from core.records.views import PollView


async def agree(call: Call, kind: str, deadline: int) -> None:
    """Vote yes in the poll of a kind that ends at `deadline`: the one that the person saw. Raises NoSuchPollError."""
    poll = next((one for one in call.view.polls if one.kind == kind and one.deadline == deadline), None)
    ask = COMMANDS.get(kind)
    if poll is None or ask is None:
        raise NoSuchPollError(kind)
    result = await ask(call, poll)
    if isinstance(result, Asked):
        await call.say(await answers.asked(call, result))
    elif isinstance(result, Removed):
        await call.say(words.removed(result, call.words))
    elif kind == "mode":
        await call.say(words.ordered(Mode(poll.argument or ""), call.words))
    else:
        await call.say(words.changed(kind, result, call.words))


async def _previous(call: Call, _: PollView) -> Changed | Asked:
    return await call.jukebox.previous(call.room, call.actor, command_id=call.id)


async def _stop(call: Call, _: PollView) -> Changed | Asked:
    return await call.jukebox.stop(call.room, call.actor, command_id=call.id)


async def _shuffle(call: Call, _: PollView) -> Changed | Asked:
    return await call.jukebox.shuffle(call.room, call.actor, command_id=call.id)


async def _clear(call: Call, _: PollView) -> Removed | Asked:
    return await call.jukebox.clear(call.room, call.actor, command_id=call.id)


async def _volume(call: Call, poll: PollView) -> Changed | Asked:
    return await call.jukebox.volume(call.room, call.actor, int(poll.argument or 0), command_id=call.id)


async def _mode(call: Call, poll: PollView) -> Changed | Asked:
    return await call.jukebox.set_mode(call.room, call.actor, Mode(poll.argument or ""), command_id=call.id)


COMMANDS: dict[str, Callable[[Call, PollView], Awaitable[Changed | Removed | Asked]]] = {
    "previous": _previous,
    "stop": _stop,
    "shuffle": _shuffle,
    "clear": _clear,
    "volume": _volume,
    "mode": _mode,
}
