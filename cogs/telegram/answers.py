"""How the answers of commands reach a person: done, or asked of the others, with a way back where there is one."""

from collections.abc import Callable
from gettext import NullTranslations
from typing import TypeVar

from cogs import words
from cogs.answers import asked, did
from cogs.telegram.keyboards import Button
from cogs.telegram.surface import Call
from core.records.results import Asked, Queued

T = TypeVar("T")


async def tell(
    call: Call, result: T | Asked, worded: Callable[[T, NullTranslations], str], *, undo: bool = False
) -> None:
    """Say what was done, with a button to undo it; or how the poll stands."""
    if isinstance(result, Asked):
        await call.say(await asked(call, result))
        return
    way_back = undo and did(result) and call.spot.query is None
    rows = ((Button(call.words.gettext("Undo"), "undo"),),) if way_back else ()
    await call.say(worded(result, call.words), rows)


async def added(call: Call, result: Queued, told: str | None = None) -> None:
    """Say what joined the queue (or what is `told`); the live message appears, anew when the music begins."""
    message = call.spot.message
    try:
        await call.say(told or words.queued(result, call.words))
    finally:  # an answer that does not arrive is no reason to play unseen
        topic = message.message_thread_id if message is not None and message.is_topic_message else None
        await call.surface.panels.open(call.actor.place, topic, anew=result.rank == 0)
