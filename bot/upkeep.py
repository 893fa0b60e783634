"""Files that nothing needs any more, and plays that no plan keeps any longer."""

import asyncio

import structlog

from audio.uploads import Uploads
from billing.entitlements import Entitlements
from core.errors import StoreUnavailableError
from core.ports.clock import Clock
from db.plays import PlayLog
from db.rooms import SqlRooms

SWEEP = 3600.0

log = structlog.get_logger()


async def sweep_uploads(rooms: SqlRooms, uploads: Uploads) -> None:
    """Once an hour: remove the uploads that no queue refers to. Until cancelled."""
    while True:
        try:
            gone = await uploads.sweep(await rooms.references("upload"))
            log.debug("uploads swept", gone=gone)
        except (StoreUnavailableError, OSError) as error:
            log.warning("uploads not swept", error=type(error).__name__)
        await asyncio.sleep(SWEEP)


async def prune_plays(plays: PlayLog, plans: Entitlements, clock: Clock) -> None:
    """Once an hour: delete the plays that are older than the plans keep them. Until cancelled."""
    while True:
        try:
            gone = await plays.prune(plans.kept, clock.now(), spared=plans.spared())
            log.debug("plays pruned", gone=gone)
        except StoreUnavailableError as error:
            log.warning("plays not pruned", error=type(error).__name__)
        await asyncio.sleep(SWEEP)
