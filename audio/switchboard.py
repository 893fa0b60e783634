"""Which player a report of a node is for."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from audio.follower import Follower
from audio.intake import NodeReport
from audio.node import Node
from audio.player import RoomPlayer
from audio.push_book import PushBook
from core.types import EntryId, RoomId

ABOUT_TRACKS = frozenset({"track_start", "track_end", "track_exception", "track_stuck"})


class Switchboard:
    """The nodes' listener: passes what they say on to those of `players` that were added, and to `pushed`."""

    def __init__(self, players: Mapping[RoomId, RoomPlayer], pushed: PushBook) -> None:
        self._players = players
        self._pushed = pushed
        self._by_id: dict[int, RoomPlayer] = {}
        self._followers: dict[int, Follower] = {}
        self._drops: set[asyncio.Task[None]] = set()

    def add(self, player: RoomPlayer) -> None:
        """Reports by its ids are for it from now on."""
        self._by_id[player.id] = player
        self._followers[player.broadcast.follower.id] = player.broadcast.follower

    def remove(self, player: RoomPlayer) -> None:
        """Nothing is for it any more."""
        del self._by_id[player.id], self._followers[player.broadcast.follower.id]

    def follows(self, player_id: int) -> bool:
        """Whether a player of ours only serves streams of a room that is played elsewhere."""
        return player_id in self._followers

    async def close(self) -> None:
        """Wait for no node any more."""
        for drop in self._drops:
            drop.cancel()
        await asyncio.gather(*self._drops, return_exceptions=True)

    def node_up(self, node: Node, players: dict[int, dict[str, Any]]) -> None:
        """Find again what plays there; end what plays elsewhere now."""
        for player_id, found in players.items():
            player = self._by_id.get(player_id)
            if player is None or player.node not in {None, node}:
                self._drop(node, player_id)
            else:
                player.take(NodeReport(node, "adopt", None, found))
        for player in self._players.values():
            if player.node is node and player.id not in players:
                player.lost(node)
            player.wake()

    def node_down(self, node: Node) -> None:
        """Its rooms move."""
        for player in self._players.values():
            player.lost(node)

    def node_event(self, node: Node, kind: str, payload: Any) -> None:
        """Pass on what a player reports."""
        follower = self._followers.get(payload.player.player_id) if getattr(payload, "player", None) else None
        if kind == "extra_event":
            self._pushed.report(node, payload.data)
        elif follower is not None:
            _tell_follower(follower, node, kind, payload)
        elif kind in ABOUT_TRACKS:
            self._about_track(node, kind, payload)
        elif kind in {"player_update", "websocket_closed"} and payload.player is not None:
            player = self._by_id.get(payload.player.player_id)
            if player is not None and kind == "player_update":
                player.update(node, payload.position, connected=payload.connected)
            elif player is not None:
                player.take(NodeReport(node, kind, None, payload))

    def _about_track(self, node: Node, kind: str, payload: Any) -> None:
        data = cast("dict[str, Any]", payload.track.raw_data.get("userData") or {})
        player = self._players.get(data.get("room", ""))
        if player is not None and "entry" in data:
            player.take(NodeReport(node, kind, EntryId(int(data["entry"])), payload))

    def _drop(self, node: Node, player_id: int) -> None:
        task = asyncio.create_task(node.drop(player_id))
        self._drops.add(task)
        task.add_done_callback(self._drops.discard)


def _tell_follower(follower: Follower, node: Node, kind: str, payload: Any) -> None:
    if kind == "player_update":
        follower.update(node, payload.position)
    elif kind in ABOUT_TRACKS:
        follower.take(node, kind, payload)
