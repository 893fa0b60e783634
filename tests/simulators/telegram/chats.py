"""Chats and who is in them."""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulators.telegram.errors import ApiError, fate
from tests.simulators.telegram.messages import Message

if TYPE_CHECKING:
    from tests.simulators.telegram.people import Person
    from tests.simulators.telegram.simulator import TelegramSimulator

RIGHTS = (
    "can_be_edited", "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
    "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories",
    "can_delete_stories", "can_pin_messages", "can_manage_topics", "can_post_messages", "can_edit_messages",
)  # fmt: skip
PERMISSIONS = (
    "can_send_messages", "can_send_audios", "can_send_documents", "can_send_photos", "can_send_videos",
    "can_send_video_notes", "can_send_voice_notes", "can_send_polls", "can_send_other_messages",
    "can_add_web_page_previews", "can_change_info", "can_invite_users", "can_pin_messages", "can_manage_topics",
    "can_edit_tag", "can_react_to_messages",
)  # fmt: skip
FLOOD = 20
"""Messages and edits a minute in a group, after which Telegram says 429."""


@dataclass
class Chat:
    """One chat; `members` maps user ids to ChatMember fields without the user."""

    telegram: "TelegramSimulator"
    id: int
    type: str
    title: str = ""
    person: "Person | None" = None
    is_forum: bool = False
    members: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    messages: dict[int, Message] = field(default_factory=dict[int, Message])
    pinned: list[int] = field(default_factory=list[int])
    topics: dict[int, str] = field(default_factory=dict[int, str])
    writes: list[float] = field(default_factory=list[float])
    migrated_to: int | None = None
    last_id: int = 0

    @property
    def live(self) -> Message:
        """The latest message of the bot that has buttons for the music."""
        found = [one for one in self.messages.values() if one.by_bot and not one.deleted and one.buttons]
        if not found:
            raise AssertionError(f"no message with buttons in {self.title}: {[m.text for m in self.messages.values()]}")
        return found[-1]

    def shows(self, *words: str) -> bool:
        """Whether the latest message with buttons holds these words."""
        found = [one for one in self.messages.values() if one.by_bot and not one.deleted and one.buttons]
        return bool(found) and all(word in found[-1].text for word in words)

    @property
    def said(self) -> list[str]:
        """What the bot said, oldest first."""
        return [one.text for one in self.messages.values() if one.by_bot and not one.deleted]

    def json(self) -> dict[str, Any]:
        """As the API shows it in messages."""
        if self.person is not None:
            named = {key: value for key, value in self.person.json().items() if key in {"first_name", "username"}}
            return {"id": self.id, "type": "private", **named}
        return {"id": self.id, "type": self.type, "title": self.title} | ({"is_forum": True} if self.is_forum else {})

    def full(self) -> dict[str, Any]:
        """As getChat shows it."""
        more: dict[str, Any] = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}
        if self.pinned:
            more["pinned_message"] = self.messages[self.pinned[-1]].json()
        return self.json() | more

    def member(self, user: int) -> dict[str, Any]:
        """Somebody's status here, with the fields that Telegram shows."""
        return self.members.get(user, {"status": "left"})

    def member_json(self, user: int) -> dict[str, Any]:
        """A ChatMember."""
        known = self.member(user)
        filled: dict[str, Any] = {"user": self.telegram.user_json(user), **known}
        match known["status"]:
            case "creator":
                filled = {"is_anonymous": False, **filled}
            case "administrator":
                filled = {**dict.fromkeys(RIGHTS, False), "is_anonymous": False, **filled}
            case "restricted":
                filled = {**dict.fromkeys(PERMISSIONS, False), "is_member": True, "until_date": 0, **filled}
            case "kicked":
                filled = {"until_date": 0, **filled}
            case _:
                pass
        return filled

    @property
    def bot_member(self) -> dict[str, Any]:
        """What the bot is here."""
        return self.member(self.telegram.bot.id)

    @property
    def bot_is_admin(self) -> bool:
        return self.bot_member["status"] in {"administrator", "creator"}

    def check_write(self, right: str = "can_send_messages", *, what: str = "text messages") -> None:
        """May the bot write here? Raises ApiError as Telegram would; counts towards the flood limit."""
        self.check_there()
        known = self.bot_member
        if known["status"] == "restricted" and not known.get(right):
            raise fate(f"not enough rights to send {what} to the chat")
        self._flood()

    def check_there(self) -> None:
        """Is the bot here? Raises ApiError."""
        if self.migrated_to is not None:
            migrated = {"migrate_to_chat_id": self.migrated_to}
            error = "Bad Request: group chat was upgraded to a supergroup chat"
            raise ApiError(400, error, parameters=migrated)
        if self.person is not None and self.person.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if self.person is None and self.bot_member["status"] in {"left", "kicked"}:
            how = "kicked from" if self.bot_member["status"] == "kicked" else "not a member of"
            raise ApiError(403, f"Forbidden: bot is {how} the {self.type} chat")

    def _flood(self) -> None:
        now = time.monotonic()
        self.writes = [*(at for at in self.writes if now - at < 60), now]
        if self.person is None and len(self.writes) > FLOOD:
            retry = max(1, round(60 - (now - self.writes[0])))
            self.telegram.floods += 1
            raise ApiError(429, f"Too Many Requests: retry after {retry}", parameters={"retry_after": retry})

    def find(self, message: int, what: str) -> Message:
        """A message that is there. Raises ApiError."""
        found = self.messages.get(message)
        if found is None or found.deleted:
            raise fate(f"message to {what} not found")
        return found

    def add(self, payload: dict[str, Any], *, by_bot: bool, reply_to: int | None = None) -> Message:
        """A new message."""
        self.last_id += 1
        message = Message(self, self.last_id, {"date": int(time.time()), **payload}, by_bot, reply_to)
        self.messages[message.id] = message
        return message

    def topic(self, name: str) -> int:
        """A new forum topic; its thread id."""
        self.is_forum = True
        thread = self.add({"forum_topic_created": {"name": name, "icon_color": 7322096}}, by_bot=False).id
        self.topics[thread] = name
        return thread


_NO_GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)
