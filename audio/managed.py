"""The built-in node as a child process: started, watched, restarted, and found again after a crash of the bot."""

import asyncio
import contextlib
import itertools
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import aiohttp
import structlog

ROOT = Path(__file__).resolve().parents[1]
PASSWORD_VARIABLE = "NODE_PASSWORD"  # noqa: S105 - the name of a variable
PASSED_ON = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"),
)
"""Of our environment: none of the bot's secrets."""
START_TIMEOUT = 10.0
STOP_TIMEOUT = 3.0
POLL = 0.02
WATCH = 0.25
BACK_OFF = (0.0, 0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
HEALTHY = 30.0
"""Seconds after which an end counts as the first one again."""
LOG_LIMIT = 5_000_000

log = structlog.get_logger()


class ManagedNodeError(Exception):
    """The node did not come up."""


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What the node leaves in its file once it listens. `started` in seconds since the epoch."""

    pid: int
    started: float
    port: int
    password: str
    version: str

    @property
    def uri(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


class ManagedNode:
    """Keeps one node running. `moved` is called whenever another one listens (also by `start`, before it returns)."""

    def __init__(
        self, folder: Path, *, media_origins: Sequence[str], orphan_timeout: float = 120.0, leave: bool = False
    ) -> None:
        self.moved: Callable[[NodeInfo], None] = lambda _: None
        self.leave = leave
        """Whether `stop` leaves it running for the next start."""
        self.info: NodeInfo | None = None
        self._folder = folder
        self._file = folder / "node.json"
        self._origins = media_origins
        self._orphan_timeout = orphan_timeout
        self._child: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._retired: NodeInfo | None = None

    async def start(self) -> None:
        """Adopt a node that outlived us, or start one; then watch it. Raises ManagedNodeError."""
        info = await self._living()
        if info is None:
            await self._spawn()
        else:
            log.info("node adopted", pid=info.pid, version=info.version)
            self._use(info)
            if not await self._current(info):
                self._retired = info
                await self._spawn()
        self._watcher = asyncio.create_task(self._watch(), name="managed-node")

    async def stop(self) -> None:
        """End the node, unless it is to be left; it gets three seconds before it is killed."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        await self.retire()
        if self.info is not None and not self.leave:
            await self._end(self.info)
            await self._end_child()

    async def retire(self) -> None:
        """End the node of another version, once its players have moved."""
        if self._retired is not None:
            retired, self._retired = self._retired, None
            await self._end(retired)

    @property
    def retiring(self) -> bool:
        """Whether an older node still plays beside the current one."""
        return self._retired is not None

    def kill(self) -> None:
        """End a node that does not answer, at once; the watcher starts another."""
        if self.info is not None and _runs(self.info):
            log.warning("node killed: it does not answer", pid=self.info.pid)
            os.kill(self.info.pid, signal.SIGKILL)

    async def _living(self) -> NodeInfo | None:
        info = await asyncio.to_thread(_read, self._file)
        if info is None or not _runs(info):
            return None
        if await _answers(info):
            return info
        _signal(info, signal.SIGKILL)
        return None

    async def _current(self, info: NodeInfo) -> bool:
        """Whether it is what we would start: our version, for our media."""
        return info.version == await _own_version() and _fetches_from(info.pid, self._origins)

    def _use(self, info: NodeInfo) -> None:
        self.info = info
        self.moved(info)

    async def _spawn(self) -> None:
        try:
            self._child = await self._process()
        except OSError as error:  # out of memory or of processes, which may pass
            raise ManagedNodeError(f"the node cannot be started: {error.strerror}") from None
        self._use(await self._listening(self._child))
        log.info("node started", pid=self._child.pid)

    async def _process(self) -> asyncio.subprocess.Process:
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        with _opened_log(self._folder / "node.log") as output:
            return await asyncio.create_subprocess_exec(
                *self._command(),
                cwd=ROOT,
                env=_environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
                start_new_session=True,
            )

    def _command(self) -> list[str]:
        origins = [option for origin in self._origins for option in ("--media-origin", origin)]
        return [
            *(sys.executable, "-m", "lavalink", "--host", "127.0.0.1", "--port", "0"),
            *("--password-env", PASSWORD_VARIABLE, "--info-file", str(self._file.resolve()), "--announce"),
            *("--orphan-timeout", str(self._orphan_timeout), *origins),
        ]

    async def _listening(self, child: asyncio.subprocess.Process) -> NodeInfo:
        """What it says once it listens: its file comes later when the disk is full."""
        assert child.stdout is not None
        try:
            async with asyncio.timeout(START_TIMEOUT):
                line = await child.stdout.readline()
            return NodeInfo(**json.loads(line))
        except (TimeoutError, ValueError, TypeError):
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            raise ManagedNodeError(f"the node did not start: see {self._folder / 'node.log'}") from None

    async def _watch(self) -> None:
        ends = 0
        while True:
            since = time.monotonic()
            await self._ended()
            ends = 0 if time.monotonic() - since > HEALTHY else ends
            delay = BACK_OFF[min(ends, len(BACK_OFF) - 1)]
            log.warning("node ended", restart_in=delay)
            await asyncio.sleep(delay)
            ends += 1
            try:
                await self._spawn()
            except ManagedNodeError as error:
                log.error("node not started", error=str(error))  # noqa: TRY400 - the message says it all

    async def _ended(self) -> None:
        if self._child is not None:
            await self._child.wait()
        while self._child is None and self.info is not None and _runs(self.info):  # noqa: ASYNC110 - not our child
            await asyncio.sleep(WATCH)

    async def _end(self, info: NodeInfo) -> None:
        deadline = time.monotonic() + STOP_TIMEOUT
        _signal(info, signal.SIGTERM)
        while _runs(info):
            if time.monotonic() > deadline:
                _signal(info, signal.SIGKILL)
            await asyncio.sleep(POLL)
        if self._child is not None and self._child.pid == info.pid:
            await self._child.communicate()

    async def _end_child(self) -> None:
        """One that was just being started is not known by its file yet."""
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
            await self._child.communicate()


def _opened_log(path: Path) -> BinaryIO:
    """The node's log, begun anew when it is long; nowhere when the disk is full."""
    try:
        output = path.open("ab")
    except OSError as error:
        log.warning("no log of the node", error=error.strerror)
        return Path(os.devnull).open("ab")
    if output.tell() > LOG_LIMIT:
        output.truncate(0)
    return output


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**kept, PASSWORD_VARIABLE: secrets.token_urlsafe(24)}


