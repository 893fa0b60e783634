"""What nodes know a room's players by: 64-bit numbers, guilds' ids where there is a guild."""

from hashlib import blake2b

from core.ports.places import RoomRef
from core.types import RoomId


def lead_id(ref: RoomRef) -> int:
    """The guild's id, or a number made of the room's."""
    return ref.guild if ref.guild is not None else _made_of(ref.room)


def follower_id(room: RoomId) -> int:
    """The player that serves a room's streams beside its lead."""
    return _made_of(f"follower:{room}")


def _made_of(name: str) -> int:
    """A number of 48 bits, which no snowflake has been since 2015."""
    return 1 + int.from_bytes(blake2b(name.encode(), digest_size=6).digest())
