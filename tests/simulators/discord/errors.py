"""How the simulator says no, and how it tells the test."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


class ApiError(Exception):
    """An error of the REST API; `mistake` marks what a correct client never does: it fails the test."""

    def __init__(
        self, status: int, code: int, message: str, *, errors: dict[str, Any] | None = None, mistake: bool = False
    ) -> None:
        super().__init__(f"{status} {code} {message}{f' {errors}' if errors else ''}")
        self.status = status
        self.body: dict[str, Any] = {"message": message, "code": code} | ({"errors": errors} if errors else {})
        self.mistake = mistake
        self.headers: dict[str, str] = {}


def bad_body(where: str, problem: str) -> ApiError:
    """400 Invalid Form Body, with the place and the problem."""
    errors: dict[str, Any] = {"_errors": [{"code": "BASE_TYPE_BAD", "message": problem}]}
    for key in reversed(where.split(".") if where else []):
        errors = {key: errors}
    return ApiError(400, 50035, "Invalid Form Body", errors=errors, mistake=True)


class CloseError(Exception):
    """The websocket is closed with this code; `mistake` as above."""

    def __init__(self, code: int, reason: str, *, mistake: bool = False) -> None:
        super().__init__(f"{code} {reason}")
        self.code, self.reason, self.mistake = code, reason, mistake


@contextmanager
def well_formed(what: object) -> Generator[None]:
    """Close with 4002 where a message lacks a key or holds something of another type."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CloseError(4002, f"{error!r} in {what}", mistake=True) from None


class NotAnsweredError(AssertionError):
    """The bot did not answer a person in time."""


class NotPossibleError(AssertionError):
    """What a person tried cannot be done in Discord's client (no such command, a disabled button)."""
