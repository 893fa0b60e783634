"""Driver of the surface that docs/integrations.md prints."""

import asyncio
import itertools
from typing import Any

from cogs.telegram.refusals import plainly
from core.ports.surfaces import Host
from core.types import PlaceId, RoomId
from tests.contract import printed
from tests.contract.surfaces import Core


class LinesSurface:
    """A room for whoever connects by TCP."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.people: list[LinesPerson] = []
        self._module = printed.example()

    @property
    def room(self) -> RoomId:
        return self._lines.room

    @property
    def place(self) -> PlaceId:
        return self._module.PLACE

    @property
    def port(self) -> int:
        return self._lines.port

    async def start(self) -> None:
        core = self.core
        host = Host(
            core.jukebox,
            core.reports,
            core.places,
            core.library,
            core.bus,
            core.clock,
            refusal=lambda error, language: plainly(error, language, core.clock.now()),
            page=lambda _room: None,
            holds=lambda: True,
        )
        self._lines: Any = self._module.Lines(host, 0)
        await self._lines.start()
        for person in self.people:
            await person.connect()

    async def stop(self) -> None:
        for person in self.people:
            person.writer.close()
        await self._lines.stop()

    async def come(self, name: str) -> "LinesPerson":
        person = LinesPerson(self, name)
        await person.connect()
        await person.say("now")
        self.people.append(person)
        return person


class LinesPerson:
    """Somebody with a telnet."""

    def __init__(self, surface: LinesSurface, name: str) -> None:
        self.surface, self.name = surface, name
        self._numbers = itertools.count(1)

    async def connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.surface.port)
        self.writer.write(f"{self.name}\n".encode())

    async def say(self, command: str, *, number: int | None = None) -> str:
        number = next(self._numbers) if number is None else number
        self.writer.write(f"{number} {command}\n".encode())
        answer = (await asyncio.wait_for(self.reader.readline(), 10)).decode()
        told, _, text = answer.partition(" ")
        assert told == str(number)
        return text.strip()

    async def add(self, title: str, *, twice: bool = False) -> str:
        number = next(self._numbers)
        answers = [await self.say(f"play {title}", number=number) for _ in range(1 + twice)]
        return answers[-1]

    async def vote(self, title: str, value: int) -> str:
        return await self.say(f"vote {value} {title}")

    async def skip(self) -> str:
        return await self.say("skip")

    async def remove(self, title: str) -> str:
        return await self.say(f"remove {title}")

    async def undo(self) -> str:
        return await self.say("undo")

    async def shuffle(self) -> str:
        return await self.say("shuffle")

    async def why(self, title: str) -> str:
        return await self.say(f"why {title}")

    async def sees(self) -> str:
        return await self.say("now")
