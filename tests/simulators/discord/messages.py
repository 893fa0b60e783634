"""Messages as they stand in a channel, with everything that was done to them."""

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulators.discord.bodies import BUTTON, EPHEMERAL, Json, check_message, walk
from tests.simulators.discord.ids import snowflake, timestamp

if TYPE_CHECKING:
    from tests.simulators.discord.attachments import Attachment
    from tests.simulators.discord.channels import Channel

KEPT = ("content", "embeds", "components", "flags", "tts")
MENTION_KINDS = {"users": r"<@!?(\d+)>", "roles": r"<@&(\d+)>"}


@dataclass
class Message:
    """A message; `payload` is what the API shows, `versions` what it showed after each change (monotonic s)."""

    channel: "Channel"
    payload: Json
    versions: list[tuple[float, Json]] = field(default_factory=list[tuple[float, Json]])
    pings: list[str] = field(default_factory=list[str])
    deleted: bool = False

    def __post_init__(self) -> None:
        self._keep()

    @property
    def id(self) -> int:
        return int(self.payload["id"])

    @property
    def content(self) -> str:
        return self.payload["content"]

    @property
    def embeds(self) -> list[Json]:
        return self.payload["embeds"]

    @property
    def components(self) -> list[Json]:
        return self.payload["components"]

    @property
    def ephemeral(self) -> bool:
        return bool(self.payload["flags"] & EPHEMERAL)

    @property
    def edits(self) -> int:
        """How often it was edited."""
        return len(self.versions) - 1

    @property
    def text(self) -> str:
        """All that a reader sees: content, embeds, components."""
        embeds = [line for embed in self.embeds for line in _embed_lines(embed)]
        return "\n".join(part for part in (self.content, *embeds, *self.labels) if part)

    @property
    def labels(self) -> list[str]:
        """What the components say, in order."""
        texts = (c.get("label") or c.get("content") or c.get("placeholder") for c in walk(self.components))
        return [text for text in texts if text]

    def button(self, *, label: str | None = None, custom_id: str | None = None) -> Json:
        """The button (or select) with this label or id; KeyError when there is none."""
        for component in walk(self.components):
            named = custom_id is not None and component.get("custom_id") == custom_id
            if named or (component["type"] == BUTTON and label is not None and component.get("label") == label):
                return component
        raise KeyError(f"no component {label or custom_id!r} among {self.labels}")

    def edit(self, body: Json, attachments: "list[Attachment]") -> None:
        """Change what the body names."""
        check_message(body, edit=True, files=len(attachments))
        changes = {key: body[key] for key in KEPT if body.get(key) is not None}
        changes |= {key: empty for key, empty in EMPTY.items() if key in body and body[key] is None}
        flags = changes.get("flags", self.payload["flags"]) | self.payload["flags"] & EPHEMERAL
        self.payload |= changes | {"flags": flags, "edited_timestamp": timestamp()}
        if attachments or "attachments" in body:
            kept = {str(a["id"]) for a in body.get("attachments") or []}
            old = [a for a in self.payload["attachments"] if a["id"] in kept]
            self.payload["attachments"] = old + [a.payload() for a in attachments]
        self._keep()

    def _keep(self) -> None:
        self.versions.append((time.monotonic(), dict(self.payload)))


EMPTY: Json = {"content": "", "embeds": [], "components": []}


def new_message(
    channel: "Channel", author: Json, body: Json, attachments: "list[Attachment]", *, kind: int = 0, **more: Any
) -> Message:
    """A message of this body, not yet in its channel. Raises ApiError for a body that Discord refuses."""
    check_message(body, files=len(attachments))
    payload: Json = {
        "id": str(snowflake()),
        "channel_id": str(channel.id),
        "type": kind,
        "author": author,
        "content": body.get("content") or "",
        "timestamp": timestamp(),
        "edited_timestamp": None,
        "tts": bool(body.get("tts")),
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [attachment.payload() for attachment in attachments],
        "embeds": [{"type": "rich"} | embed for embed in body.get("embeds") or []],
        "components": body.get("components") or [],
        "pinned": False,
        "flags": body.get("flags") or 0,
    } | more
    if "nonce" in body:
        payload["nonce"] = body["nonce"]
    message = Message(channel, payload)
    message.pings = _pings(message.content, body.get("allowed_mentions"))
    payload["mention_everyone"] = "everyone" in message.pings
    return message


def _pings(content: str, allowed: Json | None) -> list[str]:
    """Who is notified: "everyone" and ids; without allowed_mentions everybody who is named."""
    parse = ["everyone", "users", "roles"] if allowed is None else allowed.get("parse") or []
    pings = ["everyone"] if "everyone" in parse and re.search("@(everyone|here)", content) else []
    for kind, pattern in MENTION_KINDS.items():
        named: list[str] = re.findall(pattern, content)
        pings += [i for i in named if kind in parse or i in ((allowed or {}).get(kind) or [])]
    return pings


def _embed_lines(embed: Json) -> list[str]:
    fields = [f"{field['name']}: {field['value']}" for field in embed.get("fields") or []]
    parts = [(embed.get("author") or {}).get("name"), embed.get("title"), embed.get("description"), *fields]
    return [part for part in [*parts, (embed.get("footer") or {}).get("text")] if part]
