"""One driver for each way into a room: what every surface has to let people do, over a real store."""

import asyncio
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from aiohttp.test_utils import TestClient, TestServer

from cogs.discord.client import ChorusClient
from cogs.telegram.client import TelegramClient
from core.bus import LocalBus
from core.enums import Surface as Kind
from core.joining import Joining
from core.ports.rates import Rate
from core.rates import OwnCounter
from core.records.views import RoomView
from core.types import LOBBY, Actor, EntryId, PersonId, PlaceId, RoomId
from db.chats import SqlChats
from db.codes import SqlCodes
from db.engine import Database
from db.groups import Groups
from db.links import SqlLinks
from db.migrate import migrate
from db.people import SqlPeople
from db.places import SqlLiveMessages, SqlPlaces
from db.rooms import SqlRooms
from db.shelf import SqlShelf
from tests import sound
from tests.fake_ports import make_ports
from tests.fakes import FakeClock, FakeLibrary, FakeResolver, track
from tests.simulators.discord import DiscordSimulator, Member
from tests.simulators.telegram import Person, TelegramSimulator
from tests.waiting import until
from tests.web.conftest import Browser
from tests.web.upstreams import FakeStream
from web.app import create_web
from web.parts import PageParts
from web.rates import Rates

if TYPE_CHECKING:
    from aiohttp import ClientResponse

TITLES = ("Aria", "Blues", "Chant", "Dirge", "Elegy", "Fugue")
KEY = b"k" * 32
ELECTOR_AGE = 10_000


class Someone(Protocol):
    """A person, by way of a surface. Each method answers with what they read then."""

    async def add(self, title: str, *, twice: bool = False) -> str: ...

    async def vote(self, title: str, value: int) -> str: ...

    async def skip(self) -> str: ...

    async def remove(self, title: str) -> str: ...

    async def undo(self) -> str: ...

    async def shuffle(self) -> str: ...

    async def why(self, title: str) -> str: ...

    async def sees(self) -> str:
        """What the room shows: what is on, what waits in which order, running polls."""
        ...


class Surface(Protocol):
    """A way into one room."""

    core: "Core"

    @property
    def room(self) -> RoomId: ...

    @property
    def place(self) -> PlaceId: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def come(self, name: str) -> Someone:
        """Somebody who is there, hears the room and counts."""
        ...


@dataclass
class Core:
    """What lies behind a surface: a store in a file, and the rules."""

    path: Path
    clock: FakeClock = field(default_factory=FakeClock)
    bus: LocalBus = field(default_factory=LocalBus)
    library: FakeLibrary = field(default_factory=lambda: FakeLibrary(*(track(title) for title in TITLES)))

    async def open(self) -> None:
        """Read what there is."""
        self.database = Database(f"sqlite+aiosqlite:///{self.path}")
        await migrate(self.database)
        self.rooms = SqlRooms(self.database, self.bus, self.clock)
        self.places = SqlPlaces(self.database, self.clock)
        self.live = SqlLiveMessages(self.database)
        shelf = SqlShelf(self.database, self.clock)
        self.ports = make_ports(self.rooms, self.places, shelf, self.library, self.bus, self.clock)
        self.jukebox, self.reports = self.ports.jukebox, self.ports.reports
        self.resolver = cast("FakeResolver", self.ports.resolver)
        await self.places.lobby()

    async def close(self) -> None:
        """As when the process ends."""
        await self.rooms.close()
        await self.database.close()

    async def view(self, room: RoomId) -> RoomView:
        return await self.jukebox.view(room, None, size=50)

    async def waiting(self, room: RoomId) -> list[str]:
        """Titles in the order in which they play."""
        return [entry.track.title for entry in (await self.view(room)).upcoming]

    async def on_air(self, room: RoomId) -> str | None:
        current = (await self.view(room)).current
        return current.track.title if current else None

    async def entry(self, room: RoomId, title: str) -> EntryId:
        """The entry of a title that plays or waits; one that never was, if it does not."""
        state = await self.rooms.read(room)
        known = [*state.entries.values(), *([state.current.entry] if state.current else [])]
        return next((one.id for one in known if one.track.title == title), EntryId(999_999))

    async def configure(self, surface: Surface, **changes: Any) -> None:
        """What an admin of the place chooses."""
        admin = Actor(PersonId("admin"), "Admin", surface.place, Kind.SYSTEM, admin=True)
        await self.jukebox.configure(surface.room, admin, changes)


