"""Saying yes to a running poll: the same command as asking, so that the rule exists once."""

from collections.abc import Awaitable, Callable
from gettext import NullTranslations

from cogs import answers, sounding, words
from cogs.calls import Call
from core import filters
from core.acts import ON
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
    elif kind in {"filter", "crossfade", "loudness"}:
        await call.say(_sound(poll, call.words))
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


async def _filter(call: Call, poll: PollView) -> Changed | Asked:
    return await call.jukebox.set_filter(call.room, call.actor, poll.argument or "", command_id=call.id)


async def _crossfade(call: Call, poll: PollView) -> Changed | Asked:
    return await call.jukebox.set_crossfade(call.room, call.actor, int(poll.argument or 0), command_id=call.id)


async def _loudness(call: Call, poll: PollView) -> Changed | Asked:
    return await call.jukebox.set_loudness(call.room, call.actor, poll.argument == ON, command_id=call.id)


def _sound(poll: PollView, texts: NullTranslations) -> str:
    """How the room sounds now that it was agreed to."""
    argument = poll.argument or ""
    match poll.kind:
        case "filter":
            return sounding.filtered(filters.parse(argument), texts)
        case "crossfade":
            return sounding.crossfaded(int(argument), texts)
        case _:
            return sounding.levelled(argument == ON, texts)


COMMANDS: dict[str, Callable[[Call, PollView], Awaitable[Changed | Removed | Asked]]] = {
    "previous": _previous,
    "stop": _stop,
    "shuffle": _shuffle,
    "clear": _clear,
    "volume": _volume,
    "filter": _filter,
    "crossfade": _crossfade,
    "loudness": _loudness,
    "mode": _mode,
}
