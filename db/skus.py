"""Grants that follow from what guilds bought from Discord."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.enums import GrantSource
from core.ports.clock import Clock
from core.records.grants import Grant
from core.records.skus import SkuGrant
from db.engine import Database
from db.entitlements import grant_of, hold_grants
from db.grants import put_grant
from db.models import grants


class SqlSkuBook:
    """`core.ports.skus.SkuBook` on a database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def held(self, guild: int | None) -> Sequence[Grant]:
        """Every grant of Discord (see the port)."""
        async with self._database.read() as connection:
            return await _held(connection, guild)

    async def settle(self, guild: int | None, before: Sequence[Grant], wanted: Sequence[SkuGrant]) -> bool:
        """Write what differs, unless others wrote meanwhile (see the port)."""
        dialect = self._database.dialect
        async with self._database.write() as connection:
            await hold_grants(connection, dialect)
            if await _held(connection, guild) != before:
                return False
            for one in wanted:
                await put_grant(
                    connection,
                    dialect,
                    GrantSource.DISCORD,
                    one.ref,
                    one.subject,
                    one.plan,
                    starts_at=one.starts_at,
                    valid_until=one.valid_until,
                    revoked_at=one.revoked_at,
                    now=self._clock.now(),
                )
        return True


async def _held(connection: AsyncConnection, guild: int | None) -> Sequence[Grant]:
    chosen = select(grants).where(grants.c.source == GrantSource.DISCORD.value, grants.c.ref.is_not(None))
    if guild is not None:
        chosen = chosen.where(grants.c.subject == f"discord:{guild}")
    rows = (await connection.execute(chosen.order_by(grants.c.ref))).mappings()
    return [grant_of(dict(row)) for row in rows]
