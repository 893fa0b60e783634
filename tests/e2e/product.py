"""The product as an operator starts it: a child process, its address, its logs."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp

from tests.waiting import free_port, until

ROOT = Path(__file__).parents[2]


class Product:
    """One `python -m bot run` with a data folder of its own; may be started again after its end."""

    def __init__(self, data: Path, env: dict[str, str] | None = None) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = env or {}
        self.lines: list[str] = []
        self.screen: list[str] = []
        self.process: asyncio.subprocess.Process | None = None
        self.node_outlived_it = False
        self.node_passwords: set[str] = set()
        self._readers: list[asyncio.Task[None]] = []

    async def start(self, *arguments: str, ready: bool = True) -> "Product":
        """Start it; with `ready` wait for /readyz."""
        clean = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV"}}
        env = {**clean, "PORT": str(self.port), "DATA_DIR": str(self.data), "PYTHONUNBUFFERED": "1", **self.env}
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", *arguments,
            cwd=ROOT, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            asyncio.create_task(self._read(self.process.stdout, self.screen)),
            asyncio.create_task(self._read(self.process.stderr, self.lines)),
        ]
        if ready:
            await until(self.is_ready, within=30, every=0.05, what="/readyz")
            self._note_password()
        return self

    async def _read(self, stream: asyncio.StreamReader, into: list[str]) -> None:
        while line := await stream.readline():
            into.append(line.decode(errors="replace").rstrip())

    async def is_ready(self) -> bool:
        """Whether /readyz says yes; fails at once when the process has ended."""
        assert self.process is not None
        assert self.process.returncode is None, "\n".join(self.lines[-30:])
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            timeout = aiohttp.ClientTimeout(total=2)
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{self.url}/readyz") as answer:
                return answer.status == 200
        return False

    def _note_password(self) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError):
            self.node_passwords.add(json.loads((self.data / "node.json").read_text())["password"])

    @property
    def node_pid(self) -> int:
        """The pid of the managed node."""
        return int(json.loads((self.data / "node.json").read_text())["pid"])

    def logs(self, **wanted: str) -> list[dict[str, Any]]:
        """Log lines (JSON) whose keys have these values."""
        rows: list[dict[str, Any]] = []
        for line in self.lines:
            with contextlib.suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict) and all(str(row.get(key)) == value for key, value in wanted.items()):
                    rows.append(row)
        return rows

    async def kill(self) -> None:
        """kill -9 of the bot alone; the node lives on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()
        await self.drained()

    async def drained(self) -> None:
        """All that the ended process said has been read."""
        await asyncio.gather(*self._readers)

    async def stop(self) -> int:
        """Ctrl-C; the exit code. Ends the node too, whatever happened."""
        assert self.process is not None
        pid = None
        with contextlib.suppress(OSError, ValueError, KeyError):
            pid = self.node_pid
        try:
            if self.process.returncode is None:
                self.process.send_signal(signal.SIGINT)
                await asyncio.wait_for(self.process.wait(), 15)
        finally:
            if self.process.returncode is None:
                await self.kill()
            self.node_outlived_it = pid is not None and _end(pid)
        await self.drained()
        return self.process.returncode or 0


def _end(pid: int) -> bool:
    """Kill a process that ought to be gone; whether it was there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
