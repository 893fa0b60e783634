"""Codes that people carry from one surface to another."""

from typing import Protocol


class Codes(Protocol):
    """Each works once, and for ten minutes. Everything raises StoreUnavailableError."""

    async def issue(self, kind: str, subject: str) -> str:
        """A new code that stands for `subject`; nobody can guess it, and the store does not know it."""
        ...

    async def redeem(self, kind: str, code: str) -> str | None:
        """What a code of that kind stands for, once; None for one that was used, has run out or never was."""
        ...

    async def claim(self, kind: str, token: str, *, until: int) -> bool:
        """Whether nobody has used a token of somebody else's making before; remembered until then (UTC ms)."""
        ...
