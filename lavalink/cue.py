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

    def renames(self, other: "Cue | None") -> bool:
        """Whether it is the track that follows already, joined alike: only its filters or its data are others."""
        if other is None or (self.start, self.crossfade) != (other.start, other.crossfade):
            return False
        here, there = self.track.info, other.track.info
        return (here.source_name, here.identifier) == (there.source_name, there.identifier)
