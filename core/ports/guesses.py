"""How often somebody may enter a code."""

from typing import Protocol

from core.types import PersonId


class Guesses(Protocol):
    """Counted by person, in a window that slides."""

    async def count(self, person: PersonId) -> None:
        """One more. Raises RateLimitedError."""
        ...
