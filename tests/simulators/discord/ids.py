"""Snowflakes, times and tokens, shaped as Discord's."""

import base64
import itertools
import secrets
import time
from datetime import UTC, datetime

EPOCH_MS = 1_420_070_400_000
_increments = itertools.count(1)


def snowflake() -> int:
    """A new id; ids made later are greater. Ten guilds made in one go fall on ten different shards."""
    return (int(time.time() * 1000) - EPOCH_MS + next(_increments)) << 22


def timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def bot_token(user_id: int) -> str:
    """A bot's token: its first segment is the base64 of the user's id."""
    first = base64.b64encode(str(user_id).encode()).decode().rstrip("=")
    return f"{first}.{secrets.token_urlsafe(4)}.{secrets.token_urlsafe(28)}"


def secret() -> str:
    return secrets.token_hex(16)
