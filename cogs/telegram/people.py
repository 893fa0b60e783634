"""Who people are, which room a chat has, and who its administrators are."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import structlog
from telegram import Bot, Chat, User
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import TelegramError

from core.enums import Hearing, Surface
from core.numbers import signed
from core.ports.chats import Chats
from core.ports.clock import Clock
from core.ports.places import Places, RoomRef
from core.reports import Reports
from core.types import Actor, Identity, PersonId, PlaceId, Presence

FRESH = 300.0
"""Seconds for which a list of administrators is believed; changes that Telegram tells of end it at once."""
STEP = 60_000
"""ms between two notes that somebody who only looks is there."""
_ABSENT = {ChatMemberStatus.LEFT, ChatMemberStatus.BANNED}
KNOWN = 50_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks: a user, or a chat in whose name somebody does (an anonymous admin, a channel)."""

    id: int
    name: str
    is_chat: bool = False


def place_of(chat: int) -> PlaceId:
    """The place that a chat is."""
    return PlaceId(f"telegram:{chat}")


def chat_of(place: PlaceId) -> int | None:
    """The chat that a place is."""
    kind, _, chat = place.partition(":")
    return signed(chat) if kind == Surface.TELEGRAM else None


def speaker(user: User | None, sender: Chat | None) -> Speaker | None:
    """Who sent a message; nobody for what is automatic."""
    if sender is not None:
        return Speaker(sender.id, sender.title or sender.first_name or "?", is_chat=True)
    return Speaker(user.id, user.full_name) if user is not None and not user.is_bot else None


class People:
    """Persons, rooms and rights."""

    def __init__(self, bot: Bot, reports: Reports, places: Places, chats: Chats, clock: Clock) -> None:
        self._bot = bot
        self._reports = reports
        self._places = places
        self._chats = chats
        self._clock = clock
        self._persons: dict[tuple[int, str], PersonId] = {}
        self._admins: dict[int, tuple[float, frozenset[int]]] = {}
        self._seen: dict[tuple[PersonId, PlaceId], int] = {}
        self._visited: dict[PersonId, PlaceId] = {}

    async def room(self, chat: int, name: str) -> RoomRef:
        """The room of a chat, its own or a shared one, made if need be."""
        return await self._places.place_room(place_of(chat), name)

    async def person(self, who: Speaker) -> PersonId:
        """The person behind an account."""
        key = (who.id, who.name)
        if key not in self._persons:
            if len(self._persons) >= KNOWN:
                self._persons.clear()
            identity = Identity(Surface.TELEGRAM, str(who.id), who.name)
            self._persons[key] = await self._places.person(identity)
        return self._persons[key]

    async def actor(self, who: Speaker, chat: Chat, ref: RoomRef) -> Actor:
        """Somebody with their rights: administrators are DJs, and admins of a room that is the chat's alone."""
        person, place = await self.person(who), place_of(chat.id)
        admin = await self.is_admin(who, chat)
        own = ref.place == place
        return Actor(person, who.name, place, Surface.TELEGRAM, dj=admin, admin=admin and own)

    async def is_admin(self, who: Speaker, chat: Chat) -> bool:
        """Whether somebody is an administrator of a chat; in a private one, everybody is."""
        if chat.type == ChatType.PRIVATE or who.id == chat.id:
            return True
        return not who.is_chat and who.id in await self._admins_of(chat.id)

    async def _admins_of(self, chat: int) -> frozenset[int]:
        """The chat's administrators; nobody while Telegram does not say."""
        at, known = self._admins.get(chat, (0.0, frozenset[int]()))
        if at and time.monotonic() - at < FRESH:
            return known
        try:
            found = await self._bot.get_chat_administrators(chat)
        except TelegramError as error:
            log.info("telegram.administrators_not_told", chat=chat, error=type(error).__name__)
            return known
        known = frozenset(one.user.id for one in found if not one.user.is_bot)
        self._admins[chat] = (time.monotonic(), known)
        return known

    def forget_admins(self, chat: int) -> None:
        """Somebody's rights changed."""
        self._admins.pop(chat, None)

    async def is_in(self, chat: int, user: int) -> bool:
        """Whether somebody is in a chat; no while Telegram does not say."""
        if chat == user:
            return True
        try:
            return (await self._bot.get_chat_member(chat, user)).status not in _ABSENT
        except TelegramError:
            return False

    async def here(self, ref: RoomRef, actor: Actor) -> None:
        """Somebody only looks: they count as there all the same."""
        key, now = (actor.person, actor.place), self._clock.now()
        if now - self._seen.get(key, 0) < STEP:
            return
        if len(self._seen) >= KNOWN:
            self._seen.clear()
        self._seen[key] = now
        presence = Presence(actor.person, actor.place, Hearing.CHAT, actor.name, now)
        await self._reports.arrived(ref.room, presence)

    async def visit(self, actor: Actor) -> None:
        """Their room is where they acted last."""
        if self._visited.get(actor.person) != actor.place:
            await self._chats.visit(actor.person, actor.place)
            if len(self._visited) >= KNOWN:
                self._visited.clear()
            self._visited[actor.person] = actor.place

    async def names(self, people: Collection[PersonId]) -> Mapping[PersonId, str]:
        """What people are called."""
        return await self._places.names(people)

    async def visited(self, person: PersonId) -> PlaceId | None:
        """Where they acted last."""
        return self._visited.get(person) or await self._chats.visited(person)
