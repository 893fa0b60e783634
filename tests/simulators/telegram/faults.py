"""Faults that a test switches on: each strikes a number of times, then is spent."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any


@dataclass
class Fault:
    """What a call of a method meets instead of, or before, its answer."""

    method: str
    code: int
    description: str = ""
    times: int = 1
    retry_after: int | None = None
    chat: int | None = None
    delay: float = 0.0
    drop: bool = False
    after: bool = False
    struck: int = 0


@dataclass
class Faults:
    """The faults waiting to strike."""

    waiting: list[Fault] = field(default_factory=list[Fault])
    doubled_updates: int = 0

    def on(self, method: str, code: int = 0, description: str = "", **more: Any) -> Fault:
        """The next `times` calls of `method` (a glob), in `chat` if named, meet it.

        code: answered so (429 with `retry_after`, 502 as the proxy's page); delay: answered so much later;
        drop: the connection is cut; after: the call takes effect first.
        """
        fault = Fault(method, code, description, **more)
        self.waiting.append(fault)
        return fault

    def strike(self, method: str, chat: Any) -> Fault | None:
        """The fault that meets this call, one time less from now on."""
        for fault in self.waiting:
            fits = fnmatchcase(method, fault.method) and fault.chat in {None, chat}
            if fits and fault.struck < fault.times:
                fault.struck += 1
                return fault
        return None

    def double_updates(self, times: int = 1) -> None:
        """The next updates are delivered twice, as when a confirmation got lost."""
        self.doubled_updates += times
