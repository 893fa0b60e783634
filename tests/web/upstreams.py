"""Stand-ins for the part that brings a room's sound."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from core.ports.stream import Format
from core.types import RoomId


class FakeStream:
    """Plays `packets` in real time, again and again; `past` is what was heard before.

    `cut()` ends the upstream that is open, `paused` starves it, `late` is how many seconds it takes to open, `seconds`
    what a packet is worth.
    """

    def __init__(self, packets: Sequence[bytes], *, past: Sequence[bytes] = ()) -> None:
        self.queue: list[bytes] = list(packets)
        self.past = list(past)
        self.asked: list[int] = []
        self.forms: list[str] = []
        self.seconds = 0.02
        self.late = 0.0
        self.opened = 0
        self.open_now = 0
        self.paused = False
        self.position = 0
        self._cuts = 0

    async def packets(self, room: RoomId, *, recent: int = 0, form: Format = "opus") -> AsyncIterator[bytes]:
        self.opened += 1
        self.asked.append(recent)
        self.forms.append(form)
        self.open_now += 1
        cuts, loop = self._cuts, asyncio.get_running_loop()
        due = loop.time()
        try:
            await asyncio.sleep(self.late)
            due = loop.time()
            for packet in self.past[len(self.past) - min(recent // 20, len(self.past)) :]:
                yield packet
            while cuts == self._cuts:
                due += self.seconds
                await asyncio.sleep(max(0.0, due - loop.time()))
                if not self.paused:
                    yield self.queue[self.position % len(self.queue)]
                    self.position += 1
        finally:
            self.open_now -= 1

    def cut(self) -> None:
        self._cuts += 1
