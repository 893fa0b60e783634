"""When slots become ours: the sessions that their former owners had with nodes, and the players in them."""

import asyncio
from collections.abc import Callable

import structlog

from audio.node import NODE_ERRORS, Health, Node
from audio.nodes import Nodes
from audio.players import Players
from audio.session_book import SessionBook
from core.ports.node_sessions import NodeSession
from core.ports.places import RoomRef

PATIENCE = 4.0
"""Seconds in which players have to be taken over; after that the music is started anew."""

log = structlog.get_logger()


class Inheritance:
    """Resumes the session of an instance that is gone when all its slots are ours; the music then never stops.

    Otherwise the rooms that became ours are started anew in our own session, and their old players ended. `holds` says
    whether a room's slot is ours, if only just.
    """

    def __init__(self, nodes: Nodes, players: Players, book: SessionBook, *, holds: Callable[[RoomRef], bool]) -> None:
        self._nodes = nodes
        self._players = players
        self._book = book
        self._holds = holds

    async def gain(self) -> None:
        """Slots are ours, but their rooms are not touched yet."""
        rows = await self._book.others()
        if not rows:
            return
        await self._players.take_over()
        await asyncio.sleep(0)  # new players find that they may not act yet
        try:
            async with asyncio.timeout(PATIENCE):
                for row in rows:
                    await self._settle(row)
        except TimeoutError:
            log.warning("nodes too slow: music is started anew")

    def settled(self) -> None:
        """The rooms of new slots are ours to play, those of lost ones no more."""
        self._players.wake()

    async def lose(self) -> None:
        """Slots are another instance's now: where it resumed our session we go on by a new one."""
        for node in self._nodes:
            if node.session_id is not None and await self._book.taken(node.address):
                await self._nodes.renew(node)

    async def _settle(self, row: NodeSession) -> None:
        node = self._nodes.get(row.node)
        if node is None or node.address.uri != row.uri or node.health is not Health.UP:
            return
        try:
            await self._take_over(node, row)
        except NODE_ERRORS as error:
            log.warning("old players not ended", node=node.name, error=type(error).__name__)

    async def _take_over(self, node: Node, row: NodeSession) -> None:
        former = node.former_session(row.session)
        playing = await former.players()
        if playing is not None:  # its instance still lives, or the node thinks so
            await former.drop([player for player in playing if row.heir or self._ours(player)])
        elif not row.heir:
            await former.end(self._ours, wholly=False)
        elif any(not self._players.follows(player) for player in await node.players()):
            await former.end(lambda _player: True, wholly=True)
            self._book.remove(row)
        else:
            await self._resume(node, row)

    async def _resume(self, node: Node, row: NodeSession) -> None:
        log.info("session inherited", node=node.name, of=row.instance)
        self._book.remove(row)
        for player in await node.players():  # they followed what is ours now
            await node.drop(player)
        await self._connected(await self._nodes.renew(node, row.session))

    def _ours(self, player: int) -> bool:
        return any(one.id == player and self._holds(one.ref) for one in self._players.all())

    @staticmethod
    async def _connected(node: Node) -> None:
        while node.health is not Health.UP:  # noqa: ASYNC110 - nodes tell the players alone
            await asyncio.sleep(0.02)
