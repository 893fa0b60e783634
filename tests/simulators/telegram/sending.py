"""The methods that put messages into chats and change them."""

import time
from typing import TYPE_CHECKING, Any

from tests.simulators.telegram.chats import Chat
from tests.simulators.telegram.errors import bad, fate
from tests.simulators.telegram.files import content_type
from tests.simulators.telegram.markup import CAPTION, formatted, keyboard
from tests.simulators.telegram.messages import Message

if TYPE_CHECKING:
    from tests.simulators.telegram.simulator import TelegramSimulator

Json = dict[str, Any]
WHERE = (
    "chat_id!:chat message_thread_id:int disable_notification:bool protect_content:bool reply_parameters:json "
    "reply_markup:json business_connection_id:str message_effect_id:str allow_paid_broadcast:bool "
)
CAPTIONED = WHERE + "caption:str parse_mode:str caption_entities:json "
EDIT = "chat_id:chat message_id:int inline_message_id:str reply_markup:json parse_mode:str entities:json "


class Sending:
    """sendMessage and its siblings."""

    def __init__(self, telegram: "TelegramSimulator") -> None:
        self._telegram = telegram

    def table(self) -> dict[str, tuple[str, Any]]:
        """Method → parameters, handler."""
        return {
            "sendMessage": (WHERE + "text!:str parse_mode:str entities:json link_preview_options:json", self.message),
            "sendAudio": (
                CAPTIONED + "audio!:str duration:int performer:str title:str thumbnail:str",
                lambda p: self.file("audio", p),
            ),
            "sendVoice": (CAPTIONED + "voice!:str duration:int", lambda p: self.file("voice", p)),
            "sendDocument": (
                CAPTIONED + "document!:str thumbnail:str disable_content_type_detection:bool",
                lambda p: self.file("document", p),
            ),
            "sendPhoto": (CAPTIONED + "photo!:str", lambda p: self.file("photo", p)),
            "forwardMessage": (WHERE + "from_chat_id!:chat message_id!:int", self.forward),
            "copyMessage": (CAPTIONED + "from_chat_id!:chat message_id!:int", self.copy),
            "editMessageText": (EDIT + "text!:str link_preview_options:json", self.edit_text),
            "editMessageCaption": (EDIT + "caption:str caption_entities:json", self.edit_caption),
            "editMessageReplyMarkup": (EDIT, self.edit_markup),
            "deleteMessage": ("chat_id!:chat message_id!:int", self.delete),
            "deleteMessages": ("chat_id!:chat message_ids!:json", self.delete_many),
        }

    def _there(self, p: Json, what: str = "text messages", right: str = "can_send_messages") -> Chat:
        chat = self._telegram.chat(p["chat_id"])
        chat.check_write(right, what=what)
        thread = p.get("message_thread_id")
        if thread is not None and thread not in chat.topics:
            raise fate("message thread not found")
        return chat

    def _put(self, chat: Chat, p: Json, content: Json) -> Message:
        reply = p.get("reply_parameters") or {}
        target = reply.get("message_id")
        if target is not None and (target not in chat.messages or chat.messages[target].deleted):
            if not reply.get("allow_sending_without_reply"):
                raise fate("message to be replied not found")
            target = None
        if (markup := keyboard(p.get("reply_markup"), chat.type)) is not None:
            content["reply_markup"] = markup
        if (thread := p.get("message_thread_id")) is not None:
            content |= {"message_thread_id": thread, "is_topic_message": True}
        sender = {"sender_chat": chat.json()} if chat.type == "channel" else {"from": self._telegram.bot.json()}
        return chat.add({**sender, **content}, by_bot=True, reply_to=target)

    def message(self, p: Json) -> Any:
        text, entities = formatted(p["text"], p.get("parse_mode"))
        chat = self._there(p)
        return self._put(chat, p, {"text": text} | ({"entities": entities} if entities else {})).json()

    def file(self, kind: str, p: Json) -> Any:
        chat = self._there(p, f"{kind}s", f"can_send_{kind}s" if kind != "voice" else "can_send_voice_notes")
        content: Json = {}
        if p.get("caption"):
            text, entities = formatted(p["caption"], p.get("parse_mode"), limit=CAPTION)
            content = {"caption": text} | ({"caption_entities": entities} if entities else {})
        shown = self._file_json(kind, p)
        content[kind] = [shown | {"width": 512, "height": 512}] if kind == "photo" else shown
        return self._put(chat, p, content).json()

    def _file_json(self, kind: str, p: Json) -> Json:
        value = p[kind]
        if isinstance(value, bytes):
            stored = self._telegram.files.store(value, p.get(f"{kind}.filename") or "file")
        elif value.startswith("attach://"):
            raise bad(f"{kind} is attached but not sent")
        else:
            stored = self._telegram.files.find(value)
        shown = stored.json()
        if kind in {"audio", "voice"}:
            shown |= {"duration": p.get("duration", 0), "mime_type": content_type(stored.name)}
        if kind in {"audio", "document"}:
            shown["file_name"] = stored.name
        return shown | {key: p[key] for key in ("title", "performer") if kind == "audio" and key in p}

    def forward(self, p: Json) -> Any:
        source = self._telegram.chat(p["from_chat_id"]).find(p["message_id"], "forward")
        chat = self._there(p)
        origin = {"type": "hidden_user", "date": source.payload["date"], "sender_user_name": "somebody"}
        return self._put(chat, p, {"text": source.text, "forward_origin": origin}).json()

    def copy(self, p: Json) -> Any:
        source = self._telegram.chat(p["from_chat_id"]).find(p["message_id"], "copy")
        chat = self._there(p)
        return {"message_id": self._put(chat, p, {"text": source.text}).id}

    # ---- edits

    def _own(self, p: Json) -> Message:
        if (inline := p.get("inline_message_id")) is not None:
            if inline not in self._telegram.inline_messages:
                raise fate("MESSAGE_ID_INVALID")
            return self._telegram.inline_messages[inline]
        if "chat_id" not in p or "message_id" not in p:
            raise bad("message identifier is not specified")
        chat = self._telegram.chat(p["chat_id"])
        chat.check_write()
        message = chat.find(p["message_id"], "edit")
        if not message.by_bot:
            raise bad("message can't be edited")
        return message

    def _change(self, message: Message, p: Json, content: Json) -> Any:
        markup = keyboard(p.get("reply_markup"), message.chat.type)
        before = {key: message.payload.get(key) for key in (*content, "reply_markup")}
        if before == {**content, "reply_markup": markup}:
            same = "specified new message content and reply markup are exactly the same as a current content"
            raise fate(f"message is not modified: {same} and reply markup of the message")
        message.payload |= {**content, "edit_date": int(time.time())}
        message.payload.pop("reply_markup", None)
        if markup is not None:
            message.payload["reply_markup"] = markup
        message.edits.append(time.monotonic())
        return True if message.inline_id else message.json()

    def edit_text(self, p: Json) -> Any:
        text, entities = formatted(p["text"], p.get("parse_mode"))
        message = self._own(p)
        if "text" not in message.payload:
            raise fate("there is no text in the message to edit")
        return self._change(message, p, {"text": text, "entities": entities or None})

    def edit_caption(self, p: Json) -> Any:
        text, entities = formatted(p["caption"], p.get("parse_mode"), limit=CAPTION) if p.get("caption") else ("", [])
        return self._change(self._own(p), p, {"caption": text, "caption_entities": entities or None})

    def edit_markup(self, p: Json) -> Any:
        return self._change(self._own(p), p, {})

    def delete(self, p: Json) -> Any:
        chat = self._telegram.chat(p["chat_id"])
        chat.check_there()
        message = chat.find(p["message_id"], "delete")
        may = message.by_bot or chat.type == "private" or chat.bot_member.get("can_delete_messages")
        if not may:
            raise fate("message can't be deleted")
        message.deleted = True
        return True

    def delete_many(self, p: Json) -> Any:
        for message in p["message_ids"]:
            self.delete({"chat_id": p["chat_id"], "message_id": message})
        return True
