"""Interactions: what people do with the bot, and what it answers."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulators.discord.bodies import EPHEMERAL, LOADING, Json
from tests.simulators.discord.errors import ApiError, NotAnsweredError, bad_body
from tests.simulators.discord.ids import secret, snowflake
from tests.simulators.discord.messages import Message, new_message
from tests.simulators.discord.replies import DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, Reply
from tests.waiting import crowding

if TYPE_CHECKING:
    from tests.simulators.discord.attachments import Attachment
    from tests.simulators.discord.channels import Channel
    from tests.simulators.discord.members import Member

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
MESSAGE, CHOICES, SHOW_MODAL = 4, 8, 9
ALLOWED = {
    COMMAND: {MESSAGE, DEFERRED_MESSAGE, SHOW_MODAL},
    COMPONENT: {MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, SHOW_MODAL},
    AUTOCOMPLETE: {CHOICES},
    MODAL: {MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE},
}
ACK_SECONDS = 3.0
"""On a machine that others use too, more of them."""
TOKEN_SECONDS = 15 * 60
LOADING_TEXT: Json = {"content": "…"}


@dataclass(eq=False)
class Interaction:
    """One thing that a person did, and how far the bot's answer has come."""

    type: int
    member: "Member"
    channel: "Channel"
    data: Json
    message: Message | None = None
    id: int = field(default_factory=snowflake)
    token: str = field(default_factory=secret)
    sent: float = field(default_factory=time.monotonic)
    acked: float | None = None
    finished: float | None = None
    response: int | None = None
    original: Message | None = None
    followups: list[Message] = field(default_factory=list[Message])
    choices: list[Json] = field(default_factory=list[Json])
    modal: Json | None = None
    doubled: bool = False
    expired: bool = False
    deferral_flags: int = 0
    original_deleted: bool = False
    _final: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def discord(self) -> Any:
        return self.member.guild.discord

    @property
    def deferred(self) -> bool:
        return self.response in (DEFERRED_MESSAGE, DEFERRED_UPDATE)

    @property
    def path(self) -> str:
        return f"/interactions/{self.id}"

    async def answered(self, within: float = ACK_SECONDS) -> Reply:
        """Wait for the final answer. Raises NotAnsweredError: no acknowledgement in 3 s, or no answer `within`."""
        try:
            async with asyncio.timeout(max(within, ACK_SECONDS) * crowding() - (time.monotonic() - self.sent)):
                await self._final.wait()
        except TimeoutError:
            state = "only deferred" if self.acked else "not acknowledged"
            raise NotAnsweredError(f"{self.data.get('name') or self.data.get('custom_id')}: {state}") from None
        return Reply(self)

    # -- what the bot sends --

    def respond(self, body: Json, attachments: "list[Attachment]") -> Json:
        """The callback; returns what `with_response` shows. Raises ApiError."""
        kind = body.get("type")
        if self.acked is not None:
            raise ApiError(400, 40060, "Interaction has already been acknowledged.", mistake=not self.doubled)
        if time.monotonic() - self.sent > ACK_SECONDS * crowding() or self.expired:
            raise ApiError(404, 10062, "Unknown interaction")
        if kind not in ALLOWED[self.type] or set(body) - {"type", "data"}:
            raise bad_body("type", f"{body} does not answer an interaction of type {self.type}")
        message = self._take(kind, body.get("data") or {}, attachments)
        self.response, self.acked = kind, time.monotonic()
        if kind != DEFERRED_MESSAGE:
            self._finish()
        return self._callback(kind, message)

    def _take(self, kind: int, data: Json, attachments: "list[Attachment]") -> Message | None:
        if kind == MESSAGE:
            self.original = self._post(data, attachments)
        elif kind == DEFERRED_MESSAGE:
            self.deferral_flags = (data.get("flags") or 0) & EPHEMERAL
            self.original = self._post(LOADING_TEXT | {"flags": self.deferral_flags}, [])
            self.original.payload |= {"content": "", "flags": self.deferral_flags | LOADING}
        elif kind in (UPDATE, DEFERRED_UPDATE):
            if self.message is None:
                raise bad_body("type", "there is no message to update")
            self.original = self.message
            if kind == UPDATE:
                self.edit(self.message, data, attachments)
        elif kind == CHOICES:
            self.choices = _checked_choices(data.get("choices"))
        else:
            self.modal = _checked_modal(data)
        return self.original

    def _callback(self, kind: int, message: Message | None) -> Json:
        interaction: Json = {"id": str(self.id), "type": self.type}
        resource: Json = {"type": kind}
        if message is not None:
            interaction |= {
                "response_message_id": str(message.id),
                "response_message_loading": kind == DEFERRED_MESSAGE,
                "response_message_ephemeral": message.ephemeral,
            }
        if kind in (MESSAGE, UPDATE) and message is not None:
            resource["message"] = message.payload
        return {"interaction": interaction, "resource": resource}

    def follow_up(self, body: Json, attachments: "list[Attachment]") -> Message:
        """POST to the webhook: the first one after a deferral is its answer and as private as that."""
        if self.acked is None:
            raise ApiError(404, 10015, "Unknown Webhook")
        if self.response == DEFERRED_MESSAGE and self.finished is None and self.original:
            self.edit(self.original, {k: v for k, v in body.items() if k not in ("flags", "tts")}, attachments)
            return self.original
        message = self._post(body, attachments)
        self.followups.append(message)
        return message

    def find(self, message_id: str) -> Message:
        """The original answer or a follow-up. Raises ApiError when there is none."""
        if self.expired or time.monotonic() - self.sent > TOKEN_SECONDS:
            raise ApiError(401, 50027, "Invalid Webhook Token")
        own = [m for m in self.followups if str(m.id) == message_id]
        if message_id == "@original" or (self.original and str(self.original.id) == message_id):
            own = [self.original] if self.original and not self.original_deleted else []
        if not own or own[0].deleted:
            raise ApiError(404, 10008, "Unknown Message")
        return own[0]

    def delete(self, message: Message) -> None:
        """DELETE of the original or of a follow-up."""
        message.channel.guild.discord.delete_message(message)
        self.original_deleted |= message is self.original
        self._finish()

    def edit(self, message: Message, body: Json, attachments: "list[Attachment]") -> None:
        """PATCH of the original or of a follow-up."""
        message.edit(body, attachments)
        if message is self.original:
            message.payload["flags"] &= ~LOADING
            self._finish()
        if not message.ephemeral:
            self.discord.tell_message("MESSAGE_UPDATE", message)

    def _post(self, body: Json, attachments: "list[Attachment]") -> Message:
        application = str(self.discord.application_id)
        user = self.member.user.payload()
        more: Json = {"webhook_id": application, "application_id": application}
        more["interaction_metadata"] = {
            "id": str(self.id),
            "type": self.type,
            "user": user,
            "authorizing_integration_owners": {"0": str(self.member.guild.id)},
        }
        author = self.discord.bot.payload()
        message = new_message(self.channel, author, body, attachments, kind=20 if self.type == COMMAND else 0, **more)
        self.channel.post(message)
        if not message.ephemeral:
            self.discord.tell_message("MESSAGE_CREATE", message)
        return message

    def _finish(self) -> None:
        self.finished = self.finished or time.monotonic()
        self._final.set()

    # -- what the bot gets --

    def payload(self) -> Json:
        guild, bot = self.member.guild, self.member.guild.bot
        permissions = str(self.member.permissions(self.channel))
        payload: Json = {
            "id": str(self.id),
            "application_id": str(self.discord.application_id),
            "type": self.type,
            "token": self.token,
            "version": 1,
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": guild.locale, "features": []},
            "guild_locale": guild.locale,
            "channel_id": str(self.channel.id),
            "channel": self.channel.payload() | {"permissions": permissions},
            "member": self.member.payload() | {"permissions": permissions},
            "app_permissions": str(bot.permissions(self.channel)),
            "locale": self.member.locale,
            "entitlements": self.discord.premium.of(self.member),
            "entitlement_sku_ids": [],
            "authorizing_integration_owners": {"0": str(guild.id)},
            "attachment_size_limit": 10 * 1024 * 1024,
            "context": 0,
            "data": self.data,
        }
        return payload | ({"message": self.message.payload} if self.message else {})


def _checked_choices(choices: Any) -> list[Json]:
    if not isinstance(choices, list) or len(choices) > 25:
        raise bad_body("data.choices", "Must be 25 or fewer in length.")
    for choice in choices:
        value = choice["value"]
        if not 1 <= len(choice["name"]) <= 100 or (isinstance(value, str) and not 1 <= len(value) <= 100):
            raise bad_body("data.choices", f"{choice}: name and value are 1 to 100 characters long")
    return choices


def _checked_modal(data: Json) -> Json:
    if not 1 <= len(data.get("title") or "") <= 45 or not 1 <= len(data.get("custom_id") or "") <= 100:
        raise bad_body("data.title", "a title of 1 to 45 and an id of 1 to 100 characters")
    if not 1 <= len(data.get("components") or []) <= 5:
        raise bad_body("data.components", "Must be between 1 and 5 in length.")
    return data
