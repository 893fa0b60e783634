"""The track that follows."""

from dataclasses import dataclass

from lavalink.filters import Filters
from lavalink.protocol import Track


@dataclass(frozen=True, slots=True)
class Cue:
    """What follows: from where, over how many ms of crossfade, and with which filters (None: those that are on)."""

    track: Track
    start: int = 0
    crossfade: int = 0
    filters: Filters | None = None
