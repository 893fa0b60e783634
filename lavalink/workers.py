"""Threads for decoding: short jobs, never stuck behind one that waits."""

import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from queue import SimpleQueue

import structlog

NICENESS = 5
"""Above the process's own: decoding yields to the loop that sends, but not to everything else on a busy machine."""

log = structlog.get_logger()
_here = threading.local()


class Workers:
    """A fixed number of busy threads; a job that is `waiting` is replaced by another thread meanwhile."""

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._active = 0
        self._threads: set[threading.Thread] = set()
        self._stopping = False

    @property
    def threads(self) -> int:
        """How many there are, waiting ones included."""
        return len(self._threads)

    def submit(self, job: Callable[[], None]) -> None:
        """Run a job soon on one of the threads; what it raises is logged."""
        self._jobs.put(job)
        if self._active < self._count:
            self._grow()

    def stop(self, within: float = 1.0) -> None:
        """Let the threads end; jobs that wait for a source must have been cancelled before."""
        with self._lock:  # a thread that is known has been started
            self._stopping = True
            threads = list(self._threads)
        for _ in threads:
            self._jobs.put(None)
        for thread in threads:
            thread.join(within)

    def _grow(self) -> None:
        with self._lock:
            if self._active >= self._count or self._stopping:
                return
            self._active += 1
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._threads.add(thread)
            thread.start()

    def _run(self) -> None:
        _here.workers = self
        _yield_to_the_loop()
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                log.exception("job_failed", pool=self._name)
            if self._surplus():
                break
        self._threads.discard(threading.current_thread())

    def _surplus(self) -> bool:
        """Whether others took this thread's place while its job waited."""
        with self._lock:
            if self._active <= self._count:
                return False
            self._active -= 1
            return True

    @contextmanager
    def lend(self) -> Generator[None]:
        """Around a wait of a job: another thread runs the others' jobs."""
        with self._lock:
            self._active -= 1
        self._grow()
        try:
            yield
        finally:
            with self._lock:
                self._active += 1


def _yield_to_the_loop() -> None:
    """Make this thread nicer than its process, which may have been given another niceness than 0.

    Not by more: who waits for a core while it holds the interpreter's lock makes the loop wait, too.
    """
    with suppress(OSError, AttributeError):
        own = os.getpriority(os.PRIO_PROCESS, os.getpid())
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), own + NICENESS)


@contextmanager
def waiting() -> Generator[None]:
    """Mark a wait, in whatever thread: a worker gives its place to the others' jobs meanwhile."""
    workers: Workers | None = getattr(_here, "workers", None)
    if workers is None:
        yield
        return
    with workers.lend():
        yield
