"""Who is at the page: a signed cookie that carries an id and a chosen name."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aiohttp import web

from core.enums import Surface
from core.ports.clock import Clock
from core.types import Identity
from web.address import block

COOKIE = "visitor"
TELEGRAM_COOKIE = "telegram"
"""Beside the other one, so that who signs in from Telegram is still the guest they were when that ends."""
YEAR = 365 * 86_400
MONTH = 30 * 86_400_000
"""ms for which somebody whom Telegram vouched for once is believed."""
NAME_LENGTH = 32
_TINTS = ("Amber", "Azure", "Coral", "Copper", "Golden", "Ivory", "Jade", "Lilac", "Olive", "Pearl", "Ruby", "Teal")
_BIRDS = ("Crane", "Curlew", "Dove", "Finch", "Heron", "Lark", "Linnet", "Owl", "Plover", "Robin", "Swift", "Wren")


@dataclass(frozen=True, slots=True)
class Visitor:
    """A guest of the page, or (`telegram:<user id>`) a Telegram user. `known`: worth a row, since the cookie came back
    or Telegram vouches for them, as it did `at` (UTC ms).
    """

    id: str
    name: str
    known: bool
    at: int = 0

    @classmethod
    def from_telegram(cls, user: int, name: str, at: int) -> "Visitor":
        """A Telegram user who opened the page there."""
        return cls(f"{Surface.TELEGRAM}:{user}", name, known=True, at=at)

    @property
    def telegram(self) -> bool:
        """Whether it is a Telegram user."""
        return self.id.startswith(f"{Surface.TELEGRAM}:")

    @property
    def identity(self) -> Identity:
        """The visitor as an account of a person."""
        if self.telegram:
            return Identity(Surface.TELEGRAM, self.id.partition(":")[2], self.name)
        return Identity(Surface.WEB, self.id, self.name)

    def named(self, name: str) -> "Visitor":
        """The same visitor under a name of their choice; raises ValueError for one that shows nothing."""
        clean = " ".join("".join(char for char in name if char.isprintable()).split())[:NAME_LENGTH].strip()
        if not clean:
            raise ValueError("a name needs a visible character")
        return replace(self, name=clean)


class Visitors:
    """Reads and writes visitors' cookies; `keys`: the first signs, all verify."""

    def __init__(self, keys: Sequence[bytes], clock: Clock) -> None:
        self._keys, self._clock = keys, clock

    def read(self, request: web.Request) -> Visitor:
        """The visitor of a request; a new one when the cookie is missing or was not made here."""
        cookies = (self._visitor(request.cookies.get(name, "")) for name in (TELEGRAM_COOKIE, COOKIE))
        return next((visitor for visitor in cookies if visitor is not None), None) or _stranger()

    def _visitor(self, cookie: str) -> Visitor | None:
        body, _, signature = cookie.rpartition(".")
        if "." not in body or not any(_same(self._sign(body, key), signature) for key in self._keys):
            return None
        ident, name, *at = body.split(".")
        visitor = Visitor(ident, base64.urlsafe_b64decode(name + "==").decode(), known=True, at=int(at[0]) if at else 0)
        return visitor if not visitor.telegram or self._left(visitor) > 0 else None

    def _left(self, visitor: Visitor) -> int:
        """Ms for which a Telegram user is still believed."""
        return visitor.at + MONTH - self._clock.now()

    def write(self, response: web.StreamResponse, visitor: Visitor, *, secure: bool) -> None:
        """Give the visitor their cookie for another year; a Telegram user, theirs for what is left of the month.

        That one works inside Telegram's own page too.
        """
        body = f"{visitor.id}.{_encoded(visitor.name.encode())}" + (f".{visitor.at}" if visitor.telegram else "")
        value = f"{body}.{self._sign(body, self._keys[0])}"
        if visitor.telegram:  # by hand: the standard library of 3.11 does not know `Partitioned`
            framed = "Secure; SameSite=None; Partitioned" if secure else "SameSite=Lax"
            text = f"{TELEGRAM_COOKIE}={value}; Max-Age={self._left(visitor) // 1000}; Path=/; HttpOnly; {framed}"
            response.headers.add("Set-Cookie", text)
            return
        response.set_cookie(COOKIE, value, max_age=YEAR, httponly=True, secure=secure, samesite="Lax", path="/")

    def csrf(self, visitor: Visitor) -> str:
        """What the visitor's forms carry, so that no other site's can."""
        return self._sign(f"csrf {visitor.id}", self._keys[0])

    def forged(self, visitor: Visitor, token: str) -> bool:
        """Whether a form was not made for this visitor."""
        expected = (self._sign(f"csrf {visitor.id}", key) for key in self._keys)
        return not any(_same(item, token) for item in expected)

    def unknown(self, address: str) -> Visitor:
        """Whoever comes from an address without a cookie (a music player, a script): one visitor for all of them."""
        digest = self.hashed(address)
        return Visitor(f"address-{digest}", _name(digest.encode()), known=False)

    def hashed(self, address: str) -> str:
        """A keyed hash of a network address: comparable, not readable."""
        return self._sign(f"address {block(address)}", self._keys[0])

    def _sign(self, text: str, key: bytes) -> str:
        return _encoded(hmac.digest(key, text.encode(), hashlib.sha256)[:18])


def _stranger() -> Visitor:
    raw = secrets.token_bytes(16)
    return Visitor(_encoded(raw), _name(raw), known=False)


def _name(raw: bytes) -> str:
    return f"{_TINTS[raw[0] % len(_TINTS)]} {_BIRDS[raw[1] % len(_BIRDS)]}"


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "replace"))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
