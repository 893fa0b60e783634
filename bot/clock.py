"""The time of day."""

import time


class SystemClock:
    """The port `Clock` on the system's clock."""

    def now(self) -> int:
        """UTC in ms since the epoch."""
        return time.time_ns() // 1_000_000
