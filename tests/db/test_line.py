"""Those who serve lines, and their end."""

import asyncio
from collections.abc import Sequence

from core.types import RoomId
from db.line import Counter, Line


async def test_who_is_cancelled_starts_nobody_else() -> None:
    """A loop cancels its tasks as it ends: what one of them starts then is never run, and leaves open what it opens."""
    line = Line(RoomId("room"))

    async def serve(_lines: Sequence[Line]) -> None:
        await asyncio.Event().wait()

    def served(line: Line) -> None:
        counter.add(line)  # somebody waits for the room again, or still

    counter = Counter(serve, served, tasks=1, together=1)
    counter.add(line)
    (task,) = counter.tasks
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert not counter.tasks
    assert line.idle, "it can be served again"
