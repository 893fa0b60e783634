"""Files that nothing needs any more."""

import asyncio

import structlog

from audio.uploads import Uploads
from core.errors import StoreUnavailableError
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
