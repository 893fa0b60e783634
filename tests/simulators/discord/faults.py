"""Faults that a test switches on: each rule strikes a number of times, then is spent."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass
class RestFault:
    """What happens to a request instead of, or before, its answer."""

    method: str
    path: str
    status: int | None
    times: int
    retry_after: float
    everywhere: bool
    via: bool
    delay: float
    drop: bool
    after: bool
    struck: int = 0


@dataclass
class Faults:
    """The faults waiting to strike."""

    _rest: list[RestFault] = field(default_factory=list[RestFault])
    doubled_interactions: int = 0
    interaction_delay: float = 0.0
    voice_handshake_delay: float = 0.0
    voice_close_codes: list[int] = field(default_factory=list[int])
    voice_mute: bool = False
    gateway_refuses: int = 0
    gateway_close_codes: list[int] = field(default_factory=list[int])

    def rest(
        self,
        method: str,
        path: str,
        *,
        status: int | None = None,
        times: int = 1,
        retry_after: float = 0.1,
        everywhere: bool = False,
        via: bool = True,
        delay: float = 0.0,
        drop: bool = False,
        after: bool = False,
    ) -> RestFault:
        """The next `times` requests to `path` (a glob, below /api/v10) meet the fault.

        status: answered so (429 with retry_after, `everywhere` = global, `via=False` = banned by the proxy);
        delay: answered so much later; drop: the connection is cut; after: the request takes effect first.
        """
        fault = RestFault(method, path, status, times, retry_after, everywhere, via, delay, drop, after)
        self._rest.append(fault)
        return fault

    def strike(self, method: str, path: str) -> RestFault | None:
        """The fault that meets this request, one time less from now on."""
        for fault in self._rest:
            if fault.struck < fault.times and fault.method in (method, "*") and fnmatchcase(path, fault.path):
                fault.struck += 1
                return fault
        return None

    def duplicate_interactions(self, times: int = 1) -> None:
        """The next interactions are delivered twice."""
        self.doubled_interactions += times

    def clear(self) -> None:
        """No more faults."""
        self.__init__()