class DiscordSurface:
    """A guild's voice channel, with the real client against the simulator."""

    def __init__(self, core: Core, discord: DiscordSimulator) -> None:
        self.core, self.discord = core, discord
        self.guild = discord.guild("Testers")
        self.music, self.chat = self.guild.voice_channel("Music"), self.guild.text_channel("chat")

    @property
    def room(self) -> RoomId:
        room = self.client.people.room_of(self.guild.id)
        assert room is not None
        return room

    @property
    def place(self) -> PlaceId:
        return PlaceId(f"discord:{self.guild.id}")

    async def start(self) -> None:
        core = self.core
        self.client = ChorusClient(core.ports, rooms=core.rooms, live_messages=core.live)
        self._task = asyncio.create_task(self.client.start(self.discord.token))
        await self.discord.until(lambda: self.client.is_ready() or self._task.done(), within=10, what="ready")
        guild = self.client.get_guild(self.guild.id)
        assert guild is not None
        await self.client.people.room(guild)

    async def stop(self) -> None:
        await self.client.close()
        await asyncio.gather(self._task, return_exceptions=True)

    async def come(self, name: str) -> "DiscordPerson":
        member = self.guild.member(name)
        await member.join(self.music)
        return DiscordPerson(self, member)


@dataclass
class DiscordPerson:
    """Types slash commands."""

    surface: DiscordSurface
    member: Member

    async def _say(self, command: str, **options: Any) -> str:
        return (await self.member.slash(command, in_=self.surface.chat, **options)).text

    async def add(self, title: str, *, twice: bool = False) -> str:
        if not twice:
            return await self._say("play", query=title)
        self.surface.discord.faults.duplicate_interactions()
        asked = self.surface.core.resolver.asked
        before = len(asked)
        answer = await self._say("play", query=title)
        await until(lambda: len(asked) == before + 2, what="both deliveries")
        return answer

    async def vote(self, title: str, value: int) -> str:
        entry = await self.surface.core.entry(self.surface.room, title)
        return await self._say("vote", track=f"#{entry}", vote=value)

    async def skip(self) -> str:
        return await self._say("skip")

    async def remove(self, title: str) -> str:
        return await self._say("remove", track=f"#{await self.surface.core.entry(self.surface.room, title)}")

    async def undo(self) -> str:
        return await self._say("undo")

    async def shuffle(self) -> str:
        return await self._say("shuffle")

    async def why(self, title: str) -> str:
        return await self._say("why", track=f"#{await self.surface.core.entry(self.surface.room, title)}")

    async def sees(self) -> str:
        return "\n".join([await self._say("now"), await self._say("queue")])


class TelegramSurface:
    """A group, with the real client against the simulator."""

    def __init__(self, core: Core, telegram: TelegramSimulator) -> None:
        self.core, self.telegram = core, telegram
        self.owner = telegram.user("Olga")
        self.group = telegram.group("Testers", self.owner)

    @property
    def room(self) -> RoomId:
        return self._room

    @property
    def place(self) -> PlaceId:
        return PlaceId(f"telegram:{self.group.id}")

    async def start(self) -> None:
        core = self.core
        groups = Groups()
        links = SqlLinks(core.database, core.bus, core.clock, groups)
        people = SqlPeople(core.database, core.bus, core.clock, groups)
        codes = SqlCodes(core.database, core.clock, [KEY])
        joining = Joining(core.rooms, links, people, codes, core.clock, OwnCounter(core.clock))
        self._room = (await core.places.place_room(self.place, "Testers")).room
        self.client = TelegramClient(
            self.telegram.token,
            replace(core.ports, joining=joining),
            api_url=self.telegram.api_url,
            chats=SqlChats(core.database),
            holds=lambda: True,
            counter=OwnCounter(core.clock),
        )
        await self.client.start()
        self._task = asyncio.create_task(self.client.run())
        await self.telegram.ready()

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.client.stop()

    async def come(self, name: str) -> "TelegramPerson":
        person = self.telegram.user(name)
        self.group.members[person.id] = {"status": "member"}
        came = TelegramPerson(self, person)
        await came.say("/now")
        return came


@dataclass
class TelegramPerson:
    """Types commands into the group."""

    surface: TelegramSurface
    person: Person

    async def say(self, text: str) -> str:
        return (await self.person.say(text, self.surface.group)).text

    async def _entry(self, title: str) -> str:
        return f"#{await self.surface.core.entry(self.surface.room, title)}"

    async def add(self, title: str, *, twice: bool = False) -> str:
        telegram = self.surface.telegram
        if not twice:
            return await self.say(f"/play {title}")
        answer = await self.say(f"/play {title}")
        update = next(one for one in reversed(telegram.updates.delivered) if f"/play {title}" in str(one))
        asked = self.surface.core.resolver.asked
        before = len(asked)
        await self.surface.stop()
        if update not in telegram.updates.waiting:
            telegram.updates.again(update)
        await self.surface.start()  # another process, which has not seen that update
        await until(lambda: len(asked) == before + 1, what="the second delivery")
        return answer

    async def vote(self, title: str, value: int) -> str:
        word = {1: "up", -1: "down", 0: "back"}[value]
        return await self.say(f"/vote {await self._entry(title)} {word}")

    async def skip(self) -> str:
        return await self.say("/skip")

    async def remove(self, title: str) -> str:
        return await self.say(f"/remove {await self._entry(title)}")

    async def undo(self) -> str:
        return await self.say("/undo")

    async def shuffle(self) -> str:
        return await self.say("/shuffle")

    async def why(self, title: str) -> str:
        return await self.say(f"/why {await self._entry(title)}")

    async def sees(self) -> str:
        return await self.say("/queue")


