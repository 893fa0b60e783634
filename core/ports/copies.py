"""Copies of tracks, for people to keep."""

from dataclasses import dataclass
from typing import Protocol

from core.types import Track


@dataclass(frozen=True, slots=True)
class Copy:
    """A file as players know them: MP3, or AAC in MP4. `name` ends as its kind does."""

    name: str
    content: bytes


class Copies(Protocol):
    """What the operator shares."""

    async def copy(self, track: Track) -> Copy | None:
        """The track as a file of 50 MB at most; None when its source is not shared.

        Raises UnplayableError (`too_large`, `not_found`, `corrupt`, `timeout`).
        """
        ...
