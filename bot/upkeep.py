"""What is done once an hour: files that nothing needs any more go, and plays that no plan keeps any longer."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from audio.uploads import Uploads
from billing.entitlements import Entitlements
from core.errors import StoreUnavailableError
from core.ports.clock import Clock
from db.plays import PlayLog
from db.rooms import SqlRooms

SWEEP = 3600.0

log = structlog.get_logger()


async def hourly(what: str, sweep: Callable[[], Awaitable[int]]) -> None:
    """Forget what nothing needs any more (`sweep` returns how many that were), until cancelled."""
    while True:
        try:
            log.debug("swept", what=what, gone=await sweep())
        except (StoreUnavailableError, OSError) as error:
            log.warning("not swept", what=what, error=type(error).__name__)
        await asyncio.sleep(SWEEP)


async def sweep_uploads(rooms: SqlRooms, uploads: Uploads) -> int:
    """Remove the uploads that no queue refers to."""
    return await uploads.sweep(await rooms.references("upload"))


async def prune_plays(plays: PlayLog, plans: Entitlements, clock: Clock) -> int:
    """Delete the plays that are older than the plans keep them."""
    return await plays.prune(plans.kept, clock.now(), spared=plans.spared())
