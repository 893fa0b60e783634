"""Where an entry sits while nothing else decides."""

from core.room import Room
from core.types import Entry, EntryId

SPACING = 10
"""Bits between the seats of two milliseconds: room to put entries in between by hand."""
SPREAD = 1 << 50
"""How many seats a shuffle deals out."""
_WORD = (1 << 64) - 1


def seat_of(room: Room, entry: Entry) -> int:
    """The seat somebody gave it, else the shuffle's (below all that came later), else when it was first asked for."""
    if entry.seat is not None:
        return entry.seat
    shuffle = room.shuffle
    if shuffle is not None and entry.id <= shuffle.upto:
        return _dealt(shuffle.seed, entry.id) - SPREAD
    return entry.first_requested_at << SPACING


def _dealt(seed: int, entry: EntryId) -> int:
    """A number that looks random and is the same in every process: a Weyl sequence, mixed once."""
    word = (entry * 0x9E3779B97F4A7C15 + seed) & _WORD
    return ((word ^ word >> 29) * 0xBF58476D1CE4E5B9 & _WORD) >> 14
