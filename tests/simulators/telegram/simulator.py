"""The simulator as a whole: its server, its world, its failures."""

import asyncio
import itertools
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.simulators.telegram.asking import Asking
from tests.simulators.telegram.chats import Chat
from tests.simulators.telegram.errors import NotAnsweredError, bad
from tests.simulators.telegram.faults import Faults
from tests.simulators.telegram.files import Files
from tests.simulators.telegram.payments import Payments
from tests.simulators.telegram.people import Person
from tests.simulators.telegram.server import Call, Server
from tests.simulators.telegram.updates import Updates

if TYPE_CHECKING:
    from tests.simulators.telegram.messages import Message


class TelegramSimulator:
    """One bot's view of Telegram. Make it by `start()`."""

    def __init__(self) -> None:
        self._ids = itertools.count(5_000_001)
        self.bot = Person(self, 7_000_000_001, "Chorus", username="chorus_test_bot", is_bot=True)
        self.token = f"{self.bot.id}:{secrets.token_urlsafe(26)}"
        self.failures: list[str] = []
        self.calls: list[Call] = []
        self.floods = 0
        self.people: dict[int, Person] = {self.bot.id: self.bot}
        self.chats: dict[int, Chat] = {}
        self.answers: dict[str, dict[str, Any]] = {}
        self.inline_answers: dict[str, dict[str, Any]] = {}
        self.inline_messages: dict[str, Message] = {}
        self.webhooks: dict[str, str] = {}
        self.faults = Faults()
        self.files = Files()
        self.updates = Updates(self)
        self.asking = Asking(self)
        self.payments = Payments(self)
        self.server = Server(self)
        self.api_url = ""

    @classmethod
    @asynccontextmanager
    async def start(cls) -> AsyncGenerator["TelegramSimulator"]:
        """Serve until the block ends; then AssertionError if the client under test made a mistake."""
        telegram = cls()
        runner = web.AppRunner(telegram.server.app(), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        telegram.api_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield telegram
        finally:
            await telegram.updates.stop()
            await runner.cleanup()
        telegram.check()

    def env(self) -> dict[str, str]:
        """The environment that points the product here."""
        return {"TELEGRAM_TOKEN": self.token, "TELEGRAM_API_URL": self.api_url}

    # ---- the world

    def user(self, name: str, *, language: str = "en", username: str | None = None) -> Person:
        """Somebody new."""
        person = Person(self, next(self._ids), name, language, username)
        self.people[person.id] = person
        return person

    def user_json(self, user: int) -> dict[str, Any]:
        """A user by id. Raises ApiError."""
        if user not in self.people:
            raise bad("user not found", mistake=False)
        return self.people[user].json()

    def private(self, person: Person) -> Chat:
        """The private chat of somebody with the bot."""
        if person.id not in self.chats:
            members = {person.id: {"status": "member"}, self.bot.id: {"status": "member"}}
            self.chats[person.id] = Chat(self, person.id, "private", person.first_name, person, members=members)
        return self.chats[person.id]

    def group(self, title: str, owner: Person, *others: Person, kind: str = "supergroup") -> Chat:
        """A group with the bot in it, or a channel (`kind`), where the bot is an administrator."""
        number = next(self._ids)
        chat = Chat(self, -number if kind == "group" else -1_000_000_000_000 - number, kind, title)
        chat.members = {owner.id: {"status": "creator"}, **{one.id: {"status": "member"} for one in others}}
        chat.members[self.bot.id] = {"status": "administrator" if kind == "channel" else "member"}
        self.chats[chat.id] = chat
        return chat

    def chat(self, id_: int | str) -> Chat:
        """A chat by its id. Raises ApiError."""
        if not isinstance(id_, int) or id_ not in self.chats:
            raise bad("chat not found", mistake=False)
        return self.chats[id_]

    def change_member(self, chat: Chat, person: Person, new: dict[str, Any], *, by: Person) -> None:
        """Somebody's status in a chat changes; the bot hears of it where it may."""
        old = chat.member_json(person.id)
        chat.members[person.id] = new
        kind = "my_chat_member" if person.id == self.bot.id else "chat_member"
        if kind == "chat_member" and not chat.bot_is_admin:
            return
        content = {"chat": chat.json(), "from": by.json(), "date": int(time.time())}
        new_json = chat.member_json(person.id)
        self.updates.put(kind, content | {"old_chat_member": old, "new_chat_member": new_json})

    def migrate(self, chat: Chat) -> Chat:
        """A group becomes a supergroup with another id."""
        number = next(self._ids)
        grown = Chat(self, -1_000_000_000_000 - number, "supergroup", chat.title, members=chat.members)
        self.chats[grown.id] = grown
        chat.migrated_to = grown.id
        service = {"from": next(iter(self.people.values())).json()}
        old = chat.add(service | {"migrate_to_chat_id": grown.id}, by_bot=False)
        self.updates.put("message", old.json())
        new = grown.add(service | {"migrate_from_chat_id": chat.id}, by_bot=False)
        self.updates.put("message", new.json())
        return grown

    def reached(self, url: str) -> str:
        """Where a webhook's address leads: `webhooks` maps origins to loopback."""
        for origin, target in self.webhooks.items():
            if url.startswith(origin):
                return target + url.removeprefix(origin)
        return url

    # ---- what happened

    def fail(self, what: str) -> None:
        """Note a mistake of the client under test."""
        self.failures.append(what)

    def check(self) -> None:
        """Raise AssertionError if the client under test made a mistake so far."""
        if self.failures:
            raise AssertionError("mistakes of the client:\n" + "\n".join(self.failures))

    def called(self, method: str, **parameters: Any) -> list[Call]:
        """The calls of a method so far, with these parameters."""
        found = [call for call in self.calls if call.method == method]
        return [call for call in found if all(call.parameters.get(key) == value for key, value in parameters.items())]

    async def ready(self, *, within: float = 10.0) -> None:
        """Wait until somebody polls, or a webhook is set."""
        await self.until(lambda: self.updates.pollers or self.updates.webhook, within=within, what="the bot")

    async def until(self, condition: Callable[[], object], *, within: float = 5.0, what: str = "") -> None:
        """Wait until the condition holds. Raises NotAnsweredError."""
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                raise NotAnsweredError(f"waited {within} s for {what or 'a condition'}; failures: {self.failures}")
            await asyncio.sleep(0.005)
