"""Many rooms on one node: what some of them hold open never keeps another one waiting."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from tests.waiting import until

if TYPE_CHECKING:
    from tests.contract.media_host import MediaHost
    from tests.contract.node_client import NodeClient

pytestmark = pytest.mark.builtin
MANY = 120


async def test_a_hundred_open_sources_do_not_delay_the_next(node: NodeClient, media: MediaHost) -> None:
    hanging = [asyncio.create_task(node.load(f"{media.url}/hang?{number}")) for number in range(MANY)]
    await until(lambda: media.requests.count("/hang") == MANY, what="all are open")
    began = time.monotonic()
    assert (await node.load(media.tone(440, 2)))["loadType"] == "track"
    assert time.monotonic() - began < 2
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
