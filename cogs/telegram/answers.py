"""How the answers of commands reach a person: done, or asked of the others, with a way back where there is one."""

from collections.abc import Callable
from gettext import NullTranslations
from typing import TypeVar

from cogs.discord import polls, words
from cogs.telegram.keyboards import Button
from cogs.telegram.surface import Call
from core.errors import ChorusError
from core.records.results import Asked, Changed, Queued, Removed, Skipped
from core.records.views import WhyPoll

T = TypeVar("T")


async def tell(
    call: Call, result: T | Asked, worded: Callable[[T, NullTranslations], str], *, undo: bool = False
) -> None:
    """Say what was done, with a button to undo it; or how the poll stands."""
    if isinstance(result, Asked):
        await call.say(await asked(call, result))
        return
    way_back = undo and _did(result) and call.spot.query is None
    rows = ((Button(call.words.gettext("Undo"), "undo"),),) if way_back else ()
    await call.say(worded(result, call.words), rows)


def _did(result: object) -> bool:
    match result:
        case Removed(count=count):
            return count > 0
        case Changed(changed=changed):
            return changed
        case _:
            return True


async def added(call: Call, result: Queued) -> None:
    """Say what joined the queue; the live message appears, anew when the music begins."""
    message = call.spot.message
    try:
        await call.say(words.queued(result, call.words))
    finally:  # an answer that does not arrive is no reason to play unseen
        topic = message.message_thread_id if message is not None and message.is_topic_message else None
        await call.surface.panels.open(call.actor.place, topic, anew=result.rank == 0)


async def skipped(call: Call, result: Skipped) -> str:
    """What a skip did, or what its poll lacks."""
    text, poll = words.skipped(result, call.words), None if result.done else await _running(call, "skip")
    return text if poll is None else f"{text.removesuffix('.')}; {polls.missing(poll, call.words)}."


async def asked(call: Call, result: Asked) -> str:
    """How a poll stands that somebody opened or joined."""
    return polls.asked(result, None if result.done else await _running(call, result.kind), call.words)


async def _running(call: Call, kind: str) -> WhyPoll | None:
    try:
        return await call.jukebox.why_poll(call.room, kind)
    except ChorusError:  # it ended since
        return None