def _read(path: Path) -> NodeInfo | None:
    try:
        return NodeInfo(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _signal(info: NodeInfo, number: signal.Signals) -> None:
    if _runs(info):
        with contextlib.suppress(ProcessLookupError):
            os.kill(info.pid, number)


def _runs(info: NodeInfo) -> bool:
    """Whether the process is alive and the one that wrote the file, not a later one with its id."""
    started = _started(info.pid)
    if started is not None:
        return started <= info.started + 2
    if Path("/proc/self/stat").exists():
        return False
    try:
        os.kill(info.pid, 0)
    except OSError:
        return False
    return True


def _started(pid: int) -> float | None:
    """When a process started, in seconds since the epoch. None: not running, or a system without /proc."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text("utf-8").split()[0])
    except (OSError, ValueError):
        return None
    if state == "Z":
        return None
    return time.time() - uptime + int(fields[18]) / os.sysconf("SC_CLK_TCK")


def _fetches_from(pid: int, origins: Sequence[str]) -> bool:
    """Whether a node was started for these media origins; believed where the command line cannot be read."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text("utf-8").split("\0")
    except OSError:
        return True
    return {after for word, after in itertools.pairwise(words) if word == "--media-origin"} == set(origins)


async def _answers(info: NodeInfo) -> bool:
    """Whether it accepts its password: nothing else on that port would."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=1)) as session,
            session.get(f"{info.uri}/version", headers={"Authorization": info.password}) as answer,
        ):
            return answer.status == 200  # noqa: PLR2004
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False


async def _own_version() -> str:
    """The version that we would start, asked of the package itself: it may not be imported here."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "import lavalink; print(lavalink.__version__)"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await child.communicate()
    return output.decode().strip()
