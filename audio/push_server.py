"""A server that is pushed to: where its name led, and which of these addresses is tried."""

import time
from collections.abc import Callable, Sequence

AGAIN = 30.0
"""Seconds after which a server's name is looked up again when it cannot be reached, or could not be found."""


class PushServer:
    """One of several addresses is kept to for as long as it does: a push that goes there already is not cut."""

    def __init__(self) -> None:
        self.refused = ""
        """Why its name led nowhere; empty if it did lead somewhere."""
        self._addresses: list[str] = []
        self._failed = ""
        self._looked = -AGAIN

    @property
    def known(self) -> bool:
        """Whether its name led anywhere."""
        return bool(self._addresses)

    @property
    def due(self) -> bool:
        """Whether its name may be looked up; then call `look`."""
        return time.monotonic() - self._looked >= AGAIN

    def look(self) -> None:
        """Its name is looked up now."""
        self._looked = time.monotonic()

    def found(self, addresses: Sequence[str], *, failed: str = "") -> None:
        """Its name leads here; at `failed` nobody answered: what stands behind that is tried next."""
        self.refused = ""
        self._addresses, self._failed = [*addresses], failed or self._failed
        if self._failed in self._addresses:
            after = self._addresses.index(self._failed) + 1
            self._addresses = self._addresses[after:] + self._addresses[:after]

    def lost(self, reason: str) -> None:
        """Its name leads nowhere, or where nothing may be sent."""
        self.refused = reason
        self._addresses.clear()

    def choose(self, goes: Callable[[str], bool]) -> str | None:
        """An address that is pushed to already, as `goes` tells, and answers; else the first one that may."""
        fit = [it for it in self._addresses if it != self._failed] or self._addresses
        return next(filter(goes, fit), fit[0] if fit else None)
