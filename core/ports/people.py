"""Which identities are one human."""

from typing import Protocol

from core.types import Identity


class People(Protocol):
    """Links that count everywhere at once: one human has one vote, one turn and one cap, wherever they are reached."""

    async def link(self, one: Identity, other: Identity) -> bool:
        """From now on both are one human (so are those linked to either); whether that is news."""
        ...

    async def unlink(self, identity: Identity) -> None:
        """An identity is a human of its own again, with the entries and votes that it cast itself.

        Raises NotLinkedError.
        """
        ...
