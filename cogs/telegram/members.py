"""Which chats somebody of the room's page is in."""

import time
from collections.abc import Collection

from telegram import Chat
from telegram.constants import ChatType

from cogs.telegram.people import KNOWN, People, Speaker, chat_of
from core.enums import Surface
from core.errors import ChorusError
from core.ports.places import RoomRef
from core.types import Actor, Identity, PlaceId

FRESH = {True: 60.0, False: 5.0}
"""Seconds for which an answer of Telegram is believed; a no may be a line that broke."""


class ChatMembers:
    """`core.ports.members.Members` for Telegram's chats."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._known: dict[tuple[int, int], tuple[float, bool]] = {}

    async def actor(self, ref: RoomRef, places: Collection[PlaceId], identity: Identity) -> Actor | None:
        """Somebody as a member of the first of these chats that they are in (see the port)."""
        if identity.kind is not Surface.TELEGRAM:
            return None
        who = Speaker(int(identity.external), identity.name)
        for chat in (chat for place in places if (chat := chat_of(place)) is not None):
            if await self._is_in(chat, who.id):
                kind = ChatType.PRIVATE if chat == who.id else ChatType.SUPERGROUP
                try:
                    return await self._people.actor(who, Chat(chat, kind), ref)
                except ChorusError:
                    return None
        return None

    async def _is_in(self, chat: int, user: int) -> bool:
        at, known = self._known.get((chat, user), (0.0, False))
        if at and time.monotonic() - at < FRESH[known]:
            return known
        known = await self._people.is_in(chat, user)
        if len(self._known) >= KNOWN:
            self._known.clear()
        self._known[chat, user] = time.monotonic(), known
        return known
