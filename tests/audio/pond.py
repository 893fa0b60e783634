"""A further source for tests."""

from audio.sources import Located
from core.ports.tracks import Found


class Pond:
    """Knows one address."""

    def __init__(self, located: Located) -> None:
        self.located = located

    def takes(self, query: str) -> bool:
        return "pond" in query

    async def find(self, query: str, limit: int) -> Found:
        raise NotImplementedError

    async def locate(self, address: str) -> Located:
        return self.located

    async def close(self) -> None:
        """Nothing runs."""