class PageSurface:
    """The Lobby's page, with visitors who keep their cookies and listen."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.people: list[PagePerson] = []

    @property
    def room(self) -> RoomId:
        return LOBBY

    @property
    def place(self) -> PlaceId:
        return PlaceId("web:lobby")

    async def start(self) -> None:
        core, stream = self.core, FakeStream(sound.opus_packets(sound.tone(440, 2.0)))
        many = Rates(*[Rate(10_000, 1)] * 3)
        parts = PageParts(
            jukebox=core.jukebox, reports=core.reports, rooms=core.rooms, places=core.places, library=core.library,
            stream=stream, bus=core.bus, clock=core.clock, keys=[KEY], counter=OwnCounter(core.clock), rates=many,
        )  # fmt: skip
        self.server = TestServer(create_web(parts))
        await self.server.start_server()
        for person in self.people:
            await person.listen()

    async def stop(self) -> None:
        for person in self.people:
            await person.stop()
        await until(self._silent, what="everybody's leaving to be stored")
        await self.server.close()

    async def _silent(self) -> bool:
        return (await self.core.view(self.room)).listeners == 0

    async def come(self, name: str) -> "PagePerson":
        person = PagePerson(self, name)
        await person.listen()
        await person.post("name", name=name)
        self.people.append(person)
        self.core.clock.move(ELECTOR_AGE)
        return person


class PagePerson:
    """Sends the page's forms, and listens."""

    def __init__(self, surface: PageSurface, name: str) -> None:
        self.surface, self.name = surface, name
        self.cookies: Any = None
        self.sound: ClientResponse | None = None

    async def listen(self) -> None:
        """Open the page and its sound, as the same visitor as ever."""
        client = TestClient(self.surface.server, cookie_jar=self.cookies)
        self.cookies = client.session.cookie_jar
        self.browser = Browser(client)
        await self.browser.open()
        self.sound = await client.get("/r/lobby/stream.ogg")

    async def stop(self) -> None:
        if self.sound is not None:
            self.sound.close()
        await self.browser.client.session.connector.close()  # pyright: ignore[reportOptionalMemberAccess]

    async def post(self, action: str, **fields: str) -> str:
        answer = await self.browser.post(f"/r/lobby/{action}", htmx=True, **fields)
        return unescape(re.sub(r"<[^>]+>", "", await answer.text()))

    async def _about(self, action: str, title: str, **fields: str) -> str:
        entry = await self.surface.core.entry(LOBBY, title)
        return await self.post(action, entry=str(entry), **fields)

    async def add(self, title: str, *, twice: bool = False) -> str:
        command = f"{self.name} adds {title}"
        answers = [await self.post("add", q=title, **({"command": command} if twice else {})) for _ in range(1 + twice)]
        return answers[-1]

    async def vote(self, title: str, value: int) -> str:
        return await self._about("vote", title, value=str(value))

    async def skip(self) -> str:
        return await self.post("skip")

    async def remove(self, title: str) -> str:
        return await self._about("remove", title)

    async def undo(self) -> str:
        return await self.post("undo")

    async def shuffle(self) -> str:
        """Asked by its button, or joined by the running poll's."""
        yes = re.search(r"yes\?kind=shuffle&(?:amp;)?ends=(\d+)", await self.browser.open())
        return await (self.post("yes", kind="shuffle", ends=yes[1]) if yes else self.post("shuffle"))

    async def why(self, title: str) -> str:
        entry = await self.surface.core.entry(LOBBY, title)
        found = re.search(rf'id="w{entry}".*?<p>(.*?)</p>', await self.browser.open(), re.DOTALL)
        return unescape(found[1]) if found else "That track is not waiting any more."

    async def sees(self) -> str:
        return unescape(re.sub(r"<[^>]+>", "\n", await self.browser.open()))


async def surface(name: str, core: Core, stack: AsyncExitStack, monkeypatch: Any) -> Surface:
    """A surface by its name; the next one joins here."""
    if name == "page":
        return PageSurface(core)
    if name == "printed":
        from tests.contract.lines import LinesSurface

        return LinesSurface(core)
    if name == "telegram":  # the limits of a chat have tests of their own
        monkeypatch.setattr("cogs.telegram.outbox.GROUP", Rate(1000, 1))
        monkeypatch.setattr("tests.simulators.telegram.chats.FLOOD", 1_000)
        return TelegramSurface(core, await stack.enter_async_context(TelegramSimulator.start()))
    discord = await stack.enter_async_context(DiscordSimulator.start())
    monkeypatch.setattr("discord.http.Route.BASE", discord.api_url)
    return DiscordSurface(core, discord)
