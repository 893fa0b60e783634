"""The way to Stripe."""

import stripe

TIMEOUT = 10
"""Seconds for one request; with two retries a look stays far below the lease."""
RETRIES = 2


def open_client(key: str, url: str, http: stripe.HTTPXClient | None = None) -> stripe.StripeClient:
    """A client of the pinned API version. `url` is the API's origin; `http` is closed by whoever brings it.

    httpx, because with aiohttp a body that breaks off is no StripeError.
    """
    return stripe.StripeClient(
        key,
        http_client=http or stripe.HTTPXClient(timeout=TIMEOUT),
        max_network_retries=RETRIES,
        base_addresses={"api": url},
    )
