"""A room's pushes: rows in, checked addresses and taps out; how each is doing."""

import asyncio
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b

import structlog

from audio.push_guard import PushGuard
from audio.taps import PushTap
from core.enums import Meter
from core.errors import UnplayableError, UsedUpError
from core.ports.pushes import Push
from core.ports.usage import Quotas
from core.room import Room

AGAIN = 30.0
"""Seconds after which a server's name is looked up again when it cannot be reached, or could not be found."""
STILL = 10.0
"""Seconds after which a room with nothing on and nothing waiting is sent no more, until there is music again."""
CONNECTING = "connecting"
WAITING = "waiting"
LIVE = "live"
USED_UP = "used_up"

log = structlog.get_logger()


class RoomPushes:
    """`wake` has the room looked at again."""

    def __init__(self, guard: PushGuard, wake: Callable[[], None], quotas: Quotas) -> None:
        self._guard = guard
        self._wake = wake
        self._quotas = quotas
        self._rows: Sequence[Push] = ()
        self._addresses: dict[str, str] = {}  # by url; what a name led to when it was looked up last
        self._looked: dict[str, float] = {}
        self._states: dict[str, str] = {}
        self._looking: set[asyncio.Task[None]] = set()
        self._still: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def on(self) -> bool:
        """Whether the room is to be pushed anywhere: that counts as a listener."""
        return bool(self._rows)

    def want(self, rows: Sequence[Push]) -> None:
        """These are on, and no others."""
        if list(rows) == list(self._rows):
            return
        self._rows = rows
        ids = {push.id for push in rows}
        self._states = {push: state for push, state in self._states.items() if push in ids}
        self._wake()

    def taps(self, room: Room) -> tuple[PushTap, ...]:
        """Those that a node may be told of, as many as the plan has; names that are not known yet are looked up."""
        if not self._rows:
            self._still = None
            return ()
        rest = WAITING if self._stopped(room) else USED_UP if self._used_up(room) else None
        if rest is not None:
            self._states = {push.id: rest for push in self._rows}
            return ()
        if not {WAITING, USED_UP}.isdisjoint(self._states.values()):
            self._states.clear()
        wanted = self._rows[: room.limits.rtmp]
        cover = (room.current.entry.track.cover or "") if room.current else ""
        for push in wanted:
            if push.address not in self._addresses and self._due(push):
                self._look_up(push)
        return tuple(
            PushTap(_tap(push, address), push.address, address, cover if push.picture else None)
            for push in wanted
            if (address := self._addresses.get(push.address))
        )

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
        shown = {tap.partition("-")[0]: state for tap, state in seen.items()}
        return {push.id: self._states.get(push.id) or shown.get(push.id) or CONNECTING for push in self._rows}

    def report(self, tap: str, state: str, reason: str | None) -> None:
        """A node says how a push is doing."""
        found = next((push for push in self._rows if push.id == tap.partition("-")[0]), None)
        if found is None or tap != _tap(found, self._addresses.get(found.address, "")):
            return
        before = self._states.get(found.id)
        self._states[found.id] = reason or state if state != "closed" else CONNECTING
        if self._states[found.id] != before:
            self._wake()
        if state == "failed" and self._due(found):  # its name may lead elsewhere by now
            self._look_up(found)

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

    def _due(self, push: Push) -> bool:
        return time.monotonic() - self._looked.get(push.address, -AGAIN) >= AGAIN

    def _look_up(self, push: Push) -> None:
        self._looked[push.address] = time.monotonic()
        task = asyncio.create_task(self._resolve(push))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _resolve(self, push: Push) -> None:
        try:
            address = await self._guard.address(push.address)
        except UnplayableError as error:
            log.info("push refused", room=push.room, push=push.id, server=push.server, reason=error.reason)
            self._addresses.pop(push.address, None)
            self._states[push.id] = error.reason
        else:
            if self._addresses.get(push.address) == address:
                return
            self._addresses[push.address] = address
            self._states.pop(push.id, None)
        self._wake()


def _tap(push: Push, address: str) -> str:
    """The id of a push's tap: another one when its address leads elsewhere, or it shows a picture or none."""
    told = f"{push.address} {address} {push.picture}"
    return f"{push.id}-{blake2b(told.encode(), digest_size=4).hexdigest()}"
