"""A session with a node that is not the one we are connected by: a former one of ours, or another instance's."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager

from audio.probe import NODE_ERRORS
from audio.wavelink_guard import GuardedNode, NodeRequestError

WITHIN = 3.0


class FormerSession:
    """Its players, which may be ended."""

    def __init__(self, wave: GuardedNode, session: str) -> None:
        self._wave = wave
        self._path = f"/v4/sessions/{session}"
        self._id = session

    async def players(self) -> list[int] | None:
        """The ids of its players; None when nobody is connected by it. Raises what `GuardedNode.request` raises."""
        try:
            found = await self._wave.request("GET", f"{self._path}/players", within=WITHIN)
        except NodeRequestError as error:
            if error.status == 404:  # noqa: PLR2004
                return None
            raise
        return [int(player["guildId"]) for player in found]

    async def clear(self) -> None:
        """End all its players, if somebody is connected by it or the node has not noticed that nobody is."""
        with contextlib.suppress(*NODE_ERRORS):
            await self.drop(await self.players() or ())

    async def drop(self, players: Iterable[int]) -> None:
        """End these players."""
        for player in players:
            with contextlib.suppress(*NODE_ERRORS):
                await self._wave.request("DELETE", f"{self._path}/players/{player}", within=WITHIN)

    async def end(self, which: Callable[[int], bool], *, wholly: bool) -> None:
        """End players of a session that nobody is connected by, and with `wholly` the session too."""
        async with self._connected():
            await self.drop([player for player in await self.players() or () if which(player)])
            if wholly:
                with contextlib.suppress(*NODE_ERRORS):
                    await self._wave.request("PATCH", self._path, {"resuming": False}, within=WITHIN)

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[None]:
        """A node shows the players of a session only while somebody is connected by it."""
        async with self._wave.connected(self._id) as socket:
            await socket.receive_str(timeout=WITHIN)  # ready
            yield
