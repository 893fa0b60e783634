"""The child process that measures tracks, so that neither time nor memory of the bot is spent on it.

It says when it is ready. A request is a line of JSON on standard input, its answer one on standard output: see
`Request` and `audio.gauge_answer`. It ends with its parent, and gives way to everything else on the machine.
"""

import contextlib
import json
import os
import queue
import resource
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

MEMORY = 1 << 30
"""Bytes of address space: a file that wants more is not measured."""


@dataclass(frozen=True, slots=True)
class Request:
    """A file (`path`) or an address of ours (`url`); `quick`: its tags or a sample will do."""

    path: str = ""
    url: str = ""
    quick: bool = False

    @property
    def line(self) -> bytes:
        """As it is sent."""
        return json.dumps(asdict(self)).encode() + b"\n"


def main() -> None:
    """Answer one request after the other until the parent is gone."""
    _give_way()
    requests: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read, args=(requests.put,), daemon=True).start()
    from audio.gauge_answer import answer  # FFmpeg and all takes a while to load

    _say({"ready": True})
    while True:
        _say(answer(Request(**json.loads(requests.get()))))


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _read(put: Callable[[bytes], None]) -> None:
    for line in sys.stdin.buffer:
        put(line)
    os._exit(0)  # the parent is gone: whatever is being measured is nobody's business any more


def _give_way() -> None:
    """Run after everything else that wants to, in bounded memory."""
    os.setpriority(os.PRIO_PROCESS, 0, 19)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    main()
