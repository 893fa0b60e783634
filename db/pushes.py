"""Where rooms are pushed to. Addresses hold keys, so they are encrypted."""

import base64
import hmac
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import NoSuchPushError, NotInPlanError
from core.ports.pushes import Push
from core.records.rows import Audit
from core.types import RoomId
from db.engine import Database
from db.models import audit, pushes
from db.statements import hold, insert_or_update

ADDING = 0x50757368
"""Whoever holds this is the only one who adds pushes: they are counted before."""
ID_BYTES = 6

log = structlog.get_logger()


class SqlPushes:
    """`core.ports.pushes.Pushes` on a database."""

    def __init__(self, database: Database, keys: Sequence[bytes]) -> None:
        """`keys` of 32 bytes each: the first encrypts, all decrypt."""
        self._database = database
        self._key = keys[0]
        self._cipher = MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])

    async def of(self, room: RoomId) -> Sequence[Push]:
        """A room's, oldest first (see the port)."""
        wanted = select(pushes).where(pushes.c.room == room).order_by(pushes.c.at, pushes.c.id)
        async with self._database.read() as connection:
            return [self._push(row) for row in await connection.execute(wanted)]

    async def on(self) -> Sequence[Push]:
        """Those of all rooms that are on."""
        wanted = select(pushes).where(pushes.c.on).order_by(pushes.c.room, pushes.c.at, pushes.c.id)
        async with self._database.read() as connection:
            return [push for row in await connection.execute(wanted) if (push := self._push(row)).on]

    async def put(self, push: Push, by: Audit, *, most: int) -> str:
        """Keep a push; its id (see the port)."""
        async with self._database.write() as connection:
            await hold(connection, ADDING, self._database.dialect)
            known = await self._known(connection, push)
            made = known or self._id(push)
            others = select(func.count()).where(pushes.c.room == push.room, pushes.c.id != made)
            if (await connection.scalar(others) or 0) >= most:
                raise NotInPlanError("pushes")
            row = {
                "room": push.room,
                "id": made,
                "server": push.server,
                "sealed": self._cipher.encrypt(push.address.encode()).decode(),
                "picture": push.picture,
                "on": push.on,
                "at": by.at,
            }
            await connection.execute(insert_or_update(pushes, self._database.dialect), row)
            await connection.execute(insert(audit), asdict(by))
        return made

    async def switch(self, room: RoomId, push: str, by: Audit, *, on: bool) -> bool:
        """Turn it on or off (see the port)."""
        mine = (pushes.c.room == room) & (pushes.c.id == push)
        async with self._database.write() as connection:
            change = update(pushes).where(mine, pushes.c.on != on).values(on=on)
            changed = bool((await connection.execute(change)).rowcount)
            if changed:
                await connection.execute(insert(audit), asdict(by))
            elif await connection.scalar(select(pushes.c.id).where(mine)) is None:
                raise NoSuchPushError(push)
        return changed

    async def remove(self, room: RoomId, push: str, by: Audit) -> None:
        """Forget it (see the port)."""
        async with self._database.write() as connection:
            gone = delete(pushes).where(pushes.c.room == room, pushes.c.id == push)
            if not (await connection.execute(gone)).rowcount:
                raise NoSuchPushError(push)
            await connection.execute(insert(audit), asdict(by))

    async def _known(self, connection: AsyncConnection, push: Push) -> str | None:
        """The push of this address that there is, under whatever key it was made."""
        rows = await connection.execute(select(pushes).where(pushes.c.room == push.room))
        return next((row.id for row in rows if self._opened(row.sealed) == push.address), None)

    def _id(self, push: Push) -> str:
        """Tells nothing of the address to who does not know our key."""
        return hmac.digest(self._key, f"{push.room} {push.address}".encode(), "sha256")[:ID_BYTES].hex()

    def _opened(self, sealed: str) -> str:
        try:
            return self._cipher.decrypt(sealed.encode()).decode()
        except InvalidToken:
            return ""

    def _push(self, row: Row[Any]) -> Push:
        address = self._opened(row.sealed)
        if not address:
            log.warning("push unreadable: SECRET_KEY is another one", room=row.room, push=row.id)
        return Push(row.id, RoomId(row.room), row.server, address, row.picture, row.on and bool(address))
