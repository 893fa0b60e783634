"""Stripe's own mock, which knows the published specification: requests are asked of it again.

It is found on the PATH, or built with Go from its module; where neither is at hand, the tests that need it are skipped.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.simulators.stripe.calls import Recorded
from tests.waiting import free_port

MODULE = "github.com/stripe/stripe-mock@v0.203.0"
"""Of API 2026-08-26, the last version before the pinned one that it has."""
BUILDING = 150
"""Seconds."""


def find_mock() -> str:
    """The program. Skips the test where it cannot be had."""
    found = shutil.which("stripe-mock")
    if found is not None:
        return found
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        pytest.skip("neither stripe-mock nor go is at hand: requests are not held against Stripe's specification")
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "chorus-tests"
    program = folder / MODULE.rpartition("@")[2] / "stripe-mock"
    if not program.exists():
        try:
            built = subprocess.run(
                [go, "install", MODULE],
                env={**os.environ, "GOBIN": str(program.parent)},
                capture_output=True,
                text=True,
                timeout=BUILDING,
                check=False,
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"stripe-mock cannot be built within {BUILDING} s: is there a network?")
        if built.returncode:
            pytest.skip(f"stripe-mock cannot be built: {built.stderr[-300:]}")
    return str(program)


@contextmanager
def running_mock() -> Generator[str]:
    """Where stripe-mock answers, as long as the block lasts."""
    program = find_mock()
    port = free_port()
    command = [program, "-http-addr", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(process, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("stripe-mock does not listen")


async def refusals(url: str, requests: Iterable[Recorded]) -> list[str]:
    """What the mock says of those requests that it does not accept."""
    found: list[str] = []
    async with aiohttp.ClientSession() as session:
        for one in requests:
            target = f"{url}{one.path}" + (f"?{one.query}" if one.query else "")
            headers = {"Authorization": "Bearer sk_test_123", "Content-Type": "application/x-www-form-urlencoded"}
            async with session.request(one.method, target, data=one.body, headers=headers) as answer:
                if answer.status != 200:
                    found.append(f"{one.method} {one.path} {one.params}: {await answer.text()}")
    return found
