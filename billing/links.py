"""Short-lived signed keys: whoever bears one acts on the page as the person it was made for."""

import base64
import hmac
import json
from collections.abc import Sequence
from hashlib import sha256

from core.enums import Surface
from core.ports.clock import Clock
from core.purchases import OldLinkError
from core.types import Actor, PersonId, PlaceId

LIFE = 600_000
"""ms that a key works."""


class Links:
    """The first of `keys` signs, all verify."""

    def __init__(self, keys: Sequence[bytes], clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def make(self, actor: Actor) -> str:
        """A key for the actor's place, with the right that they have now."""
        facts = [actor.place, actor.person, actor.name, actor.admin, self._clock.now() + LIFE]
        body = _encoded(json.dumps(facts).encode())
        return f"{body}.{_signature(body, self._keys[0])}"

    def read(self, key: str, place: PlaceId) -> Actor:
        """Whom a key was made for. Raises OldLinkError."""
        body, _, signature = key.partition(".")
        valid = [hmac.compare_digest(_signature(body, one).encode(), signature.encode()) for one in self._keys]
        if not any(valid):
            raise OldLinkError
        for_place, person, name, admin, until = json.loads(base64.urlsafe_b64decode(body + "=="))
        if for_place != place or self._clock.now() >= until:
            raise OldLinkError
        return Actor(PersonId(person), name, place, Surface.WEB, admin=admin)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signature(body: str, key: bytes) -> str:
    return _encoded(hmac.digest(key, f"shop {body}".encode(), sha256))
