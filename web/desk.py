"""What people are told about plans, as the page has it; and links by which they come to it from elsewhere."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.ports.clock import Clock
from core.ports.notices import Board
from core.records.notices import Letter
from core.types import PersonId

LIFE = 30 * 86_400_000
"""ms that a link works."""
_SIGNATURE = 18


@dataclass(frozen=True, slots=True)
class Desk:
    """`told` words a letter in a language."""

    board: Board
    tickets: "Tickets"
    told: Callable[[Letter, str], str]


class Tickets:
    """Names a person, so that they may read and choose without signing in; it opens nothing else.

    `keys`: the first signs, all verify.
    """

    def __init__(self, keys: Sequence[bytes], clock: Clock) -> None:
        self._keys, self._clock = keys, clock

    def issue(self, person: PersonId) -> str:
        """What goes into an address, for a month."""
        body = f"{self._clock.now() + LIFE}:{person}".encode()
        return base64.urlsafe_b64encode(_sign(body, self._keys[0]) + body).rstrip(b"=").decode()

    def person(self, ticket: str) -> PersonId | None:
        """Whose it is; None when it is too old, or was not made here."""
        try:
            raw = base64.urlsafe_b64decode(ticket + "==")
            until, _, person = raw[_SIGNATURE:].decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        genuine = any(hmac.compare_digest(_sign(raw[_SIGNATURE:], key), raw[:_SIGNATURE]) for key in self._keys)
        return PersonId(person) if genuine and int(until) > self._clock.now() else None


def _sign(body: bytes, key: bytes) -> bytes:
    return hmac.digest(key, body, hashlib.sha256)[:_SIGNATURE]
