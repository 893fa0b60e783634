"""Nodes that an operator has put aside: their rooms move away, and come back when they may."""

import asyncio
from collections.abc import Callable

import structlog

from audio.nodes import Nodes
from core.errors import StoreUnavailableError
from core.ports.node_drains import NodeDrains

LOOK = 1.0
"""Seconds between two looks at what the operator wants."""

log = structlog.get_logger()


async def follow(nodes: Nodes, drains: NodeDrains, wake: Callable[[], None]) -> None:
    """Do as the store says, until cancelled; `wake` has every room looked at again."""
    while True:
        try:
            names = await drains.all()
        except StoreUnavailableError as error:
            log.warning("drained nodes not readable", error=type(error).__name__)
        else:
            if nodes.drain(names):
                log.info("nodes drained", nodes=sorted(names))
                wake()
        await asyncio.sleep(LOOK)
