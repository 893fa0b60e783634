"""What chats say alike of a command's result: how a poll stands, and whether there is a way back."""

from cogs import polls, words
from cogs.calls import Call
from core.errors import ChorusError
from core.records.results import Asked, Changed, Removed, Skipped
from core.records.views import WhyPoll


def did(result: object) -> bool:
    """Whether there is anything to undo."""
    match result:
        case Removed(count=count):
            return count > 0
        case Changed(changed=changed):
            return changed
        case _:
            return True


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
