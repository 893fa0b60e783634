"""Messages of the simulated chats."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulators.telegram.errors import NotPossibleError

if TYPE_CHECKING:
    from tests.simulators.telegram.chats import Chat


@dataclass
class Message:
    """One message; `payload` is what the API shows of it, without chat and replied message."""

    chat: "Chat"
    id: int
    payload: dict[str, Any]
    by_bot: bool = False
    reply_to: int | None = None
    deleted: bool = False
    edits: list[float] = field(default_factory=list[float])
    reactions: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    inline_id: str | None = None

    @property
    def text(self) -> str:
        """What people read."""
        return self.payload.get("text") or self.payload.get("caption") or ""

    @property
    def buttons(self) -> list[dict[str, Any]]:
        """Every button under it."""
        rows = (self.payload.get("reply_markup") or {}).get("inline_keyboard", [])
        return [button for row in rows for button in row]

    @property
    def topic(self) -> int | None:
        """The forum topic."""
        return self.payload.get("message_thread_id")

    def button(self, named: str) -> dict[str, Any]:
        """The button whose text holds `named`, or whose data begins with it. Raises NotPossibleError."""
        for one in self.buttons:
            if named in one["text"] or str(one.get("callback_data", "")).startswith(named):
                return one
        raise NotPossibleError(f"no button {named!r} in {[one['text'] for one in self.buttons]}")

    def json(self, *, nested: bool = False) -> dict[str, Any]:
        """As the API sends it."""
        whole = {"message_id": self.id, "chat": self.chat.json(), **self.payload}
        replied = self.chat.messages.get(self.reply_to or 0)
        if replied is not None and not nested:
            whole["reply_to_message"] = replied.json(nested=True)
        return whole
