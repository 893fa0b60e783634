"""Permission bits and how roles and overwrites combine into a member's permissions in a channel."""

from collections.abc import Iterable
from typing import Any, NamedTuple

BITS = {
    "create_instant_invite": 1 << 0,
    "kick_members": 1 << 1,
    "administrator": 1 << 3,
    "manage_channels": 1 << 4,
    "manage_guild": 1 << 5,
    "add_reactions": 1 << 6,
    "view_channel": 1 << 10,
    "send_messages": 1 << 11,
    "manage_messages": 1 << 13,
    "embed_links": 1 << 14,
    "attach_files": 1 << 15,
    "read_message_history": 1 << 16,
    "mention_everyone": 1 << 17,
    "connect": 1 << 20,
    "speak": 1 << 21,
    "mute_members": 1 << 22,
    "deafen_members": 1 << 23,
    "move_members": 1 << 24,
    "use_vad": 1 << 25,
    "manage_roles": 1 << 28,
    "use_application_commands": 1 << 31,
    "request_to_speak": 1 << 32,
    "send_messages_in_threads": 1 << 38,
}
ALL = (1 << 53) - 1


def bits(*names: str) -> int:
    """The sum of the permissions named; KeyError for a name that does not exist."""
    return sum({BITS[name] for name in names})


EVERYONE = bits(
    "create_instant_invite",
    "add_reactions",
    "view_channel",
    "send_messages",
    "embed_links",
    "attach_files",
    "read_message_history",
    "connect",
    "speak",
    "use_vad",
    "request_to_speak",
    "use_application_commands",
)


class Overwrite(NamedTuple):
    """What a channel allows and denies to a role (type 0) or a member (type 1)."""

    id: int
    type: int
    allow: int
    deny: int

    def payload(self) -> dict[str, Any]:
        return {"id": str(self.id), "type": self.type, "allow": str(self.allow), "deny": str(self.deny)}


def combine(base: int, overwrites: Iterable[Overwrite], *, everyone: int, roles: set[int], member: int) -> int:
    """The permissions in a channel: @everyone's overwrite, then the roles' together, then the member's."""
    if base & BITS["administrator"]:
        return ALL
    given = list(overwrites)
    of_roles = [o for o in given if o.id in roles and o.id != everyone]
    for allow, deny in (
        _sums([o for o in given if o.id == everyone]),
        _sums(of_roles),
        _sums([o for o in given if o.id == member]),
    ):
        base = base & ~deny | allow
    return base


def _sums(overwrites: Iterable[Overwrite]) -> tuple[int, int]:
    allow = deny = 0
    for overwrite in overwrites:
        allow |= overwrite.allow
        deny |= overwrite.deny
    return allow, deny
