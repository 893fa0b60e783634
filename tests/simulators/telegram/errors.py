"""How the simulator says no, and how it tells the test."""

from typing import Any


class ApiError(Exception):
    """An answer with `ok: false`; `mistake` marks what a correct client never does: it fails the test."""

    def __init__(
        self, code: int, description: str, *, mistake: bool = False, parameters: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
        if parameters:
            self.body["parameters"] = parameters
        self.mistake = mistake


def bad(what: str, *, mistake: bool = True) -> ApiError:
    """400."""
    return ApiError(400, f"Bad Request: {what}", mistake=mistake)


def fate(what: str) -> ApiError:
    """400 for what may happen to a correct client."""
    return bad(what, mistake=False)


class NotAnsweredError(AssertionError):
    """The bot did not answer a person in time."""


class NotPossibleError(AssertionError):
    """What a person tried cannot be done in Telegram's client (no such button)."""
