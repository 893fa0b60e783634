"""How the answers of commands reach a person: done, or asked of the others, with a way back where there is one."""

from collections.abc import Callable
from gettext import NullTranslations
from typing import Any, TypeVar

from cogs.answers import asked, did
from cogs.discord.rows import undo_row
from cogs.discord.surface import Call
from core.records.results import Asked, Queued

T = TypeVar("T")


async def tell(
    call: Call, result: T | Asked, worded: Callable[[T, NullTranslations], str], *, undo: bool = False
) -> None:
    """Say what was done, with a button to undo it; or how the poll stands."""
    if isinstance(result, Asked):
        await call.say(await asked(call, result))
        return
    more: dict[str, Any] = {"view": undo_row(call.room, call.words)} if undo and did(result) else {}
    await call.say(worded(result, call.words), **more)


async def added(call: Call, result: Queued, text: str) -> None:
    """Say what joined the queue; the live message appears where it was asked for, anew when the music begins."""
    try:
        await call.say(text)
    finally:  # an answer that comes too late is no reason to play unseen
        channel = call.interaction.channel_id
        if channel is not None:
            await call.surface.panels.open(call.room, channel, anew=result.rank == 0)
