"""What has to happen as time goes by."""

import asyncio
import time

import structlog

from bot.store import Store
from core.errors import ChorusError
from core.reports import Reports
from db.leases import RENEW

BEAT = 1.0

log = structlog.get_logger()


async def beat(store: Store, reports: Reports) -> None:
    """Once a second: polls run out, votes lapse; every few seconds: leases are renewed. Until cancelled."""
    renewed = time.monotonic()
    while True:
        await asyncio.sleep(BEAT)
        try:
            for room in await store.rooms.active():
                await reports.tick(room)
            if time.monotonic() - renewed >= RENEW:
                renewed = time.monotonic()
                for slot in await store.leases.renew():
                    log.warning("slot lost to another process", slot=slot)
        except ChorusError as error:
            log.warning("upkeep put off", error=type(error).__name__)
