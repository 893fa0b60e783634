"""Requests as handlers see them, and as tests find them afterwards."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.simulators.stripe.shapes import Json


@dataclass
class Call:
    """A request whose parameters have been checked; `account`: the connected account that it acts for."""

    params: Json
    ids: dict[str, str] = field(default_factory=dict[str, str])
    account: str | None = None


class Route(NamedTuple):
    """The class in `stripe.params` that specifies the parameters, and what answers."""

    params: str
    handler: Callable[[Call], Json]


Routes = dict[str, Route]


@dataclass(frozen=True)
class Recorded:
    """A request as it came and how it was answered.

    `at` is monotonic; `endpoint` is, for instance, `GET /v1/customers/{id}`; `status` is 0 if the connection was cut.
    """

    at: float
    endpoint: str
    method: str
    path: str
    query: str
    body: str
    params: dict[str, Any]
    headers: dict[str, str]
    status: int
    replayed: bool = False

    @property
    def key(self) -> str | None:
        """Its idempotency key."""
        return self.headers.get("idempotency-key")
