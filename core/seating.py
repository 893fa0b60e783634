"""Putting entries elsewhere by hand: seats between others, pins, which play before every turn, and exchanged seats."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import takewhile

from core.ordering import order_of
from core.ordering.seats import SPACING, seat_of
from core.room import Room
from core.types import Entry, EntryId

GAP = 1 << SPACING
"""What lies between two seats that nobody sits between."""
FEW = 50
"""Up to so many changes an order takes in one by one; a new one is quicker for more."""


def is_scheduled(entry: Entry, now: int) -> bool:
    """Whether it waits for its time."""
    return not entry.forced and entry.starts_at is not None and entry.starts_at > now


def is_pinned(entry: Entry, now: int) -> bool:
    """Whether it plays before every turn: pinned by hand, or its time has come."""
    return entry.forced or (entry.starts_at is not None and entry.starts_at <= now)


def after_pins(room: Room, now: int) -> int:
    """A seat after everything that is pinned."""
    return max((seat_of(room, one) for one in room.entries.values() if is_pinned(one, now)), default=0) + GAP


def before_pins(room: Room, now: int) -> int:
    """A seat before everything that is pinned."""
    return min((seat_of(room, one) for one in room.entries.values() if is_pinned(one, now)), default=0) - GAP


def squeeze(bound: int, beyond: Iterable[int]) -> list[int]:
    """Rising seats above `bound`: a newcomer's, and those of as many of the rising `beyond` as have to make room."""
    moved = 1
    for seat in beyond:
        if (space := seat - bound) > moved:
            return [bound + space * number // (moved + 1) for number in range(1, moved + 1)]
        moved += 1
    return [bound + GAP * number for number in range(1, moved + 1)]


def raised(seats: Iterable[int], above: int | None) -> list[int]:
    """The same seats, each raised as little as makes them rise strictly, the first one above `above`."""
    risen: list[int] = []
    for seat in seats:
        above = seat if above is None else max(seat, above + 1)
        risen.append(above)
    return risen


class Seating:
    """Gives waiting entries of a room seats, and remembers in `before` which they had (for `undoing`)."""

    def __init__(self, room: Room, now: int) -> None:
        self._room = room
        self._now = now
        self._order = order_of(room, now)
        self.before: dict[EntryId, tuple[int | None, bool]] = {}

    def _seat(self, seats: Iterable[tuple[Entry, int, bool]]) -> None:
        """Entries sit elsewhere; those with True are pinned."""
        news = [it for it in seats if (seat_of(self._room, it[0]), it[0].forced) != it[1:]]
        for entry, seat, pinned in news:
            self.before.setdefault(entry.id, (entry.seat, entry.forced))
            entry.seat, entry.forced = seat, pinned
            self._room.changes.entries.add(entry.id)
        if len(news) > FEW:
            self._room.order = None
            self._order = order_of(self._room, self._now)
        else:
            for entry, _, _ in news:
                self._order.move(entry)

    def pin(self, entries: Sequence[Entry]) -> None:
        """These play first, in this order."""
        chosen = {entry.id for entry in entries}
        others = (it for it in self._room.entries.values() if is_pinned(it, self._now) and it.id not in chosen)
        start = min((seat_of(self._room, it) for it in others), default=0) - GAP * len(entries)
        self._seat((entry, start + GAP * number, True) for number, entry in enumerate(entries))

    def insert(self, entry: Entry, at: int) -> None:
        """Where seats alone decide, an entry goes behind `at` others, as far as those are of its kind (not parked)."""
        others = [self._room.entries[it] for it in self._order.entries() if it != entry.id]
        before, after = others[:at][::-1], others[at:]
        pinned = bool(after) and is_pinned(after[0], self._now)

        def beside(other: Entry) -> bool:
            alike = (is_pinned(other, self._now), other.parked) == (pinned, entry.parked)
            return alike and not is_scheduled(other, self._now)

        self._fit(entry, list(takewhile(beside, before)), list(takewhile(beside, after)), pinned=pinned)

    def _fit(self, entry: Entry, before: Sequence[Entry], after: Sequence[Entry], *, pinned: bool) -> None:
        """Between those `before` (the nearest first) and `after`; as few of them as possible make room."""
        lower, upper = ([seat_of(self._room, it) for it in side] for side in (before, after))
        if lower and upper:
            up = squeeze(lower[0], upper)
            down = [-seat for seat in squeeze(-upper[0], (-seat for seat in lower))]
            seats, moved = (up, after) if len(up) <= len(down) else (down, before)
        elif lower:
            seats, moved = [lower[0] + GAP], ()
        elif upper:
            seats, moved = [upper[0] - GAP], ()
        else:
            seats, moved = [seat_of(self._room, entry)], ()
        made_room = [(other, seat, other.forced) for other, seat in zip(moved, seats[1:], strict=False)]
        self._seat([(entry, seats[0], pinned), *made_room])

    def reorder(self, own: Sequence[Entry], wanted: Sequence[Entry]) -> None:
        """Entries of one person and lane, in their order, exchange their seats so that they come as `wanted`."""
        apart = [number for number, (is_, should) in enumerate(zip(own, wanted, strict=True)) if is_ is not should]
        if not apart:
            return
        first, last = apart[0], apart[-1]
        rest = self._alike(own[last:])
        above = seat_of(self._room, own[first - 1]) if len(self._alike(own[max(first - 1, 0) : first + 1])) else None
        seats = sorted(seat_of(self._room, it) for it in own[first : last + 1])
        seats = raised([*seats, *(seat_of(self._room, it) for it in rest)], above)
        moved = (*wanted[first : last + 1], *rest)
        self._seat((entry, seat, entry.forced) for entry, seat in zip(moved, seats, strict=True))

    def _alike(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those after the first one that nothing but their seats puts after it."""
        rate = self._order.spot(entries[0]).key[0]
        return list(takewhile(lambda it: self._order.spot(it).key[0] == rate, entries[1:]))

    def own(self, entry: Entry, same: Iterable[Entry]) -> list[Entry]:
        """Those of `same` that wait beside `entry` (pinned, parked or neither), in their order, itself included."""
        lane = self._order.spot(entry).lane
        spots = [(spot.key, it) for it in same if (spot := self._order.spot(it)).lane == lane]
        return [it for _, it in sorted(spots, key=lambda spot: spot[0])]

    def index(self, own: Sequence[Entry], entry: Entry, at: int) -> int:
        """Which of a person's other entries in order (`own`) an entry takes the place of to be behind `at` others."""
        others = [it for it in own if it is not entry]
        moving_down = at > self._order.rank(entry)
        return bisect_left(others, at + moving_down, key=self._order.rank)
