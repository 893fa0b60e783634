"""The nodes of this installation: the built-in one and those of LAVALINK_NODES, and which of them is best."""

import asyncio
from collections.abc import Collection, Coroutine, Iterator, Sequence
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import structlog

from audio import wavelink_guard
from audio.line import Line
from audio.managed import ManagedNode, ManagedNodeError, NodeInfo
from audio.node import Health, Node, NodeAddress, NodeListener
from audio.session_book import SessionBook

BUILTIN = "builtin"
OLD = "builtin (old)"
DRAIN_TIMEOUT = 30.0
RETRY_START = 5.0
DEFAULT_PORTS = {"http": 2333, "https": 443}

log = structlog.get_logger()


class NodeSettingError(ValueError):
    """LAVALINK_NODES cannot be read; the message names the word, never its password."""


def parse_nodes(setting: str) -> tuple[bool, list[NodeAddress]]:
    """Whether the built-in node is wanted, and the others, from `name=http://password@host:port#regions builtin …`."""
    words = setting.split()
    addresses = [_parse_node(word) for word in words if word != BUILTIN]
    if len({address.name for address in addresses}) < len(addresses):
        raise NodeSettingError("two nodes have the same name")
    if any(address.name == BUILTIN for address in addresses):
        raise NodeSettingError(f"{BUILTIN} is the name of the one that is started here: call yours otherwise")
    return not words or BUILTIN in words, addresses


def _parse_node(word: str) -> NodeAddress:
    name, separator, uri = word.partition("=")
    name = name if separator else ""  # without one it may hold the password
    try:
        return _address(name, urlsplit(uri))
    except ValueError:  # which may quote what it could not read
        raise NodeSettingError(f"{name or 'a node'}: expected name=http://password@host:port") from None


def _address(name: str, parts: SplitResult) -> NodeAddress:
    if not name or not parts.hostname or parts.scheme not in DEFAULT_PORTS:
        raise ValueError
    password = unquote(parts.password or parts.username or "")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    regions = tuple(region for region in parts.fragment.split(",") if region)
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    return NodeAddress(name, f"{parts.scheme}://{host}:{port}", password, regions)


class Nodes:
    """All nodes. Set `listener` before `start`."""

    def __init__(
        self, addresses: Sequence[NodeAddress], *, managed: ManagedNode | None, sessions: SessionBook, user_id: int
    ) -> None:
        self.listener: NodeListener
        self.line = Line()
        self._addresses = addresses
        self._managed = managed
        self._sessions = sessions
        self._user_id = user_id
        self._nodes: dict[str, Node] = {}
        self._drained: frozenset[str] = frozenset()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start connecting to all of them; returns at once, except for the built-in one, which is started first."""
        wavelink_guard.install()
        await self._sessions.open()
        for address in self._addresses:
            self._add(address)
        if self._managed is not None:
            self._managed.moved = self._builtin_moved
            await self._start_managed(self._managed)

    async def stop(self, *, leave: bool = False) -> None:
        """Leave all nodes, and end the built-in one; with `leave` it and all players go on for the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(node.stop() for node in self._nodes.values()))
        self._nodes.clear()
        if self._managed is not None:
            self._managed.leave = leave
            await self._managed.stop()
        await self._sessions.close()

    def __iter__(self) -> Iterator[Node]:
        return iter(list(self._nodes.values()))

    def get(self, name: str) -> Node | None:
        """A node by its name."""
        return self._nodes.get(name)

    def best(self, *, chorus: bool = False, manager: str | None = None, region: str = "") -> Node | None:
        """The usable node closest to a voice region, of those the one with the least penalty.

        `chorus`: of those with the extension, if there is one. Only one that offers the source `manager` will do, if
        any is named.
        """
        usable = [node for node in self if node.welcomes and node.offers(manager)]
        fitting = [node for node in usable if node.chorus or not chorus]
        return min(fitting or usable, key=lambda node: (node.address.distance(region), node.penalty), default=None)

    def drain(self, names: Collection[str]) -> bool:
        """Have all rooms leave the nodes of these names, and no others; whether that is news."""
        if frozenset(names) == self._drained:
            return False
        self._drained = frozenset(names)
        for node in self:
            if node.name != OLD:
                node.draining = node.name in names
        return True

    def status(self) -> dict[str, str]:
        """Name → `up`, or why not."""
        return {name: "up" if node.health is Health.UP else node.trouble for name, node in self._nodes.items()}

    async def be(self, user_id: int) -> None:
        """Play as this account; nodes that know us as another are connected to anew."""
        if user_id != self._user_id:
            self._user_id = user_id
            for node in list(self._nodes.values()):
                await self.renew(node)

    async def drained(self, node: Node) -> None:
        """No room is on a draining node any more: leave it."""
        if self._nodes.get(node.name) is node and node.draining:
            del self._nodes[node.name]
            await node.stop()
            if self._managed is not None:
                await self._managed.retire()

    def _add(self, address: NodeAddress) -> Node:
        node = Node(address, user_id=self._user_id, sessions=self._sessions, listener=self.listener)
        node.draining = address.name in self._drained
        self._nodes[address.name] = node
        if address.name == BUILTIN and self._managed is not None:
            node.frozen = self._managed.kill
        node.start()
        return node

    async def renew(self, node: Node, session: str | None = None) -> Node:
        """Be connected by another session in place of the present one, whose players count no more."""
        self._nodes.pop(node.name, None)
        await node.stop()
        self.listener.node_down(node)
        self._sessions.choose(node.address, session)
        return self._add(node.address)

    async def _start_managed(self, managed: ManagedNode) -> None:
        try:
            await managed.start()
        except ManagedNodeError as error:
            log.error("no built-in node", error=str(error))  # noqa: TRY400 - the message says it all
            self._spawn(self._retry(managed))

    async def _retry(self, managed: ManagedNode) -> None:
        await asyncio.sleep(RETRY_START)
        await self._start_managed(managed)

    def _builtin_moved(self, info: NodeInfo) -> None:
        """The built-in node listens at a new address: the former one is gone, or drains if it still plays."""
        former = self._nodes.pop(BUILTIN, None)
        if former is not None and self._managed is not None and self._managed.retiring:
            self._drain(former)
        elif former is not None:
            self._spawn(former.stop())
            self.listener.node_down(former)
        self._add(NodeAddress(BUILTIN, info.uri, info.password))

    def _drain(self, node: Node) -> None:
        node.draining = True
        node.address = NodeAddress(OLD, node.address.uri, node.address.password)
        self._nodes[OLD] = node
        self._spawn(self._leave_later(node))

    async def _leave_later(self, node: Node) -> None:
        await asyncio.sleep(DRAIN_TIMEOUT)
        await self.drained(node)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
