"""What the room players of one process share."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from audio.loudness import Levels
from audio.nodes import Nodes
from audio.push_guard import PushGuard
from core.events import Event
from core.ports.clock import Clock
from core.ports.places import RoomRef
from core.ports.rooms import Rooms
from core.ports.tracks import MediaAddress
from core.ports.usage import Quotas
from core.reports import Reports


@dataclass(frozen=True, slots=True)
class Parts:
    """All that they are given.

    `moves` bounds how many rooms move to another node at a time; `owns` says whether a room's effects are ours to do;
    `publish` tells the bus; `born` is the monotonic time of our start.
    """

    rooms: Rooms
    reports: Reports
    clock: Clock
    nodes: Nodes
    media: MediaAddress
    levels: Levels
    moves: asyncio.Semaphore
    owns: Callable[[RoomRef], bool]
    publish: Callable[[Event], None]
    push_guard: PushGuard
    born: float
    quotas: Quotas
