"""Per-route rate limits: the buckets that a bot meets, with their headers."""

import re
import time

from tests.simulators.discord.errors import ApiError

# (method, path, how many, in how many seconds); the bucket is per first id of the path
BUCKETS = (
    ("POST", re.compile(r"/channels/(\d+)/messages"), 5, 5.0),
    ("PATCH", re.compile(r"/channels/(\d+)/messages/\d+"), 5, 5.0),
    ("DELETE", re.compile(r"/channels/(\d+)/messages/\d+"), 5, 1.0),
    ("PUT", re.compile(r"/channels/(\d+)/voice-status"), 5, 20.0),
    ("POST", re.compile(r"/webhooks/\d+/(\w+)"), 5, 2.0),
    ("PATCH", re.compile(r"/webhooks/\d+/(\w+)/messages/.+"), 5, 2.0),
)


class RateLimits:
    """Fixed windows that start with their first request."""

    def __init__(self) -> None:
        self._windows: dict[tuple[int, str], tuple[float, int]] = {}

    def take(self, method: str, path: str) -> dict[str, str]:
        """Count a request; the headers of its answer. Raises ApiError 429 when there were too many."""
        for number, (of, pattern, limit, seconds) in enumerate(BUCKETS):
            match = pattern.fullmatch(path)
            if of == method and match:
                return self._count((number, match[1]), limit, seconds)
        return {}

    def _count(self, bucket: tuple[int, str], limit: int, seconds: float) -> dict[str, str]:
        now = time.monotonic()
        start, used = self._windows.get(bucket, (now, 0))
        if now >= start + seconds:
            start, used = now, 0
        left = max(start + seconds - now, 0.0)
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(limit - used - 1, 0)),
            "X-RateLimit-Reset": f"{time.time() + left:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            "X-RateLimit-Bucket": f"{bucket[0]:032x}",
        }
        if used >= limit:
            raise _too_many(left, headers)
        self._windows[bucket] = (start, used + 1)
        return headers


def _too_many(left: float, headers: dict[str, str]) -> ApiError:
    error = ApiError(429, 0, "You are being rate limited.")
    error.body = {"message": "You are being rate limited.", "retry_after": left, "global": False}
    error.headers = headers | {"Via": "1.1 google", "Retry-After": f"{left:.3f}", "X-RateLimit-Scope": "user"}
    return error
