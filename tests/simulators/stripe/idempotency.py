"""Idempotency keys: the first answer is given again, 500s included; the same key for another request is an error."""

from dataclasses import dataclass
from typing import Any

from tests.simulators.stripe.clock import DAY
from tests.simulators.stripe.errors import ApiError


@dataclass
class Kept:
    """What was asked under a key, and what was answered once it is known."""

    asked: tuple[Any, ...]
    at: int
    answer: tuple[int, dict[str, Any]] | None = None


class Keys:
    """The keys of the last 24 hours."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str | None, str], Kept] = {}

    def begin(
        self, account: str | None, key: str, asked: tuple[Any, ...], now: int
    ) -> tuple[int, dict[str, Any]] | None:
        """The answer to give again, or None if this is the first time. Raises ApiError."""
        kept = self._kept.get((account, key))
        if kept is None or kept.at + DAY < now:
            self._kept[account, key] = Kept(asked, now)
            return None
        if kept.asked != asked:
            told = f"Try using a key other than '{key}' if you meant to execute a different request."
            first = "Keys for idempotent requests can only be used with the same parameters they were first used with."
            raise ApiError(400, "idempotency_error", f"{first} {told}", stored=False)
        if kept.answer is None:
            told = f"There is currently another in-progress request using this Idempotent Key: {key}"
            raise ApiError(409, "idempotency_error", told, code="idempotency_key_in_use", stored=False)
        return kept.answer

    def end(self, account: str | None, key: str, status: int, body: dict[str, Any]) -> None:
        """This was answered."""
        if (account, key) in self._kept:
            self._kept[account, key].answer = (status, body)

    def forget(self, account: str | None, key: str) -> None:
        """Nothing was executed: the key is free again."""
        self._kept.pop((account, key), None)
