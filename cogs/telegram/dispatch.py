"""From an update to its handler."""

import re
from typing import Any, cast

import structlog
from telegram import Message, Update
from telegram.constants import ChatType

from cogs.telegram import buttons, inline, payments, queue, reactions
from cogs.telegram.commands import BY_NAME
from cogs.telegram.faults import explain
from cogs.telegram.files import sound_of
from cogs.telegram.keyboards import meaning
from cogs.telegram.people import Speaker, place_of, speaker
from cogs.telegram.surface import Spot, Surface, read, spot_of
from core.tracing import span

_COMMAND = re.compile(r"/(?P<name>\w{1,32})(?:@(?P<bot>\w+))?(?:\s+(?P<arguments>.*))?", re.DOTALL)

log = structlog.get_logger()


class Dispatch:
    """Handles updates, one by one; never raises. Edited messages are left alone: what was asked was done."""

    def __init__(self, surface: Surface) -> None:
        self._surface = surface

    async def handle(self, update: Update) -> None:
        """Do what somebody asked for."""
        if await self._money(update):
            return
        if await self._elsewhere(update):
            return
        chat = update.effective_chat
        language = self._surface.panels.chat(place_of(chat.id)).language if chat else None
        spot = spot_of(self._surface, update, language)
        try:
            if spot is not None:
                await self._on(update, spot)
        except Exception as error:  # noqa: BLE001 - told to the person, or logged
            if spot is not None:
                await explain(spot, error)

    async def _money(self, update: Update) -> bool:
        """Before a payment, and what becomes of it later, which has no chat; whether it was that."""
        query, told = update.pre_checkout_query, update.api_kwargs.get("subscription")
        if query is not None:
            with span("command", surface="telegram", command="pre-checkout"):
                await payments.pre_checkout(self._surface, query)
        elif isinstance(told, dict):
            try:
                await payments.subscription(self._surface, cast("dict[str, Any]", told))
            except Exception:
                log.exception("telegram.subscription_failed", update=update.update_id)
        return query is not None or told is not None

    async def _elsewhere(self, update: Update) -> bool:
        """Inline mode, which has no chat; whether it was that."""
        query, press = update.inline_query, update.callback_query
        adds = press is not None and (press.data or "").startswith(inline.ADD)
        if query is None and not adds:
            return False
        try:
            with span("command", surface="telegram", command="inline"):
                if query is not None:
                    await inline.search(self._surface, query)
                elif press is not None:
                    await inline.add(self._surface, press, update.update_id)
        except Exception as error:  # noqa: BLE001 - nobody is there to be told
            log.warning("telegram.inline_failed", update=update.update_id, error=type(error).__name__)
        return True

    async def _on(self, update: Update, spot: Spot) -> None:
        message = update.message or update.channel_post
        if update.callback_query is not None:
            await self._on_press(spot)
        elif update.message_reaction is not None:
            await reactions.count(update.message_reaction, spot)
        elif update.chat_member is not None or update.my_chat_member is not None:
            await self._on_members(update, spot)
        elif message is not None and message.migrate_to_chat_id is not None:
            await self._surface.panels.migrate(spot.chat.id, message.migrate_to_chat_id)
        elif message is not None and message.migrate_from_chat_id is not None:  # whichever of the two is first
            await self._surface.panels.migrate(message.migrate_from_chat_id, spot.chat.id)
        elif message is not None and message.new_chat_title is not None:
            await self._surface.people.room(spot.chat.id, message.new_chat_title)
        elif message is not None and message.successful_payment is not None:
            await payments.paid(spot, message)
        elif message is not None and message.refunded_payment is not None:
            await payments.refunded(spot, message)
        elif message is not None:
            await self._on_message(message, spot)

    async def _on_members(self, update: Update, spot: Spot) -> None:
        self._surface.people.forget_admins(spot.chat.id)
        if update.my_chat_member is not None:
            await payments.left(self._surface, update.my_chat_member)

    async def _on_message(self, message: Message, spot: Spot) -> None:
        who = speaker(message.from_user, message.sender_chat)
        text = (message.text or message.caption or "").strip()
        meant = _COMMAND.fullmatch(text)
        if who is None or message.is_automatic_forward:
            return
        if meant is not None:
            if (meant["bot"] or self._surface.bot.username).lower() == self._surface.bot.username.lower():
                await self._on_command(spot, who, meant["name"].lower(), (meant["arguments"] or "").strip())
        elif spot.chat.type == ChatType.PRIVATE:
            await self._on_private(message, spot, who, text)

    async def _on_command(self, spot: Spot, who: Speaker, name: str, arguments: str) -> None:
        command = BY_NAME.get(name)
        if command is None or (command.sold and not self._surface.sells):
            return
        with span("command", surface="telegram", command=f"/{name}"):
            log.info("command", surface="telegram", command=f"/{name}", chat=spot.chat.id, id=spot.update)
            await command.handler(await read(spot, who, arguments))

    async def _on_private(self, message: Message, spot: Spot, who: Speaker, text: str) -> None:
        """In a private chat a music file queues by itself, and so do words and links."""
        sound = sound_of(message)
        with span("command", surface="telegram", command="message"):
            if sound is not None:
                await queue.play_sound(await read(spot, who), sound)
            elif text:
                await queue.play(await read(spot, who, text))

    async def _on_press(self, spot: Spot) -> None:
        query = spot.query
        meant = meaning(query.data or "") if query is not None else None
        if query is None:
            return
        if meant is None:
            await query.answer()
            return
        who = Speaker(query.from_user.id, query.from_user.full_name)
        with span("command", surface="telegram", command=f"button {meant.action}"):
            await buttons.press(await read(spot, who), meant.action, meant.tag, meant.number)
