"""Covers as files for nodes, which show them in pushes."""

from pathlib import Path

from core.ports.tracks import Library
from core.types import TrackRef

SIZE = 512


class Covers:
    """Answers `cover:<key>` references."""

    def __init__(self, library: Library) -> None:
        self._library = library

    async def path(self, ref: TrackRef) -> Path | None:
        """The file of a cover; None when there is none."""
        key = ref.partition(":")[2]
        return await self._library.cover(key, SIZE) if key else None
