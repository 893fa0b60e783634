"""One trace id runs through a command: spans that cost nothing until somebody asks for them.

A command opens a trace; what it causes later (an effect, a request to a node) joins it by the `traceparent` that its
events carry (W3C Trace Context). `install` is called once, by the process that exports spans.
"""

import secrets
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

Recorder = Callable[[str, str, dict[str, str]], AbstractContextManager[str]]
"""(span name, traceparent of the parent, attributes) → a context that yields the span's own traceparent."""

_parent: ContextVar[str] = ContextVar("traceparent", default="")
_recorder: list[Recorder] = []


def install(recorder: Recorder | None) -> None:
    """Record spans by `recorder` from now on (None: by nobody)."""
    _recorder[:] = [recorder] if recorder else []


def traceparent() -> str:
    """The current span as a W3C `traceparent`, or an empty string outside any trace."""
    return _parent.get()


def trace_id() -> str:
    """The current trace's id (32 hex digits), or an empty string."""
    return _parent.get()[3:35]


@contextmanager
def span(name: str, *, parent: str = "", **attributes: str) -> Generator[str]:
    """A span named `name` under `parent` (default: the current one; none: a new trace)."""
    above = parent or _parent.get()
    with _recorded(name, above, attributes) as own:
        token = _parent.set(own)
        try:
            yield own
        finally:
            _parent.reset(token)


@contextmanager
def _recorded(name: str, above: str, attributes: dict[str, str]) -> Generator[str]:
    if _recorder:
        with _recorder[0](name, above, attributes) as own:
            yield own
    else:
        yield f"00-{above[3:35] or secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
