"""What every handler works with: the ports, and an update read into room, actor and language."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from gettext import NullTranslations

from telegram import Bot, CallbackQuery, Chat, Message, Update

from cogs.languages import translations
from cogs.ports import Ports
from cogs.telegram import keyboards
from cogs.telegram.files import Files
from cogs.telegram.keyboards import Rows
from cogs.telegram.markup import html, plain
from cogs.telegram.outbox import Outbox
from cogs.telegram.panel import Panels
from cogs.telegram.people import People, Speaker
from cogs.telegram.sharing import Sharing
from core.jukebox import Jukebox
from core.ports.places import RoomRef
from core.ports.stars import Stars
from core.records.views import RoomView
from core.types import Actor, CommandId, RoomId


@dataclass(frozen=True, slots=True)
class Surface:
    """What lies behind the commands."""

    ports: Ports
    bot: Bot
    people: People
    panels: Panels
    outbox: Outbox
    files: Files
    sharing: Sharing
    terms: str | None = None
    pay_support: str | None = None
    stars: Stars | None = None

    @property
    def sells(self) -> bool:
        """Whether plans are sold for Stars."""
        return self.stars is not None and bool(self.stars.sold)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an update came from and in which language it is answered. `message` is what is answered to."""

    surface: Surface
    update: int
    chat: Chat
    language: str
    message: Message | None = None
    query: CallbackQuery | None = None

    @property
    def words(self) -> NullTranslations:
        """The words of the language."""
        return translations(self.language)

    async def say(self, text: str, rows: Rows = (), room: RoomId | None = None) -> None:
        """Answer: a press by a toast, which costs the chat nothing, everything else by a message."""
        now = self.surface.ports.clock.now()
        if self.query is not None and not rows:
            await self.query.answer(plain(text, self.language, now), show_alert=len(text) > keyboards.LONGEST)
            return
        await self.send(html(text, self.language, now), rows, room)
        if self.query is not None:
            await self.query.answer()

    async def send(self, text: str, rows: Rows = (), room: RoomId | None = None) -> None:
        """Answer by a message in HTML."""
        message = self.message
        topic = message.message_thread_id if message is not None and message.is_topic_message else None
        reply_to = message.message_id if message is not None and self.query is None else None
        markup = keyboards.keyboard(rows, room or RoomId(""))
        await self.surface.outbox.send(self.chat.id, text, topic=topic, reply_to=reply_to, keyboard=markup)


@dataclass(frozen=True, slots=True)
class Call:
    """One command or press: who, where, what follows the command's name."""

    spot: Spot
    ref: RoomRef
    view: RoomView
    actor: Actor
    who: Speaker
    arguments: str = ""

    @property
    def surface(self) -> Surface:
        """What lies behind the commands."""
        return self.spot.surface

    @property
    def jukebox(self) -> Jukebox:
        """The commands."""
        return self.spot.surface.ports.jukebox

    @property
    def room(self) -> RoomId:
        """The chat's room."""
        return self.ref.room

    @property
    def words(self) -> NullTranslations:
        """The words of the person's language."""
        return self.spot.words

    @property
    def id(self) -> CommandId:
        """What makes a second delivery recognisable."""
        return CommandId(f"telegram:{self.surface.bot.id}:{self.spot.update}")

    async def say(self, text: str, rows: Rows = ()) -> None:
        """Answer in the words' own notation."""
        await self.spot.say(text, rows, self.room)

    async def send(self, text: str, rows: Rows = ()) -> None:
        """Answer by a message in HTML."""
        await self.spot.send(text, rows, self.room)


Handler = Callable[[Call], Awaitable[None]]


def spot_of(surface: Surface, update: Update, language: str | None) -> Spot | None:
    """Where an update came from; `language` is what its chat chose. None when it has no chat."""
    chat, user = update.effective_chat, update.effective_user
    if chat is None:
        return None
    spoken = language or (user.language_code if user else None) or "en"
    return Spot(surface, update.update_id, chat, spoken, update.effective_message, update.callback_query)


async def read(spot: Spot, who: Speaker, arguments: str = "", *, size: int = 0) -> Call:
    """Who calls, and the room with the first `size` entries of its queue as they see it."""
    surface = spot.surface
    ref = await surface.people.room(spot.chat.id, spot.chat.title or who.name)
    actor = await surface.people.actor(who, spot.chat, ref)
    surface.panels.know(actor.place, ref)
    await surface.people.visit(actor)
    await surface.people.here(ref, actor)
    view = await surface.ports.jukebox.view(ref.room, actor.person, size=size)
    return Call(spot, ref, view, actor, who, arguments)
