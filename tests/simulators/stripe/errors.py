"""Answers that are not 2xx, in Stripe's shape."""

from typing import Any


class ApiError(Exception):
    """An error as the API states it. `stored`: kept for the idempotency key, as whatever happens in an endpoint is."""

    def __init__(self, status: int, kind: str, message: str, *, stored: bool = True, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.stored = stored
        self.body = {"error": {"message": message, "type": kind} | {k: v for k, v in more.items() if v is not None}}


def invalid(message: str, param: str | None = None, code: str | None = None, *, stored: bool = True) -> ApiError:
    """400: the request is wrong."""
    return ApiError(400, "invalid_request_error", message, param=param, code=code, stored=stored)


def missing(what: str, id_: str, param: str = "id", *, status: int = 404) -> ApiError:
    """404 (400 where it is a parameter): there is no such object."""
    message = f"No such {what}: '{id_}'"
    return ApiError(status, "invalid_request_error", message, param=param, code="resource_missing")


def declined(intent: dict[str, Any] | None = None, *, code: str = "card_declined") -> ApiError:
    """402: the bank says no."""
    decline = "generic_decline" if code == "card_declined" else None
    message = "Your card was declined."
    if code == "subscription_payment_intent_requires_action":
        message = (
            "Payment for this subscription requires additional user action before it can be completed successfully."
        )
    return ApiError(402, "card_error", message, code=code, decline_code=decline, payment_intent=intent)
