"""The methods about chats, members, files, menus, and the answers to queries."""

import time
from typing import TYPE_CHECKING, Any

from tests.simulators.telegram.chats import Chat
from tests.simulators.telegram.errors import bad, fate
from tests.simulators.telegram.files import LARGEST
from tests.simulators.telegram.markup import formatted, keyboard

if TYPE_CHECKING:
    from tests.simulators.telegram.simulator import TelegramSimulator

Json = dict[str, Any]
SCOPES = {
    "default", "all_private_chats", "all_group_chats", "all_chat_administrators", "chat", "chat_administrators",
    "chat_member",
}  # fmt: skip
REACTIONS = {"👍", "👎", "❤", "🔥", "🎉", "👌", "👀", "🤔", "😁", "🙏"}
QUERY_AGE = 900.0
"""Seconds after which a press cannot be answered any more."""


class Asking:
    """Everything but messages and updates."""

    def __init__(self, telegram: "TelegramSimulator") -> None:
        self._telegram = telegram
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self.about: dict[str, str] = {}
        self.menu_buttons: dict[int, Json] = {}

    def table(self) -> dict[str, tuple[str, Any]]:
        """Method → parameters, handler."""
        chat, scoped = "chat_id!:chat ", "scope:json language_code:str "
        table: dict[str, tuple[str, Any]] = {
            "getMe": ("", self.me),
            "answerCallbackQuery": (
                "callback_query_id!:str text:str show_alert:bool url:str cache_time:int",
                self.answer_press,
            ),
            "answerInlineQuery": (
                "inline_query_id!:str results!:json cache_time:int is_personal:bool next_offset:str button:json",
                self.answer_inline,
            ),
            "getFile": ("file_id!:str", self.file),
            "getChat": (chat, lambda p: self._at(p).full()),
            "getChatMember": (chat + "user_id!:int", lambda p: self._at(p).member_json(p["user_id"])),
            "getChatMemberCount": (chat, self.count),
            "getChatAdministrators": (chat + "return_bots:bool", self.administrators),
            "pinChatMessage": (chat + "message_id!:int disable_notification:bool business_connection_id:str", self.pin),
            "unpinChatMessage": (chat + "message_id:int business_connection_id:str", self.unpin),
            "unpinAllChatMessages": (chat, self.unpin_all),
            "leaveChat": (chat, self.leave),
            "setMessageReaction": (chat + "message_id!:int reaction:json is_big:bool", self.react),
            "sendChatAction": (chat + "action!:str message_thread_id:int business_connection_id:str", self.action),
            "setMyCommands": ("commands!:json " + scoped, self.set_commands),
            "getMyCommands": (scoped, lambda p: self.commands.get(self._scope(p), [])),
            "deleteMyCommands": (scoped, lambda p: self.commands.pop(self._scope(p), None) is not None or True),
            "setChatMenuButton": ("chat_id:int menu_button:json", self.set_menu_button),
            "getChatMenuButton": ("chat_id:int", lambda p: self.menu_buttons.get(p.get("chat_id", 0), _PLAIN)),
            "createForumTopic": (chat + "name!:str icon_color:int icon_custom_emoji_id:str", self.create_topic),
            "restrictChatMember": (chat + "user_id!:int permissions!:json until_date:int", self.refuse),
            "banChatMember": (chat + "user_id!:int until_date:int revoke_messages:bool", self.refuse),
        }
        for name, most in (("Description", 512), ("ShortDescription", 120), ("Name", 64)):
            key = name[0].lower() + name[1:] if name != "ShortDescription" else "short_description"
            table[f"setMy{name}"] = (f"{key}:str language_code:str", self._setter(key, most))
            table[f"getMy{name}"] = ("language_code:str", self._getter(key))
        return table

    def _at(self, p: Json) -> Chat:
        chat = self._telegram.chat(p["chat_id"])
        chat.check_there()
        return chat

    def me(self, _: Json) -> Any:
        more = dict.fromkeys(
            ("can_connect_to_business", "has_main_web_app", "has_topics_enabled", "can_manage_bots"), False
        )
        inline = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": True}
        return self._telegram.bot.json() | inline | more | {"allows_users_to_create_topics": False}

    def answer_press(self, p: Json) -> Any:
        if len(p.get("text", "")) > 200:
            raise bad("MESSAGE_TOO_LONG")
        if p["callback_query_id"] in self._telegram.answers or not p["callback_query_id"].isdecimal():
            raise fate("query is too old and response timeout expired or query ID is invalid")
        self._telegram.answers[p["callback_query_id"]] = p
        return True

    def answer_inline(self, p: Json) -> Any:
        results = p["results"]
        if len(results) > 50:
            raise bad("RESULTS_TOO_MUCH")
        for result in results:
            if not 1 <= len(str(result.get("id", "")).encode()) <= 64:
                raise bad("RESULT_ID_INVALID")
            if result.get("type") == "article":
                content = result.get("input_message_content")
                if not result.get("title") or not content:
                    raise bad("ARTICLE_TITLE_EMPTY")
                text, _ = formatted(content["message_text"], content.get("parse_mode"))
                content["message_text"] = text
            result["reply_markup"] = keyboard(result.get("reply_markup"), "inline")
        if len({result["id"] for result in results}) != len(results):
            raise bad("RESULT_ID_DUPLICATE")
        self._telegram.inline_answers[p["inline_query_id"]] = p
        return True

    def file(self, p: Json) -> Any:
        found = self._telegram.files.find(p["file_id"])
        if found.size > LARGEST:
            raise fate("file is too big")
        return found.json() | {"file_path": found.path}

    def count(self, p: Json) -> Any:
        return sum(one["status"] not in {"left", "kicked"} for one in self._at(p).members.values())

    def administrators(self, p: Json) -> Any:
        chat = self._at(p)
        if chat.type == "private":
            raise bad("there are no administrators in the private chat")
        admins = [user for user, one in chat.members.items() if one["status"] in {"creator", "administrator"}]
        return [chat.member_json(user) for user in admins if user != self._telegram.bot.id or p.get("return_bots")]

    def _may_pin(self, chat: Chat) -> None:
        if chat.type != "private" and not (chat.bot_is_admin and chat.bot_member.get("can_pin_messages")):
            raise fate("not enough rights to manage pinned messages in the chat")

    def pin(self, p: Json) -> Any:
        chat = self._at(p)
        self._may_pin(chat)
        message = chat.find(p["message_id"], "pin")
        chat.pinned.append(message.id)
        return True

    def unpin(self, p: Json) -> Any:
        chat = self._at(p)
        self._may_pin(chat)
        wanted = p.get("message_id", chat.pinned[-1] if chat.pinned else 0)
        if wanted not in chat.pinned:
            raise fate("message to unpin not found")
        chat.pinned.remove(wanted)
        return True

    def unpin_all(self, p: Json) -> Any:
        chat = self._at(p)
        self._may_pin(chat)
        chat.pinned.clear()
        return True

    def leave(self, p: Json) -> Any:
        self._at(p).members[self._telegram.bot.id] = {"status": "left"}
        return True

    def react(self, p: Json) -> Any:
        message = self._at(p).find(p["message_id"], "react")
        emoji = [one.get("emoji") for one in p.get("reaction") or []]
        if any(one not in REACTIONS for one in emoji) or len(emoji) > 1:
            raise bad("REACTION_INVALID")
        message.reactions[self._telegram.bot.id] = emoji
        return True

    def action(self, p: Json) -> Any:
        self._at(p)
        if p["action"] not in {"typing", "upload_voice", "upload_document", "upload_photo", "record_voice"}:
            raise bad("wrong parameter action in request")
        return True

    def _scope(self, p: Json) -> tuple[str, str]:
        scope = p.get("scope") or {"type": "default"}
        if scope["type"] not in SCOPES:
            raise bad("unsupported BotCommandScope type specified")
        where = ":".join(str(scope[key]) for key in ("type", "chat_id", "user_id") if key in scope)
        return where, p.get("language_code", "")

    def set_commands(self, p: Json) -> Any:
        if len(p["commands"]) > 100:
            raise bad("BOT_COMMANDS_TOO_MUCH")
        for one in p["commands"]:
            name = one["command"]
            if not (name.islower() and name.replace("_", "").isalnum() and name.isascii() and len(name) <= 32):
                raise bad("BOT_COMMAND_INVALID")
            if not 1 <= len(one["description"]) <= 256:
                raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        self.commands[self._scope(p)] = p["commands"]
        return True

    def set_menu_button(self, p: Json) -> Any:
        self.menu_buttons[p.get("chat_id", 0)] = p.get("menu_button", _PLAIN)
        return True

    def create_topic(self, p: Json) -> Any:
        chat = self._at(p)
        if not chat.bot_member.get("can_manage_topics"):
            raise fate("not enough rights to create a topic")
        return {"message_thread_id": chat.topic(p["name"]), "name": p["name"], "icon_color": 7322096}

    def refuse(self, p: Json) -> Any:
        self._at(p)
        raise fate("not enough rights to restrict/unrestrict chat member")

    def _setter(self, key: str, most: int) -> Any:
        def set_(p: Json) -> Any:
            if len(p.get(key, "")) > most:
                raise bad(f"{key} is too long")
            self.about[f"{key}:{p.get('language_code', '')}"] = p.get(key, "")
            return True

        return set_

    def _getter(self, key: str) -> Any:
        return lambda p: {key: self.about.get(f"{key}:{p.get('language_code', '')}", "")}


