"""The live message of each chat: made by /play, redrawn as the room changes, found again after a restart."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from gettext import NullTranslations

import structlog
from telegram import Message
from telegram.error import BadRequest, ChatMigrated, Forbidden, TelegramError

from cogs import words
from cogs.languages import translations
from cogs.live_message import LiveMessage
from cogs.ports import Ports
from cogs.telegram import drawing
from cogs.telegram.keyboards import keyboard
from cogs.telegram.markup import html
from cogs.telegram.outbox import Outbox
from cogs.telegram.people import chat_of, place_of
from core.errors import ChorusError
from core.events import Event, PlayFailed, TipGiven
from core.ports.chats import Chat, Chats
from core.ports.places import RoomRef
from core.types import PlaceId, RoomId

GAP = 4.0
"""Seconds between two edits of a message."""
RETRY = 15.0

log = structlog.get_logger()


class Panels:
    """One live message a chat. Only the process that `holds` the bot draws."""

    def __init__(
        self,
        ports: Ports,
        outbox: Outbox,
        chats: Chats,
        *,
        holds: Callable[[], bool],
        app: str | None = None,
    ) -> None:
        self.ports = ports
        self.outbox = outbox
        self.chats = chats
        self.holds = holds
        self._app = app
        self._known: dict[PlaceId, Chat] = {}
        self._rooms: dict[RoomId, set[PlaceId]] = {}
        self._shown_in: dict[PlaceId, RoomId] = {}
        self._panels: dict[PlaceId, _Panel] = {}
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Learn which chats there are, and follow the bus."""
        for chat in await self.chats.all():
            self._known[chat.place] = chat
            self.know(chat.place, await self.ref(chat.place))
        self._unsubscribe()
        self._unsubscribe = self.ports.bus.subscribe(self._on_event)

    async def stop(self) -> None:
        """Let go; the messages stay."""
        self._unsubscribe()
        tasks = [panel.task for panel in self._panels.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._panels.clear()

    def know(self, place: PlaceId, ref: RoomRef) -> None:
        """A chat shows this room now."""
        before = self._shown_in.get(place)
        if before is not None and before != ref.room:
            self._rooms[before].discard(place)
        self._shown_in[place] = ref.room
        self._rooms.setdefault(ref.room, set()).add(place)

    async def ref(self, place: PlaceId) -> RoomRef:
        """The room that a chat shows."""
        return await self.ports.places.place_room(place, "")

    def chat(self, place: PlaceId) -> Chat:
        """What is remembered of a chat."""
        return self._known.get(place) or Chat(place)

    async def remember(self, chat: Chat) -> None:
        """Keep what is known of a chat."""
        await self.chats.put(chat)
        self._known[chat.place] = chat

    async def migrate(self, old: int, new: int) -> None:
        """A group became a supergroup with another id."""
        was, now = place_of(old), place_of(new)
        await self.chats.move(was, now)
        known, meanwhile = self._known.pop(was, None), self._known.get(now) or Chat(now)
        if known is not None:
            self._known[now] = replace(meanwhile, language=meanwhile.language or known.language)
        if (room := self._shown_in.pop(was, None)) is not None:
            self._rooms[room].discard(was)
        before, ref = self._shown_in.get(now), await self.ref(now)
        self.know(now, ref)
        for changed in {ref.room, before or ref.room}:
            self.ports.bus.publish(Event(room=changed))
        if (panel := self._panels.pop(was, None)) is not None:
            panel.task.cancel()  # last: it may be the one that found out
            if panel.task is not asyncio.current_task():
                await asyncio.gather(panel.task, return_exceptions=True)

    async def open(self, place: PlaceId, topic: int | None, *, anew: bool) -> None:
        """Show the room in the chat if it is not shown yet; `anew`: in a new message, the old one goes."""
        if self.chat(place).message is None or anew:
            self._follow(place).renew(topic)

    def wake(self, room: RoomId | None = None) -> None:
        """A room (or any) may look different now."""
        for place in [it for it in self._known if room is None or it in self._rooms.get(room, ())]:
            self._follow(place).dirty.set()

    def _on_event(self, event: Event) -> None:
        for place in tuple(self._rooms.get(event.room, ())):
            panel = self._follow(place)
            if isinstance(event, PlayFailed | TipGiven):
                panel.note(event)
            panel.dirty.set()

    def _follow(self, place: PlaceId) -> "_Panel":
        panel = self._panels.get(place)
        if panel is None:
            panel = self._panels[place] = _Panel(self, place)
        elif panel.task.done():
            panel.task = panel.start()
        return panel

    async def draw(self, ref: RoomRef, texts: NullTranslations, news: PlayFailed | TipGiven | None) -> drawing.Drawing:
        """How a room looks now."""
        view = await self.ports.jukebox.view(ref.room, None, size=drawing.NEXT)
        note = words.news(news, texts) if news else ""
        pushes = self.ports.push_states.pushes(ref.room).values() if self.ports.push_states else ()
        status, page = self.status(ref.room), self.page(ref.room)
        return drawing.panel(view, texts, status=status, note=note, page=page, pushes=pushes)

    def page(self, room: RoomId) -> str | None:
        """The address of the room's page, inside Telegram where it is a Mini App; None if people cannot reach it."""
        if self.ports.page_url and self._app:
            return f"https://t.me/{self.outbox.bot.username}/{self._app}?startapp={room}"
        return f"{self.ports.page_url}/r/{room}" if self.ports.page_url else None

    def status(self, room: RoomId) -> str:
        """How the room's player is, as a code."""
        return self.ports.playback.status(room) if self.ports.playback else "playing"


class _Panel(LiveMessage):
    """One chat's message, and the task that keeps it in step."""

    def __init__(self, panels: Panels, place: PlaceId) -> None:
        self._panels = panels
        self._place = place
        self._chat = chat_of(place) or 0
        self._anew = False
        self._topic: int | None = None
        self._shown: drawing.Drawing | None = None
        self._pins = True
        super().__init__(place, gap=GAP)

    def renew(self, topic: int | None) -> None:
        """Show the room in a new message, in this topic."""
        self._anew, self._topic = True, topic
        self.dirty.set()

    async def _step(self) -> tuple[bool, float]:
        """Whether the message changed, and after how many seconds to look again (0: when told)."""
        if not self._panels.holds():
            return False, RETRY
        try:
            return await self._show()
        except ChatMigrated as error:
            await self._panels.migrate(self._chat, error.new_chat_id)
            return False, 0
        except Forbidden as error:
            log.info("telegram.panel_forbidden", chat=self._chat, error=error.message)
            self._anew = False
            return False, 0
        except (ChorusError, TelegramError, OSError) as error:
            log.warning("telegram.panel_failed", chat=self._chat, error=type(error).__name__)
            return False, RETRY

    async def _show(self) -> tuple[bool, float]:
        chat = self._panels.chat(self._place)
        if chat.message is None and not self._anew:
            return False, 0
        ref = await self._panels.ref(self._place)
        self._panels.know(self._place, ref)
        texts = translations(chat.language or "en")
        drawn = await self._panels.draw(ref, texts, self.news)
        if self._anew or chat.message is None:
            await self._send(chat, ref, drawn)
        elif drawn == self._shown:
            return False, 0
        elif not await self._edit(chat, ref, drawn):
            return False, GAP
        self._shown = drawn
        return True, 0

    async def _send(self, chat: Chat, ref: RoomRef, drawn: drawing.Drawing) -> None:
        """A new message; the old one goes."""
        topic = self._topic if self._anew else chat.topic
        old, self._anew = chat.message, False
        markup, outbox = keyboard(drawn.rows, ref.room), self._panels.outbox
        sent = await outbox.send(self._chat, self._html(drawn, chat), topic=topic, keyboard=markup)
        await self._panels.remember(replace(chat, message=sent.message_id, topic=topic))
        if old is not None:
            with contextlib.suppress(TelegramError):
                await outbox.bot.delete_message(self._chat, old)
        await self._pin(sent)

    async def _edit(self, chat: Chat, ref: RoomRef, drawn: drawing.Drawing) -> bool:
        """Whether the message shows it now; a message that is gone is made again while there is music."""
        markup = keyboard(drawn.rows, ref.room)
        try:
            return await self._panels.outbox.edit(self._chat, chat.message or 0, self._html(drawn, chat), markup)
        except BadRequest as error:
            if "not found" not in error.message.lower():
                raise
            await self._panels.remember(replace(chat, message=None))
            if drawn.rows:
                await self._send(replace(chat, message=None), ref, drawn)
            return True

    def _html(self, drawn: drawing.Drawing, chat: Chat) -> str:
        return html(drawn.text, chat.language or "en", self._panels.ports.clock.now())

    async def _pin(self, message: Message) -> None:
        """Where the bot may; it is not asked again otherwise."""
        if not self._pins:
            return
        try:
            await message.pin(disable_notification=True)
        except ChatMigrated:
            raise
        except TelegramError as error:
            self._pins = False
            log.info("telegram.not_pinned", chat=self._chat, error=type(error).__name__)
