"""What Telegram says about whoever opened the Mini App.

The fields and their signature: https://core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from core.errors import ChorusError

AGE = 86_400_000
"""ms for which it is believed."""
SKEW = 300_000
"""ms by which Telegram's clock may be ahead of ours."""
LONGEST = 8_192


@dataclass
class InitDataError(ChorusError):
    """It is not believed. `reason`: `forged` (or another bot's), `old`, or `used` by somebody else."""

    reason: str


@dataclass(frozen=True, slots=True)
class InitData:
    """A Telegram user as Telegram vouched for them at `at` (UTC ms); `token` tells one such word from others."""

    user: int
    name: str
    at: int
    token: str


def verified(text: str, bot_token: str, now: int) -> InitData:
    """Read what a Mini App was opened with. Raises InitDataError."""
    fields = _fields(text)
    given = fields.pop("hash", "")
    said = "\n".join(f"{name}={value}" for name, value in sorted(fields.items()))
    key = hmac.digest(b"WebAppData", bot_token.encode(), hashlib.sha256)
    if not hmac.compare_digest(hmac.new(key, said.encode(), hashlib.sha256).hexdigest().encode(), given.encode()):
        raise InitDataError("forged")
    found = _read(fields, given)
    if not now - AGE <= found.at <= now + SKEW:
        raise InitDataError("old")
    return found


def _fields(text: str) -> dict[str, str]:
    """The fields; a name that comes twice has no meaning. Raises InitDataError."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=32, errors="strict")
    except ValueError:
        raise InitDataError("forged") from None
    fields = dict(pairs)
    if len(text) > LONGEST or len(fields) != len(pairs):
        raise InitDataError("forged")
    return fields


def _read(fields: Mapping[str, str], token: str) -> InitData:
    try:
        user: dict[str, Any] = json.loads(fields["user"])
        names = [str(user[part]) for part in ("first_name", "last_name") if user.get(part)]
        return InitData(int(user["id"]), " ".join(names), int(fields["auth_date"]) * 1000, token)
    except (KeyError, ValueError, TypeError):  # opened where Telegram names nobody, as from a keyboard
        raise InitDataError("forged") from None
