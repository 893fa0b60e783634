"""Faults that a test switches on: each strikes a number of times, then is spent."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any


@dataclass
class Fault:
    """What a request meets instead of, or before, its answer."""

    endpoint: str
    status: int = 0
    times: int = 1
    delay: float = 0.0
    truncate: bool = False
    drop: bool = False
    after: bool = False
    should_retry: bool | None = None
    struck: int = 0


@dataclass
class Faults:
    """The faults waiting to strike."""

    waiting: list[Fault] = field(default_factory=list[Fault])

    def on(self, endpoint: str, status: int = 0, **more: Any) -> Fault:
        """The next `times` requests to `endpoint` (a glob over e.g. `GET /v1/subscriptions/*`) meet it.

        status: answered so (429, 500, 502 as a proxy's page); delay: seconds before the answer (a time-out, if it is
        longer than the client waits); truncate: the body ends in its middle; drop: the connection is cut;
        after: it takes effect first, and a 500 is kept for the idempotency key; should_retry: `Stripe-Should-Retry`.
        """
        fault = Fault(endpoint, status, **more)
        self.waiting.append(fault)
        return fault

    def strike(self, endpoint: str) -> Fault | None:
        """The fault that meets this request, one time less from now on."""
        for fault in self.waiting:
            if fnmatchcase(endpoint, fault.endpoint) and fault.struck < fault.times:
                fault.struck += 1
                return fault
        return None

    def clear(self) -> None:
        """No more faults."""
        self.waiting.clear()
