"""A room's pushes: rows in, checked addresses and taps out; how each is doing."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from hashlib import blake2b

import structlog

from audio.push_guard import PushGuard
from audio.push_server import PushServer
from audio.taps import PushTap
from core.enums import Meter
from core.errors import UnplayableError, UsedUpError
from core.ports.pushes import Push
from core.ports.usage import Quotas
from core.room import Room

STILL = 10.0
"""Seconds after which a room with nothing on and nothing waiting is sent no more, until there is music again."""
CONNECTING = "connecting"
WAITING = "waiting"
LIVE = "live"
USED_UP = "used_up"
OVER_PLAN = "over_plan"
RESTING = frozenset({WAITING, USED_UP, OVER_PLAN})
"""States in which no node is told of a push."""
NOT_REACHED = frozenset({"refused", "unreachable", "timeout", "hung"})
"""Failures after which another address of the server is tried."""

log = structlog.get_logger()


class RoomPushes:
    """`wake` has the room looked at again."""

    def __init__(self, guard: PushGuard, wake: Callable[[], None], quotas: Quotas) -> None:
        self._guard = guard
        self._wake = wake
        self._quotas = quotas
        self._rows: Sequence[Push] = ()
        self._servers: defaultdict[str, PushServer] = defaultdict(PushServer)  # by url
        self._told: dict[str, tuple[str, str]] = {}  # by push: its tap, and the address that this goes to
        self._states: dict[str, str] = {}
        self._looking: set[asyncio.Task[None]] = set()
        self._still: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def on(self) -> bool:
        """Whether the room is to be pushed anywhere."""
        return bool(self._rows)

    @property
    def heard(self) -> bool:
        """Whether it is, or will be as soon as there is music, as far as the plan allows: that counts as a listener."""
        return any(self._states.get(push.id) not in {USED_UP, OVER_PLAN} for push in self._rows)

    def want(self, rows: Sequence[Push]) -> None:
        """These are on, and no others."""
        if list(rows) == list(self._rows):
            return
        self._rows = rows
        ids = {push.id for push in rows}
        self._states = {push: state for push, state in self._states.items() if push in ids}
        self._wake()

    def taps(self, room: Room, running: Collection[str] = ()) -> tuple[PushTap, ...]:
        """Those that a node may be told of, as many as the plan has; names that are not known yet are looked up.

        `running` are the ids of those that go on.
        """
        if not self._rows:
            self._still = None
            return ()
        rest = WAITING if self._stopped(room) else USED_UP if self._used_up(room) else None
        if rest is not None:
            self._states = {push.id: rest for push in self._rows}
            return ()
        wanted, over = self._rows[: room.limits.rtmp], self._rows[room.limits.rtmp :]
        kept = {push: state for push, state in self._states.items() if state not in RESTING}
        self._states = kept | {push.id: OVER_PLAN for push in over}
        for push in wanted:
            server = self._servers[push.address]
            if not server.known and server.due:
                self._look_up(push)
        cover = (room.current.entry.track.cover or "") if room.current else ""
        made = (self._tap(push, running, cover) for push in wanted)
        return tuple(tap for tap in made if tap is not None)

    def _tap(self, push: Push, running: Collection[str], cover: str) -> PushTap | None:
        """What a node is told of a push; None while it is not known where it goes."""
        address = self._servers[push.address].choose(lambda address: _id(push, address) in running)
        if address is None:
            return None
        tap = _id(push, address)
        if push.id in self._told and self._told[push.id][0] != tap:
            self._states.pop(push.id, None)
        self._told[push.id] = tap, address
        return PushTap(tap, push.address, address, cover if push.picture else None)

    def _used_up(self, room: Room) -> bool:
        """Whether the room was sent for as long as its plan has."""
        try:
            self._quotas.require(room, Meter.PUSHING)
        except UsedUpError:
            return True
        return False

    def _stopped(self, room: Room) -> bool:
        """Whether the room has had nothing to play for a while; `wake` comes when it has."""
        if room.current is not None or room.entries:
            self._still = None
            return False
        now = time.monotonic()
        if self._still is None:
            self._still = now
            self._forget_timer()
            self._timer = asyncio.get_running_loop().call_later(STILL, self._wake)
        return now - self._still >= STILL

    def states(self, seen: dict[str, str]) -> dict[str, str]:
        """Push id → how it is doing; `seen` is what the node shows of its taps."""
        states = {tap.partition("-")[0]: state for tap, state in seen.items()} | self._states
        refused = {push.id: self._servers[push.address].refused for push in self._rows}
        states |= {push: why for push, why in refused.items() if why and states.get(push) not in RESTING}
        return {push.id: states.get(push.id, CONNECTING) for push in self._rows}

    def report(self, tap: str, state: str, reason: str | None) -> None:
        """A node says how a push is doing."""
        found = next((push for push in self._rows if push.id == tap.partition("-")[0]), None)
        if found is None:
            return
        current, address = self._told.get(found.id, (tap, ""))
        if tap != current:
            return
        before = self._states.get(found.id)
        self._states[found.id] = reason or state
        if self._states[found.id] != before:
            self._wake()
        if state == "failed" and self._servers[found.address].due:  # its name may lead elsewhere by now
            self._look_up(found, failed=address if reason in NOT_REACHED else "")

    def lost(self) -> None:
        """The node that pushed is gone."""
        self._states.clear()

    def stop(self) -> None:
        """Look nothing up any more."""
        self._forget_timer()
        for task in self._looking:
            task.cancel()

    def _forget_timer(self) -> None:
        """Nobody is to be woken."""
        if self._timer is not None:
            self._timer.cancel()

    def _look_up(self, push: Push, *, failed: str = "") -> None:
        self._servers[push.address].look()
        task = asyncio.create_task(self._resolve(push, failed))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _resolve(self, push: Push, failed: str) -> None:
        try:
            addresses = await self._guard.addresses(push.address)
        except UnplayableError as error:
            log.info("push refused", room=push.room, push=push.id, server=push.server, reason=error.reason)
            self._servers[push.address].lost(error.reason)
        else:
            self._servers[push.address].found(addresses, failed=failed)
        self._wake()


def _id(push: Push, address: str) -> str:
    """The id of a push's tap: another one when its address leads elsewhere, or it shows a picture or none."""
    told = f"{push.address} {address} {push.picture}"
    return f"{push.id}-{blake2b(told.encode(), digest_size=4).hexdigest()}"
