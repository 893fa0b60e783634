"""What is known of how loud tracks are."""

from collections.abc import Mapping
from typing import Protocol

from core.records.measures import Measure
from core.types import TrackRef


class Measures(Protocol):
    """One for each track that was measured. Everything raises StoreUnavailableError."""

    async def get(self, ref: TrackRef) -> Measure | None:
        """What was measured of a track."""
        ...

    async def put(self, measure: Measure) -> None:
        """Keep a measure, in place of the former one."""
        ...

    async def stamps(self, kind: str) -> Mapping[TrackRef, str]:
        """The tracks of a kind (`library`) that were measured as a whole, and the stamps of their files."""
        ...


class Waveforms(Protocol):
    """What the page draws."""

    async def waveform(self, ref: TrackRef) -> bytes:
        """The peaks of a track, POINTS of 0 to 255; empty when they are not known."""
        ...
