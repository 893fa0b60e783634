"""Whether a body is Stripe's: signed over its raw bytes (`Stripe-Signature: t=…,v1=…`, docs.stripe.com/webhooks)."""

import hmac
import re
from collections.abc import Sequence
from hashlib import sha256

TOLERANCE = 300
"""Seconds that a signature may be old, or from the future."""
_TIME = re.compile(r"[0-9]{1,12}")


class BadSignatureError(Exception):
    """The body cannot be trusted; the message says why, without quoting it."""


def verify(body: bytes, header: str, secrets: Sequence[str], now: float) -> None:
    """One of the secrets (a rotation has two) signed these bytes about `now` (UTC s). Raises BadSignatureError."""
    at, signatures = _parsed(header)
    signed = b"%d." % at + body
    wanted = [hmac.new(secret.encode(), signed, sha256).hexdigest().encode() for secret in secrets]
    if not any([hmac.compare_digest(one, given) for one in wanted for given in signatures]):  # noqa: C419 - all, in the same time
        raise BadSignatureError("signature")
    if abs(now - at) > TOLERANCE:
        raise BadSignatureError("age")


def _parsed(header: str) -> tuple[int, Sequence[bytes]]:
    """The time and the signatures of scheme v1."""
    pairs = [part.strip().partition("=") for part in header[:4096].split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    signatures = [value.encode(errors="replace") for name, _, value in pairs if name == "v1"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]):
        raise BadSignatureError("header")
    if not signatures:
        raise BadSignatureError("scheme")
    return int(times[0]), signatures[:8]
