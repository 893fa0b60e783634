"""People and what they do in Telegram's client."""

import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.simulators.telegram.errors import NotPossibleError
from tests.simulators.telegram.files import content_type
from tests.simulators.telegram.markup import commands_in

if TYPE_CHECKING:
    from tests.simulators.telegram.chats import Chat
    from tests.simulators.telegram.messages import Message
    from tests.simulators.telegram.simulator import TelegramSimulator

ANONYMOUS = 1_087_968_824
"""GroupAnonymousBot, who stands for anonymous admins."""
_queries = itertools.count(4_000_000_000_000)


@dataclass
class Toast:
    """The answer to a press."""

    text: str
    alert: bool
    url: str | None


@dataclass
class Person:
    """A user; `private` is the chat with the bot."""

    telegram: "TelegramSimulator"
    id: int
    first_name: str
    language: str = "en"
    username: str | None = None
    blocked: bool = False
    is_bot: bool = False
    replies: list["Message"] = field(default_factory=list["Message"])

    @property
    def private(self) -> "Chat":
        return self.telegram.private(self)

    def json(self) -> dict[str, Any]:
        """As the API shows it."""
        named = {"username": self.username} if self.username else {}
        speaks = {} if self.is_bot else {"language_code": self.language}
        return {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name, **named, **speaks}

    # ---- messages

    def post(
        self,
        text: str = "",
        in_: "Chat | None" = None,
        *,
        topic: int | None = None,
        reply_to: "Message | None" = None,
        anonymous: bool = False,
        **content: Any,
    ) -> "Message":
        """Send a message and go on; the bot hears of it if its privacy allows."""
        chat = in_ or self.private
        if chat.type != "channel" and chat.member(self.id)["status"] in {"left", "kicked"}:
            raise NotPossibleError(f"{self.first_name} is not in {chat.title}")
        payload: dict[str, Any] = {**content}
        if text:
            payload |= {"text": text, "entities": commands_in(text)}
        if chat.type == "channel":
            payload["sender_chat"] = chat.json()
        elif anonymous:
            payload |= {"from": _ANONYMOUS, "sender_chat": chat.json()}
        else:
            payload["from"] = self.json()
        if topic is not None:
            payload |= {"message_thread_id": topic, "is_topic_message": True}
        message = chat.add(payload, by_bot=False, reply_to=reply_to.id if reply_to else None)
        if self._heard(message):
            self.telegram.updates.put("channel_post" if chat.type == "channel" else "message", message.json())
        return message

    def _heard(self, message: "Message") -> bool:
        """Whether a bot with privacy mode gets this message."""
        chat = message.chat
        if chat.type in {"private", "channel"} or chat.bot_is_admin:
            return chat.bot_member["status"] not in {"left", "kicked"}
        if chat.bot_member["status"] in {"left", "kicked"}:
            return False
        replied = chat.messages.get(message.reply_to or 0)
        if replied is not None and replied.by_bot:
            return True
        entities = message.payload.get("entities", [])
        command = message.text.split()[0] if message.text else ""
        mine = "@" not in command or command.lower().endswith(f"@{self.telegram.bot.username}".lower())
        return bool(entities) and entities[0]["offset"] == 0 and mine

    async def say(self, text: str, in_: "Chat | None" = None, *, within: float = 5.0, **more: Any) -> "Message":
        """Send a message and wait for what the bot answers to it."""
        return await self.answered(self.post(text, in_, **more), within=within)

    async def answered(self, message: "Message", *, within: float = 5.0) -> "Message":
        """The bot's answer to a message. Raises NotAnsweredError."""

        def answers() -> list["Message"]:
            later = [one for one in message.chat.messages.values() if one.by_bot and one.id > message.id]
            direct = [one for one in later if one.reply_to == message.id]
            return direct or (
                later if message.chat.type == "private" and not any(one.reply_to for one in later) else []
            )

        await self.telegram.until(answers, within=within, what=f"an answer to {message.text!r}")
        return answers()[0]

    def edit(self, message: "Message", text: str) -> None:
        """Change what one wrote."""
        message.payload |= {"text": text, "entities": commands_in(text), "edit_date": int(time.time())}
        self.telegram.updates.put("edited_message", message.json())

    def send_audio(self, file: Path | bytes, in_: "Chat | None" = None, *, name: str = "", **more: Any) -> "Message":
        """Send a music file as such."""
        stored = self.telegram.files.store(file, name)
        audio = stored.json() | {"duration": int(more.pop("duration", 0)), "file_name": stored.name}
        audio |= {"mime_type": content_type(stored.name)}
        audio |= {key: more.pop(key) for key in ("title", "performer") if key in more}
        return self.post("", in_, audio=audio, **more)

    def send_voice(self, file: Path | bytes, in_: "Chat | None" = None, **more: Any) -> "Message":
        """Send a voice note."""
        stored = self.telegram.files.store(file, "voice.ogg")
        return self.post("", in_, voice=stored.json() | {"duration": 2, "mime_type": "audio/ogg"}, **more)

    def send_document(self, file: Path | bytes, in_: "Chat | None" = None, *, name: str = "", **more: Any) -> "Message":
        """Send a file."""
        stored = self.telegram.files.store(file, name)
        document = stored.json() | {"file_name": stored.name, "mime_type": content_type(stored.name)}
        return self.post("", in_, document=document, **more)

    # ---- presses and reactions

    async def press(self, message: "Message", named: str, *, within: float = 5.0) -> Toast:
        """Press the button whose text holds `named` (or whose data begins so); what the bot says to it."""
        return await self.press_data(message, message.button(named)["callback_data"], within=within)

    async def press_data(self, message: "Message", data: str, *, within: float = 5.0) -> Toast:
        """Press a button that may not be there any more."""
        query = str(next(_queries))
        content: dict[str, Any] = {
            "id": query,
            "from": self.json(),
            "chat_instance": str(message.chat.id),
            "data": data,
        }
        where = {"message": message.json()} if message.inline_id is None else {"inline_message_id": message.inline_id}
        self.telegram.updates.put("callback_query", content | where)
        answers = self.telegram.answers
        await self.telegram.until(lambda: query in answers, within=within, what=f"an answer to the press of {data!r}")
        told = answers[query]
        return Toast(told.get("text", ""), bool(told.get("show_alert")), told.get("url"))

    def react(self, message: "Message", *emoji: str) -> None:
        """Put these reactions under a message, in place of one's own so far."""
        old = message.reactions.get(self.id, [])
        message.reactions[self.id] = list(emoji)
        if not message.chat.bot_is_admin and message.chat.type != "private":
            return
        content = {
            "chat": message.chat.json(),
            "message_id": message.id,
            "user": self.json(),
            "date": int(time.time()),
            "old_reaction": [{"type": "emoji", "emoji": one} for one in old],
            "new_reaction": [{"type": "emoji", "emoji": one} for one in emoji],
        }
        self.telegram.updates.put("message_reaction", content)

    # ---- inline mode

    async def inline(self, query: str, *, within: float = 5.0) -> list[dict[str, Any]]:
        """Type `@bot query` somewhere; the results shown."""
        number = str(next(_queries))
        content = {"id": number, "from": self.json(), "query": query, "offset": "", "chat_type": "group"}
        self.telegram.updates.put("inline_query", content)
        answers = self.telegram.inline_answers
        await self.telegram.until(lambda: number in answers, within=within, what=f"results for {query!r}")
        return answers[number]["results"]

    def choose(self, result: dict[str, Any], in_: "Chat") -> "Message":
        """Send one of the results; the bot need not be in that chat."""
        said = result["input_message_content"]["message_text"]
        payload: dict[str, Any] = {
            "from": self.json(), "via_bot": self.telegram.bot.json(), "text": said,
            "reply_markup": result.get("reply_markup"),
        }  # fmt: skip
        message = in_.add(payload, by_bot=False)
        message.inline_id = f"inline{next(_queries)}"
        self.telegram.inline_messages[message.inline_id] = message
        return message

    # ---- coming and going

    def leave(self, chat: "Chat") -> None:
        """Leave a chat."""
        self.telegram.change_member(chat, self, {"status": "left"}, by=self)

    def promote(self, chat: "Chat", other: "Person", **rights: bool) -> None:
        """Make somebody an administrator."""
        granted = {"can_manage_chat": True, "can_change_info": True, **rights}
        self.telegram.change_member(chat, other, {"status": "administrator", **granted}, by=self)

    def demote(self, chat: "Chat", other: "Person") -> None:
        """Make an administrator a member again."""
        self.telegram.change_member(chat, other, {"status": "member"}, by=self)

    def kick(self, chat: "Chat", other: "Person") -> None:
        """Put somebody (or the bot) out."""
        self.telegram.change_member(chat, other, {"status": "kicked"}, by=self)

    def mute(self, chat: "Chat", other: "Person") -> None:
        """Take the right to write from somebody (or the bot)."""
        self.telegram.change_member(chat, other, {"status": "restricted", "can_send_messages": False}, by=self)

    def invite(self, chat: "Chat", other: "Person") -> None:
        """Bring somebody (or the bot) in."""
        self.telegram.change_member(chat, other, {"status": "member"}, by=self)


_ANONYMOUS = {"id": ANONYMOUS, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
