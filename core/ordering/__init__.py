"""The order in which waiting entries play, in every mode.

All modes begin alike: what is locked, then what was forced (play next, or due by the clock), then what waits, then
what is parked, then what is scheduled for later. They differ in how those that wait, and those that are parked, stand
among themselves. Nothing here sorts a whole queue twice: a vote or an entry that comes in is repaired in place.
"""

from core.ordering.order import Order, order_of
from core.ordering.seats import seat_of
from core.ordering.spots import Spot
from core.ordering.tallies import Tally
from core.ordering.turns import airtime

__all__ = ["Order", "Spot", "Tally", "airtime", "order_of", "seat_of"]