class Receiving:
    """getUpdates and the webhook."""

    def __init__(self, telegram: "TelegramSimulator") -> None:
        self._telegram = telegram

    def table(self) -> dict[str, tuple[str, Any]]:
        """Method → parameters, handler."""
        hook = "url!:str secret_token:str max_connections:int allowed_updates:json drop_pending_updates:bool "
        return {
            "getUpdates": ("offset:int limit:int timeout:int allowed_updates:json", self.updates),
            "setWebhook": (hook + "certificate:str ip_address:str", self.set_webhook),
            "deleteWebhook": ("drop_pending_updates:bool", self.delete_webhook),
            "getWebhookInfo": ("", self.info),
            "logOut": ("", lambda _: True),
            "close": ("", lambda _: True),
        }

    async def updates(self, p: Json) -> Any:
        updates = self._telegram.updates
        if "allowed_updates" in p:
            updates.allowed = p["allowed_updates"] or None
        if not 1 <= p.get("limit", 100) <= 100 or not 0 <= p.get("timeout", 0) <= 50:
            raise bad("limit or timeout is out of range")
        return await updates.poll(p.get("offset", 0), p.get("limit", 100), p.get("timeout", 0))

    def set_webhook(self, p: Json) -> Any:
        updates, secret = self._telegram.updates, p.get("secret_token", "")
        if not p["url"].startswith("https://"):
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        if len(secret) > 256 or not all(char.isalnum() or char in "_-" for char in secret):
            raise bad("secret token contains unallowed characters")
        if not 1 <= p.get("max_connections", 40) <= 100:
            raise bad("max_connections is out of range")
        updates.webhook, updates.allowed = p, p.get("allowed_updates") or None
        if p.get("drop_pending_updates"):
            updates.waiting.clear()
        for update in [updates.waiting.popleft() for _ in range(len(updates.waiting))]:
            updates.again(update)
        return True

    def delete_webhook(self, p: Json) -> Any:
        self._telegram.updates.webhook = None
        if p.get("drop_pending_updates"):
            self._telegram.updates.waiting.clear()
        return True

    def info(self, _: Json) -> Any:
        updates = self._telegram.updates
        found: Json = {
            "url": updates.webhook["url"] if updates.webhook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(updates.waiting),
        }
        if updates.last_error:
            found |= {"last_error_date": int(time.time()), "last_error_message": updates.last_error}
        return found


_PLAIN = {"type": "commands"}
