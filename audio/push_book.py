"""Which rooms are pushed where: read again when told, passed on to their players."""

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any

import structlog

from audio.node import Node
from audio.player import RoomPlayer
from core.errors import ChorusError
from core.ports.pushes import Push, Pushes
from core.types import RoomId

log = structlog.get_logger()


class PushBook:
    """For all of `players`; without `pushes` there are none."""

    def __init__(self, pushes: Pushes | None, players: Mapping[RoomId, RoomPlayer]) -> None:
        self._pushes = pushes
        self._players = players
        self._rows: Mapping[RoomId, Sequence[Push]] = {}

    @property
    def rooms(self) -> Collection[RoomId]:
        """Those that are pushed anywhere."""
        return self._rows.keys()

    def open(self, player: RoomPlayer) -> None:
        """Tell a new player what it is to push."""
        player.pushes.want(self._rows.get(player.ref.room, ()))

    async def read(self) -> None:
        """Learn which are on."""
        if self._pushes is None:
            return
        try:
            rows = await self._pushes.on()
        except ChorusError as error:
            log.warning("pushes not readable", error=type(error).__name__)
            return
        self._rows = {room: list(some) for room, some in groupby(rows, lambda push: push.room)}
        for player in self._players.values():
            self.open(player)

    def report(self, node: Node, data: dict[str, Any]) -> None:
        """A node's event that may be about one; of one that the room has left it says nothing any more."""
        if data.get("type") == "ChorusTapEvent" and data.get("state") in {"live", "failed"}:
            for player in self._players.values():
                if player.serves(node, int(data["guildId"])):
                    player.pushes.report(data["id"], data["state"], data.get("reason"))
