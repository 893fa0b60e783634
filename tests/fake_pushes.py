"""Pushes in memory."""

from collections.abc import Sequence
from dataclasses import replace

from core.errors import NoSuchPushError, NotInPlanError
from core.ports.pushes import Push
from core.records.rows import Audit
from core.types import RoomId


class FakePushes:
    """The port `Pushes`; `audits` is what was written down."""

    def __init__(self) -> None:
        self.rows: dict[tuple[RoomId, str], Push] = {}
        self.audits: list[Audit] = []

    async def of(self, room: RoomId) -> Sequence[Push]:
        return [push for push in self.rows.values() if push.room == room]

    async def on(self) -> Sequence[Push]:
        return [push for push in self.rows.values() if push.on]

    async def put(self, push: Push, by: Audit, *, most: int) -> str:
        made = replace(push, id=f"p{abs(hash(push.address)) % 10_000}")
        others = [it for it in await self.of(push.room) if it.id != made.id]
        if len(others) >= most:
            raise NotInPlanError("pushes")
        self.rows[push.room, made.id] = made
        self.audits.append(by)
        return made.id

    async def switch(self, room: RoomId, push: str, by: Audit, *, on: bool) -> bool:
        found = self._find(room, push)
        if found.on == on:
            return False
        self.rows[room, push] = replace(found, on=on)
        self.audits.append(by)
        return True

    async def remove(self, room: RoomId, push: str, by: Audit) -> None:
        del self.rows[room, self._find(room, push).id]
        self.audits.append(by)

    def _find(self, room: RoomId, push: str) -> Push:
        if (room, push) not in self.rows:
            raise NoSuchPushError(push)
        return self.rows[room, push]
