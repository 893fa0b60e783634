"""Codes that work once: signed by us, and kept as hashes."""

import hmac
import secrets
from collections.abc import Sequence
from hashlib import sha256

from sqlalchemy import delete, insert

from core.ports.clock import Clock
from db.engine import Database
from db.models import codes
from db.statements import insert_or_ignore

LIFE = 600_000
"""ms that a code works."""
LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""None that could be taken for another."""
LENGTH = 10
"""49 bits."""
SIGNED = 5
"""Letters of the signature that follow: what somebody made up is refused before anything is looked up."""


class SqlCodes:
    """`core.ports.codes.Codes` on a database. Everything raises StoreUnavailableError."""

    def __init__(self, database: Database, clock: Clock, keys: Sequence[bytes]) -> None:
        """The first of `keys` signs, all verify."""
        self._keys = keys
        self._database = database
        self._clock = clock

    async def issue(self, kind: str, subject: str) -> str:
        """A new code (see the port)."""
        code, now = "".join(secrets.choice(LETTERS) for _ in range(LENGTH)), self._clock.now()
        row = {"hash": _hash(kind, code), "subject": subject, "until": now + LIFE}
        async with self._database.write() as connection:
            await connection.execute(delete(codes).where(codes.c.until <= now))
            await connection.execute(insert(codes), row)
        return f"{code[:5]}-{code[5:]}-{_signature(kind, code, self._keys[0])}"

    async def redeem(self, kind: str, code: str) -> str | None:
        """What a code stands for, once (see the port)."""
        entered = "".join(char for char in code.upper() if char in LETTERS)
        body, signature = entered[:LENGTH], entered[LENGTH:]
        if not any([hmac.compare_digest(_signature(kind, body, key), signature) for key in self._keys]):  # noqa: C419 - all, in the same time
            return None
        mine = (codes.c.hash == _hash(kind, body)) & (codes.c.until > self._clock.now())
        async with self._database.write() as connection:
            row = (await connection.execute(delete(codes).where(mine).returning(codes.c.subject))).first()
        return row.subject if row else None

    async def claim(self, kind: str, token: str, *, until: int) -> bool:
        """Whether a token is used for the first time (see the port)."""
        row = {"hash": sha256(f"{kind} {token}".encode()).hexdigest(), "subject": kind, "until": until}
        async with self._database.write() as connection:
            await connection.execute(delete(codes).where(codes.c.until <= self._clock.now()))
            done = await connection.execute(insert_or_ignore(codes, self._database.dialect), row)
        return done.rowcount == 1


def _hash(kind: str, code: str) -> str:
    return sha256(f"{kind}:{code}".encode()).hexdigest()


def _signature(kind: str, code: str, key: bytes) -> str:
    number = int.from_bytes(hmac.digest(key, f"{kind}:{code}".encode(), "sha256"))
    return "".join(LETTERS[number // len(LETTERS) ** place % len(LETTERS)] for place in range(SIGNED))
